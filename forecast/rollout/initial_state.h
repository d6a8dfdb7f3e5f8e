// Initial states of a rollout: from the store by time, or from a field file.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "forecast/state/state.h"
#include "io/store.h"

namespace pear::forecast {

/// Where each variable and level of a model lies in a store.
class StoreStateReader {
 public:
  /// Errors: DataError `GridMismatch` naming both grids, `MissingVariable`, `MissingLevel`.
  StoreStateReader(const io::Store& store, const StateLayout& layout);

  /// State at one time. Shapes: batch of 1, float32 on the CPU. Errors: DataError `MissingTime` naming the neighbours.
  State read(Time t) const;
  /// Position of `t` in the store. Errors: as read.
  size_t require(Time t) const;

 private:
  struct Source {
    size_t variable;
    std::vector<size_t> levels;  ///< position of each level of the model
  };
  const io::Store& store_;
  StateLayout layout_;
  std::vector<Source> surface_, upper_;
};

struct FileState {
  State state;
  Time valid;
  std::map<std::string, std::string> units;  ///< by variable
};
/// State from a GRIB or NetCDF file that holds every variable and level at one time on the model's grid.
/// Errors: DataError `GridMismatch` (hint to regrid), `MissingVariable`, `MissingLevel`, `MissingTime` (several times
/// in
///         the file and `wanted` is not among them).
FileState read_state_file(const std::filesystem::path& path, const StateLayout& layout,
                          const std::vector<Time>& wanted);

/// The time that read_state_file would start from. Errors: as there.
Time state_file_time(const std::filesystem::path& path, const std::vector<Time>& wanted);

/// Units of the layout's variables, from the store.
std::map<std::string, std::string> units_of(const io::Store& store);

}  // namespace pear::forecast

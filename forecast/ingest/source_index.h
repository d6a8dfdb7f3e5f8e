// Which field of which file holds which (date, variable, level).
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/time.h"
#include "forecast/ingest/ingest.h"
#include "io/field.h"
#include "io/reader.h"
#include "io/store.h"

namespace pear::forecast {

/// Where a field lies.
struct FieldPlace {
  size_t file = 0, field = 0;
  std::shared_ptr<const sphere::Grid> grid;
  std::string source;
};

/// Reader options as the request states them.
io::ReadOptions read_options(const IngestRequest& request);

/// Variables of the store, surface first; units from the table of variables.
/// Errors: ConfigError `UnknownVariable`, `MissingKey` (no variables; upper-air variables without levels).
std::vector<io::StoreVariable> store_variables(const IngestRequest& request);

class SourceIndex {
 public:
  /// Opens every file once. Errors: DataError `DuplicateField`, `UnitsMismatch`, `MissingVariable`, `MissingLevel`, and
  /// those of the readers.
  SourceIndex(const IngestRequest& request, std::vector<io::StoreVariable> variables);

  const std::vector<std::filesystem::path>& files() const { return files_; }
  const std::vector<std::string>& problems() const { return problems_; }
  std::vector<std::string> grid_specs() const;
  /// Dates with at least one wanted field, ascending.
  std::vector<Time> times() const;
  /// nullptr if there is none. `level_hpa` is 0 for surface variables.
  const FieldPlace* find(Time t, const std::string& variable, double level_hpa) const;
  /// Why a date cannot be written; empty if it is complete.
  std::string missing_reason(Time t) const;

 private:
  using Key = std::tuple<std::string, double>;  ///< variable, level
  void add_file(size_t file, const IngestRequest& request);
  void add_field(const io::FieldInfo& info, const FieldPlace& place);
  void check_complete() const;

  std::vector<io::StoreVariable> variables_;
  std::vector<std::filesystem::path> files_;
  std::vector<std::string> problems_;
  std::map<Time, std::map<Key, FieldPlace>> dated_;
  std::map<Key, FieldPlace> static_;
  std::map<std::string, std::vector<double>> seen_;  ///< everything in the sources, for messages
  std::map<std::string, std::shared_ptr<const sphere::Grid>> grids_;
};

}  // namespace pear::forecast

// The parts of building that summaries share: what is there, and the merge at the end.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/store_format.h"

namespace pear::io {

/// Which requested times have a part, a note that they are missing, or neither.
struct StoreProgress {
  std::vector<Time> present, pending;                 ///< ascending
  std::vector<std::pair<Time, std::string>> missing;  ///< with the reason
};
StoreProgress store_progress(const std::filesystem::path& directory, const StoreIndex& index);

/// Fills parts, statistics and tendencies of `index` from the part files and marks it finalised.
///
/// Checks every chunk against its checksum. Errors: DataError `ChecksumMismatch`, `StoreMismatch`, `NetcdfError`.
void finalise_index(const std::filesystem::path& directory, StoreIndex& index, const StoreProgress& progress,
                    std::span<const double> weights);

/// Values of one variable of one part; raw parts by pread. Shapes: out [levels, cells]. Errors: DataError naming the
/// part.
void read_chunk(const std::filesystem::path& directory, const StoreIndex& index, const PartRecord& part,
                size_t variable, std::span<float> out);
/// Errors: DataError `ChecksumMismatch` naming part, date and variable.
void check_chunk(const std::filesystem::path& directory, const StoreIndex& index, const PartRecord& part,
                 size_t variable, std::span<const float> values);

}  // namespace pear::io

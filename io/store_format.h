// store.json: everything a reader needs to know before it opens a part.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "io/statistics.h"
#include "io/store.h"

namespace pear::io {

/// Where the values of one variable lie in a part, and their checksum (of the unfiltered floats).
struct ChunkPlace {
  uint64_t offset = 0, size = 0;
  uint32_t crc = 0;
};

/// One part file: one time, all variables.
struct PartRecord {
  Time time;
  std::string file;  ///< plain file name inside the store
  uint64_t size = 0;
  std::string sha256;
  std::vector<ChunkPlace> chunks;  ///< per variable
};

/// Moments per variable and level.
using VariableMoments = std::vector<std::vector<Moments>>;

struct TendencyRecord {
  Duration lag;
  int64_t pairs = 0, left_out = 0;  ///< left out: pairs that touch a missing date
  VariableMoments moments;
};

struct StoreIndex {
  bool finalised = false;
  StoreLayout layout;
  StoreBuildOptions options;
  std::vector<PartRecord> parts;                      ///< ascending in time
  std::vector<std::pair<Time, std::string>> missing;  ///< with the reason
  VariableMoments moments;
  std::vector<TendencyRecord> tendencies;

  /// SHA-256 over layout, part checksums and missing dates.
  std::string fingerprint() const;
};

inline constexpr const char* kStoreFile = "store.json";

/// `part_20181006T18.nc`, `missing_20181006T18.json`
std::string part_file_name(Time t);
std::string missing_file_name(Time t);

std::string to_text(const StoreIndex& index);

/// Trusts nothing: names, sizes and lists are checked against each other and a checksum of the whole text.
/// Errors: DataError `FileNotFound`, `StoreMismatch` (not a store, other version, contradictions), `ChecksumMismatch`.
StoreIndex read_store_index(const std::filesystem::path& directory);

/// Errors: DataError `StoreMismatch` naming the first difference.
void check_same_store(const StoreIndex& have, const StoreLayout& layout, const StoreBuildOptions& options,
                      const std::filesystem::path& directory);

/// Errors: ConfigError `UnsupportedGrid`, `BadStoreLayout`.
void check_layout(const StoreLayout& layout);

/// Cell weights of the statistics: empty (equal) on HEALPix, area over mean area elsewhere.
std::vector<double> statistics_weights(const sphere::Grid& grid);

}  // namespace pear::io

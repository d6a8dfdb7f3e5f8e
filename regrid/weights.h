// Regridding weights: one sparse matrix per pair of grids and method, built once and applied to any number of fields.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "regrid/buffer.h"
#include "sphere/grid/grid.h"

namespace pear::regrid {

/// Nearest: the cell that holds the point. Bilinear: linear in longitude and colatitude, on HEALPix the 4-point rule.
/// Conservative: exact overlap areas, first order.
enum class Method { Nearest, Bilinear, Conservative };

std::string_view to_string(Method method);
/// Errors:  ConfigError `UnknownMethod`.
Method method_from_string(std::string_view name);

/// What a matrix does to constants and to the global integral.
struct WeightCheck {
  int64_t num_links = 0;
  int64_t empty_rows = 0;  ///< targets outside the source: NaN after applying
  int64_t longest_row = 0;
  double min_weight = 0, max_weight = 0;
  double max_row_sum_error = 0;     ///< max |sum_s W[t,s] - 1| over rows that are not empty
  double max_column_sum_error = 0;  ///< conservative, both global: max |sum_t A_t W[t,s] / A_s - 1|, true areas
  double balance_error = 0;         ///< likewise: |sum over all links of A_t W / (4 pi) - 1|
  nlohmann::json json() const;
};

/// Rows of `value` belong to target cells, columns to source cells, both in the order of their grids.
///
/// Shapes:  row_start [T + 1]; column, value [links]; columns ascend within a row.
struct Weights {
  sphere::Grid source, target;
  Method method = Method::Conservative;
  std::vector<int64_t> row_start;
  Buffer<int32_t> column;
  Buffer<double> value;

  int64_t num_links() const { return static_cast<int64_t>(column.size()); }

  /// One file with a SHA-256 of its content; replaced in one step. Errors: DataError `WriteFailed`.
  void save(const std::filesystem::path& path) const;
  /// Errors:  DataError `FileNotFound`, `WeightsCorrupt`.
  static Weights load(const std::filesystem::path& path);

  WeightCheck check() const;
};

/// Shapes:  [num cells of target] x [num cells of source].
/// Errors:  DataError `NotGlobal` for a conservative matrix from a regional grid; ConfigError `UnknownGrid` when a grid
///          has more cells than 32-bit columns can name.
/// Threads: OpenMP; the result does not depend on their number.
Weights make_weights(const sphere::Grid& source, const sphere::Grid& target, Method method);

/// Matrices kept in memory and as files of one folder, named by a hash of method, grids and format version.
class WeightCache {
 public:
  /// An empty folder name keeps nothing on disk.
  explicit WeightCache(std::filesystem::path folder);

  /// From memory, else from the folder, else made and stored; a damaged file is replaced with a warning.
  /// Errors:  as make_weights; DataError `NotWritable`, `WriteFailed`.
  std::shared_ptr<const Weights> get(const sphere::Grid& source, const sphere::Grid& target, Method method);

  /// File that holds, or will hold, a matrix.
  std::filesystem::path file(const sphere::Grid& source, const sphere::Grid& target, Method method) const;

 private:
  std::filesystem::path folder_;
  std::mutex lock_;
  std::vector<std::shared_ptr<const Weights>> kept_;
};

/// ${XDG_CACHE_HOME:-~/.cache}/pear/weights; empty if neither variable is set.
std::filesystem::path default_weight_folder();

}  // namespace pear::regrid

// The NetCDF file of a climatology: dims hour, dayofyear | coefficient, [level], cell.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "forecast/verify/climatology_keys.h"
#include "io/store.h"

namespace pear::forecast {

/// Results that are weighted sums of the same fields, so that these are read once.
struct WeightedSums {
  size_t hour = 0, first = 0;                ///< place of the first result along (hour, dayofyear | coefficient)
  std::vector<size_t> sources;               ///< what `read` is asked for
  std::vector<std::vector<double>> weights;  ///< [results][sources]
  int64_t num_samples = 0;                   ///< times of the period behind them
  bool is_mean = true;                       ///< divided by the sum of the weights
};

struct ClimatologyContent {
  io::StoreLayout layout;
  ClimatologyKeys keys;
  nlohmann::json definition, provenance;
  std::vector<WeightedSums> sums;
  /// One variable of one source. Shapes: out [num_levels, cells].
  std::function<void(size_t variable, size_t source, std::span<float> out)> read;
};

/// Extent of the second dim: days, or coefficients of the harmonics.
size_t num_rows(const ClimatologyKeys& keys, const nlohmann::json& definition);

/// Streams the sums into `path` (atomic) under a progress line. Errors: DataError `WriteFailed`; StoppedBySignal.
void write_climatology(const std::filesystem::path& path, const ClimatologyContent& content, const std::string& title);

}  // namespace pear::forecast

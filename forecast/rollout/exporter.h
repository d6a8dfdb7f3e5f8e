// From the model's grid to the grid of the forecast files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "forecast/rollout/forecast_config.h"
#include "sphere/grid/grid.h"

namespace pear::forecast {

class Exporter {
 public:
  virtual ~Exporter() = default;
  virtual const sphere::Grid& target() const = 0;
  /// Shapes: in [F, source cells] -> out [F, target cells].
  virtual void apply(std::span<const float> in, std::span<float> out, int64_t num_fields) const = 0;
};

/// Null if the files keep the model's grid. Weights are kept in `cache`.
/// Errors:  ConfigError `UnknownGrid`, `UnknownMethod`; `UnsupportedBuild` without the regridding library.
std::unique_ptr<Exporter> make_exporter(const ForecastConfig& config, const sphere::Grid& source,
                                        const std::filesystem::path& cache);

}  // namespace pear::forecast

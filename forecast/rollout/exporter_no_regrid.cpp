#include "base/error.h"
#include "forecast/rollout/exporter.h"

namespace pear::forecast {

std::unique_ptr<Exporter> make_exporter(const ForecastConfig& config, const sphere::Grid&,
                                        const std::filesystem::path&) {
  if (config.export_grid.empty()) return nullptr;
  throw ConfigError("UnsupportedBuild", "forecast.export_grid",
                    {.what = "this build has no regridding library",
                     .hint = "leave forecast.export_grid empty: the files keep the model's grid"});
}

}  // namespace pear::forecast

#include "base/error.h"
#include "forecast/rollout/exporter.h"
#include "regrid/apply.h"
#include "regrid/weights.h"

namespace pear::forecast {
namespace {

regrid::Method method_from(const std::string& name) {
  if (name == "conservative") return regrid::Method::Conservative;
  if (name == "bilinear") return regrid::Method::Bilinear;
  if (name == "nearest") return regrid::Method::Nearest;
  throw ConfigError("UnknownMethod", "forecast.export_method",
                    {.what = "unknown method '" + name + "'", .expected = "conservative, bilinear or nearest"});
}

class RegridExporter : public Exporter {
 public:
  explicit RegridExporter(std::shared_ptr<const regrid::Weights> weights) : weights_(std::move(weights)) {}
  const sphere::Grid& target() const override { return weights_->target; }
  void apply(std::span<const float> in, std::span<float> out, int64_t num_fields) const override {
    regrid::apply_weights(*weights_, in, out, num_fields);
  }

 private:
  std::shared_ptr<const regrid::Weights> weights_;
};

}  // namespace

std::unique_ptr<Exporter> make_exporter(const ForecastConfig& config, const sphere::Grid& source,
                                        const std::filesystem::path& cache) {
  if (config.export_grid.empty()) return nullptr;
  return std::make_unique<RegridExporter>(regrid::WeightCache(cache).get(
      source, sphere::Grid::from_spec(config.export_grid), method_from(config.export_method)));
}

}  // namespace pear::forecast

// The one place that knows every network by name.
#include <fmt/format.h>

#include "base/error.h"
#include "forecast/model/network.h"
#include "forecast/model/pangu_twin.h"
#include "forecast/model/pear.h"

namespace pear::forecast {

int64_t Network::num_parameters() const {
  int64_t n = 0;
  for (const auto& p : parameters()) n += p.numel();
  return n;
}

std::shared_ptr<Network> make_network(const ModelConfig& config, const StateLayout& layout) {
  if (config.name == "pear") return std::make_shared<Pear>(config, layout);
  if (config.name == "pangu_twin") return std::make_shared<PanguTwin>(config, layout);
  throw ConfigError("UnknownModel", "forecast.model",
                    {.what = "model.name: " + config.name, .expected = "a trainable network: pear, pangu_twin"});
}

}  // namespace pear::forecast

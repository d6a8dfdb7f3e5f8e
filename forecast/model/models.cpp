// The one place that knows every network by name.
#include <fmt/format.h>
#include <fmt/ranges.h>

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

std::shared_ptr<Network> make_network(const ModelConfig& config, const StateLayout& layout, const DomainPart& part) {
  require_parts(config, layout, part.num_parts);
  if (config.name == "pear") return std::make_shared<Pear>(config, layout, part);
  if (config.name == "pangu_twin") return std::make_shared<PanguTwin>(config, layout);
  throw ConfigError("UnknownModel", "forecast.model",
                    {.what = "model.name: " + config.name, .expected = "a trainable network: pear, pangu_twin"});
}

void require_parts(const ModelConfig& config, const StateLayout& layout, int64_t num_parts) {
  if (num_parts == 1) return;
  const auto fail = [&](const std::string& expected, const std::string& found, const std::string& hint) {
    throw ConfigError("BadDomain", "parallel.mesh",
                      {.what = fmt::format("a sample cut into parallel.mesh.domain = {} parts", num_parts),
                       .expected = expected,
                       .found = found,
                       .hint = hint});
  };
  if (config.name != "pear")
    fail("a network on nested HEALPix: model.name: pear", "model.name: " + config.name,
         "leave parallel.mesh.domain at 1");
  if (config.dropout > 0 || config.attention_dropout > 0)
    fail("no dropout: parts would draw other numbers than the whole",
         fmt::format("model.dropout {}, model.attention_dropout {}", config.dropout, config.attention_dropout),
         "use model.drop_path, which drops whole samples");
  const int64_t coarse = pear_extents(config, layout).token_pixels / 4, windows = coarse / config.window[1];
  std::vector<int64_t> allowed;
  for (int64_t d = 1; d <= windows; ++d)
    if (windows % d == 0) allowed.push_back(d);
  if (num_parts < 1 || windows % num_parts != 0)
    fail(fmt::format("a divisor of the {} windows of the coarse stages: {}", windows, fmt::join(allowed, ", ")),
         std::to_string(num_parts), "choose one of these, a smaller model.patch or a larger nside");
}

}  // namespace pear::forecast

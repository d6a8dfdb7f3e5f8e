#include "forecast/config/config_layout.h"

#include <fmt/format.h>

#include "base/error.h"
#include "io/variables.h"

namespace pear::forecast {
namespace {

const io::VariableEntry& entry_of(const std::string& name, bool has_levels) {
  if (const auto* entry = io::find_variable(name)) return *entry;
  if (const auto* entry = io::find_spelling(name, has_levels)) return *entry;
  std::string known;
  for (const auto& row : io::variable_table()) known += (known.empty() ? "" : " ") + row.name;
  throw ConfigError("UnknownVariable", "config",
                    {.what = "data.variables names " + name,
                     .expected = "one of " + known,
                     .hint = "a new variable is one row in configs/data/variables.yaml"});
}

}  // namespace

std::optional<StateLayout> layout_from_config(const RunConfig& config) {
  if (config.data.variables.empty()) return std::nullopt;
  StateLayout layout;
  layout.grid = sphere::Grid::from_spec(config.grid);
  layout.levels_hpa = config.data.levels_hpa;
  for (const auto& name : config.data.variables) {
    const auto& entry = entry_of(name, !layout.levels_hpa.empty());
    (entry.is_upper() ? layout.upper : layout.surface).push_back(entry.name);
  }
  if (!layout.upper.empty() && layout.levels_hpa.empty())
    throw ConfigError("MissingKey", "config",
                      {.what = "data.variables names the upper-air variable " + layout.upper.front(),
                       .expected = "its levels in data.levels_hpa"});
  if (layout.upper.empty()) layout.levels_hpa.clear();
  return layout;
}

}  // namespace pear::forecast

#include "forecast/config/cross_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace pear::forecast {

void check_config_fits_store(const RunConfig& config, const io::Store& store) {
  const auto& layout = store.layout();
  const std::string name = config.data.store.str();
  if (const auto grid = sphere::Grid::from_spec(config.grid); !(grid == layout.grid))
    throw DataError("GridMismatch", "config",
                    {.what = "grid and data.store",
                     .expected = "grid: " + grid.spec(),
                     .found = fmt::format("{} in store {}", layout.grid.spec(), name),
                     .hint = fmt::format("set grid={} or ingest into another store", layout.grid.spec())});
  for (const std::string& variable : config.data.variables) {
    const auto& stored = layout.variables.at(store.variable_index(variable));
    if (stored.levels_hpa.empty()) continue;
    for (double level : config.data.levels_hpa)
      if (std::find(stored.levels_hpa.begin(), stored.levels_hpa.end(), level) == stored.levels_hpa.end())
        throw DataError("MissingLevel", "config",
                        {.what = "data.levels_hpa and data.store",
                         .expected = fmt::format("{} at {} hPa", variable, level),
                         .found = fmt::format("levels {} in store {}", fmt::join(stored.levels_hpa, ", "), name),
                         .hint = "leave the level out or ingest it"});
  }
}

std::vector<PeriodCover> cover_of_periods(const RunConfig& config, const io::Store& store) {
  std::vector<PeriodCover> covers;
  for (const auto& [key, selection] : {std::pair<const char*, const TimeSelection*>{"data.train", &config.data.train},
                                       {"data.select", &config.data.select},
                                       {"data.test", &config.data.test}}) {
    if (selection->empty()) continue;
    PeriodCover cover{.key = key};
    for (Time t : selection->times()) {
      ++cover.num_asked;
      if (store.index_of(t))
        ++cover.num_present;
      else
        cover.missing.push_back(t);
    }
    covers.push_back(std::move(cover));
  }
  return covers;
}

}  // namespace pear::forecast

#include "cli/ingest_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/provenance.h"

namespace pear::cli {
namespace {

std::vector<Time> requested_times(const forecast::DataConfig& data) {
  std::vector<Time> times;
  for (const TimeSelection* selection : {&data.train, &data.select, &data.test}) {
    const auto own = selection->times();
    times.insert(times.end(), own.begin(), own.end());
    if (!selection->period) continue;
    // A target may lie between two initial times of a coarser period.
    const auto spaced = Period{selection->period->start, selection->period->end, data.every}.times();
    times.insert(times.end(), spaced.begin(), spaced.end());
  }
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

}  // namespace

forecast::IngestRequest ingest_request(const forecast::RunConfig& config) {
  forecast::IngestRequest request;
  for (const Path& source : config.data.sources) request.sources.push_back(source.str());
  request.grid = sphere::Grid::from_spec(config.grid);
  request.variables = config.data.variables;
  request.levels_hpa = config.data.levels_hpa;
  request.times = requested_times(config.data);
  request.every = config.data.every;
  if (const auto train = config.data.train.times(); config.ingest.statistics == "train" && !train.empty())
    request.statistics_period = TimeRange{train.front(), train.back()};
  request.store = config.data.store.str();
  request.options = config.ingest;
  auto& lags = request.options.tendency_lags;
  const Duration lead = config.data.lead_or_every();
  if (config.model.output == "tendency" && std::find(lags.begin(), lags.end(), lead) == lags.end())
    lags.push_back(lead);
  request.provenance_json = provenance_base().dump();
  return request;
}

}  // namespace pear::cli

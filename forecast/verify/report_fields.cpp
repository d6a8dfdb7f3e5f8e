// Which channel, initial time and lead the maps show, and their fields.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "forecast/verify/forecast_set.h"
#include "forecast/verify/report_map.h"
#include "forecast/verify/report_scores.h"

namespace pear::forecast {
namespace {

/// Position of a channel in a list of variables of forecast files or of a store.
struct ChannelPlace {
  size_t variable = 0, level = 0, num_levels = 1;
  std::string units;
};

template <class Variables>
std::optional<ChannelPlace> find_place(const Variables& variables, const std::string& channel) {
  for (size_t v = 0; v < variables.size(); ++v) {
    const auto& levels = variables[v].levels_hpa;
    if (levels.empty() && variables[v].name == channel) return ChannelPlace{v, 0, 1, variables[v].units};
    for (size_t k = 0; k < levels.size(); ++k)
      if (fmt::format("{}{:g}", variables[v].name, levels[k]) == channel)
        return ChannelPlace{v, k, levels.size(), variables[v].units};
  }
  return std::nullopt;
}

std::string choose_channel(const ReportRequest& request, const ForecastSet& set,
                           const std::vector<std::string>& channels) {
  std::vector<std::string> candidates = channels;
  if (!request.config.channel.empty()) candidates = {canonical_channel(request.config.channel)};
  for (const std::string& channel : candidates)
    if (find_place(set.variables, channel) && find_place(request.truth->layout().variables, channel)) return channel;
  if (request.config.channel.empty()) return "";
  throw DataError(
      "MissingChannel", "report",
      {.what = "report.channel: " + request.config.channel + " is not both in the forecasts and in the truth"});
}

Duration choose_lead(const ReportRequest& request, const ForecastSet& set) {
  const Duration wanted = request.config.lead;
  if (wanted.seconds == 0) return *std::max_element(set.leads.begin(), set.leads.end());
  if (std::find(set.leads.begin(), set.leads.end(), wanted) != set.leads.end()) return wanted;
  std::vector<std::string> have;
  for (const Duration d : set.leads) have.push_back(format_duration(d));
  throw DataError("MissingLead", "report",
                  {.what = "report.lead: the forecasts have no lead " + format_duration(wanted),
                   .found = fmt::format("{}", fmt::join(have, ", "))});
}

std::optional<Time> choose_init(const ReportRequest& request, const ForecastSet& set, Duration lead) {
  const auto& wanted = request.config.init;
  if (!wanted) {
    for (const auto& [init, path] : set.files)
      if (request.truth->index_of(init + lead)) return init;
    return std::nullopt;
  }
  if (!set.files.contains(*wanted))
    throw DataError(
        "MissingTime", "report",
        {.what = "report.init: there is no forecast from " + format_time(*wanted),
         .found = fmt::format("{} forecasts, from {} to {}", set.files.size(), format_time(set.files.begin()->first),
                              format_time(set.files.rbegin()->first))});
  if (!request.truth->index_of(*wanted + lead))
    throw DataError("MissingTime", "report",
                    {.what = fmt::format("report.init: there is no truth at {}, {} after it",
                                         format_time(*wanted + lead), format_duration(lead)),
                     .hint = "choose another report.init or a shorter report.lead"});
  return wanted;
}

template <class Read>
std::vector<float> read_level(const ChannelPlace& place, int64_t cells, const Read& read) {
  const auto n = static_cast<size_t>(cells);
  std::vector<float> all(place.num_levels * n);
  read(all);
  const auto first = all.begin() + static_cast<ptrdiff_t>(place.level * n);
  return {first, first + cells};
}

bool has_forecast_files(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  return fs::is_directory(folder) && std::any_of(fs::directory_iterator(folder), fs::directory_iterator{},
                                                 [](const auto& entry) { return entry.path().extension() == ".nc"; });
}

}  // namespace

std::optional<MapFields> read_map_fields(const ReportRequest& request, const std::vector<std::string>& channels,
                                         std::string& note) {
  note.clear();
  if (!has_forecast_files(request.forecasts))
    note = "no maps: there are no forecast files in " + request.forecasts.string();
  else if (!request.truth)
    note = "no maps: " + request.truth_note;
  if (!note.empty()) return std::nullopt;
  const ForecastSet set = open_forecast_set({request.run_name, request.forecasts});
  const auto& layout = request.truth->layout();
  if (!(set.grid == layout.grid)) {
    note = fmt::format("no maps: the forecasts are on {}, the truth on {}", set.grid.spec(), layout.grid.spec());
    return std::nullopt;
  }
  MapFields out{.channel = choose_channel(request, set, channels), .grid = set.grid};
  out.lead = choose_lead(request, set);
  const std::optional<Time> init = choose_init(request, set, out.lead);
  if (out.channel.empty()) note = "no maps: none of the channels is both in the forecasts and in the truth";
  if (!init) note = "no maps: the truth has none of the times that are " + format_duration(out.lead) + " ahead";
  if (!note.empty()) return std::nullopt;
  out.init = *init;
  const ChannelPlace from = *find_place(set.variables, out.channel), at = *find_place(layout.variables, out.channel);
  out.units = from.units;
  const auto file = io::ForecastFile::open(set.files.at(out.init));
  out.forecast = read_level(from, set.grid.num_cells(),
                            [&](std::vector<float>& x) { file->read(set.lead_index(out.lead), from.variable, x); });
  const size_t time = *request.truth->index_of(out.init + out.lead);
  out.truth =
      read_level(at, set.grid.num_cells(), [&](std::vector<float>& x) { request.truth->read(at.variable, time, x); });
  return out;
}

}  // namespace pear::forecast

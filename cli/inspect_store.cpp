#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/inspect.h"
#include "cli/report.h"
#include "io/store.h"
#include "io/store_summary.h"

namespace pear::cli {
namespace {

nlohmann::json times_json(const std::vector<Time>& times) {
  nlohmann::json out = nlohmann::json::array();
  for (Time t : times) out.push_back(format_time(t));
  return out;
}

std::string range_text(const std::vector<Time>& times) {
  if (times.empty()) return "none";
  return fmt::format("{}: {} to {}", times.size(), format_time(times.front()), format_time(times.back()));
}

nlohmann::json summary_json(const io::StoreSummary& s) {
  nlohmann::json variables = nlohmann::json::array(), missing = nlohmann::json::array();
  for (const auto& v : s.variables)
    variables.push_back({{"name", v.name},
                         {"units", v.units},
                         {"levels", v.levels_hpa},
                         {"min", v.min},
                         {"mean", v.mean},
                         {"max", v.max}});
  if (s.variables.empty())
    for (const auto& v : s.layout.variables)
      variables.push_back({{"name", v.name}, {"units", v.units}, {"levels", v.levels_hpa}});
  for (const auto& [time, reason] : s.missing) missing.push_back({{"time", format_time(time)}, {"reason", reason}});
  return {{"kind", "store"},
          {"data_kind", s.layout.kind},
          {"source", s.layout.source},
          {"grid", s.layout.grid.spec()},
          {"variables", variables},
          {"finalised", s.finalised},
          {"statistics_period", s.statistics_period ? nlohmann::json{format_time(s.statistics_period->start),
                                                                     format_time(s.statistics_period->end)}
                                                    : nlohmann::json()},
          {"present", times_json(s.present)},
          {"pending", times_json(s.pending)},
          {"missing", missing},
          {"fingerprint", s.fingerprint},
          {"origin", parse_or_null(s.provenance_json)}};
}

}  // namespace

CommandResult inspect_store(const std::filesystem::path& folder, bool verify) {
  const io::StoreSummary s = io::summarise_store(folder);
  CommandResult out;
  out.result = summary_json(s);
  out.text = fmt::format("store {} ({})\ngrid            {}\nkind            {}{}\ntimes present   {}\n",
                         folder.string(), s.finalised ? "complete" : "not finalised yet", s.layout.grid.spec(),
                         s.layout.kind, s.layout.source.empty() ? "" : " of " + s.layout.source, range_text(s.present));
  if (!s.pending.empty()) out.text += fmt::format("times pending   {}\n", range_text(s.pending));
  for (const auto& [time, reason] : s.missing)
    out.text += fmt::format("missing         {} ({})\n", format_time(time), reason);
  for (const auto& v : s.variables)
    out.text += fmt::format("  {:<6} {:<10} {:<40} min {:.6g} mean {:.6g} max {:.6g}\n", v.name, v.units,
                            v.levels_hpa.empty() ? "surface" : fmt::format("{} hPa", fmt::join(v.levels_hpa, " ")),
                            v.min, v.mean, v.max);
  if (s.statistics_period)
    out.text += fmt::format("normalisation   from {} to {}\n", format_time(s.statistics_period->start),
                            format_time(s.statistics_period->end));
  if (s.finalised) out.text += fmt::format("fingerprint     {}\n", s.fingerprint);
  if (verify) {
    io::Store::open(folder)->verify();
    out.text += "checksums agree\n";
    out.result["verified"] = true;
  }
  return out;
}

}  // namespace pear::cli

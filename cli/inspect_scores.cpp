#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "cli/inspect.h"
#include "cli/report.h"
#include "forecast/verify/sums.h"

namespace pear::cli {
namespace {

CommandResult inspect_sums(const std::filesystem::path& path) {
  const forecast::SumsTable table = forecast::SumsTable::read(path);
  CommandResult out;
  std::vector<std::string> variables, leads;
  for (const auto& v : table.variables) variables.push_back(v.name);
  for (Duration lead : table.leads) leads.push_back(format_duration(lead));
  out.text = fmt::format(
      "sums of {} initial times\nmodels          {}\nleads           {}\nvariables       {}\nregions         {}\n",
      table.init.size(), fmt::join(table.models, ", "), fmt::join(leads, ", "), fmt::join(variables, ", "),
      fmt::join(table.regions, ", "));
  nlohmann::json init = nlohmann::json::array();
  for (Time t : table.init) init.push_back(format_time(t));
  out.result = {{"kind", "sums"},
                {"models", table.models},
                {"init_times", init},
                {"leads", leads},
                {"variables", variables},
                {"regions", table.regions},
                {"definition", table.definition}};
  return out;
}

CommandResult inspect_csv(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  const size_t num_lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  CommandResult out;
  out.text =
      fmt::format("scores in {} rows\n{}", num_lines > 0 ? num_lines - 1 : 0, text.substr(0, text.find('\n') + 1));
  out.result = {{"kind", "scores"}, {"rows", num_lines > 0 ? num_lines - 1 : 0}};
  return out;
}

size_t size_of(const nlohmann::json& json, const char* key) { return json.contains(key) ? json[key].size() : 0; }

std::string headline(const nlohmann::json& v) {
  const std::string level = v.value("level_hpa", "");
  return fmt::format("  {:<12} {:<6} {:>8} +{:<5} {:<10} {:<8} {:.6g} {}\n", v.value("model", ""),
                     v.value("variable", ""), level.empty() ? "surface" : level + " hPa",
                     format_duration({std::llround(3600 * v.value("lead_time_h", 0.0))}), v.value("region", ""),
                     v.value("metric", ""), v["value"].is_number() ? v["value"].get<double>() : std::nan(""),
                     v.value("unit", ""));
}

}  // namespace

CommandResult inspect_scores(const std::filesystem::path& path) {
  if (path.filename() == "sums.nc") return inspect_sums(path);
  if (path.extension() == ".csv") return inspect_csv(path);
  // scores.nc holds the same numbers; what they mean stands in the JSON file beside it.
  const nlohmann::json json = parse_or_null(read_text(path.parent_path() / "scores.json"));
  if (json.is_null()) throw DataError("BadScores", "cli", {.what = path.string() + " is not valid JSON"});
  CommandResult out;
  out.text = fmt::format("scores {}\n{} definitions, {} missing pairs\n", path.string(), size_of(json, "definitions"),
                         size_of(json, "missing"));
  for (const auto& v : json.value("headline", nlohmann::json::object()).value("values", nlohmann::json::array()))
    out.text += headline(v);
  for (const auto& warning : json.value("warnings", nlohmann::json::array()))
    out.text += fmt::format("warning: {}\n", warning.get<std::string>());
  out.result = json;
  out.result["kind"] = "scores";
  return out;
}

}  // namespace pear::cli

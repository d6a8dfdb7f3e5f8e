#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "cli/inspect.h"
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

}  // namespace

CommandResult inspect_scores(const std::filesystem::path& path) {
  if (path.extension() == ".nc") return inspect_sums(path);
  if (path.extension() == ".csv") return inspect_csv(path);
  const nlohmann::json json = nlohmann::json::parse(read_text(path), nullptr, false);
  if (json.is_discarded()) throw DataError("BadScores", "cli", {.what = path.string() + " is not valid JSON"});
  CommandResult out;
  out.text = json.dump(2) + "\n";
  out.result = json;
  out.result["kind"] = "scores";
  return out;
}

}  // namespace pear::cli

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "cli/inspect.h"
#include "forecast/verify/climatology.h"
#include "forecast/verify/definition.h"

namespace pear::cli {
namespace {

std::shared_ptr<const forecast::Climatology> open_or_null(const std::filesystem::path& path) {
  if (path.extension() != ".nc") return nullptr;
  try {
    return forecast::open_climatology(path);
  } catch (const DataError&) {
    return nullptr;  // other readers say what is wrong with it
  }
}

}  // namespace

std::optional<CommandResult> inspect_climatology(const std::filesystem::path& path) {
  const auto climatology = open_or_null(path);
  if (!climatology) return std::nullopt;
  const nlohmann::json& d = climatology->definition();
  std::vector<std::string> names;
  for (const auto& v : climatology->variables())
    names.push_back(v.levels_hpa.empty() ? v.name : fmt::format("{} ({} levels)", v.name, v.levels_hpa.size()));
  const std::string id = forecast::definition_id(d);
  CommandResult out;
  out.text = fmt::format(
      "climatology {}\nkind            {}\nperiod          {} to {}, {} times\nhours           {}\ngrid            {}\n"
      "variables       {}\nstore           {}\n",
      id, d.at("kind").get<std::string>(), d["period"]["first"].get<std::string>(),
      d["period"]["last"].get<std::string>(), d["period"]["count"].get<int64_t>(), d.at("hours").dump(),
      climatology->grid().spec(), fmt::join(names, ", "), d.at("sha256").get<std::string>());
  out.result = {{"kind", "climatology"}, {"definition_id", id}, {"variables", names}, {"definition", d}};
  return out;
}

}  // namespace pear::cli

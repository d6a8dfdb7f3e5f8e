#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "cli/inspect.h"
#include "cli/report.h"
#include "cli/spread.h"
#include "io/forecast_file.h"

namespace pear::cli {
namespace {

std::unique_ptr<io::ForecastFile> open_if_forecast(const std::filesystem::path& path) {
  if (path.extension() != ".nc") return nullptr;
  try {
    return io::ForecastFile::open(path);
  } catch (const DataError&) {  // field files say more about their own damage
    return nullptr;
  }
}

}  // namespace

std::optional<CommandResult> inspect_forecast(const std::filesystem::path& path) {
  const auto file = open_if_forecast(path);
  if (!file) return std::nullopt;
  CommandResult out;
  std::vector<std::string> leads;
  for (Duration lead : file->leads()) leads.push_back(format_duration(lead));
  out.text = fmt::format("forecast {}\ngrid            {}\ninitial time    {}\nleads           {}\n", path.string(),
                         file->grid().spec(), format_time(file->init()), fmt::join(leads, ", "));
  nlohmann::json variables = nlohmann::json::array();
  for (size_t v = 0; v < file->variables().size(); ++v) {
    const io::OutputVariable& variable = file->variables()[v];
    std::vector<float> values(std::max<size_t>(variable.levels_hpa.size(), 1) *
                              static_cast<size_t>(file->grid().num_cells()));
    Spread spread;
    for (size_t lead = 0; lead < leads.size(); ++lead) {
      file->read(lead, v, values);
      spread.add(values);
    }
    nlohmann::json entry = {{"name", variable.name}, {"units", variable.units}, {"levels", variable.levels_hpa}};
    spread.write(entry);
    variables.push_back(entry);
    out.text += fmt::format(
        "  {:<6} {:<10} {:<30} {}\n", variable.name, variable.units,
        variable.levels_hpa.empty() ? "surface" : fmt::format("{} hPa", fmt::join(variable.levels_hpa, " ")),
        spread.text());
  }
  nlohmann::json times = nlohmann::json::array();
  for (Duration lead : file->leads()) times.push_back(format_time(file->init() + lead));
  out.result = {{"kind", "forecast"},
                {"format", "netcdf4"},
                {"grid", file->grid().spec()},
                {"init", format_time(file->init())},
                {"leads", leads},
                {"times", times},
                {"variables", variables},
                {"origin", parse_or_null(file->provenance_json())}};
  return out;
}

}  // namespace pear::cli

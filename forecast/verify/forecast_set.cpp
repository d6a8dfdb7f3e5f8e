#include "forecast/verify/forecast_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::vector<fs::path> netcdf_files(const fs::path& folder) {
  std::vector<fs::path> files;
  if (fs::is_directory(folder))
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.is_regular_file() && entry.path().extension() == ".nc") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.empty())
    throw DataError("NoForecasts", "score",
                    {.what = folder.string() + " holds no forecast file (*.nc)", .hint = "run pear forecast first"});
  return files;
}

bool same_variables(const std::vector<io::OutputVariable>& a, const std::vector<io::OutputVariable>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.name == y.name && x.units == y.units && x.levels_hpa == y.levels_hpa;
  });
}

json parse_or_empty(const std::string& text) {
  const json parsed = json::parse(text, nullptr, false);
  return parsed.is_object() ? parsed : json::object();
}

}  // namespace

size_t ForecastSet::lead_index(Duration lead) const {
  const auto it = std::find(leads.begin(), leads.end(), lead);
  if (it == leads.end())
    throw DataError("MissingLead", "score",
                    {.what = "forecasts of " + model + " have no lead " + format_duration(lead),
                     .expected = "a lead time in the files",
                     .found = fmt::format("{} to {}", format_duration(leads.front()), format_duration(leads.back())),
                     .hint = "set score.leads, or forecast again with forecast.every"});
  return static_cast<size_t>(it - leads.begin());
}

ForecastSet open_forecast_set(const ScoredForecast& forecast) {
  ForecastSet set;
  set.model = forecast.model;
  set.identity = json::array();
  for (const fs::path& path : netcdf_files(forecast.folder)) {
    const auto file = io::ForecastFile::open(path);
    const json provenance = parse_or_empty(file->provenance_json());
    if (set.files.empty()) {
      set.grid = file->grid();
      set.variables = file->variables();
      set.leads = file->leads();
      set.provenance = provenance;
    } else if (!(set.grid == file->grid()) || !same_variables(set.variables, file->variables()) ||
               set.leads != file->leads()) {
      throw DataError(
          "ForecastsDiffer", "score",
          {.what = path.string() + " has another grid, other variables or other leads than the files before it",
           .expected =
               fmt::format("{}, {} variables, {} leads", set.grid.spec(), set.variables.size(), set.leads.size()),
           .found = fmt::format("{}, {} variables, {} leads", file->grid().spec(), file->variables().size(),
                                file->leads().size()),
           .hint = "keep one kind of forecast in a folder"});
    }
    if (!set.files.emplace(file->init(), path).second)
      throw DataError("DuplicateField", "score",
                      {.what = path.string() + ": initial time " + format_time(file->init()) + " is there twice"});
    set.identity.push_back({path.filename().string(), fs::file_size(path), provenance.value("definition_id", "")});
  }
  return set;
}

}  // namespace pear::forecast

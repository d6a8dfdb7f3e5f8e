#include "io/units_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/constants.h"
#include "base/error.h"

namespace pear::io {

namespace {

constexpr double kSuspectDeviations = 10.0;
constexpr double kSuspectShare = 0.2;          // of the mean: some levels hardly vary (q at 50 hPa: 4 % of its mean)
constexpr double kSuspectHumidity = 2e-3;      // kg kg-1; q in g/kg is further off on every level
constexpr double kLowestJudgingLevel = 700.0;  // hPa; below, metres and m2 s-2 differ by less than z itself varies

/// How far a global mean may lie from that of real analyses.
double tolerance(const VariableEntry& variable, const PlausibleValues& usual) {
  double t = std::max(kSuspectDeviations * usual.stddev, kSuspectShare * std::abs(usual.mean));
  if (variable.name == "q") t = std::max(t, kSuspectHumidity);
  return t;
}

/// Mean over the sphere, missing values left out; rows of a lat-lon grid weigh as the cosine of their latitude.
double global_mean(const sphere::Grid& grid, std::span<const float> values) {
  const size_t cols = grid.is_latlon() ? grid.latlon().lon_deg.size() : 0;
  double sum = 0, weights = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    const double w = cols == 0 ? 1.0 : std::cos(grid.latlon().lat_deg[i / cols] * kRadPerDeg);
    sum += w * values[i];
    weights += w;
  }
  return weights > 0 ? sum / weights : std::nan("");
}

}  // namespace

Conversion canonical_conversion(const VariableEntry& variable, const std::string& file_units, bool trust_blank,
                                const std::string& where) {
  const std::string units = normalise_units(file_units);
  const bool is_blank = file_units.find_first_not_of(" \t") == std::string::npos;
  if (is_blank && (trust_blank || variable.units == "1")) return {};
  if (!is_blank)
    if (const auto c = conversion(units, variable.units)) return *c;
  throw DataError(
      "UnitsMismatch", "io.units",
      {.what = fmt::format("{}: units of {}", where, variable.name),
       .expected = fmt::format("'{}' or units that convert to it", variable.units),
       .found = is_blank ? "no units" : fmt::format("'{}'", file_units),
       .hint = is_blank ? "add a units attribute, or allow suspect units if the values are in canonical units"
                        : "convert the file, or correct its units attribute"});
}

void check_plausible(const VariableEntry& variable, const FieldInfo& info, std::span<const float> values) {
  const auto it = variable.plausible.find(variable.is_upper() ? info.level.value : 0.0);
  if (it == variable.plausible.end() || !info.grid || !info.grid->is_global()) return;
  const double mean = global_mean(*info.grid, values);
  if (std::isnan(mean)) return;
  const double allowed = tolerance(variable, it->second);
  if (std::abs(mean - it->second.mean) <= allowed) return;
  throw DataError(
      "UnitsSuspect", "io.units",
      {.what = fmt::format("{}: {} at {}", info.source, variable.name, to_string(info.level)),
       .expected = fmt::format("a global mean within {:g} of {:g} {}", allowed, it->second.mean, variable.units),
       .found = fmt::format("{:g}, {:.0f} standard deviations off", mean,
                            std::abs(mean - it->second.mean) / it->second.stddev),
       .hint = "the units of the file are probably wrong; allow suspect units if they are right"});
}

std::optional<size_t> field_that_judges(const std::vector<FieldInfo>& fields, size_t index) {
  const FieldInfo& low = fields.at(index);
  if (low.name != "z" || low.level.type != LevelType::Pressure || low.level.value <= kLowestJudgingLevel) return {};
  for (size_t i = 0; i < fields.size(); ++i) {
    const FieldInfo& f = fields[i];
    if (f.name == low.name && f.level.type == LevelType::Pressure && f.level.value <= kLowestJudgingLevel &&
        f.valid_time == low.valid_time && f.init_time == low.init_time && f.member == low.member &&
        find_variable("z")->plausible.contains(f.level.value))
      return i;
  }
  return {};
}

}  // namespace pear::io

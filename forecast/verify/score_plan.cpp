#include "forecast/verify/score_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "forecast/verify/metrics.h"
#include "forecast/verify/weights.h"
#include "io/reader.h"

namespace pear::forecast {
namespace {

using nlohmann::json;
constexpr double kLevelToleranceHpa = 1e-3;

std::vector<size_t> find_levels(const std::vector<double>& have, const std::vector<double>& wanted,
                                const std::string& variable, const std::string& where) {
  if (wanted.empty() && have.empty()) return {0};
  if (wanted.empty())
    throw DataError("MissingLevel", "score",
                    {.what = fmt::format("{} in {}", variable, where),
                     .expected = "a surface field, as in the forecasts",
                     .found = fmt::format("levels {} hPa", fmt::join(have, ", "))});
  std::vector<size_t> positions;
  for (const double level : wanted) {
    const auto it =
        std::find_if(have.begin(), have.end(), [&](double x) { return std::abs(x - level) < kLevelToleranceHpa; });
    if (it == have.end())
      throw DataError("MissingLevel", "score",
                      {.what = fmt::format("{} has no {} at {:g} hPa", where, variable, level),
                       .hint = "limit score.levels_hpa to common levels"});
    positions.push_back(static_cast<size_t>(it - have.begin()));
  }
  return positions;
}

template <class Variables>
size_t find_variable(const Variables& variables, const std::string& name, const std::string& where) {
  std::string names;
  for (size_t v = 0; v < variables.size(); ++v) {
    if (variables[v].name == name) return v;
    names += (v ? ", " : "") + variables[v].name;
  }
  throw DataError("MissingVariable", "score",
                  {.what = where + " has no variable " + name,
                   .expected = name,
                   .found = names,
                   .hint = "limit score.variables to common ones"});
}

std::vector<double> scored_levels(const std::vector<double>& have, const std::vector<double>& wanted) {
  if (wanted.empty() || have.empty()) return have;
  return wanted;
}

std::vector<ScoredVariable> choose_variables(const ScorePlan& plan, const io::Store& truth) {
  std::vector<std::string> names = plan.config.variables;
  if (names.empty())
    for (const auto& v : plan.sets[0].variables) names.push_back(v.name);
  std::vector<ScoredVariable> out;
  for (const auto& name : names) {
    ScoredVariable v;
    v.truth_variable = find_variable(truth.layout().variables, name, "the truth");
    const auto& true_variable = truth.layout().variables[v.truth_variable];
    const auto& first = plan.sets[0].variables[find_variable(plan.sets[0].variables, name, plan.sets[0].model)];
    v.info = {name, true_variable.units, scored_levels(first.levels_hpa, plan.config.levels_hpa)};
    v.truth_levels = find_levels(true_variable.levels_hpa, v.info.levels_hpa, name, "the truth");
    for (const auto& set : plan.sets) {
      const size_t i = find_variable(set.variables, name, "forecasts of " + set.model);
      if (set.variables[i].units != true_variable.units)
        throw DataError("UnitsMismatch", "score",
                        {.what = "unit of " + name + " in forecasts of " + set.model,
                         .expected = true_variable.units,
                         .found = set.variables[i].units});
      v.forecast_variable.push_back(i);
      v.forecast_levels.push_back(
          find_levels(set.variables[i].levels_hpa, v.info.levels_hpa, name, "forecasts of " + set.model));
    }
    if (plan.climatology) {
      v.climatology_variable = plan.climatology->variable_index(name);
      v.climatology_levels = find_levels(plan.climatology->variables()[v.climatology_variable].levels_hpa,
                                         v.info.levels_hpa, name, "the climatology");
    }
    out.push_back(std::move(v));
  }
  return out;
}

void require_same_grid(const sphere::Grid& found, const sphere::Grid& expected, const std::string& of,
                       const std::string& than) {
  if (found == expected) return;
  throw DataError(
      "GridMismatch", "score",
      {.what = "grid of " + of + " differs from that of " + than,
       .expected = expected.spec(),
       .found = found.spec(),
       .hint = "forecast with forecast.export_grid=" + expected.spec() + ", or ingest a truth on " + found.spec()});
}

std::vector<Duration> choose_leads(const ScorePlan& plan) {
  std::vector<Duration> leads = plan.config.leads;
  if (leads.empty())
    for (const Duration lead : plan.sets[0].leads)
      if (lead.seconds > 0) leads.push_back(lead);
  std::sort(leads.begin(), leads.end());
  leads.erase(std::unique(leads.begin(), leads.end()), leads.end());
  if (leads.empty())
    throw DataError("MissingLead", "score", {.what = "the forecasts hold nothing but the initial state"});
  for (const auto& set : plan.sets)
    for (const Duration lead : leads) (void)set.lead_index(lead);
  return leads;
}

/// Why a pair cannot be scored; empty if it can.
std::string reason_missing(const ScorePlan& plan, const io::Store& truth, Time init, Duration lead) {
  for (const auto& set : plan.sets)
    if (!set.files.contains(init)) return "no forecast of " + set.model;
  if (!truth.index_of(init + lead)) return "no truth at " + format_time(init + lead);
  const bool persistence =
      std::find(plan.references.begin(), plan.references.end(), "persistence") != plan.references.end();
  if (persistence && !truth.index_of(init)) return "no truth at the initial time, which persistence needs";
  return "";
}

void find_missing(ScorePlan& plan, const io::Store& truth) {
  for (const Time t : plan.init)
    for (const Duration lead : plan.leads)
      if (std::string reason = reason_missing(plan, truth, t, lead); !reason.empty())
        plan.missing.push_back({t, lead, reason});
  if (plan.missing.size() == plan.init.size() * plan.leads.size())
    throw DataError("MissingTime", "score",
                    {.what = "no pair of initial time and lead can be scored",
                     .found = plan.missing.empty() ? "" : plan.missing.front().reason,
                     .hint = "the truth store must hold the valid times of the forecasts"});
  if (!plan.missing.empty())
    plan.warnings.push_back(
        fmt::format("{} of {} pairs (initial time, lead) are left out of every model, the first: {} {}: {}",
                    plan.missing.size(), plan.init.size() * plan.leads.size(), format_time(plan.missing[0].init),
                    format_duration(plan.missing[0].lead), plan.missing[0].reason));
}

void warn_of_seen_times(ScorePlan& plan) {
  for (const auto& set : plan.sets)
    for (const char* name : {"training_period", "selection_period"}) {
      const json period = set.provenance.value(name, json());
      if (!period.is_object()) continue;
      const Time first = parse_time(period.at("first").get<std::string>());
      const Time last = parse_time(period.at("last").get<std::string>());
      size_t inside = 0, all = 0;
      for (const Time t : plan.init)
        for (const Duration lead : plan.leads) {
          ++all;
          inside += first <= t + lead && t + lead <= last ? 1 : 0;
        }
      if (inside > 0)
        plan.warnings.push_back(
            fmt::format("{}: {} of {} evaluation times lie in the {} {} to {} of the model", set.model, inside, all,
                        name == std::string("training_period") ? "training period" : "selection period",
                        format_time(first), format_time(last)));
    }
}

std::vector<float> read_land_fraction(const Path& path, const sphere::Grid& grid) {
  if (path.empty()) return {};
  const auto reader = io::open_fields(path.str());
  const io::Field field = reader->read(0);
  require_same_grid(*field.grid, grid, "score.land_fraction", "the truth");
  const auto values = field.values.span();
  return {values.begin(), values.end()};
}

std::string sha256_of(const std::vector<double>& values) {
  return sha256_hex({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)});
}

json define_sums(const ScorePlan& plan, const io::Store& truth, AreaWeights weights) {
  json regions = json::object(), names = json::array();
  for (const auto& r : plan.regions) regions[r.name] = sha256_of(r.weights);
  for (const auto& v : plan.variables) names.push_back(v.info.name);
  return {{"version", 1},
          {"variables", names},
          {"grid", truth.layout().grid.spec()},
          {"regrid", "none"},
          {"weights", to_string(weights)},
          {"regions", regions},
          {"climatology", plan.climatology ? plan.climatology->definition() : json()},
          {"truth", {{"name", truth.layout().source}, {"kind", truth.layout().kind}, {"sha256", truth.fingerprint()}}},
          {"protocol", plan.config.protocol},
          {"missing", plan.config.missing}};
}

json define_request(const ScorePlan& plan, uint64_t seed) {
  json forecasts = json::object(), leads = json::array(), levels = json::object();
  for (const auto& set : plan.sets) forecasts[set.model] = set.identity;
  for (const Duration d : plan.leads) leads.push_back(format_duration(d));
  for (const auto& v : plan.variables) levels[v.info.name] = v.info.levels_hpa;
  const auto& b = plan.config.bootstrap;
  return {{"definition", plan.definition},
          {"forecasts", forecasts},
          {"leads", leads},
          {"levels_hpa", levels},
          {"metrics", plan.config.metrics},
          {"references", plan.references},
          {"seed", seed},
          {"bootstrap", {{"samples", b.samples}, {"block", b.block}, {"level", b.level}}}};
}

bool needs_climatology(const ScorePlan& plan) {
  const auto& refs = plan.references;
  return std::find(refs.begin(), refs.end(), "climatology") != refs.end() ||
         std::any_of(plan.config.metrics.begin(), plan.config.metrics.end(),
                     [](const std::string& name) { return find_metric(name).needs_climatology; });
}

std::shared_ptr<const Climatology> get_climatology(const ScorePlan& plan, const ScoreRequest& request) {
  ClimatologyRequest r{.store = request.climatology_store ? request.climatology_store : request.truth,
                       .config = request.climatology,
                       .default_period = request.climatology_period,
                       .folder = request.run_dir,
                       .overwrite = request.overwrite,
                       .provenance = request.provenance};
  if (plan.config.protocol == "pear") r.config.kind = "pear";
  return obtain_climatology(r);
}

/// Anomalies from a mean that knows the evaluated states make every model look a little worse, climatology better.
void warn_of_climatology(ScorePlan& plan) {
  if (!plan.climatology) return;
  std::vector<Time> valid;
  for (const Time t : plan.init)
    for (const Duration lead : plan.leads)
      if (!plan.is_missing(t, lead)) valid.push_back(t + lead);
  if (const std::string text = overlap_warning(plan.climatology->definition(), valid, "evaluation"); !text.empty())
    plan.warnings.push_back(text);
}

}  // namespace

bool ScorePlan::is_missing(Time t, Duration lead) const {
  return std::any_of(missing.begin(), missing.end(),
                     [&](const MissingPair& m) { return m.init == t && m.lead == lead; });
}

ScoreConfig apply_protocol(const ScoreConfig& config) {
  ScoreConfig c = config;
  if (c.protocol != "pear") return c;
  c.metrics = {"pear_rmse", "pear_acc"};
  c.regions = {"global"};
  return c;
}

ScorePlan make_score_plan(const ScoreRequest& request) {
  PEAR_ASSERT(request.truth != nullptr);
  ScorePlan plan;
  plan.config = apply_protocol(request.config);
  plan.references = plan.config.references;
  for (const auto& name : plan.config.metrics) (void)find_metric(name);
  if (request.forecasts.empty()) throw DataError("NoForecasts", "score", {.what = "no forecasts are named"});
  const sphere::Grid& grid = request.truth->layout().grid;
  std::set<Time> times;
  for (const auto& forecast : request.forecasts) {
    plan.sets.push_back(open_forecast_set(forecast));
    require_same_grid(plan.sets.back().grid, grid, "forecasts of " + forecast.model, "the truth");
    for (const auto& [time, path] : plan.sets.back().files) times.insert(time);
  }
  plan.init.assign(times.begin(), times.end());
  plan.leads = choose_leads(plan);
  if (needs_climatology(plan)) {
    plan.climatology = get_climatology(plan, request);
    require_same_grid(plan.climatology->grid(), grid, "the climatology", "the truth");
  }
  plan.variables = choose_variables(plan, *request.truth);
  const bool pear_twin = plan.config.protocol == "pear" && grid.is_latlon() && plan.config.weights == "auto";
  const AreaWeights kind = pear_twin ? AreaWeights::CosLat : area_weights_from(plan.config.weights, grid);
  const auto weights = cell_weights(grid, kind);
  const auto land = read_land_fraction(plan.config.land_fraction, grid);
  for (const auto& name : plan.config.regions)
    plan.regions.push_back(make_region(name, grid, weights, plan.config.boxes, land));
  find_missing(plan, *request.truth);
  warn_of_seen_times(plan);
  warn_of_climatology(plan);
  plan.definition = define_sums(plan, *request.truth, kind);
  plan.request = define_request(plan, request.seed);
  return plan;
}

}  // namespace pear::forecast

#include "forecast/dynamics/dycore_model.h"

#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "forecast/dynamics/core_threads.h"

namespace pear::forecast {
namespace {

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_variables(const StateLayout& layout) {
  for (const char* name : {"z", "t", "u", "v"})
    if (!holds(layout.upper, name))
      throw DataError("MissingVariable", "dynamics.model",
                      {.what = "the dynamical core needs z, t, u, v on pressure levels",
                       .expected = name,
                       .found = fmt::format("{}", fmt::join(layout.upper, ", ")),
                       .hint = "add it to data.variables and ingest again"});
  const std::vector<std::string> upper{"z", "t", "u", "v", "q"}, surface{"msl", "u10", "v10", "t2m"};
  const auto refuse = [](const std::string& name) {
    throw DataError("MissingVariable", "dynamics.model",
                    {.what = "the dynamical core does not forecast " + name,
                     .expected = "z, t, u, v, q on levels; msl, u10, v10, t2m",
                     .hint = "leave it out of data.variables"});
  };
  for (const auto& name : layout.upper)
    if (!holds(upper, name)) refuse(name);
  for (const auto& name : layout.surface)
    if (!holds(surface, name)) refuse(name);
}

CoreConfig fitting_physics(CoreConfig config, const StateLayout& layout) {
  if (config.physics == "nature" && !holds(layout.upper, "q"))
    throw DataError("MissingVariable", "dynamics.model",
                    {.what = "moist physics needs specific humidity",
                     .expected = "q",
                     .found = fmt::format("{}", fmt::join(layout.upper, ", ")),
                     .hint = "add q to data.variables, or set dycore.physics=held_suarez"});
  return config;
}

}  // namespace

double dynamics_days(Time t) {
  static const Time origin = parse_time("2001-01-01");
  return static_cast<double>((t - origin).seconds) / 86400;
}

DycoreModel::DycoreModel(const CoreConfig& config, StateLayout layout, Duration step)
    : layout_((check_variables(layout), std::move(layout))),
      step_(step),
      name_(fmt::format("dycore_t{}{}", config.truncation_number(), config.perturbed_physics ? "_perturbed" : "")),
      assembly_(assemble_core(fitting_physics(config, layout_), layout_.levels_hpa)),
      points_(layout_.grid, config.truncation_number(), torch::kFloat32) {}

int64_t DycoreModel::upper_index(const std::string& name) const {
  return std::find(layout_.upper.begin(), layout_.upper.end(), name) - layout_.upper.begin();
}

CoreState DycoreModel::initial(const State& state, Time valid_time) const {
  const auto& t = assembly_.core->transform();
  const auto upper = state.upper.to(torch::kCPU, torch::kFloat32);
  const auto cos_grid = assembly_.core->equations().cos2().sqrt();
  // Wind is fitted as u cos(lat), which is smooth at the poles.
  const auto field = [&](const char* name, bool wind) {
    const auto cells = upper.select(1, upper_index(name));
    const auto grid = t.synthesize(points_.fit(wind ? cells * points_.cos_lat() : cells));
    return wind ? grid / cos_grid : grid;
  };
  LevelFields f;
  f.z = field("z", false), f.t = field("t", false), f.u = field("u", true), f.v = field("v", true);
  if (assembly_.moist) f.q = field("q", false);
  return assembly_.core->begin(assembly_.levels->to_layers(f, assembly_.moist), dynamics_days(valid_time));
}

State DycoreModel::state_of(const CoreState& core, const State& like) const {
  const auto& t = assembly_.core->transform();
  const auto& equations = assembly_.core->equations();
  const LevelFields f = assembly_.levels->from_layers(equations.grid_fields(core.now));
  const auto cos_grid = equations.cos2().sqrt();
  const auto cells = [&](const std::string& name, const torch::Tensor& grid) {
    const bool wind = name[0] == 'u' || name[0] == 'v';
    const auto x = points_.synthesize(t.analyze(wind ? grid * cos_grid : grid));
    return wind ? x / points_.cos_lat() : name == "q" ? x.clamp_min(0) : x;
  };
  const std::map<std::string, torch::Tensor> fields{{"z", f.z},     {"t", f.t},     {"u", f.u},     {"v", f.v},    {"q", f.q},
                                                    {"msl", f.msl}, {"u10", f.u10}, {"v10", f.v10}, {"t2m", f.t2m}};
  std::vector<torch::Tensor> upper, surface;
  for (const auto& name : layout_.upper) upper.push_back(cells(name, fields.at(name)));
  for (const auto& name : layout_.surface) surface.push_back(cells(name, fields.at(name)));
  State out;
  out.upper = at::stack(upper, 1).to(like.upper.options());
  if (!surface.empty()) out.surface = at::stack(surface, 1).to(like.upper.options());
  return out;
}

State DycoreModel::step(const State& state, Time valid_time) {
  c10::InferenceMode guard;
  const CoreThreads threads(assembly_.core->options().truncation);
  const bool continues = last_.upper.defined() && last_time_ == valid_time && state.upper.is_same(last_.upper) &&
                         (!state.surface.defined() || state.surface.is_same(last_.surface));
  if (!continues) core_ = initial(state, valid_time);
  assembly_.core->run(core_, static_cast<double>(step_.seconds));
  last_ = state_of(core_, state);
  last_time_ = valid_time + step_;
  return last_;
}

}  // namespace pear::forecast

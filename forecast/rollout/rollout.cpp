#include "forecast/rollout/rollout.h"

#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/signals.h"
#include "forecast/rollout/initial_state.h"
#include "forecast/rollout/plan.h"
#include "forecast/rollout/state_writer.h"

namespace pear::forecast {
namespace {

using nlohmann::json;

json period_record(const TimeSelection& selection) {
  const auto times = selection.times();
  if (times.empty()) return nullptr;
  return {{"first", format_time(times.front())}, {"last", format_time(times.back())}};
}

std::string provenance_of(const ForecastModel& model, const RolloutRequest& request, const RolloutPlan& plan) {
  json p = request.provenance.is_object() ? request.provenance : json::object();
  p["model"] = model.name();
  p["definition"] = plan.definition;
  p["definition_id"] = plan.definition_id;
  p["training_period"] = period_record(request.training_period);
  p["selection_period"] = period_record(request.selection_period);
  return p.dump();
}

/// The first non-finite value, spelled out; cheap when there is none.
void require_finite(const State& state, const StateLayout& layout, Time init, Duration lead) {
  const bool good = (!state.surface.defined() || torch::isfinite(state.surface).all().item<bool>()) &&
                    (!state.upper.defined() || torch::isfinite(state.upper).all().item<bool>());
  if (good) return;
  const torch::Tensor bad = torch::isfinite(state.channels()).logical_not().nonzero()[0].to(torch::kCPU);
  const auto channel = bad[1].item<int64_t>(), cell = bad[2].item<int64_t>();
  std::string name, level = "surface";
  if (channel < layout.num_surface()) {
    name = layout.surface[static_cast<size_t>(channel)];
  } else {
    const int64_t k = channel - layout.num_surface();
    name = layout.upper[static_cast<size_t>(k / layout.num_levels())];
    level = fmt::format("{:g} hPa", layout.levels_hpa[static_cast<size_t>(k % layout.num_levels())]);
  }
  const auto centres = layout.grid.centres();
  throw DataError(
      "NonFinite", "forecast.rollout",
      {.what = fmt::format("{} at {}, cell {} ({:.2f} N, {:.2f} E), forecast from {}, lead {}", name, level, cell,
                           centres.lat_deg[static_cast<size_t>(cell)], centres.lon_deg[static_cast<size_t>(cell)],
                           format_time(init), format_duration(lead)),
       .expected = "finite values",
       .found = "NaN or infinity",
       .hint = lead.seconds == 0 ? "the initial state has missing values"
                                 : "the model has become unstable: try a shorter forecast.lead, or train longer"});
}

/// One forecast: never more than the present and the next state on the device.
void run_one(ForecastModel& model, State state, Time init, const RolloutPlan& plan, StateWriter& writer,
             const std::function<void()>& stepped) {
  const StateLayout& layout = model.layout();
  require_finite(state, layout, init, {0});
  size_t output = 0;
  Duration lead{0};
  while (true) {
    if (output < plan.leads.size() && plan.leads[output] == lead) writer.write(output++, state);
    if (output == plan.leads.size()) return;
    if (stop_requested()) throw StoppedBySignal("forecast stopped by a signal; run the same command again to continue");
    state = model.step(state, init + lead);
    lead = lead + model.step_length();
    require_finite(state, layout, init, lead);
    stepped();
  }
}

RolloutResult result_of(const RolloutPlan& plan) {
  RolloutResult result;
  result.folder = plan.folder;
  result.files = plan.files;
  result.leads = plan.leads;
  result.definition_id = plan.definition_id;
  for (const bool done : plan.done) result.num_skipped += done ? 1 : 0;
  return result;
}

/// Weights to `forecast.export_grid`; null if the files keep the model's grid.
std::shared_ptr<const regrid::Weights> export_weights_of(const RolloutRequest& request, const sphere::Grid& source) {
  if (request.config.export_grid.empty()) return nullptr;
  regrid::WeightCache cache(request.weight_cache.empty() ? request.run_dir / "weights" : request.weight_cache);
  return cache.get(source, sphere::Grid::from_spec(request.config.export_grid),
                   regrid::method_from_string(request.config.export_method));
}

}  // namespace

RolloutResult plan_rollout(const ForecastModel& model, const RolloutRequest& request) {
  return result_of(make_plan(model, request));
}

RolloutResult rollout(ForecastModel& model, const RolloutRequest& request) {
  const RolloutPlan plan = make_plan(model, request);
  RolloutResult result = result_of(plan);
  ensure_writable_directory(plan.folder);
  const bool from_file = !request.config.initial_file.empty();
  std::optional<StoreStateReader> reader;
  if (!from_file) reader.emplace(*request.store, model.layout());
  const auto export_weights = export_weights_of(request, model.layout().grid);
  const std::string provenance = provenance_of(model, request, plan);
  const auto steps_each = plan.leads.back().seconds / model.step_length().seconds;
  const auto todo = static_cast<int64_t>(plan.init.size()) - result.num_skipped;
  log_info("forecast {}: {} initial times, {} done already, {} steps of {} each", model.name(), plan.init.size(),
           result.num_skipped, steps_each, format_duration(model.step_length()));

  const c10::NoGradGuard no_gradients;
  Progress progress("forecast", todo * steps_each, "step");
  int64_t steps = 0;
  for (size_t i = 0; i < plan.init.size(); ++i) {
    if (plan.done[i]) continue;
    if (stop_requested()) throw StoppedBySignal("forecast stopped by a signal; run the same command again to continue");
    State state;
    std::map<std::string, std::string> units;
    if (from_file) {
      FileState read = read_state_file(request.config.initial_file.str(), model.layout(), {plan.init[i]});
      state = std::move(read.state);
      units = std::move(read.units);
    } else {
      state = reader->read(plan.init[i]);
      units = units_of(*request.store);
    }
    StateWriter writer(model.layout(), {plan.files[i], plan.init[i], plan.leads, units, provenance}, export_weights);
    run_one(model, state.to(request.device), plan.init[i], plan, writer, [&] { progress.update(++steps); });
    writer.commit();
    ++result.num_written;
  }
  progress.finish();
  return result;
}

}  // namespace pear::forecast

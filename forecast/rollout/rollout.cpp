#include "forecast/rollout/rollout.h"

#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/signals.h"
#include "distributed/communicator.h"
#include "distributed/turns.h"
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

/// One forecast: never more than the present and the next state on the device. False if a signal stopped it.
bool run_one(ForecastModel& model, State state, Time init, const RolloutPlan& plan, StateWriter& writer,
             const std::function<void()>& stepped) {
  const StateLayout& layout = model.layout();
  require_finite(state, layout, init, {0});
  size_t output = 0;
  Duration lead{0};
  while (true) {
    if (output < plan.leads.size() && plan.leads[output] == lead) writer.write(output++, state);
    if (output == plan.leads.size()) return true;
    if (stop_requested()) return false;
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

/// What rank 0 found done counts for all: another rank may have looked when the first files of this run were there.
void agree_on_done(RolloutPlan& plan, distributed::Communicator* communicator) {
  if (communicator == nullptr) return;
  std::vector<std::byte> flags;
  for (const bool done : plan.done) flags.push_back(std::byte{done});
  communicator->broadcast(flags);
  for (size_t i = 0; i < flags.size(); ++i) plan.done[i] = flags[i] != std::byte{0};
}

/// While it lives, ranks wait for each other as long as a whole forecast may take: the time-out for each step.
class LongerPatience {
 public:
  LongerPatience(distributed::Communicator* communicator, int64_t steps) : communicator_(communicator) {
    if (communicator_ == nullptr) return;
    usual_ = communicator_->timeout();
    communicator_->set_timeout(usual_ * std::max<int64_t>(1, steps));
  }
  ~LongerPatience() {
    if (communicator_ != nullptr) communicator_->set_timeout(usual_);
  }
  LongerPatience(const LongerPatience&) = delete;
  LongerPatience& operator=(const LongerPatience&) = delete;

 private:
  distributed::Communicator* communicator_;
  std::chrono::milliseconds usual_{0};
};

/// The forecasts of this process.
class Forecasts {
 public:
  Forecasts(ForecastModel& model, const RolloutRequest& request, const RolloutPlan& plan)
      : model_(model),
        request_(request),
        plan_(plan),
        provenance_(provenance_of(model, request, plan)),
        export_weights_(export_weights_of(request, model.layout().grid)),
        progress_("forecast", num_steps(), "step") {
    if (request.config.initial_file.empty()) reader_.emplace(*request.store, model.layout());
  }
  ~Forecasts() { progress_.finish(); }
  Forecasts(const Forecasts&) = delete;
  Forecasts& operator=(const Forecasts&) = delete;

  /// False if a signal stopped it; its file is then not there.
  bool run(size_t i) {
    if (stop_requested()) return false;
    const c10::NoGradGuard no_gradients;
    State state;
    std::map<std::string, std::string> units;
    if (!reader_) {
      FileState read = read_state_file(request_.config.initial_file.str(), model_.layout(), {plan_.init[i]});
      state = std::move(read.state);
      units = std::move(read.units);
    } else {
      state = reader_->read(plan_.init[i]);
      units = units_of(*request_.store);
    }
    StateWriter writer(model_.layout(), {plan_.files[i], plan_.init[i], plan_.leads, units, provenance_},
                       export_weights_);
    if (!run_one(model_, state.to(request_.device), plan_.init[i], plan_, writer,
                 [&] { progress_.update(++steps_done_); }))
      return false;
    writer.commit();
    return true;
  }

 private:
  /// Of this process's share.
  int64_t num_steps() const {
    const int64_t size = request_.communicator ? request_.communicator->size() : 1;
    const int64_t todo = std::count(plan_.done.begin(), plan_.done.end(), false);
    return (todo + size - 1) / size * (plan_.leads.back().seconds / model_.step_length().seconds);
  }

  ForecastModel& model_;
  const RolloutRequest& request_;
  const RolloutPlan& plan_;
  std::string provenance_;
  std::shared_ptr<const regrid::Weights> export_weights_;
  std::optional<StoreStateReader> reader_;
  Progress progress_;
  int64_t steps_done_ = 0;
};

}  // namespace

RolloutResult plan_rollout(const ForecastModel& model, const RolloutRequest& request) {
  return result_of(make_plan(model, request));
}

RolloutResult rollout(ForecastModel& model, const RolloutRequest& request) {
  RolloutPlan plan = make_plan(model, request);
  agree_on_done(plan, request.communicator.get());
  RolloutResult result = result_of(plan);
  ensure_writable_directory(plan.folder);
  std::vector<size_t> todo;
  for (size_t i = 0; i < plan.init.size(); ++i)
    if (!plan.done[i]) todo.push_back(i);
  const auto steps_each = plan.leads.back().seconds / model.step_length().seconds;
  log_info("forecast {}: {} initial times, {} done already, {} steps of {} each", model.name(), plan.init.size(),
           result.num_skipped, steps_each, format_duration(model.step_length()));
  const LongerPatience patience(request.communicator.get(), steps_each);
  Forecasts forecasts(model, request, plan);
  const auto count = static_cast<int64_t>(todo.size());
  const bool finished = distributed::take_turns(request.communicator.get(), count,
                                                [&](int64_t k) { return forecasts.run(todo[static_cast<size_t>(k)]); });
  if (!finished) throw StoppedBySignal("forecast stopped by a signal; run the same command again to continue");
  result.num_written = count;
  return result;
}

}  // namespace pear::forecast

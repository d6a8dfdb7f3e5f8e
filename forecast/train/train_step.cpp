#include "forecast/train/train_step.h"

#include <ATen/Context.h>
#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "forecast/train/autocast.h"

namespace pear::forecast {
namespace {

State map(const State& state, const std::function<torch::Tensor(const torch::Tensor&)>& f) {
  return {state.surface.defined() ? f(state.surface) : state.surface,
          state.upper.defined() ? f(state.upper) : state.upper};
}

State detached(const State& state) {
  return map(state, [](const torch::Tensor& x) { return x.detach(); });
}

State in_float32(const State& state) {
  return map(state, [](const torch::Tensor& x) { return x.to(torch::kFloat32); });
}

std::string sample_names(const Batch& batch) {
  std::string text;
  for (const auto& pair : batch.pairs) text += (text.empty() ? "" : ", ") + format_time(pair.input);
  return text;
}

}  // namespace

TrainStep::TrainStep(Session& session, DataAxis& axis, SlotPlan plan)
    : session_(session),
      axis_(axis),
      plan_(plan),
      loss_(session.request.train.loss, session.layout, session.request.device) {}

State TrainStep::predict(const State& state) const {
  const Autocast autocast(session_.request.device.type(), session_.request.precision == "bf16");
  return session_.model->predict_normalised(state);
}

void TrainStep::add_gradient(const torch::Tensor& loss) const { (loss / static_cast<double>(num_leaves())).backward(); }

State TrainStep::prepared(const State& state) const {
  const auto& domain = session_.domain;
  const int64_t all = session_.layout.grid.num_cells(), own = domain.count_of(all);
  // Samples come whole where they were turned or mirrored.
  const auto own_cells = [&](const torch::Tensor& x) {
    return x.size(-1) == own ? x : x.narrow(-1, domain.first_of(all), own).contiguous();
  };
  return session_.normaliser->normalise(map(state, own_cells).to(session_.request.device));
}

/// A stage that is computed again in the backward pass gives its parameters their gradient once per model step.
bool TrainStep::gives_gradients_once(int64_t num_steps) const {
  const int64_t kept = session_.request.train.rollout.steps_kept(num_steps);
  return session_.request.train.checkpointed_stages().empty() || (num_steps - 1) % kept == 0;
}

SlotSum TrainStep::run_slot(const Batch& batch, int64_t slot, SlotTree& before) {
  auto& s = session_;
  const auto gradient = s.parameters->gradient();
  torch::Tensor(gradient).zero_();
  // Dropout and drop-path draw from here: a function of (seed, step, slot), not of what ran before.
  at::manual_seed(random_u64(s.request.seed, "dropout", static_cast<uint64_t>(s.progress.step * plan_.slots + slot)));
  const int64_t num_steps = batch.num_steps(), kept = s.request.train.rollout.steps_kept(num_steps);
  const auto weights = rollout_weights(s.request.train.rollout, num_steps);
  State state = prepared(batch.input);
  torch::Tensor loss, terms;
  for (int64_t k = 0; k < num_steps; ++k) {
    if (k > 0) state = in_float32(state);
    if (k > 0 && k % kept == 0) {  // the cut: what came before gives its gradient and its memory back
      add_gradient(loss);
      loss.reset();
      state = detached(state);
    }
    state = predict(state);
    const auto value = loss_(state, prepared(batch.target_of(k)));
    const double weight = weights[static_cast<size_t>(k)];
    const auto total = value.total * weight;
    const auto now = torch::cat({total.detach().reshape({1}), value.per_channel * weight});
    loss = loss.defined() ? loss + total : total;
    terms = terms.defined() ? terms + now : now;
  }
  const bool is_last = slot + 1 == plan_.last_slot;
  if (is_last) axis_.before_last_backward(before, leaf_of(slot), num_leaves(), gives_gradients_once(num_steps));
  add_gradient(loss);
  terms = terms.div(static_cast<double>(num_leaves())).cpu();
  if (!std::isfinite(terms[0].item<double>())) describe_problem(batch, slot, state);
  return {is_last ? gradient : gradient.clone(), terms};  // the next slot overwrites the buffer
}

void TrainStep::describe_problem(const Batch& batch, int64_t slot, const State& prediction) {
  if (!problem_.empty()) return;
  problem_ = fmt::format("slot {}, samples {}", slot, sample_names(batch));
  const auto channels = prediction.channels().detach().cpu();
  const auto bad = torch::isfinite(channels).logical_not().nonzero();
  if (bad.size(0) == 0) return;
  const auto cell =
      static_cast<size_t>(bad[0][2].item<int64_t>() + session_.domain.first_of(session_.layout.grid.num_cells()));
  const auto centres = session_.layout.grid.centres();
  problem_ += fmt::format(", first bad value: channel {}, cell {} ({:.1f}N {:.1f}E)",
                          session_.layout.channel_names()[static_cast<size_t>(bad[0][1].item<int64_t>())], cell,
                          centres.lat_deg[cell], centres.lon_deg[cell]);
}

void TrainStep::throw_non_finite(double loss, double norm) {
  std::string found = fmt::format("loss {}, gradient norm {}", loss, norm);
  // The sums have the same bits everywhere, so all ranks come here; one of them knows the sample.
  if (const auto problem = axis_.collect(problem_); !problem.empty()) found += "; " + problem;
  for (const auto& entry : session_.parameters->entries()) {
    const auto part = FlatParameters::view_of(session_.parameters->gradient(), entry);
    if (torch::isfinite(part).all().item<bool>()) continue;
    found += "; first bad gradient: " + entry.name;
    break;
  }
  throw DataError("NonFinite", "train.step",
                  {.what = fmt::format("step {}", session_.progress.step + 1),
                   .expected = "finite loss and gradient",
                   .found = found,
                   .hint = "the input is finite: lower train.lr or set train.clip.norm; the last checkpoint is good"});
}

StepResult TrainStep::run(Loader& loader) {
  problem_.clear();
  SlotTree tree;
  SlotSum last;
  for (int64_t slot = plan_.first_slot; slot < plan_.last_slot; ++slot) {
    if (slot > plan_.first_slot) tree.add(leaf_of(slot - 1), std::move(last));
    last = run_slot(loader.next(), slot, tree);
    if (session_.request.on_progress) session_.request.on_progress();
  }
  const SlotSum total = axis_.total(tree, leaf_of(plan_.last_slot - 1), std::move(last), num_leaves());
  const auto gradient = session_.parameters->gradient();
  if (!total.gradient.is_same(gradient)) torch::Tensor(gradient).copy_(total.gradient);
  StepResult result;
  const double* terms = total.terms.data_ptr<double>();
  result.loss = terms[0];
  result.channel_loss.assign(terms + 1, terms + total.terms.numel());
  result.grad_norm = axis_.norm(gradient);
  if (!std::isfinite(result.loss) || !std::isfinite(result.grad_norm)) throw_non_finite(result.loss, result.grad_norm);
  scale_to_norm(gradient, result.grad_norm, session_.request.train.clip.norm);
  return result;
}

}  // namespace pear::forecast

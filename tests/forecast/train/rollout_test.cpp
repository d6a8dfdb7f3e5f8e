// Training through several model steps: samples, gradients, cuts, and restarts across the border of two phases.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "forecast/train/checkpoint.h"
#include "forecast/train/sample_plan.h"
#include "forecast/train/session.h"
#include "forecast/train/train_step.h"
#include "tests/forecast/train/toy_run.h"
#include "tests/support/caught.h"

namespace pear::forecast {
namespace {

using pear::testing::caught;
using testing::RunFolder;
using testing::toy_model;
using testing::toy_request;
using testing::wind_store;

TimeSelection two_days() {
  TimeSelection s;
  s.period = Period{parse_time("2018-10-01"), parse_time("2018-10-03"), hours(6)};  // 9 times
  return s;
}

TEST(RolloutSamples, NeedEveryTimeInsideThePeriodAndPresent) {
  const auto whole = wind_store(1, 24);
  EXPECT_EQ(list_pairs(*whole, two_days(), hours(6)).pairs.size(), 8u);
  const auto three = list_pairs(*whole, two_days(), hours(6), 3);
  ASSERT_EQ(three.pairs.size(), 6u);
  EXPECT_EQ(three.pairs.front().target, parse_time("2018-10-01T18"));
  EXPECT_EQ(three.pairs.back().target, parse_time("2018-10-03"));
  const auto holed = wind_store(1, 24, testing::turning_wind, {parse_time("2018-10-01T18")});
  const auto list = list_pairs(*holed, two_days(), hours(6), 3);
  EXPECT_EQ(list.num_dropped, 4);  // 00, 06, 12 and 18 UTC of the first day touch it
  EXPECT_EQ(list.pairs.size(), 2u);
  EXPECT_EQ(list.absent, std::vector<Time>{parse_time("2018-10-01T18")});
}

TEST(RolloutSamples, CarryTheTargetsOfAllSteps) {
  for (const int64_t limit_mib : {0, 100}) {
    const auto store = wind_store(1, 24);
    DataConfig config;
    config.resident_limit_mib = limit_mib;
    Dataset set(store, layout_from_store(config, *store), two_days(), config, "train");
    set.add_rollout(3);
    EXPECT_EQ(set.is_resident(), limit_mib > 0);
    EXPECT_EQ(set.size(3), 6);
    const Batch batch = set.load(std::vector<int64_t>{2, 0}, 3);
    ASSERT_EQ(batch.num_steps(), 3);
    for (int64_t k = 0; k < 3; ++k)
      EXPECT_TRUE(
          batch.target_of(k).surface[0].equal(set.channels_at(parse_time("2018-10-01T12") + (k + 1) * hours(6))))
          << k;
    EXPECT_EQ(set.load(std::vector<int64_t>{0}).num_steps(), 1);
  }
}

TEST(RolloutSamples, APeriodThatIsTooShortIsRefused) {
  const auto store = wind_store(1, 24);
  Dataset set(store, layout_from_store({}, *store), two_days(), {}, "train");
  const auto e = caught([&] { set.add_rollout(9); });
  EXPECT_EQ(e.code(), "NoPairs");
  EXPECT_NE(e.detail().hint.find("train.rollout.schedule"), std::string::npos) << e.what();
}

TEST(RolloutSamples, AllTargetsGetTheTurnOfTheInput) {
  const auto store = wind_store(2, 12);
  const auto layout = layout_from_store({}, *store);
  Dataset set(store, layout, two_days(), {}, "train");
  set.add_rollout(2);
  const Augmentation augmentation({"quarter_turn"}, layout, 1);
  const Batch original = set.load(std::vector<int64_t>{0}, 2);
  int64_t num_turned = 0;
  for (int64_t n = 0; n < 8; ++n) {
    Batch batch = original;
    augmentation.apply(batch, n);
    for (int64_t k = 0; k < 4; ++k) {
      if (!batch.input.surface[0].equal(augmentation.transform(original.input.surface[0], k, false))) continue;
      num_turned += k > 0 ? 1 : 0;
      EXPECT_TRUE(batch.later[0].surface[0].equal(augmentation.transform(original.later[0].surface[0], k, false)));
    }
  }
  EXPECT_GT(num_turned, 0);
}

TrainConfig two_phases() {
  TrainConfig config;
  config.epochs = 5;
  config.rollout.schedule = {{0, 1}, {7, 3}};
  return config;
}
int64_t ten_less(int64_t steps) { return 11 - steps; }  // 10 samples of one step, 8 of three

TEST(SamplePlan, PhasesDrawFromTheirOwnListsAndBeginAnEpoch) {
  TrainConfig config = two_phases();
  config.slots = 2;  // 5 steps per epoch, then 4
  SamplePlan plan(config, 3, ten_less);
  EXPECT_EQ(plan.rollout_of(6), 1);
  EXPECT_EQ(plan.rollout_of(7), 3);
  EXPECT_EQ(plan.epoch_of(6), 1);  // cut short by the border
  EXPECT_EQ(plan.epoch_of(7), 2);
  EXPECT_EQ(plan.epoch_of(11), 3);
  EXPECT_EQ(plan.total_steps(), 7 + 3 * 4);
  std::vector<int64_t> seen;
  for (int64_t step = 7; step < 11; ++step)
    for (int64_t i : plan.samples_of(step)) seen.push_back(i);
  EXPECT_EQ(seen, Sampler::permutation(8, 3, 2));
  SamplePlan jumped(config, 3, ten_less);
  EXPECT_EQ(jumped.samples_of(9), plan.samples_of(9));
  std::vector<int64_t> ends;
  for (int64_t n = 1; n <= plan.total_steps(); ++n)
    if (plan.ends_epochs(n, 1)) ends.push_back(n);
  EXPECT_EQ(ends, (std::vector<int64_t>{5, 7, 11, 15, 19}));
  EXPECT_EQ(plan.phase_starts(), (std::vector<int64_t>{0, 7}));
}

TEST(SamplePlan, PhasesBeyondTheEndAreNotReached) {
  TrainConfig config = two_phases();
  config.rollout.schedule[1].from_step = 50;  // 5 epochs of 10 steps
  EXPECT_EQ(SamplePlan(config, 3, ten_less).phase_starts(), std::vector<int64_t>{0});
  EXPECT_EQ(SamplePlan(config, 3, ten_less).total_steps(), 50);
  config.max_steps = 7;
  config.rollout.schedule[1].from_step = 7;
  EXPECT_EQ(SamplePlan(config, 3, ten_less).total_steps(), 7);
  config.rollout = {};
  config.max_steps = 0;
  EXPECT_EQ(SamplePlan(config, 3, ten_less).total_steps(), 50);
}

TEST(RolloutConfig, WeightsAddUpToOne) {
  RolloutConfig config;
  EXPECT_EQ(rollout_weights(config, 4), std::vector<double>(4, 0.25));
  config.step_weights = "inverse";
  const auto w = rollout_weights(config, 3);
  EXPECT_DOUBLE_EQ(w[0], 6.0 / 11);
  EXPECT_DOUBLE_EQ(w[2], 2.0 / 11);
  config.step_weights = "last";
  EXPECT_EQ(rollout_weights(config, 2), (std::vector<double>{0, 1}));
  EXPECT_EQ(rollout_weights(config, 1), std::vector<double>{1});
}

/// The toy run with one sample per step and rollouts of `steps`.
TrainRequest rollout_request(const RunFolder& run, int64_t steps) {
  TrainRequest request = toy_request(run / "run");
  // A start away from persistence, so that the second step depends on the first.
  request.model = toy_model({"head_init=default"});
  request.train.slots = 1;
  request.train.batch = 2;
  request.reproducible = false;
  request.train.rollout.schedule = {{0, steps}};
  return request;
}

/// Gradient by the trainer's own step.
torch::Tensor gradient_of(const TrainRequest& request, double* loss = nullptr) {
  Session session = make_session(request);
  Dataset set(session.store, session.layout, request.data.train, request.data, "train");
  const SamplePlan samples(request.train, request.seed, [&](int64_t k) { return set.add_rollout(k), set.size(k); });
  DataAxis axis;
  const Augmentation none({}, session.layout, 1);
  const SlotPlan plan = plan_slots(request.train, request.reproducible, 0, 1);
  Loader loader(set, samples, none, plan, 0, 1, 0);
  const auto result = TrainStep(session, axis, plan).run(loader);
  if (loss != nullptr) *loss = result.loss;
  return session.parameters->gradient().clone();
}

/// The same from the definition: mean absolute errors of chained predictions, plain autograd.
torch::Tensor gradient_by_hand(const TrainRequest& request, const std::vector<double>& weights, bool cuts,
                               double* loss = nullptr) {
  const Session session = make_session(request);
  const auto steps = static_cast<int64_t>(weights.size());
  Dataset set(session.store, session.layout, request.data.train, request.data, "train");
  set.add_rollout(steps);
  Sampler sampler(set.size(steps), 2, request.seed, false);
  const Batch batch = set.load(sampler.samples_of(0), steps);
  State state = session.normaliser->normalise(batch.input);
  torch::Tensor total = torch::zeros({}, torch::kFloat64);
  for (int64_t k = 0; k < steps; ++k) {
    if (cuts) state.surface = state.surface.detach();
    state = session.model->predict_normalised(state);
    const auto target = session.normaliser->normalise(batch.target_of(k)).surface;
    total = total + 0.25 * weights[static_cast<size_t>(k)] * (state.surface - target).abs().mean();
  }
  torch::Tensor(session.parameters->gradient()).zero_();
  total.backward();
  if (loss != nullptr) *loss = total.item<double>();
  return session.parameters->gradient().clone();
}

double relative(const torch::Tensor& a, const torch::Tensor& b) { return ((a - b).norm() / b.norm()).item<double>(); }

constexpr double kRounding = 2e-6;  // float32 means summed in another order

TEST(RolloutTraining, GradientOfTwoStepsEqualsOneBuiltByHand) {
  RunFolder run("rollout_gradient");
  const auto request = rollout_request(run, 2);
  double loss = 0, by_hand = 0;
  const auto expected = gradient_by_hand(request, {0.5, 0.5}, false, &by_hand);
  EXPECT_LT(relative(gradient_of(request, &loss), expected), kRounding);
  EXPECT_NEAR(loss, by_hand, 1e-6 * by_hand);
  // The second step's dependence on the first is no small part.
  EXPECT_GT(relative(gradient_by_hand(request, {0.5, 0.5}, true), expected), 1e-2);
}

TEST(RolloutTraining, TruncationCutsTheGradientAndNothingElse) {
  RunFolder run("rollout_truncated");
  auto request = rollout_request(run, 3);
  double loss = 0, whole_loss = 0;
  const auto whole = gradient_of(request, &whole_loss);
  request.train.rollout.truncate = 1;
  request.train.rollout.step_weights = "inverse";
  double by_hand = 0;
  const auto expected = gradient_by_hand(request, {6.0 / 11, 3.0 / 11, 2.0 / 11}, true, &by_hand);
  EXPECT_LT(relative(gradient_of(request, &loss), expected), kRounding);
  EXPECT_NEAR(loss, by_hand, 1e-6 * by_hand);
  // A cut beyond the end is none.
  request.train.rollout.truncate = 3;
  request.train.rollout.step_weights = "uniform";
  EXPECT_TRUE(gradient_of(request, &loss).equal(whole));
  EXPECT_EQ(loss, whole_loss);
}

TEST(RolloutTraining, ALossOfTheLastStepAloneReachesBackToTheCut) {
  RunFolder run("rollout_last");
  auto request = rollout_request(run, 3);
  request.train.rollout.truncate = 2;  // steps 1 2 | 3
  request.train.rollout.step_weights = "last";
  EXPECT_LT(relative(gradient_of(request), gradient_by_hand(request, {0, 0, 1}, true)), kRounding);
}

void expect_equal_tensors(const TensorMap& a, const TensorMap& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) EXPECT_TRUE(torch::equal(tensor, b.at(name))) << name;
}

TEST(RolloutTraining, StoppingAtAndAroundTheBorderOfPhasesChangesNoBit) {
  RunFolder straight("rollout_straight"), parts("rollout_parts");
  auto request = toy_request(straight);
  request.model = toy_model({"dropout=0.1", "drop_path=0.1"});
  request.train.augment = {"quarter_turn"};
  request.train.rollout.schedule = {{0, 1}, {4, 2}, {7, 3}};
  request.train.rollout.truncate = 2;
  request.train.max_steps = 9;
  train(request);
  request.run_dir = parts;
  for (const int64_t stop : {3, 4, 5, 8, 0}) {
    request.train.stop_at_step = stop;
    EXPECT_EQ(train(request).steps, stop == 0 ? 9 : stop);
    request.mode = StartMode::Resume;
  }
  const auto a = read_checkpoint(straight / "checkpoints/step_00000009");
  const auto b = read_checkpoint(parts / "checkpoints/step_00000009");
  expect_equal_tensors(a.model, b.model);
  expect_equal_tensors(a.ema, b.ema);
  expect_equal_tensors(a.optimizer, b.optimizer);
  EXPECT_EQ(read_text(straight / "metrics.jsonl"), read_text(parts / "metrics.jsonl"));
}

TEST(RolloutTraining, ActivationCheckpointingChangesNoBit) {
  RunFolder plain("rollout_plain"), again("rollout_again");
  for (const char* precision : {"fp32", "bf16"}) {
    auto request = toy_request(plain);
    request.overwrite = true;
    request.precision = precision;
    request.model = toy_model({"dropout=0.1", "drop_path=0.1", "attention_dropout=0.1"});
    request.train.rollout.schedule = {{0, 2}};
    request.train.max_steps = 3;
    train(request);
    request.run_dir = again;
    request.train.activation_checkpointing = {"stage0", "stage2"};
    request.train.stop_at_step = 2;
    request.mode = StartMode::Fresh;
    train(request);
    request.mode = StartMode::Resume;
    request.train.stop_at_step = 0;
    request.train.activation_checkpointing = {"stages"};  // a matter of memory: a resumed run may change it
    train(request);
    const auto a = read_checkpoint(plain / "checkpoints/step_00000003");
    const auto b = read_checkpoint(again / "checkpoints/step_00000003");
    expect_equal_tensors(a.model, b.model);
    expect_equal_tensors(a.optimizer, b.optimizer);
  }
}

}  // namespace
}  // namespace pear::forecast

#include "forecast/train/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <sstream>

#include "base/error.h"
#include "base/signals.h"
#include "forecast/train/checkpoint.h"
#include "forecast/train/dataset.h"
#include "forecast/train/trained_model.h"
#include "tests/forecast/train/toy_run.h"

namespace pear::forecast {
namespace {
namespace fs = std::filesystem;
using testing::RunFolder;
using testing::toy_model;
using testing::toy_request;
using testing::wind_store;

std::vector<nlohmann::json> metric_rows(const fs::path& run_dir, const std::string& kind) {
  std::vector<nlohmann::json> rows;
  std::istringstream lines(read_text(run_dir / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);)
    if (auto row = nlohmann::json::parse(line); row.at("kind") == kind) rows.push_back(std::move(row));
  return rows;
}

std::vector<double> losses(const fs::path& run_dir) {
  std::vector<double> out;
  for (const auto& row : metric_rows(run_dir, "train")) out.push_back(row.at("loss").get<double>());
  return out;
}

std::string error_of(const TrainRequest& request) {
  try {
    train(request);
  } catch (const Error& e) {
    return e.code() + ": " + e.what();
  }
  return "no error";
}

void expect_equal_tensors(const TensorMap& a, const TensorMap& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) EXPECT_TRUE(torch::equal(tensor, b.at(name))) << name;
}

TEST(Trainer, OverfitsFourSamplesFarBelowPersistence) {
  RunFolder run("overfit");
  auto request = toy_request(run);
  request.data.train.period = Period{parse_time("2018-10-01"), parse_time("2018-10-02"), hours(6)};  // 4 pairs
  request.data.select = request.data.train;
  request.data.allow_overlap = true;
  request.train.max_steps = 150;
  request.train.lr = 1e-2;
  request.train.slots = 1;
  request.train.batch = 4;
  request.train.validate_every_epochs = 50;
  request.train.ema.decay = 0;
  const auto result = train(request);
  EXPECT_EQ(result.steps, 150);
  const auto last = metric_rows(run, "validation").back();
  for (const char* c : {"u10", "v10"})
    EXPECT_LT(last.at(std::string("rmse_") + c).get<double>(),
              0.5 * last.at(std::string("persistence_") + c).get<double>())
        << c;
}

TEST(Trainer, PersistenceBesideTheScoreIsTheRmsOfTheChange) {
  RunFolder run("persistence");
  auto request = toy_request(run);
  request.train.max_steps = 3;
  train(request);
  // u(h+6) - u(h) = 8 cos(lat) (cos(p - d) - cos p), d = pi/4; mean square over the sphere and all lon:
  // 64 * (2/3) * (1/2) * (2 - 2 cos d). The pixel sum of cos^2(lat) cos^2(lon) is exact to the tolerance.
  const double expected = std::sqrt(64.0 / 3.0 * (2 - 2 * std::cos(std::numbers::pi / 4)));
  EXPECT_NEAR(metric_rows(run, "validation").back().at("persistence_u10").get<double>(), expected, 0.02 * expected);
}

TEST(Trainer, SameSeedGivesTheSameCurveAndAnotherSeedAnother) {
  RunFolder a("seed_a"), b("seed_b"), c("seed_c");
  train(toy_request(a));
  train(toy_request(b));
  auto other = toy_request(c);
  other.seed = 4;
  train(other);
  EXPECT_EQ(losses(a).size(), 12u);
  EXPECT_EQ(losses(a), losses(b));
  EXPECT_NE(losses(a), losses(c));
  EXPECT_EQ(read_text(a / "metrics.csv"), read_text(b / "metrics.csv"));
}

TEST(Trainer, SlotsAddUpToOneLargeBatch) {
  RunFolder a("slots"), b("batch");
  auto slots = toy_request(a), batch = toy_request(b);
  slots.train.slots = 4;
  slots.train.batch = 1;
  batch.train.slots = 1;
  batch.train.batch = 4;
  slots.train.max_steps = batch.train.max_steps = 3;
  train(slots);
  train(batch);
  const auto x = losses(a), y = losses(b);
  ASSERT_EQ(x.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(x[i], y[i], 1e-4 * y[i]);  // float32 sums in another order
}

TEST(Trainer, StoppingAndResumingChangesNoBit) {
  RunFolder straight("straight"), parts("parts");
  auto request = toy_request(straight);
  request.train.validate_every_steps = 4;
  train(request);
  request.run_dir = parts;
  request.train.stop_at_step = 5;  // in the middle of the second epoch (3 steps each)
  EXPECT_EQ(train(request).steps, 5);
  request.mode = StartMode::Resume;
  request.train.stop_at_step = 7;
  train(request);
  request.train.stop_at_step = 0;
  EXPECT_EQ(train(request).steps, 12);
  const auto a = read_checkpoint(straight / "checkpoints/step_00000012");
  const auto b = read_checkpoint(parts / "checkpoints/step_00000012");
  expect_equal_tensors(a.model, b.model);
  expect_equal_tensors(a.ema, b.ema);
  expect_equal_tensors(a.optimizer, b.optimizer);
  EXPECT_EQ(a.state.at("progress"), b.state.at("progress"));
  EXPECT_EQ(read_text(straight / "metrics.jsonl"), read_text(parts / "metrics.jsonl"));
}

TEST(Trainer, AStopRequestSavesAndLeaves) {
  RunFolder run("signal");
  auto request = toy_request(run);
  request_stop();
  EXPECT_THROW(train(request), StoppedBySignal);
  clear_stop_request();
  EXPECT_EQ(fs::path(*newest_valid_checkpoint(run / "checkpoints")).filename(), "step_00000001");
  request.mode = StartMode::Resume;
  EXPECT_EQ(train(request).steps, 12);
}

TEST(Trainer, ResumeFallsBackWhenTheNewestCheckpointIsDamaged) {
  RunFolder run("fallback"), straight("fallback_straight");
  auto request = toy_request(run);
  request.checkpoint.every_steps = 4;
  train(request);
  fs::remove(run / "checkpoints/step_00000012/MANIFEST.json");
  request.mode = StartMode::Resume;
  EXPECT_EQ(train(request).steps, 12);
  request.run_dir = straight;
  request.mode = StartMode::Fresh;
  train(request);
  expect_equal_tensors(read_checkpoint(run / "checkpoints/step_00000012").model,
                       read_checkpoint(straight / "checkpoints/step_00000012").model);
  EXPECT_EQ(losses(run), losses(straight));
}

TEST(Trainer, ResumeRefusesAnotherConfigurationOrOtherDataAndNamesThem) {
  RunFolder run("changed");
  auto request = toy_request(run);
  request.train.max_steps = 2;
  train(request);
  request.mode = StartMode::Resume;
  auto changed = request;
  changed.train.lr = 1e-4;
  EXPECT_NE(error_of(changed).find("train.lr: 0.002 -> 0.0001"), std::string::npos) << error_of(changed);
  changed = request;
  changed.store = wind_store(8, 24, testing::turning_wind, {}, "other");
  EXPECT_NE(error_of(changed).find("DataChanged"), std::string::npos);
  changed = request;
  changed.store = wind_store(4, 24);
  const auto text = error_of(changed);
  for (const char* part : {"GridMismatch", "healpix:8", "healpix:4"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  changed = request;
  changed.data.prefetch = 0;
  changed.checkpoint.keep_last = 9;
  EXPECT_EQ(error_of(changed), "no error");  // free keys
}

TEST(Trainer, AFreshRunRefusesAnOldFolderUnlessToldToOverwrite) {
  RunFolder run("exists");
  auto request = toy_request(run);
  request.train.max_steps = 1;
  train(request);
  EXPECT_NE(error_of(request).find("RunExists"), std::string::npos);
  request.overwrite = true;
  EXPECT_EQ(error_of(request), "no error");
}

TEST(Trainer, ForkKeepsMomentsAndStepAndAllowsAnotherSchedule) {
  RunFolder parent("fork_parent"), child("fork_child");
  auto request = toy_request(parent);
  request.train.max_steps = 4;
  train(request);
  request.run_dir = child;
  request.mode = StartMode::Fork;
  request.start_path = parent;
  request.train.max_steps = 6;
  request.train.lr = 1e-4;
  EXPECT_EQ(train(request).steps, 6);
  const auto state = read_checkpoint_state(child / "checkpoints/step_00000006");
  EXPECT_EQ(state.at("parent").at("step"), 4);
  EXPECT_EQ(state.at("num_updates"), 6);
  EXPECT_EQ(losses(child).size(), 2u);
}

TEST(Trainer, WarmStartTakesWeightsByNameAndIsStrict) {
  RunFolder parent("warm_parent"), child("warm_child"), other("warm_other");
  auto request = toy_request(parent);
  request.train.max_steps = 2;
  train(request);
  request.mode = StartMode::WarmStart;
  request.start_path = parent;
  request.start_weights = WeightsKind::Raw;
  request.run_dir = child;
  request.train.lr = 1e-30;  // next to nothing moves, so the child keeps the parent's weights
  request.train.weight_decay = 0;
  EXPECT_EQ(train(request).steps, 2);
  const auto old_weights = read_checkpoint(parent / "checkpoints/step_00000002").model;
  const auto new_weights = read_checkpoint(child / "checkpoints/step_00000002").model;
  ASSERT_EQ(old_weights.size(), new_weights.size());
  for (const auto& [name, tensor] : old_weights)  // weights that are exactly 0 move by the learning rate
    EXPECT_TRUE(torch::allclose(tensor, new_weights.at(name), 0, 1e-28)) << name;
  request.run_dir = other;
  request.model = toy_model({"dims=[12, 24, 24, 12]"});
  EXPECT_NE(error_of(request).find("WeightMismatch"), std::string::npos) << error_of(request);
  request.warm_start_strict = false;
  EXPECT_EQ(error_of(request), "no error");
}

TEST(Trainer, AnExplodingRunStopsWithAClearMessageAndKeepsTheCheckpoint) {
  RunFolder run("explode");
  auto request = toy_request(run);
  request.train.max_steps = 40;
  request.checkpoint.every_steps = 1;
  request.checkpoint.keep_last = 1;
  request.train.loss.kind = "l2";
  request.train.lr = 1e25;
  request.data.select = {};
  const auto text = error_of(request);
  EXPECT_NE(text.find("NonFinite"), std::string::npos) << text;
  EXPECT_NE(text.find("step "), std::string::npos);
  EXPECT_NE(text.find("train.lr"), std::string::npos);
  const auto newest = newest_valid_checkpoint(run / "checkpoints");
  ASSERT_TRUE(newest.has_value());
  for (const auto& [name, tensor] : read_checkpoint(*newest).model)
    EXPECT_TRUE(torch::isfinite(tensor).all().item<bool>()) << name;
}

TEST(Trainer, TheBestCheckpointIsTheOneWithTheLowestMetric) {
  RunFolder run("best");
  auto request = toy_request(run);
  request.train.validate_every_steps = 2;
  request.train.best_metric = "rmse_v10";
  request.checkpoint.keep_last = 1;
  const auto result = train(request);
  double lowest = 1e30;
  int64_t step = 0;
  for (const auto& row : metric_rows(run, "validation"))
    if (row.at("rmse_v10").get<double>() < lowest) lowest = row.at("rmse_v10"), step = row.at("step");
  EXPECT_EQ(result.best_step, step);
  EXPECT_DOUBLE_EQ(*result.best_value, lowest);
  EXPECT_EQ(nlohmann::json::parse(read_text(run / "checkpoints/best.json")).at("step"), step);
  EXPECT_FALSE(checkpoint_problem(result.best_checkpoint).has_value());
}

TEST(TrainedModel, ForecastsFromTheCheckpointAloneLikeValidation) {
  RunFolder run("trained");
  auto request = toy_request(run);
  request.train.max_steps = 30;
  const auto result = train(request);
  const auto model = load_trained_model(run, torch::kCPU, WeightsKind::Auto);
  EXPECT_EQ(model->step_length(), hours(6));
  EXPECT_EQ(model->layout().surface, (std::vector<std::string>{"u10", "v10"}));
  const Dataset select(request.store, model->layout(), request.data.select, request.data, "select");
  double squares = 0;
  for (int64_t i = 0; i < select.size(); ++i) {
    const auto batch = select.load(std::vector<int64_t>{i});
    const auto next = model->step(batch.input, batch.pairs[0].input);
    squares += (next.surface - batch.target.surface)[0][0].to(torch::kFloat64).square().mean().item<double>();
  }
  const auto rows = metric_rows(run, "validation");
  double expected = 0;
  for (const auto& row : rows)
    if (row.at("step") == *result.best_step) expected = row.at("rmse_u10");
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(select.size())), expected, 1e-5 * expected);
}

TEST(TrainedModel, RawAndAveragedWeightsDifferAndMissingOnesAreAnError) {
  RunFolder run("weights"), plain("no_ema");
  auto request = toy_request(run);
  train(request);
  const auto raw = load_trained_model(run / "checkpoints/last.json", torch::kCPU, WeightsKind::Raw);
  const auto ema = load_trained_model(run / "checkpoints/step_00000012", torch::kCPU, WeightsKind::Ema);
  bool differ = false;
  for (size_t i = 0; i < raw->network().parameters().size(); ++i)
    differ = differ || !torch::equal(raw->network().parameters()[i], ema->network().parameters()[i]);
  EXPECT_TRUE(differ);
  request.run_dir = plain;
  request.train.ema.decay = 0;
  train(request);
  EXPECT_THROW(load_trained_model(plain, torch::kCPU, WeightsKind::Ema), DataError);
  EXPECT_NO_THROW(load_trained_model(plain, torch::kCPU, WeightsKind::Auto));
  EXPECT_THROW(load_trained_model(plain / "nowhere"), DataError);
  fs::remove(run / "checkpoints/step_00000012/MANIFEST.json");
  EXPECT_THROW(load_trained_model(run / "checkpoints/step_00000012"), DataError);
}

TEST(TrainedModel, AStoreOnAnotherGridIsRefusedByNameOfBothGrids) {
  RunFolder run("grid");
  auto request = toy_request(run);
  request.train.max_steps = 1;
  train(request);
  const auto model = load_trained_model(run);
  EXPECT_NO_THROW(check_store_fits(model->layout(), *request.store, "ckpt", "store"));
  try {
    check_store_fits(model->layout(), *wind_store(16, 3), "ckpt", "store");
    ADD_FAILURE();
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "GridMismatch");
    for (const char* part : {"healpix:8", "healpix:16", "ckpt", "store"})
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace pear::forecast

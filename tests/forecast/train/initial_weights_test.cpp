// `model.weights`: where training starts, and what forecasts without a checkpoint use.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "base/error.h"
#include "forecast/model/published_names.h"
#include "forecast/train/dataset.h"
#include "forecast/train/session.h"
#include "forecast/train/trained_model.h"
#include "io/safetensors.h"
#include "tests/forecast/train/toy_run.h"
#include "tests/support/caught.h"

namespace pear::forecast {
namespace {

using pear::testing::caught;

namespace fs = std::filesystem;

/// A network with other weights than any run of the tests would draw.
std::shared_ptr<Network> other_network(const TrainRequest& request, const ModelConfig& config) {
  torch::manual_seed(77);
  auto network = make_network(config, layout_from_store(request.data, *request.store));
  const torch::NoGradGuard no_grad;
  for (auto& p : network->parameters()) p.copy_(0.1 * torch::randn(p.sizes()));
  return network;
}

TensorMap own_names(const Network& network) {
  TensorMap tensors;
  for (const auto& item : network.named_parameters()) tensors[item.key()] = item.value().detach();
  return tensors;
}

void expect_same_weights(const Network& a, const Network& b) {
  const auto left = a.named_parameters(), right = b.named_parameters();
  ASSERT_EQ(left.size(), right.size());
  for (const auto& item : left) EXPECT_TRUE(item.value().equal(right[item.key()])) << item.key();
}

TEST(InitialWeights, TrainingStartsFromAFileWithOurOrThePublishedNames) {
  const testing::RunFolder dir("initial_weights");
  for (const bool published : {false, true}) {
    TrainRequest request = testing::toy_request(dir / (published ? "published" : "own"));
    const auto source = other_network(request, request.model);
    const fs::path file = dir / "weights.safetensors";
    io::write_safetensors(file,
                          {.metadata = {}, .tensors = published ? export_published(*source) : own_names(*source)});
    request.model.weights = Path(file.string());
    const Session s = make_session(request);
    expect_same_weights(s.model->network(), *source);
    // The average starts there too, and the run remembers its origin.
    for (const auto& entry : s.parameters->entries())
      EXPECT_TRUE(FlatParameters::view_of(s.ema->average(), entry).equal(source->named_parameters()[entry.name]));
    EXPECT_EQ(s.parent.at("weights"), "weights.safetensors");
    EXPECT_EQ(s.parent.at("sha256").get<std::string>().size(), 64u);
  }
}

TEST(InitialWeights, WithoutTheKeyTheRunDrawsItsOwn) {
  const testing::RunFolder dir("initial_none");
  const TrainRequest request = testing::toy_request(dir / "run");
  const Session s = make_session(request);
  const auto source = other_network(request, request.model);
  EXPECT_FALSE(s.model->network().parameters()[0].equal(source->parameters()[0]));
  EXPECT_TRUE(s.parent.is_null());
}

TEST(InitialWeights, AResumedRunDoesNotReadTheFileAgain) {
  const testing::RunFolder dir("initial_resume");
  TrainRequest request = testing::toy_request(dir / "run");
  const fs::path file = dir / "weights.safetensors";
  io::write_safetensors(file, {.metadata = {}, .tensors = own_names(*other_network(request, request.model))});
  request.model.weights = Path(file.string());
  request.train.stop_at_step = 2;
  train(request);
  fs::remove(file);
  request.mode = StartMode::Resume;
  request.train.stop_at_step = 4;
  const auto r = train(request);
  EXPECT_EQ(r.steps, 4);
  EXPECT_EQ(read_checkpoint_state(r.last_checkpoint).at("parent").at("weights"), "weights.safetensors");
}

TEST(InitialWeights, FilesThatDoNotFitAreRefusedByName) {
  const testing::RunFolder dir("initial_misfit");
  TrainRequest request = testing::toy_request(dir / "run");
  request.model.weights = Path((dir / "absent.safetensors").string());
  EXPECT_EQ(caught([&] { make_session(request); }).code(), "FileNotFound");
  auto tensors = own_names(*other_network(request, request.model));
  const std::string name = tensors.begin()->first;
  tensors.erase(name);
  io::write_safetensors(dir / "short.safetensors", {.metadata = {}, .tensors = tensors});
  request.model.weights = Path((dir / "short.safetensors").string());
  const auto e = caught([&] { make_session(request); });
  EXPECT_EQ(e.code(), "WeightMismatch");
  EXPECT_NE(e.detail().found.find("missing " + name), std::string::npos) << e.what();
  EXPECT_NE(e.detail().what.find("short.safetensors"), std::string::npos) << e.what();
}

TEST(InitialWeights, AModelFromAFileForecastsWithTheStatisticsOfTheStore) {
  const testing::RunFolder dir("initial_forecast");
  TrainRequest request = testing::toy_request(dir / "run");
  request.model = testing::toy_model({"output=state"});
  const auto source = other_network(request, request.model);
  source->eval();
  io::write_safetensors(dir / "w.safetensors", {.metadata = {}, .tensors = export_published(*source)});
  request.model.weights = Path((dir / "w.safetensors").string());
  const auto model = model_from_weights(request.model, request.data, *request.store);
  EXPECT_EQ(model->layout(), source->layout());
  EXPECT_EQ(model->step_length(), request.data.lead_or_every());

  const StateLayout& layout = source->layout();
  const torch::Tensor x = torch::randn({1, layout.num_surface(), layout.grid.num_cells()});
  torch::Tensor mean = torch::empty({1, layout.num_surface(), 1}), stddev = torch::empty_like(mean);
  for (int64_t v = 0; v < layout.num_surface(); ++v) {
    const auto& s = request.store->statistics(request.store->variable_index(layout.surface[static_cast<size_t>(v)]));
    mean[0][v][0] = s.mean[0];
    stddev[0][v][0] = s.stddev[0];
  }
  const torch::NoGradGuard no_grad;
  const torch::Tensor expected = source->forward({(x - mean) / stddev, {}}).surface * stddev + mean;
  const torch::Tensor found = model->step({x, {}}, parse_time("2018-10-01")).surface;
  // The same arithmetic in another order, in float32.
  EXPECT_LT((found - expected).abs().max().item<double>(), 1e-4 * expected.abs().max().item<double>());
}

}  // namespace
}  // namespace pear::forecast

// A sample shared by ranks against the same sample on one: alone by CTest's discovery, and under mpirun
// (CMakeLists.txt). Every rank runs every test, the whole network as its own oracle; a failure on one fails all.
#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "distributed/communicator.h"
#include "forecast/model/pear.h"
#include "forecast/train/autocast.h"
#include "forecast/train/checkpoint.h"
#include "forecast/train/parallel_axis.h"
#include "sphere/window/nested_windows.h"
#include "tests/forecast/train/toy_run.h"
#include "tests/support/caught.h"

namespace pear::forecast {
namespace {

distributed::Communicator* world = nullptr;  // MPI starts once in a program

/// Two variables at the surface and two on five levels; coarse stages of 12 windows, as the published network has.
StateLayout layout() {
  return {sphere::Grid(sphere::HealpixGrid{16, sphere::PixelOrder::Nested}),
          {"msl", "t2m"},
          {"z", "t"},
          {1000, 850, 500, 300, 100}};
}

ModelConfig model(const std::vector<std::string>& extra = {}) {
  std::vector<std::string> keys{"name=pear",           "patch=[2, 4]",       "dims=[16, 32, 32, 16]",
                                "depths=[2, 3, 2, 2]", "heads=[2, 4, 4, 2]", "window=[2, 16]"};
  keys.insert(keys.end(), extra.begin(), extra.end());
  ModelConfig config;
  read_config(config, {.file = {}, .overrides = keys});
  return config;
}

torch::Tensor waves(const std::vector<int64_t>& shape, double phase, torch::ScalarType type) {
  int64_t n = 1;
  for (const int64_t extent : shape) n *= extent;
  return ((torch::arange(n, torch::kFloat64) * (0.37 + 0.01 * phase) + phase).sin()).view(shape).to(type);
}

State state(torch::ScalarType type, double phase) {
  const int64_t cells = layout().grid.num_cells();
  return {waves({2, 2, cells}, phase, type), waves({2, 2, 5, cells}, phase + 1, type)};
}

State own(const State& whole, const DomainPart& part) {
  const int64_t all = whole.surface.size(-1);
  const auto take = [&](const torch::Tensor& x) { return x.narrow(-1, part.first_of(all), part.count_of(all)); };
  return {take(whole.surface), take(whole.upper)};
}

/// The same weights whoever builds it, none negligible.
std::shared_ptr<Network> network(const ModelConfig& config, torch::ScalarType type, const DomainPart& part = {}) {
  torch::manual_seed(5);
  auto net = make_network(config, layout(), part);
  net->to(type);
  const torch::NoGradGuard no_grad;
  double phase = 1;
  for (auto& p : net->parameters()) p.add_(waves(p.sizes().vec(), phase++, type) * 0.1);
  return net;
}

/// The axis of this program: one sample shared by all ranks.
std::shared_ptr<ParallelAxis> shared_axis() { return std::make_shared<ParallelAxis>(*world, ParallelConfig{}, world); }

/// Sum over the ranks.
torch::Tensor summed(const torch::Tensor& t) {
  auto all = t.detach().to(torch::kFloat64).contiguous().clone();
  world->all_reduce(std::span(all.mutable_data_ptr<double>(), static_cast<size_t>(all.numel())),
                    distributed::Reduction::Sum);
  return all;
}

double largest(const torch::Tensor& t) { return t.detach().abs().max().item<double>(); }

/// A loss that tells cells apart; sums over the parts give that of the whole.
torch::Tensor loss_of(const State& y, const State& weights) {
  return (y.surface.to(torch::kFloat64) * weights.surface).sum() + (y.upper.to(torch::kFloat64) * weights.upper).sum();
}

struct Difference {
  double output = 0, input_gradient = 0, parameter_gradient = 0;  ///< largest, over the largest of the whole
};

/// A rollout of two steps with all stages computed again if asked, shared and whole.
Difference compare(const ModelConfig& config, torch::ScalarType type, bool again = false, bool bf16 = false) {
  const auto axis = shared_axis();
  const DomainPart part = axis->domain();
  const auto run = [&](Network& net, const State& x, const State& weights) {
    if (again) net.set_checkpointed_stages({0, 1, 2, 3});
    State y;
    {
      const Autocast autocast(torch::kCPU, bf16);
      y = net.forward(net.forward(x));
    }
    loss_of(y, weights).backward();
    return y;
  };
  const auto leaf = [](const State& x) {
    return State{x.surface.detach().clone().requires_grad_(), x.upper.detach().clone().requires_grad_()};
  };
  const State weights = state(torch::kFloat64, 7);
  const auto whole = network(config, type), shared = network(config, type, part);
  const State x = leaf(state(type, 3)), own_x = leaf(own(state(type, 3), part));
  const State y = run(*whole, x, weights), own_y = run(*shared, own_x, own(weights, part));
  Difference d;
  const State expected = own(y, part), grad = own({x.surface.grad(), x.upper.grad()}, part);
  d.output = std::max(largest(own_y.surface - expected.surface), largest(own_y.upper - expected.upper)) /
             std::max(largest(y.surface), largest(y.upper));
  d.input_gradient = std::max(largest(own_x.surface.grad() - grad.surface), largest(own_x.upper.grad() - grad.upper)) /
                     std::max(largest(x.surface.grad()), largest(x.upper.grad()));
  const auto a = whole->parameters(), b = shared->parameters();
  double scale = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    d.parameter_gradient = std::max(d.parameter_gradient, largest(summed(b[i].grad()) - a[i].grad()));
    scale = std::max(scale, largest(a[i].grad()));
  }
  d.parameter_gradient /= scale;
  return d;
}

void expect_within(const Difference& d, double tolerance) {
  EXPECT_LT(d.output, tolerance);
  EXPECT_LT(d.input_gradient, tolerance);
  EXPECT_LT(d.parameter_gradient, tolerance);
}

TEST(Domain, ForwardAndGradientsEqualThoseOfOneRank) { expect_within(compare(model(), torch::kFloat64), 1e-12); }

TEST(Domain, EveryShiftAndMaskIsSharedAlike) {
  for (const char* key : {"fidelity=corrected", "shift=per_ring", "shift=grid", "shift=none", "position_bias=none"})
    expect_within(compare(model({key}), torch::kFloat64), 1e-12);
}

TEST(Domain, ComputingAgainRepeatsTheExchanges) {
  expect_within(compare(model(), torch::kFloat64, /*again=*/true), 1e-12);
}

TEST(Domain, FusedLoopsInFloat32AgreeToRounding) { expect_within(compare(model(), torch::kFloat32), 2e-5); }

TEST(Domain, AutocastToBfloat16AgreesToItsRounding) {
  expect_within(compare(model(), torch::kFloat32, /*again=*/false, /*bf16=*/true), 5e-2);
}

TEST(Domain, BytesAreThoseOfThePlan) {
  auto counters = std::make_shared<ExchangeCounters>();
  const int64_t parts = world->size();
  const auto plan = sphere::exchange_plan_of(*sphere::partition_from_spec("nested:n8:2x16:spiral+2:published", 4),
                                             parts, world->rank());
  const auto exchange = std::make_shared<DomainExchange>(*world, plan, counters);
  for (const auto& [type, bytes] : {std::pair{torch::kFloat64, 8}, {torch::kFloat32, 4}, {torch::kBFloat16, 2}}) {
    *counters = {};
    const auto x = waves({2, 4, 768 / parts, 6}, world->rank(), type).requires_grad_();
    const auto y = exchange->unshift(exchange->shift(x));
    EXPECT_TRUE(y.equal(x));
    EXPECT_EQ(counters->num_exchanges, 2);
    y.sum().backward();
    EXPECT_EQ(counters->num_exchanges, 4);
    // A rank may send more one way than the other; over all ranks both ways are alike.
    EXPECT_EQ(
        summed(torch::tensor(static_cast<double>(counters->bytes_sent)).view({1})).item<double>(),
        4 * summed(torch::tensor(static_cast<double>(plan.num_sent())).view({1})).item<double>() * 2 * 4 * 6 * bytes);
  }
}

TEST(Domain, ASampleExchangesTheBytesThatItsConfigurationPredicts) {
  for (const bool again : {false, true}) {
    const auto axis = shared_axis();
    const auto net = network(model(), torch::kFloat32, axis->domain());
    if (again) net->set_checkpointed_stages({1, 2});
    const State x = own(state(torch::kFloat32, 3), axis->domain());
    const State y = net->forward(x);
    (y.surface.sum() + y.upper.sum()).backward();
    std::vector<int64_t> busiest{axis->exchanged().bytes_sent};
    world->all_reduce(std::span(busiest), distributed::Reduction::Max);
    const auto by_stage = exchange_bytes(model(), layout(), world->size());
    int64_t expected = 0;
    for (size_t stage = 0; stage < by_stage.size(); ++stage)
      expected += 2 * by_stage[stage] * (again && (stage == 1 || stage == 2) ? 3 : 2);  // two samples
    // The busiest part may be another one in the fine and in the coarse stages.
    EXPECT_LE(busiest[0], expected);
    EXPECT_GE(busiest[0], world->size() == 1 ? 0 : expected * 9 / 10);
    const int64_t shifts = 4, shifts_again = again ? 2 : 0;
    EXPECT_EQ(axis->exchanged().num_exchanges, world->size() == 1 ? 0 : 2 * (2 * shifts + shifts_again));
  }
}

TEST(Domain, OddRowsOfBfloat16TravelToo) {
  const auto plan = sphere::exchange_plan_of(*sphere::partition_from_spec("nested:n4:1x16:spiral+2:published", 1),
                                             world->size(), world->rank());
  const auto exchange = std::make_shared<DomainExchange>(*world, plan, std::make_shared<ExchangeCounters>());
  const auto x = waves({1, 1, 192 / world->size(), 3}, world->rank(), torch::kBFloat16);
  EXPECT_TRUE(exchange->unshift(exchange->shift(x)).equal(x));
  EXPECT_EQ(pear::testing::code_of_error([&] { exchange->shift(x.narrow(2, 0, 1)); }), "ShapeError SizeMismatch");
}

TEST(Domain, NetworksThatCannotBeSharedAreRefused) {
  const auto code = [](const ModelConfig& config, int64_t parts) {
    return pear::testing::code_of_error([&] { require_parts(config, layout(), parts); });
  };
  EXPECT_EQ(code(model(), 12), "none nothing thrown");
  EXPECT_EQ(code(model(), 5), "ConfigError BadDomain");
  EXPECT_EQ(code(model(), 24), "ConfigError BadDomain");
  EXPECT_EQ(code(model({"dropout=0.1"}), 2), "ConfigError BadDomain");
  EXPECT_EQ(code(model({"attention_dropout=0.1"}), 2), "ConfigError BadDomain");
  EXPECT_EQ(code(model({"drop_path=0.1"}), 2), "none nothing thrown");
  ModelConfig twin = model();
  twin.name = "pangu_twin";
  EXPECT_EQ(code(twin, 2), "ConfigError BadDomain");
  const auto e = pear::testing::caught([] { require_parts(model(), layout(), 5); });
  EXPECT_NE(std::string(e.what()).find("1, 2, 3, 4, 6, 12"), std::string::npos) << e.what();
}

/// A run of the trainer on a toy whose coarse stages have 12 windows, its weights and losses at the end.
struct Run {
  torch::Tensor weights;
  TrainResult result;
};

Run run_training(const std::string& name, const std::shared_ptr<DataAxis>& axis,
                 const std::function<void(TrainRequest&)>& change) {
  const testing::RunFolder folder(name);
  TrainRequest request = testing::toy_request(folder);
  if (axis) {  // every rank writes to the folder of rank 0
    std::string run_dir = request.run_dir.string();
    axis->broadcast(run_dir);
    request.run_dir = run_dir;
  }
  request.model = testing::toy_model({"window=[1, 4]", "ring_shift=1"});
  request.train.max_steps = 4;
  request.train.eps = 1e-4;  // key biases have no gradient but rounding, of which Adam would make whole steps
  change(request);
  request.data_axis = axis;
  Run run;
  run.result = train(request);
  if (axis && axis->rank() != 0) return run;
  std::vector<torch::Tensor> parts;
  for (const auto& [tensor, value] : read_checkpoint(run.result.last_checkpoint, false).model)
    parts.push_back(value.flatten());
  run.weights = at::cat(parts);
  return run;
}

void expect_same_training(const std::string& name, const std::function<void(TrainRequest&)>& change) {
  if (world->size() == 1) GTEST_SKIP() << "needs several ranks";
  const auto shared = run_training(name + "_shared", shared_axis(), change);
  if (world->is_leader()) {
    const auto alone = run_training(name + "_alone", nullptr, change);
    EXPECT_NEAR(shared.result.last_loss, alone.result.last_loss, 1e-5 * alone.result.last_loss);
    EXPECT_NEAR(*shared.result.best_value, *alone.result.best_value, 1e-5 * *alone.result.best_value);
    EXPECT_LT(largest(shared.weights - alone.weights), 1e-4);
    EXPECT_GT(largest(alone.weights), 0.1);
  }
  world->barrier();
}

TEST(Domain, TrainingWithTurnedSamplesAndDropPathEqualsThatOfOneRank) {
  expect_same_training("domain_augment", [](TrainRequest& r) {
    r.train.augment = {"quarter_turn", "equator_mirror"};
    r.model.drop_path = 0.3;
  });
}

TEST(Domain, TrainingThroughRolloutsComputedAgainEqualsThatOfOneRank) {
  expect_same_training("domain_rollout", [](TrainRequest& r) {
    r.train.rollout.schedule = {{0, 1}, {1, 3}};
    r.train.rollout.truncate = 2;
    r.train.activation_checkpointing = {"stages"};
  });
}

}  // namespace
}  // namespace pear::forecast

int main(int argc, char** argv) {
  using namespace pear::distributed;
  ::testing::InitGoogleTest(&argc, argv);
  const Launch launch = detect_launch();
  const auto communicator = open_communicator(launch);
  pear::forecast::world = communicator.get();
  auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
  if (!communicator->is_leader()) delete listeners.Release(listeners.default_result_printer());
  const int failed = RUN_ALL_TESTS();
  if (failed != 0 || !communicator->meets_all(std::chrono::minutes(1))) communicator->abort(failed == 0 ? 1 : failed);
  return failed;
}

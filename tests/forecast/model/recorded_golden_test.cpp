// PEAR and its lat-lon twin against recorded outputs, intermediate values, gradients and a short training run of the
// published programs. Files: golden/{pear_n32_w64,pear_n32_w16_b2,dh_45x90}.json and roles_*.csv of the test data
// (README there).
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "forecast/model/pangu_twin.h"
#include "forecast/model/pear.h"
#include "tests/forecast/model/golden.h"
#include "tests/support/recorded.h"

namespace pear::forecast::testing {
namespace {

using nlohmann::json;
using pear::testing::recorded_error;

using NetworkPtr = std::shared_ptr<WindowNetwork>;

struct Case {
  const char* file;
  const char* roles;
  int64_t rows, columns, batch;  ///< rows of the last axis (1 for a list of pixels)
  std::function<NetworkPtr()> make;
  std::string prefix;                        ///< of the recorded names, before the published ones
  std::map<std::string, std::string> steps;  ///< ours -> recorded
};

StateLayout layout_on(const char* grid) {
  return {sphere::Grid::from_spec(grid),
          {"msl", "u10", "v10", "t2m"},
          {"z", "q", "t", "u", "v"},
          {1000, 925, 850, 700, 600, 500, 400, 300, 250, 200, 150, 100, 50}};
}

NetworkPtr pear_with(int64_t window, int64_t ring_shift) {
  ModelConfig config;
  config.depths = {2, 2, 2, 2};
  config.window = {2, window};
  config.ring_shift = ring_shift;
  return std::make_shared<Pear>(config, layout_on("healpix:32"));
}

NetworkPtr published_twin() {
  ModelConfig config;
  config.name = "pangu_twin";
  config.variant = "published";
  config.patch = {2, 4, 4};
  config.window = {2, 6, 12};
  return std::make_shared<PanguTwin>(config, layout_on("latlon:45x90+poles"));
}

const std::map<std::string, std::string> kPearSteps{
    {"embed", "patch_embed"}, {"block0", "layers.0.blocks.0"}, {"stage0", "layers.0"},
    {"merge", "downsample"},  {"stage1", "layers.1"},          {"stage2", "layers.2"},
    {"norm", "norm"},         {"expand", "upsample"},          {"stage3", "layers.3"}};
const std::map<std::string, std::string> kTwinSteps{
    {"block0", "layer1.blocks.0"}, {"stage0", "layer1"},   {"merge", "downsample"}, {"stage1", "layer2"},
    {"stage2", "layer3"},          {"expand", "upsample"}, {"stage3", "layer4"}};

/// Otherwise the bytes of a case are printed with its name.
void PrintTo(const Case& c, std::ostream* out) { *out << c.file; }

const Case kCases[] = {
    {"pear_n32_w64", "roles_pear_d2222_w64", 1, 12288, 1, [] { return pear_with(64, 4); }, "", kPearSteps},
    {"pear_n32_w16_b2", "roles_pear_d2222_w16", 1, 12288, 2, [] { return pear_with(16, 2); }, "", kPearSteps},
    {"dh_45x90", "roles_dh_45x90", 45, 90, 1, published_twin, "model.", kTwinSteps}};

// Nine significant digits are recorded, so that rounding alone is up to half a unit of the ninth: 5e-9 relative.
constexpr double kDouble = 5e-9;
constexpr double kFloat = 1e-4;

class RecordedNetwork : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const char* data = std::getenv("PEAR_TEST_DATA");
    folder_ = std::filesystem::path(data == nullptr ? "" : data) / "golden";
    const auto file = folder_ / (std::string(GetParam().file) + ".json");
    if (!std::filesystem::exists(file)) GTEST_SKIP() << "file " << GetParam().file << ".json absent";
    golden_ = json::parse(read_text(file));
  }

  NetworkPtr network(torch::Dtype dtype) const {
    auto net = GetParam().make();
    std::map<std::string, torch::Tensor> tensors;
    const auto shapes = export_published(*net);
    for (const auto& row : roles()) {
      const auto key = published_key(row);
      tensors[key] = hashed_tensor(shapes.at(key).sizes(), static_cast<uint32_t>(std::stoul(row.at("t"))),
                                   std::stod(row.at("offset")), std::stod(row.at("amp")));
    }
    import_weights(*net, tensors, GetParam().roles);
    net->to(dtype);
    net->eval();
    return net;
  }

  static std::string published_key(const std::map<std::string, std::string>& row) {
    const std::string key = row.at("authors_key");
    EXPECT_TRUE(key.starts_with(GetParam().prefix)) << key;
    return key.substr(GetParam().prefix.size());
  }

  std::vector<pear::testing::Row> roles() const {
    return pear::testing::read_rows(folder_ / (std::string(GetParam().roles) + ".csv"));
  }

  State input(torch::Dtype dtype) const {
    const int64_t p = GetParam().rows * GetParam().columns, b = GetParam().batch;
    auto surface = torch::empty({b, 4, p}, torch::kFloat64), upper = torch::empty({b, 5, 13, p}, torch::kFloat64);
    auto s = surface.accessor<double, 3>();
    auto u = upper.accessor<double, 4>();
    for (int64_t i = 0; i < b; ++i)
      for (int64_t c = 0; c < p; ++c) {
        const auto q = static_cast<double>(c + 777 * i);
        for (int v = 0; v < 4; ++v) s[i][v][c] = std::sin(0.01 * q * (v + 1)) + 0.1 * std::cos(q);
        for (int v = 0; v < 5; ++v)
          for (int l = 0; l < 13; ++l)
            u[i][v][l][c] =
                0.7 * std::cos(0.013 * q * (1 + 0.1 * v) + 0.5 * l + v) + 0.2 * std::sin(0.37 * q + 1.1 * l * l);
      }
    return {surface.to(torch::kFloat32).to(dtype), upper.to(torch::kFloat32).to(dtype)};
  }

  void expect_close(const std::string& what, const torch::Tensor& x, const json& record, double tolerance) {
    const double e = recorded_error(x, record.at("pos"), record.at("f64").at("val"));
    const double l2 = record.at("f64").at("l2").get<double>();
    const double norm = x.detach().to(torch::kFloat64).norm().item<double>();
    EXPECT_LT(e, tolerance) << what;
    EXPECT_LT(std::abs(norm - l2) / l2, tolerance) << what << " norm";
    largest_ = std::max(largest_, e);
  }

  void compare(torch::Dtype dtype, double tolerance);

  std::filesystem::path folder_;
  json golden_;
  double largest_ = 0;
};

/// sum_i u(i, name) y_i, the scalar that was differentiated.
torch::Tensor weighted_sum(const torch::Tensor& y, const std::string& name) {
  return (hashed_tensor(y.sizes(), fnv1a_32("loss." + name), 0, 1).to(y.options()) * y).sum();
}

void RecordedNetwork::compare(torch::Dtype dtype, double tolerance) {
  auto net = network(dtype);
  State x = input(dtype);
  x.surface.requires_grad_();
  x.upper.requires_grad_();
  size_t steps = 0;
  net->set_observer([&](const std::string& step, const torch::Tensor& value) {
    const auto recorded = GetParam().steps.find(step);
    if (recorded == GetParam().steps.end()) return;
    expect_close(step, value, golden_.at("intermediates").at(GetParam().prefix + recorded->second), tolerance);
    ++steps;
  });
  const State y = net->forward(x);
  EXPECT_EQ(steps, GetParam().steps.size());
  expect_close("surface", y.surface, golden_.at("outputs").at("logits_surface"), tolerance);
  expect_close("upper", y.upper, golden_.at("outputs").at("logits_upper"), tolerance);
  const double forward = largest_;
  largest_ = 0;
  (weighted_sum(y.surface, "logits_surface") + weighted_sum(y.upper, "logits_upper")).backward();
  expect_close("d surface", x.surface.grad(), golden_.at("grad_input").at("input_surface"), tolerance);
  expect_close("d upper", x.upper.grad(), golden_.at("grad_input").at("input_upper"), tolerance);
  std::map<std::string, torch::Tensor> gradients;
  for (const auto& item : net->named_parameters()) {
    const auto name = published_name(item.key(), net->published_style());
    const auto gradient = item.value().grad();
    gradients[name] = name.ends_with("bias_table") ? gradient.permute({2, 0, 1}) : gradient;
  }
  size_t compared = 0;
  for (const auto& row : roles()) {
    const auto& record = golden_.at("grad_params").at(row.at("role"));
    const auto& gradient = gradients.at(published_key(row));
    const double e = recorded_error(gradient, record.at("pos"), record.at("f64"));
    EXPECT_LT(e, tolerance) << row.at("role");
    largest_ = std::max(largest_, e);
    ++compared;
  }
  EXPECT_EQ(compared, golden_.at("grad_params").size());
  RecordProperty("forward_error", std::to_string(forward));
  std::printf("[ golden  ] %s %s: largest relative error forward %.2e, gradients %.2e (%zu parameters)\n",
              GetParam().file, dtype == torch::kFloat64 ? "float64" : "float32", forward, largest_, compared);
}

TEST_P(RecordedNetwork, Float64EqualsTheRecordToItsDigits) {
  EXPECT_EQ(network(torch::kFloat64)->num_parameters(), golden_.at("n_params").get<int64_t>());
  compare(torch::kFloat64, kDouble);
}

TEST_P(RecordedNetwork, Float32EqualsTheRecordToOneInTenThousand) { compare(torch::kFloat32, kFloat); }

TEST_P(RecordedNetwork, AdamWStepsGiveTheRecordedLosses) {
  const auto expected = golden_.at("l1_adamw_losses").at("f64").get<std::vector<double>>();
  auto net = network(torch::kFloat64);
  const State x = input(torch::kFloat64);
  const auto rolled = [](const torch::Tensor& t) {
    return t.unflatten(-1, {GetParam().rows, GetParam().columns}).roll(1, -1).flatten(-2);
  };
  const auto surface = rolled(x.surface), upper = rolled(x.upper);
  torch::optim::AdamW optimizer(net->parameters(), torch::optim::AdamWOptions(5e-4).weight_decay(3e-6));
  constexpr size_t kLosses = 3;  // two updates show both moments; each further step costs seconds
  ASSERT_GE(expected.size(), kLosses);
  for (size_t step = 0; step < kLosses; ++step) {
    const State y = net->forward(x);
    const auto loss = (y.upper - upper).abs().mean() + 0.25 * (y.surface - surface).abs().mean();
    EXPECT_NEAR(loss.item<double>(), expected[step], 5e-8) << "step " << step;  // Adam's sign-like first steps amplify
    if (step + 1 == kLosses) break;
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
}

INSTANTIATE_TEST_SUITE_P(Published, RecordedNetwork, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.file); });

}  // namespace
}  // namespace pear::forecast::testing

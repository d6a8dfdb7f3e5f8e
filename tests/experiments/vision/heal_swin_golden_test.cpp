// HEAL-SWIN against the published program (github JanEGerken/HEAL-SWIN b88af4c): analytic weights, whose sums stand in
// sphere-core design section 11, and recorded outputs, intermediate values and gradients: golden/healswin_*.json and
// roles_healswin_*.csv of the test data (README there).
#include <gtest/gtest.h>

#include <cstdlib>
#include <numbers>

#include "base/files.h"
#include "experiments/vision/published_names.h"
#include "tests/support/fills.h"
#include "tests/support/recorded.h"

namespace pear::vision {
namespace {

using nlohmann::json;
using pear::testing::analytic_tensor;
using pear::testing::hashed_tensor;
using pear::testing::recorded_error;

HealSwinConfig small_config(const std::string& shift) {
  HealSwinConfig c;
  c.nside = 32;
  c.embed = 32;
  c.depths = {2, 2, 2};
  c.heads = {2, 4, 8};
  c.window = 16;
  c.shift = shift;
  c.shift_size = 2;
  return c;
}

void expect_published_sums(const std::string& shift, double sum, double squares, double first, double inside) {
  HealSwin net(small_config(shift));
  net->to(torch::kFloat64);
  net->eval();
  sphere::NamedTensors tensors;
  for (const auto& [name, value] : export_published(*net)) {
    const bool gain = value.dim() == 1 && name.ends_with(".weight");
    const double offset = gain ? 1.0 : name.ends_with("logit_scale") ? std::numbers::ln10 : 0.0;
    tensors[name] = analytic_tensor(name, value.sizes(), 0.1, offset);
  }
  EXPECT_EQ(tensors.size(), 166u);
  import_published(*net, tensors, "analytic weights");
  const torch::NoGradGuard no_grad;
  const auto y = net->forward(analytic_tensor("input", {1, 3, 8192}, 2.0));
  ASSERT_EQ(y.sizes(), (at::IntArrayRef{1, 10, 8192}));
  constexpr double kTolerance = 1e-9;  // the references carry eleven digits
  EXPECT_NEAR(y.sum().item<double>(), sum, kTolerance * sum);
  EXPECT_NEAR(y.square().sum().item<double>(), squares, kTolerance * squares);
  EXPECT_NEAR(y[0][0][0].item<double>(), first, kTolerance * std::abs(first));
  EXPECT_NEAR(y[0][4][4000].item<double>(), inside, kTolerance * std::abs(first));
}

TEST(HealSwinAnalytic, RingShiftEqualsThePublishedProgram) {
  expect_published_sums("ring", 4.5801797335e+02, 8.9049241365e+03, -6.5386348321e-01, -7.6391012352e-02);
}

TEST(HealSwinAnalytic, GridShiftEqualsThePublishedProgram) {
  expect_published_sums("grid", 4.5942004975e+02, 8.9093523803e+03, -6.5410319241e-01, -6.4633602373e-02);
}

TEST(HealSwinAnalytic, NestRollEqualsThePublishedProgram) {
  expect_published_sums("nest_roll", 4.4850035721e+02, 8.9156872046e+03, -7.0064794564e-01, -6.7863239272e-02);
}

struct Case {
  const char* name;
  const char* shift;
  bool is_v1;  ///< dot attention, norm before
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

const Case kCases[] = {
    {"healswin_ring_v2", "ring", false}, {"healswin_grid_v2", "grid", false}, {"healswin_roll_v1", "nest_roll", true}};

// Nine significant digits are recorded, so that rounding alone is up to half a unit of the ninth: 5e-9 relative.
constexpr double kDouble = 5e-9;
constexpr double kFloat = 1e-4;
// Gradients sum over thousands of tokens with cancellation: the record's own float32 norms are off by up to 3e-5.
constexpr double kFloatGradient = 5e-4;

class RecordedHealSwin : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const char* data = std::getenv("PEAR_TEST_DATA");
    folder_ = std::filesystem::path(data == nullptr ? "" : data) / "golden";
    const auto file = folder_ / (std::string(GetParam().name) + ".json");
    if (!std::filesystem::exists(file)) GTEST_SKIP() << "file " << GetParam().name << ".json absent";
    golden_ = json::parse(read_text(file));
    rows_ = pear::testing::read_rows(folder_ / (std::string("roles_") + GetParam().name + ".csv"));
  }

  HealSwin network(torch::Dtype dtype) const {
    HealSwinConfig c = small_config(GetParam().shift);
    c.embed = 48;
    c.heads = {3, 6, 12};
    if (GetParam().is_v1) {
      c.attention = "dot";
      c.norm = "pre";
    }
    HealSwin net(c);
    const auto shapes = export_published(*net);
    sphere::NamedTensors tensors;
    for (const auto& row : rows_) {
      const auto& key = row.at("authors_key");
      tensors[key] = hashed_tensor(shapes.at(key).sizes(), static_cast<uint32_t>(std::stoul(row.at("t"))),
                                   std::stod(row.at("offset")), std::stod(row.at("amp")));
    }
    import_published(*net, tensors, "roles");
    net->to(dtype);
    net->eval();
    return net;
  }

  void expect_close(const std::string& what, const torch::Tensor& x, const json& record, double tolerance) {
    const double e = recorded_error(x, record.at("pos"), record.at("f64").at("val"));
    const double l2 = record.at("f64").at("l2").get<double>();
    EXPECT_LT(e, tolerance) << what;
    EXPECT_LT(std::abs(x.detach().to(torch::kFloat64).norm().item<double>() - l2) / l2, tolerance) << what << " norm";
    largest_ = std::max(largest_, e);
  }

  void compare(torch::Dtype dtype, double tolerance, double gradient_tolerance);

  std::filesystem::path folder_;
  json golden_;
  std::vector<pear::testing::Row> rows_;
  double largest_ = 0;
};

torch::Tensor recorded_input(torch::Dtype dtype) {
  auto x = torch::empty({2, 3, 8192}, torch::kFloat64);
  auto a = x.accessor<double, 3>();
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t p = 0; p < 8192; ++p) {
        const auto q = static_cast<double>(p + 777 * b);
        a[b][c][p] = std::sin(0.01 * q * static_cast<double>(c + 1)) + 0.1 * std::cos(q);
      }
  return x.to(torch::kFloat32).to(dtype);
}

void RecordedHealSwin::compare(torch::Dtype dtype, double tolerance, double gradient_tolerance) {
  auto net = network(dtype);
  auto x = recorded_input(dtype).requires_grad_();
  const json& steps = golden_.at("intermediates");
  size_t seen = 0;
  net->trunk->set_observer([&](const std::string& step, const torch::Tensor& value) {
    const std::string name = published_name("trunk." + step + ".");
    const auto recorded = steps.find(name.substr(0, name.size() - 1));
    ASSERT_NE(recorded, steps.end()) << name;
    expect_close(step, value, *recorded, tolerance);
    if (step == "norm_up") expect_close("up", net->head->up(value), steps.at("decoder.up"), tolerance);
    ++seen;
  });
  expect_close("patch_embed", net->patch_embed(x), steps.at("patch_embed"), tolerance);
  const auto y = net->forward(x);
  EXPECT_EQ(seen, 16u);  // ten blocks, two merges, the norm in the middle, two expansions, the norm at the end
  expect_close("output", y, golden_.at("outputs").at("logits"), tolerance);
  const double forward = largest_;
  largest_ = 0;
  const auto weights = hashed_tensor(y.sizes(), pear::testing::fnv1a_32("loss.logits"), 0, 1).to(dtype);
  (weights * y).sum().backward();
  expect_close("d input", x.grad(), golden_.at("grad_input").at("x"), gradient_tolerance);
  sphere::NamedTensors gradients;
  for (const auto& item : net->named_parameters())
    gradients[published_name(item.key())] = published_value(item.key(), item.value().grad());
  for (const auto& row : rows_) {
    const auto& record = golden_.at("grad_params").at(row.at("role"));
    const double e = recorded_error(gradients.at(row.at("authors_key")), record.at("pos"), record.at("f64"));
    EXPECT_LT(e, gradient_tolerance) << row.at("role");
    largest_ = std::max(largest_, e);
  }
  EXPECT_EQ(rows_.size(), golden_.at("grad_params").size());
  std::printf("[ golden  ] %s %s: largest relative error forward %.2e, gradients %.2e (%zu parameters)\n",
              GetParam().name, dtype == torch::kFloat64 ? "float64" : "float32", forward, largest_, rows_.size());
}

TEST_P(RecordedHealSwin, Float64EqualsTheRecordToItsDigits) {
  EXPECT_EQ(network(torch::kFloat64)->num_parameters(), golden_.at("n_params").get<int64_t>());
  compare(torch::kFloat64, kDouble, kDouble);
}

TEST_P(RecordedHealSwin, Float32EqualsTheRecordClosely) { compare(torch::kFloat32, kFloat, kFloatGradient); }

INSTANTIATE_TEST_SUITE_P(Published, RecordedHealSwin, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace pear::vision

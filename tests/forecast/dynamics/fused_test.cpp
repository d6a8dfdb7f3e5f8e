// The fused loops against the tensor operations that they replace.
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "forecast/dynamics/held_suarez.h"
#include "forecast/dynamics/nature_physics.h"
#include "forecast/dynamics/spectral_core.h"

namespace pear::forecast {
namespace {

constexpr int64_t kTruncation = 21, kLayers = 8;
constexpr double kDays = 200.3;

struct Case {
  bool moist;
  torch::Dtype dtype;
  int64_t members;
  bool ground;  ///< orography
};

/// Rounding of a few dozen operations, some of which cancel a digit; of the largest value of a field.
double tolerance(torch::Dtype dtype) { return dtype == torch::kFloat64 ? 1e-13 : 3e-5; }

std::string name(const Case& c) {
  return std::string(c.moist ? "Moist" : "Dry") + (c.dtype == torch::kFloat64 ? "Double" : "Float") + "Batch" +
         std::to_string(c.members) + (c.ground ? "Mountains" : "Flat");
}

void PrintTo(const Case& c, std::ostream* out) { *out << name(c); }

/// Random spectrum that falls off with degree, a field of standard deviation about `size`; [N+1, 2, fields, J].
torch::Tensor spectrum(std::mt19937& random, int64_t fields, double size, double mean = 0) {
  auto c = at::zeros({kTruncation + 1, 2, fields, kTruncation + 2}, torch::kFloat64);
  auto a = c.accessor<double, 4>();
  std::normal_distribution<double> normal;
  for (int64_t m = 0; m <= kTruncation; ++m)
    for (int64_t part = 0; part < (m == 0 ? 1 : 2); ++part)
      for (int64_t f = 0; f < fields; ++f)
        for (int64_t l = std::max<int64_t>(m, 1); l <= kTruncation; ++l)
          a[m][part][f][l - m] = size * normal(random) / static_cast<double>((l + 1) * (l + 1));
  for (int64_t f = 0; f < fields; ++f) a[0][0][f][0] = mean;
  return c;
}

PrimitiveState random_state(const Case& c) {
  std::mt19937 random(7);
  const int64_t n = c.members * kLayers;
  const auto shaped = [&](const torch::Tensor& x) {
    return x.view({kTruncation + 1, 2, c.members, kLayers, kTruncation + 2});
  };
  std::vector<torch::Tensor> fields{shaped(spectrum(random, n, 1e-5)), shaped(spectrum(random, n, 1e-6)),
                                    shaped(spectrum(random, n, 10, -30))};
  if (c.moist) fields.push_back(shaped(spectrum(random, n, 8e-3, 4e-3)));
  return {at::stack(fields, 2).to(c.dtype), spectrum(random, c.members, 0.02, -0.02).to(c.dtype)};
}

/// Everything of one model with the given path.
struct Model {
  std::shared_ptr<const sphere::SphericalHarmonicTransform> transform;
  std::shared_ptr<const Physics> physics;
  std::unique_ptr<SpectralCore> core;

  Model(const Case& c, GridPath path) {
    const SpectralCoreOptions o{
        .truncation = kTruncation, .time_step = 900, .fix_mass = c.moist, .path = path, .dtype = c.dtype};
    transform = make_transform(o);
    const auto sigma = SigmaCoordinate::with_layers(kLayers);
    std::mt19937 random(3);
    const auto ground = c.ground ? spectrum(random, 1, 3000).select(2, 0) : torch::Tensor();
    const GridColumns columns(*transform, sigma, Planet());
    at::manual_seed(1);
    if (c.moist) {
      const int64_t rows = transform->num_hemisphere_rows(), n = transform->options().num_columns;
      physics = std::make_shared<NaturePhysics>(columns, at::rand({2, rows, n}), NaturePhysicsOptions(), path);
    } else {
      physics = std::make_shared<HeldSuarezPhysics>(columns, path);
    }
    core = std::make_unique<SpectralCore>(o, transform, sigma, Planet(), ground, physics);
  }
};

/// Largest difference along all dims but `dim`, of the largest value there.
void expect_close(const torch::Tensor& a, const torch::Tensor& b, int64_t dim, double bound, const char* what) {
  ASSERT_EQ(a.sizes(), b.sizes()) << what;
  for (int64_t i = 0; i < a.size(dim); ++i) {
    const auto x = a.select(dim, i).to(torch::kFloat64), y = b.select(dim, i).to(torch::kFloat64);
    const double error = (x - y).abs().max().item<double>(), size = y.abs().max().item<double>();
    EXPECT_GT(size, 0) << what << " " << i;
    EXPECT_LE(error, bound * size) << what << " " << i;
  }
}

class Fused : public testing::TestWithParam<Case> {
 protected:
  Fused() { at::set_num_threads(1); }  // small tensors: threads would wait for each other
  torch::InferenceMode no_autograd_;
};

TEST_P(Fused, GridFieldsAndTendenciesAreThoseOfTensors) {
  const Case c = GetParam();
  const Model loops(c, GridPath::Fused), tensors(c, GridPath::Tensor);
  const PrimitiveState state = random_state(c);
  const auto a = loops.core->equations().grid_fields(state), b = tensors.core->equations().grid_fields(state);
  expect_close(a.vorticity, b.vorticity, 1, tolerance(c.dtype), "vorticity");
  expect_close(a.u_cos, b.u_cos, 1, tolerance(c.dtype), "u");
  expect_close(a.v_cos, b.v_cos, 1, tolerance(c.dtype), "v");
  expect_close(a.px.unsqueeze(0), b.px.unsqueeze(0), 0, tolerance(c.dtype), "eastward gradient");
  expect_close(a.py.unsqueeze(0), b.py.unsqueeze(0), 0, tolerance(c.dtype), "northward gradient");
  for (const torch::Tensor& physics : {torch::Tensor(), tensors.physics->tendencies(b, kDays)}) {
    const auto x = loops.core->equations().tendencies(state, b, physics);
    const auto y = tensors.core->equations().tendencies(state, b, physics);
    expect_close(x.upper, y.upper, 2, tolerance(c.dtype), "tendency");
    expect_close(x.log_pressure, y.log_pressure, 2, tolerance(c.dtype), "pressure tendency");
  }
}

TEST_P(Fused, PhysicsIsThatOfTensors) {
  const Case c = GetParam();
  const Model loops(c, GridPath::Fused), tensors(c, GridPath::Tensor);
  const auto fields = tensors.core->equations().grid_fields(random_state(c));
  expect_close(loops.physics->tendencies(fields, kDays), tensors.physics->tendencies(fields, kDays), 0,
               tolerance(c.dtype), "physics");
}

TEST_P(Fused, TwentyStepsAgreeAndRepeatTheirBits) {
  const Case c = GetParam();
  const Model loops(c, GridPath::Fused), tensors(c, GridPath::Tensor);
  const auto start = random_state(c);
  const auto upper = start.upper.clone();
  const auto run = [&](const Model& m) {
    CoreState state = m.core->begin(start, kDays);
    m.core->run(state, 20 * m.core->time_step());
    return state.now;
  };
  const auto x = run(loops), again = run(loops), y = run(tensors);
  EXPECT_TRUE(at::equal(x.upper, again.upper) && at::equal(x.log_pressure, again.log_pressure));
  EXPECT_TRUE(at::equal(upper, start.upper)) << "the start was written to";
  const double grown = 30 * tolerance(c.dtype);
  expect_close(x.upper, y.upper, 2, grown, "state");
  expect_close(x.log_pressure, y.log_pressure, 2, grown, "pressure");
}

INSTANTIATE_TEST_SUITE_P(Dynamics, Fused,
                         testing::Values(Case{false, torch::kFloat32, 1, false}, Case{false, torch::kFloat32, 3, true},
                                         Case{false, torch::kFloat64, 1, true}, Case{false, torch::kFloat64, 3, false},
                                         Case{true, torch::kFloat32, 1, true}, Case{true, torch::kFloat32, 3, false},
                                         Case{true, torch::kFloat64, 1, false}, Case{true, torch::kFloat64, 3, true}),
                         [](const auto& info) { return name(info.param); });

TEST(FusedPath, MoistAirUnderHeldSuarezKeepsItsVapour) {
  const torch::InferenceMode no_autograd;
  const Case c{true, torch::kFloat64, 1, false};
  const Model model(c, GridPath::Tensor);
  const auto fields = model.core->equations().grid_fields(random_state(c));
  const GridColumns columns(*model.transform, SigmaCoordinate::with_layers(kLayers), Planet());
  const auto loops = HeldSuarezPhysics(columns, GridPath::Fused).tendencies(fields, 0);
  const auto tensors = HeldSuarezPhysics(columns, GridPath::Tensor).tendencies(fields, 0);
  expect_close(loops.narrow(0, 0, 3), tensors.narrow(0, 0, 3), 0, tolerance(c.dtype), "physics");
  EXPECT_EQ(loops[3].abs().max().item<double>(), 0);
}

TEST(FusedPath, IsNotTakenWhereGradientsAreRecorded) {
  const Case c{false, torch::kFloat64, 1, false};
  PrimitiveState state = random_state(c);
  state.upper.requires_grad_(true);
  const Model automatic(c, GridPath::Automatic), loops(c, GridPath::Fused);
  const auto fields = automatic.core->equations().grid_fields(state);
  const auto tendency = automatic.core->equations().tendencies(state, fields, torch::Tensor());
  EXPECT_TRUE(tendency.upper.requires_grad());
  try {
    loops.core->equations().grid_fields(state);
    FAIL() << "no error";
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.code(), "FusedPath");
  }
}

TEST(FusedPath, UnstableStateIsNoticed) {
  const torch::InferenceMode no_autograd;
  const Case c{false, torch::kFloat32, 1, false};
  const Model model(c, GridPath::Fused);
  for (const double bad : {1e4, std::nan("")}) {
    PrimitiveState state = random_state(c);
    state.upper[0][0][kTemperature][0][3][0] = bad;
    CoreState core = model.core->begin(state, 0);
    EXPECT_THROW(model.core->step(core), DataError);
  }
}

}  // namespace
}  // namespace pear::forecast

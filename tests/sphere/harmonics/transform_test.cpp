// Synthesis and analysis: closed forms, exactness, layouts, derivatives, refusals.
#include "sphere/harmonics/transform.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/sphere/harmonics/examples.h"

namespace pear::sphere {
namespace {

using examples::coordinates;
using examples::gaussian;
using examples::max_abs;
using examples::random_spectrum;
using examples::relative_error;
using examples::single;

constexpr double kDouble = 1e-12;      // float64 round trips
constexpr double kSingle = 1e-6;       // float32 round trips
constexpr double kClosedForm = 1e-13;  // float64 synthesis of one function, values of order 1

TEST(Synthesize, EqualsPolynomialsWrittenByHand) {
  const auto o = gaussian(21);
  const SphericalHarmonicTransform t(o);
  const auto [mu, c, lon] = coordinates(o);
  const auto expect = [&](int64_t m, int64_t l, const torch::Tensor& p) {
    const double factor = m == 0 ? 1.0 : 2.0;
    EXPECT_LT(max_abs(t.synthesize(single(21, m, l, 1.0)) - factor * p * (lon * m).cos()), kClosedForm)
        << m << " " << l;
    if (m == 0) return;
    EXPECT_LT(max_abs(t.synthesize(single(21, m, l, 0, 1.0)) + 2 * p * (lon * m).sin()), kClosedForm) << m << " " << l;
  };
  expect(0, 0, torch::ones_like(mu));
  expect(0, 1, std::sqrt(3.0) * mu);
  expect(0, 2, std::sqrt(5.0) / 2 * (3 * mu * mu - 1));
  expect(0, 3, std::sqrt(7.0) / 2 * (5 * mu * mu * mu - 3 * mu));
  expect(1, 1, std::sqrt(3.0 / 2) * c);
  expect(1, 2, std::sqrt(15.0 / 2) * mu * c);
  expect(2, 2, std::sqrt(15.0 / 8) * c * c);
  expect(3, 5, std::sqrt(385.0 / 256) * (9 * mu * mu - 1) * c.pow(3));
  expect(4, 5, std::sqrt(3465.0 / 128) * mu * c.pow(4));
}

// x y z = cos^2 sin(lat) sin(2 lon) / 2 = 2 Re[-i/4 mu cos^2 exp(2 i lon)]; 1/2 int (mu cos^2)^2 dmu = 8/105.
TEST(Analyze, FindsTheOneCoefficientOfXyzOnEveryKindOfRows) {
  for (auto [kind, rows] : {std::pair{RowKind::Gaussian, 16},
                            {RowKind::Gaussian, 17},
                            {RowKind::Poles, 21},
                            {RowKind::Poles, 22},
                            {RowKind::Half, 21},
                            {RowKind::Half, 22},
                            {RowKind::North, 22}}) {
    const HarmonicsOptions o{
        .truncation = 10, .num_rows = rows, .num_columns = 21, .rows = kind, .dtype = torch::kFloat64};
    const auto [mu, c, lon] = coordinates(o);
    const auto xyz = (c * lon.cos()) * (c * lon.sin()) * mu;
    const auto expected = single(10, 2, 3, 0.0, -0.25 * std::sqrt(8.0 / 105));
    EXPECT_LT(max_abs(SphericalHarmonicTransform(o).analyze(xyz) - expected), 1e-14) << rows;
  }
}

TEST(Analyze, RestoresSpectraAtEveryTruncation) {
  for (int64_t n : {1, 2, 3, 21, 31, 42, 63, 127}) {
    const auto c = random_spectrum(n, {3}, n);
    for (auto [dtype, tolerance] : {std::pair{torch::kFloat64, kDouble}, {torch::kFloat32, kSingle}}) {
      const SphericalHarmonicTransform t(gaussian(n, dtype));
      const auto again = t.truncate(t.analyze(t.synthesize(c.to(dtype))));
      EXPECT_LT(relative_error(again, c), tolerance) << n << " " << toString(dtype);
    }
  }
}

TEST(Analyze, RestoresSpectraOfT255) {
  const auto c = random_spectrum(255, {1}, 255);
  const SphericalHarmonicTransform t(gaussian(255));
  EXPECT_LT(relative_error(t.truncate(t.analyze(t.synthesize(c))), c), kDouble);
}

TEST(Analyze, RestoresSpectraOnTheSmallestGridsOfEveryKind) {
  for (int64_t n : {1, 20, 21})
    for (auto [kind, rows] : {std::pair{RowKind::Gaussian, n + 1},
                              {RowKind::Poles, 2 * n + 1},
                              {RowKind::Poles, 2 * n + 2},
                              {RowKind::Half, 2 * n + 1},
                              {RowKind::Half, 2 * n + 2},
                              {RowKind::North, 2 * n + 2}})
      for (FourierKind fourier : {FourierKind::Matrix, FourierKind::Fft}) {
        const SphericalHarmonicTransform t({.truncation = n,
                                            .num_rows = rows,
                                            .num_columns = 2 * n + 1,
                                            .rows = kind,
                                            .fourier = fourier,
                                            .dtype = torch::kFloat64});
        const auto c = random_spectrum(n, {2}, n);
        const auto grid = t.synthesize(c);
        EXPECT_EQ(grid.size(1), 2);
        EXPECT_LT(relative_error(t.truncate(t.analyze(grid)), c), kDouble) << n << " " << rows;
        EXPECT_LT(relative_error(t.from_latlon(t.to_latlon(grid)), grid), 1e-14);
      }
}

TEST(Analyze, KeepsDegreeNPlus1AndZerosBeyond) {
  constexpr int64_t n = 21;
  const SphericalHarmonicTransform t(gaussian(n));
  const auto c = random_spectrum(n, {2}, n + 1);
  const auto again = t.analyze(t.synthesize(c));
  EXPECT_LT(relative_error(again, c), kDouble);
  for (int64_t m = 2; m <= n; ++m) EXPECT_TRUE((again[m].narrow(-1, n + 2 - m, m) == 0).all().item<bool>());
  EXPECT_TRUE((again[0][1] == 0).all().item<bool>());
  auto truncated = again.clone();
  for (int64_t m = 0; m <= n; ++m) truncated[m].select(-1, n + 1 - m).zero_();
  EXPECT_EQ(max_abs(t.truncate(again) - truncated), 0.0);
}

TEST(Fourier, FftEqualsMatrix) {
  for (auto [n, dtype, tolerance] : {std::tuple{31, torch::kFloat64, 1e-12}, {42, torch::kFloat32, 2e-6}}) {
    auto o = gaussian(n, dtype);
    const auto c = random_spectrum(n, {4}, n).to(dtype);
    o.fourier = FourierKind::Matrix;
    const SphericalHarmonicTransform matrix(o);
    o.fourier = FourierKind::Fft;
    const SphericalHarmonicTransform fft(o);
    const auto grid = matrix.synthesize(c);
    EXPECT_LT(relative_error(fft.synthesize(c), grid), tolerance);
    EXPECT_LT(relative_error(fft.analyze(grid), matrix.analyze(grid)), tolerance);
  }
}

// Recorded by autograd, other operations are taken: the whole matrix or the FFT for the folded matrix.
TEST(Fourier, RecordedTransformsHaveTheSameValues) {
  for (FourierKind fourier : {FourierKind::Matrix, FourierKind::Automatic, FourierKind::Fft}) {
    auto o = gaussian(42);
    o.fourier = fourier;
    const SphericalHarmonicTransform t(o);
    const auto c = random_spectrum(42, {3}, 43);
    const auto grid = t.synthesize(c);
    EXPECT_LT(relative_error(t.synthesize(c.clone().requires_grad_()).detach(), grid), 1e-13);
    EXPECT_LT(relative_error(t.analyze(grid.clone().requires_grad_()).detach(), t.analyze(grid)), 1e-13);
  }
}

TEST(Fourier, ManyFieldsEqualOne) {
  const SphericalHarmonicTransform t(gaussian(42, torch::kFloat32));
  const auto c = random_spectrum(42, {300}, 42).to(torch::kFloat32);  // more than one chunk of the folded matrix
  const auto grid = t.synthesize(c), again = t.analyze(grid);
  for (int64_t field : {0, 150, 299}) {
    EXPECT_LT(relative_error(t.synthesize(c.select(2, field)), grid[field]), kSingle);
    EXPECT_LT(relative_error(again.select(2, field), c.select(2, field)), kSingle);
  }
}

TEST(Fourier, NotAllColumnsNeedToBeResolved) {
  for (FourierKind fourier : {FourierKind::Matrix, FourierKind::Fft}) {
    HarmonicsOptions o{.truncation = 5, .num_rows = 8, .num_columns = 60, .fourier = fourier, .dtype = torch::kFloat64};
    const auto [mu, c, lon] = coordinates(o);
    const auto wave = c.pow(20) * (20 * lon).cos() + mu;  // order 20 is not in T5
    EXPECT_LT(max_abs(SphericalHarmonicTransform(o).analyze(wave) - single(5, 0, 1, 1 / std::sqrt(3.0))), 1e-14);
  }
}

TEST(Layout, BatchedDimsAreIndependentFields) {
  const auto o = gaussian(21);
  const SphericalHarmonicTransform t(o);
  const auto c = random_spectrum(21, {2, 3, 4}, 21);
  const auto grid = t.synthesize(c);
  ASSERT_EQ(grid.sizes(), (std::vector<int64_t>{2, 3, 4, 2, 16, 64}));
  const auto one = c.select(2, 1).select(2, 2).select(2, 3);  // not contiguous, no D
  ASSERT_EQ(one.dim(), 3);
  EXPECT_LT(relative_error(t.synthesize(one), grid[1][2][3]), 1e-14);
  EXPECT_LT(relative_error(t.analyze(grid).select(2, 1), t.analyze(grid[1])), 1e-14);
  EXPECT_LT(relative_error(t.analyze(grid.transpose(0, 1)).transpose(2, 3), t.analyze(grid)), 1e-14);
}

TEST(Layout, LatlonRunsFromNorthToSouth) {
  for (auto [kind, rows] : {std::pair{RowKind::Gaussian, 12},
                            {RowKind::Gaussian, 13},
                            {RowKind::Poles, 13},
                            {RowKind::Half, 12},
                            {RowKind::North, 12}}) {
    const SphericalHarmonicTransform t(
        {.truncation = 5, .num_rows = rows, .num_columns = 16, .rows = kind, .dtype = torch::kFloat64});
    const auto lat = row_latitudes_deg(kind, rows);
    const auto field = t.to_latlon(t.synthesize(single(5, 0, 1, 1.0)));  // sqrt(3) sin(lat)
    ASSERT_EQ(field.sizes(), (std::vector<int64_t>{rows, 16}));
    for (int64_t j = 0; j < rows; ++j)
      EXPECT_NEAR(field[j][5].item<double>(), std::sqrt(3.0) * std::sin(lat[static_cast<size_t>(j)] * kRadPerDeg),
                  1e-14);
    EXPECT_EQ(max_abs(t.to_latlon(t.from_latlon(field)) - field), 0.0);
  }
}

TEST(Layout, WeightsGiveTheGlobalMean) {
  for (auto [kind, rows] :
       {std::pair{RowKind::Gaussian, 13}, {RowKind::Poles, 13}, {RowKind::Half, 14}, {RowKind::North, 14}}) {
    const HarmonicsOptions o{
        .truncation = 6, .num_rows = rows, .num_columns = 16, .rows = kind, .dtype = torch::kFloat64};
    const SphericalHarmonicTransform t(o);
    ASSERT_EQ(t.row_weights().sizes(), (std::vector<int64_t>{2, (rows + 1) / 2, 1}));
    const auto mu = coordinates(o).mu;
    EXPECT_NEAR((t.row_weights() * (mu * mu + mu + 2)).sum().item<double>() / 16, 7.0 / 3, 1e-14);
    EXPECT_LT(max_abs(t.row_mu() - mu.narrow(-1, 0, 1)), 1e-15);
    EXPECT_LT(max_abs(t.mu() - mu.select(0, 0).select(-1, 0)), 1e-15);
  }
}

// The chain is quadratic in its argument, so that central differences are exact but for rounding.
TEST(Gradients, ReverseModeEqualsCentralDifferences) {
  for (FourierKind fourier : {FourierKind::Matrix, FourierKind::Fft}) {
    auto o = gaussian(10);
    o.fourier = fourier;
    const SphericalHarmonicTransform t(o);
    const auto weight = torch::sin(torch::arange(11 * 2 * 2 * 12, torch::kFloat64)).view({11, 2, 2, 12});
    const auto loss = [&](const torch::Tensor& c) {
      const auto [u, v] = t.wind_from_vorticity_divergence(c, t.laplacian(c, 2.0), 2.0);
      const auto au = t.analyze(t.synthesize(u) * t.synthesize(c)), av = t.analyze(t.synthesize(v) * t.synthesize(c));
      const auto [zeta, div] = t.vorticity_divergence_from_wind(au, av, 2.0);
      const auto [east, north] =
          t.gradient(t.truncate(t.analyze(t.from_latlon(t.to_latlon(t.synthesize(c)).square()))));
      return ((zeta + 2 * div + east - north + t.inverse_laplacian(av, 2.0)) * weight).sum();
    };
    const auto c = random_spectrum(10, {2}, 10), direction = random_spectrum(10, {2}, 10, 0, 2);
    auto x = c.clone().requires_grad_(true);
    loss(x).backward();
    const double reverse = (x.grad() * direction).sum().item<double>();
    const double difference = ((loss(c + 0.5 * direction) - loss(c - 0.5 * direction))).item<double>();
    EXPECT_NEAR(reverse / difference, 1.0, 1e-10);
  }
}

template <class E, class F>
void expect_code(const char* code, F&& f) {
  try {
    f();
    ADD_FAILURE() << "nothing was thrown, expected " << code;
  } catch (const E& e) {
    EXPECT_EQ(e.code(), code) << e.what();
  }
}

TEST(Refusals, GridsThatDoNotResolveTheTruncation) {
  const auto make = [](HarmonicsOptions o) { return [o] { SphericalHarmonicTransform t(o); }; };
  expect_code<ConfigError>("BadTruncation", make({.truncation = 21, .num_rows = 21, .num_columns = 64}));
  expect_code<ConfigError>("BadTruncation", make({.truncation = 21, .num_rows = 32, .num_columns = 42}));
  expect_code<ConfigError>("BadTruncation", make({.truncation = 0, .num_rows = 32, .num_columns = 64}));
  for (RowKind kind : {RowKind::Poles, RowKind::Half, RowKind::North})
    expect_code<ConfigError>("BadTruncation",
                             make({.truncation = 21, .num_rows = 42, .num_columns = 64, .rows = kind}));
  expect_code<ConfigError>("UnknownGrid",
                           make({.truncation = 21, .num_rows = 43, .num_columns = 64, .rows = RowKind::North}));
  expect_code<ConfigError>("UnsupportedDtype",
                           make({.truncation = 21, .num_rows = 32, .num_columns = 64, .dtype = torch::kInt32}));
}

TEST(Refusals, TensorsOfOtherShapesAndTypes) {
  const SphericalHarmonicTransform t(gaussian(21));
  const auto f64 = torch::kFloat64;
  expect_code<ShapeError>("SizeMismatch", [&] { t.synthesize(torch::zeros({22, 2, 3, 22}, f64)); });
  expect_code<ShapeError>("SizeMismatch", [&] { t.synthesize(torch::zeros({22, 23}, f64)); });
  expect_code<ShapeError>("SizeMismatch", [&] { t.analyze(torch::zeros({32, 64}, f64)); });
  expect_code<ShapeError>("SizeMismatch", [&] { t.to_latlon(torch::zeros({32, 64}, f64)); });
  expect_code<ShapeError>("SizeMismatch", [&] { t.from_latlon(torch::zeros({2, 16, 64}, f64)); });
  expect_code<ShapeError>("WrongDtype", [&] { t.synthesize(torch::zeros({22, 2, 3, 23}, torch::kFloat32)); });
  expect_code<ShapeError>("WrongDtype", [&] { t.analyze(torch::zeros({2, 16, 64}, torch::kFloat32)); });
}

TEST(QuadraticGrid, HasTheUsualSizes) {
  using Size = std::pair<int64_t, int64_t>;
  const std::pair<int64_t, Size> usual[] = {{21, {32, 64}},   {31, {48, 96}},    {42, {64, 128}},   {63, {96, 192}},
                                            {85, {128, 256}}, {106, {160, 320}}, {127, {192, 384}}, {170, {256, 512}}};
  for (const auto& [truncation, size] : usual) EXPECT_EQ(quadratic_gaussian_grid(truncation), size) << truncation;
  EXPECT_EQ(quadratic_gaussian_grid(4), (Size{8, 16}));
  EXPECT_EQ(quadratic_gaussian_grid(74), (Size{112, 240}));  // 224 = 2^5 7
}

}  // namespace
}  // namespace pear::sphere

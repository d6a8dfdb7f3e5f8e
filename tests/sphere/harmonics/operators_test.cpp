// Derivatives, wind, spectra: functions whose derivatives are known.
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

constexpr double kRadius = 6.371e6;

TEST(Gradient, OfXyzIsWrittenByHand) {
  const auto o = gaussian(10);
  const SphericalHarmonicTransform t(o);
  const auto [mu, c, lon] = coordinates(o);
  const auto [east, north] = t.gradient(t.truncate(t.analyze(0.5 * c * c * mu * (2 * lon).sin() + 3 * mu)));
  EXPECT_LT(max_abs(t.synthesize(east) - c * c * mu * (2 * lon).cos()), 1e-13);
  // (1 - mu^2) d/dmu [(mu - mu^3) sin(2 lon) / 2 + 3 mu]
  EXPECT_LT(max_abs(t.synthesize(north) - c * c * (0.5 * (1 - 3 * mu * mu) * (2 * lon).sin() + 3)), 1e-13);
}

TEST(Gradient, OfTheHighestDegreeHasDegreeNPlus1) {
  const auto o = gaussian(21);
  const SphericalHarmonicTransform t(o);
  const auto [mu, c, lon] = coordinates(o);
  // cos^21 exp(21 i lon): (1 - mu^2) d/dmu = -21 mu cos^21, a function of degree 22.
  const auto [east, north] = t.gradient(t.truncate(t.analyze(c.pow(21) * (21 * lon).cos())));
  EXPECT_LT(max_abs(t.synthesize(east) + 21 * c.pow(21) * (21 * lon).sin()), 1e-12);
  EXPECT_LT(max_abs(t.synthesize(north) + 21 * mu * c.pow(21) * (21 * lon).cos()), 1e-12);
}

TEST(Laplacian, OfXyzIsMinusTwelve) {
  const auto o = gaussian(10);
  const SphericalHarmonicTransform t(o);
  const auto [mu, c, lon] = coordinates(o);
  const auto xyz = 0.5 * c * c * mu * (2 * lon).sin();
  EXPECT_LT(max_abs(t.synthesize(t.laplacian(t.analyze(xyz), 2.0)) + 12.0 / 4.0 * xyz), 1e-13);
}

TEST(Laplacian, InverseRestoresAllButTheMean) {
  const SphericalHarmonicTransform t(gaussian(21));
  const auto c = random_spectrum(21, {3}, 21);
  auto expected = c.clone();
  expected[0][0].select(-1, 0).zero_();
  EXPECT_LT(relative_error(t.inverse_laplacian(t.laplacian(c, kRadius), kRadius), expected), 1e-14);
}

TEST(Wind, OfSolidBodyRotationIsU0CosLat) {
  const auto o = gaussian(21);
  const SphericalHarmonicTransform t(o);
  const auto [mu, c, lon] = coordinates(o);
  constexpr double kU0 = 40.0;  // m/s
  const auto vorticity = t.truncate(t.analyze(2 * kU0 / kRadius * mu)), none = torch::zeros_like(vorticity);
  const auto [u, v] = t.wind_from_vorticity_divergence(vorticity, none, kRadius);
  EXPECT_LT(max_abs(t.synthesize(u) - kU0 * c * c), 1e-12);  // U = u cos
  EXPECT_LT(max_abs(t.synthesize(v)), 1e-12);
  const auto over_cos = t.analyze(torch::full_like(c, kU0));
  EXPECT_LT(max_abs(t.curl(over_cos, none, kRadius) - vorticity) * kRadius, 1e-11);
  EXPECT_LT(max_abs(t.divergence(over_cos, none, kRadius)) * kRadius, 1e-11);
}

// About the x axis: stream function -u0 x, u = -u0 sin(lat) cos(lon), v = u0 sin(lon), vorticity 2 u0 x / a.
TEST(Wind, OfRotationOverThePolesHasBothComponents) {
  const auto o = gaussian(10);
  const SphericalHarmonicTransform t(o);
  const auto [mu, c, lon] = coordinates(o);
  const auto vorticity = t.truncate(t.analyze(2 * c * lon.cos() / kRadius));
  const auto [u, v] = t.wind_from_vorticity_divergence(vorticity, torch::zeros_like(vorticity), kRadius);
  EXPECT_LT(max_abs(t.synthesize(u) + mu * c * lon.cos()), 1e-13);
  EXPECT_LT(max_abs(t.synthesize(v) - c * lon.sin()), 1e-13);
}

// Potential x y: u = cos(2 lon) cos(lat), v = -sin(2 lon) sin(lat) cos(lat), divergence -6 x y / a.
TEST(Wind, OfAPotentialIsItsGradient) {
  for (RowKind rows : {RowKind::Gaussian, RowKind::Half}) {
    const HarmonicsOptions o{
        .truncation = 10, .num_rows = 24, .num_columns = 32, .rows = rows, .dtype = torch::kFloat64};
    const SphericalHarmonicTransform t(o);
    const auto [mu, c, lon] = coordinates(o);
    const auto divergence = t.truncate(t.analyze(-3 * c * c * (2 * lon).sin() / kRadius));
    const auto [u, v] = t.wind_from_vorticity_divergence(torch::zeros_like(divergence), divergence, kRadius);
    const auto east = c * (2 * lon).cos(), north = -c * mu * (2 * lon).sin();
    EXPECT_LT(max_abs(t.synthesize(u) - east * c), 1e-13);
    EXPECT_LT(max_abs(t.synthesize(v) - north * c), 1e-13);
    const auto [curl, div] = t.vorticity_divergence_from_wind(t.analyze(east / c), t.analyze(north / c), kRadius);
    EXPECT_LT(max_abs(div - divergence) * kRadius, 1e-12);
    EXPECT_LT(max_abs(curl) * kRadius, 1e-12);
  }
}

TEST(Wind, VorticityAndDivergenceComeBack) {
  for (int64_t n : {21, 31, 42, 63})
    for (auto [dtype, tolerance] : {std::pair{torch::kFloat64, 1e-11}, {torch::kFloat32, 5e-5}}) {
      const auto o = gaussian(n, dtype);
      const SphericalHarmonicTransform t(o);
      const auto vorticity = random_spectrum(n, {2}, n, 1, 3).to(dtype),
                 divergence = random_spectrum(n, {2}, n, 1, 4).to(dtype);
      const auto [u, v] = t.wind_from_vorticity_divergence(vorticity, divergence, kRadius);
      const auto cos2 = (1 - t.row_mu().square()).to(dtype);
      const auto [curl, div] = t.vorticity_divergence_from_wind(t.analyze(t.synthesize(u) / cos2),
                                                                t.analyze(t.synthesize(v) / cos2), kRadius);
      EXPECT_LT(relative_error(curl, vorticity), tolerance) << n;
      EXPECT_LT(relative_error(div, divergence), tolerance) << n;
    }
}

TEST(Wind, MeansOfVorticityAndDivergenceDoNotBlow) {
  const SphericalHarmonicTransform t(gaussian(5));
  const auto [u, v] = t.wind_from_vorticity_divergence(single(5, 0, 0, 1.0), single(5, 0, 0, 1.0), 1.0);
  EXPECT_EQ(max_abs(u), 0.0);
  EXPECT_EQ(max_abs(v), 0.0);
}

TEST(Stencil, OnePassEqualsTensorOperations) {
  for (auto [dtype, tolerance] : {std::pair{torch::kFloat64, 1e-15}, {torch::kFloat32, 1e-6}})
    for (int64_t n : {1, 2, 21}) {
      const auto tables = make_degree_tables(n, dtype, torch::kCPU);
      const auto x = random_spectrum(n, {3, 2}, n + 1, 0, 5).to(dtype),
                 y = random_spectrum(n, {3, 2}, n + 1, 0, 6).to(dtype);
      for (const SpectralStencil* s : {&tables.gradient, &tables.wind, &tables.divergence})
        for (const auto& [a, b] : {std::pair{x, y}, {x, torch::Tensor()}, {torch::Tensor(), y}})
          EXPECT_LT(relative_error(apply_stencil(*s, a, b, 2.0, -3.0), compose_stencil(*s, a, b, 2.0, -3.0)),
                    tolerance);
    }
}

TEST(Stencil, OneFieldBroadcastsOverMany) {
  const SphericalHarmonicTransform t(gaussian(5));
  const auto x = random_spectrum(5, {3}, 5, 0, 7), one = random_spectrum(5, {1}, 5, 0, 8);
  EXPECT_LT(relative_error(t.divergence(x, one, 2.0), t.divergence(x, one.expand_as(x), 2.0)), 1e-15);
}

TEST(PowerSpectrum, SumsToTheMeanSquare) {
  const auto o = gaussian(21);
  const SphericalHarmonicTransform t(o);
  const auto c = random_spectrum(21, {2, 3}, 21);
  const auto power = t.power_spectrum(c);
  ASSERT_EQ(power.sizes(), (std::vector<int64_t>{2, 3, 23}));
  const auto mean = (t.synthesize(c).square() * t.row_weights()).sum({-3, -2, -1}) / o.num_columns;
  EXPECT_LT(relative_error(power.sum(-1), mean), 1e-13);
}

TEST(PowerSpectrum, PutsEveryCoefficientIntoItsDegree) {
  const SphericalHarmonicTransform t(gaussian(5));
  auto expected = torch::zeros({7}, torch::kFloat64);
  expected[4] = 2 * (9.0 + 16.0) + 4.0;
  expected[6] = 2 * 1.0;
  const auto c = single(5, 3, 4, 3, -4) + single(5, 0, 4, 2) + single(5, 1, 6, 1);
  EXPECT_LT(max_abs(t.power_spectrum(c) - expected), 1e-14);
}

TEST(ChangeTruncation, KeepsTheFunctionWhereItFits) {
  const auto fine = gaussian(21);
  const auto c = random_spectrum(10, {3}, 10);
  const auto padded = SphericalHarmonicTransform::change_truncation(c, 21);
  ASSERT_EQ(padded.sizes(), (std::vector<int64_t>{22, 2, 3, 23}));
  auto o = fine;
  o.truncation = 10;
  EXPECT_LT(
      relative_error(SphericalHarmonicTransform(fine).synthesize(padded), SphericalHarmonicTransform(o).synthesize(c)),
      1e-13);
  EXPECT_EQ(max_abs(SphericalHarmonicTransform::change_truncation(padded, 10) - c), 0.0);
}

TEST(ChangeTruncation, CutsByDegreeNotByIndex) {
  const auto c = random_spectrum(21, {1}, 22);
  const auto cut = SphericalHarmonicTransform::change_truncation(c, 10);
  for (int64_t m = 0; m <= 10; ++m)
    for (int64_t j = 0; j < 12; ++j)
      EXPECT_EQ(cut[m][0][0][j].item<double>(), m + j <= 10 ? c[m][0][0][j].item<double>() : 0.0);
  EXPECT_THROW(SphericalHarmonicTransform::change_truncation(torch::zeros({4, 2, 4}), 2), ShapeError);
  EXPECT_THROW(SphericalHarmonicTransform::change_truncation(c, 0), ConfigError);
}

}  // namespace
}  // namespace pear::sphere

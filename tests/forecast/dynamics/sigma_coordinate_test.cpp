#include "forecast/dynamics/sigma_coordinate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace pear::forecast {
namespace {

const std::vector<int64_t> kLayerCounts{5, 8, 10, 13, 20};

TEST(SigmaLevels, ThicknessesSumToOneAndFullLevelsAreMidpoints) {
  for (const int64_t layers : kLayerCounts) {
    const auto s = SigmaCoordinate::with_layers(layers);
    ASSERT_EQ(s.num_layers(), layers);
    double sum = 0;
    for (size_t k = 0; k < s.full.size(); ++k) {
      sum += s.thickness[k];
      EXPECT_DOUBLE_EQ(s.full[k], (s.half[k] + s.half[k + 1]) / 2);
    }
    EXPECT_NEAR(sum, 1, 1e-15);
  }
}

TEST(SigmaLevels, AlphaIsTheLayerMeanOfTheLogarithmicDistanceToItsLowerEdge) {
  const auto s = SigmaCoordinate::with_layers(10);
  EXPECT_DOUBLE_EQ(s.alpha[0], std::log(2.0));
  EXPECT_DOUBLE_EQ(s.log_ratio[0], 0);
  constexpr int kPoints = 20000;  // midpoint rule: error of order 1e-9
  for (size_t k = 1; k < s.full.size(); ++k) {
    double mean = 0;
    for (int i = 0; i < kPoints; ++i)
      mean += std::log(s.half[k + 1] / (s.half[k] + (i + 0.5) / kPoints * s.thickness[k])) / kPoints;
    EXPECT_NEAR(s.alpha[k], mean, 1e-8) << k;
    EXPECT_NEAR(s.log_ratio[k], std::log(s.half[k + 1]) - std::log(s.half[k]), 1e-15);
  }
}

TEST(SigmaLevels, HalfLevelsThatDoNotRiseAreRefused) {
  for (const std::vector<double>& half : {std::vector<double>{0, 1}, {0, 0.6, 0.5, 1}, {0.1, 0.5, 1}, {0, 0.5, 0.9}}) {
    try {
      SigmaCoordinate s(half);
      FAIL() << "accepted";
    } catch (const ConfigError& e) {
      EXPECT_EQ(e.code(), "BadLevels");
    }
  }
}

TEST(HydrostaticMatrix, IntegratesAnIsothermalAtmosphere) {
  const Planet p;
  const auto s = SigmaCoordinate::with_layers(13);
  const double kelvin = 250;
  const auto phi = s.hydrostatic_matrix(p).mv(torch::full({13}, kelvin, torch::kFloat64));
  // Layer mean of R T ln(1 / sigma); at the top, its value at the full level.
  EXPECT_NEAR(phi[0].item<double>(), -p.gas_constant * kelvin * std::log(s.full[0]), 1e-6);
  for (size_t k = 1; k < 13; ++k) {
    const double top = s.half[k], bottom = s.half[k + 1];
    const auto primitive = [](double x) { return x - x * std::log(x); };  // of ln(1 / x), plus a constant
    const double mean = (primitive(bottom) - primitive(top)) / (bottom - top);
    EXPECT_NEAR(phi[static_cast<int64_t>(k)].item<double>(), p.gas_constant * kelvin * mean, 1e-6) << k;
  }
}

/// Largest error, below the uppermost fifth, of the geopotential of T = 290 + 40 ln(sigma).
double linear_profile_error(int64_t layers) {
  const Planet p;
  const auto s = SigmaCoordinate::uniform(layers);
  auto t = torch::empty({layers}, torch::kFloat64);
  for (int64_t k = 0; k < layers; ++k) t[k] = 290 + 40 * std::log(s.full[static_cast<size_t>(k)]);
  const auto phi = s.hydrostatic_matrix(p).mv(t);
  double worst = 0;
  for (int64_t k = layers / 5; k < layers; ++k) {
    const double x = std::log(s.full[static_cast<size_t>(k)]);
    worst = std::max(worst, std::abs(phi[k].item<double>() + p.gas_constant * (290 * x + 20 * x * x)));
  }
  return worst;
}

TEST(HydrostaticMatrix, ConvergesToTheIntegralOfATemperatureLinearInLogPressure) {
  const double coarse = linear_profile_error(20), fine = linear_profile_error(80);
  EXPECT_LT(coarse, 700);        // m2 s-2
  EXPECT_LT(fine, coarse / 12);  // second order: a factor of 16
}

TEST(EnergyConversion, HeatingByDivergenceIsTheTransposeOfTheGeopotential) {
  const Planet p;
  for (const int64_t layers : kLayerCounts) {
    const auto s = SigmaCoordinate::with_layers(layers);
    const auto mass = torch::tensor(s.thickness, torch::kFloat64).diag();
    const auto work = mass.mm(s.hydrostatic_matrix(p)).t();
    const auto heat = mass.mm(s.temperature_matrix(p)) * (p.heat_capacity / p.reference_temperature);
    EXPECT_TRUE(torch::allclose(work, heat, 1e-13, 1e-12)) << layers;
  }
}

TEST(VerticalModes, ExternalWavesRunAtTheKnownSpeeds) {
  const Planet p;
  for (const auto& [layers, speed] : {std::pair<int64_t, double>{8, 340.4}, {10, 341.2}, {13, 341.7}}) {
    const auto modes = vertical_modes(SigmaCoordinate::with_layers(layers), p);
    EXPECT_NEAR(modes.speeds2[0].sqrt().item<double>(), speed, 0.05);  // the reference has one decimal
    EXPECT_GT(modes.speeds2.min().item<double>(), 0);
    const auto identity = modes.vectors.mm(modes.inverse);
    EXPECT_TRUE(torch::allclose(identity, torch::eye(layers, torch::kFloat64), 0, 1e-10));
  }
}

}  // namespace
}  // namespace pear::forecast

// Grids, coordinates and spectra for tests of the transform; none of it uses the transform.
#pragma once

#include <torch/types.h>

#include <cmath>
#include <random>

#include "base/constants.h"
#include "sphere/grid/rows.h"
#include "sphere/harmonics/transform.h"

namespace pear::sphere::examples {

inline HarmonicsOptions gaussian(int64_t truncation, torch::Dtype dtype = torch::kFloat64) {
  const auto [rows, columns] = quadratic_gaussian_grid(truncation);
  return {.truncation = truncation, .num_rows = rows, .num_columns = columns, .dtype = dtype};
}

/// sin(lat), cos(lat) and longitude on [2, H, columns], from the latitudes of sphere/grid.
struct Coordinates {
  torch::Tensor mu, cos_lat, lon;
};

inline Coordinates coordinates(const HarmonicsOptions& o) {
  const auto lat = row_latitudes_deg(o.rows, o.num_rows);
  const int64_t half = (o.num_rows + 1) / 2;
  const auto sine = torch::empty({2, half, o.num_columns}, torch::kFloat64);
  const auto cosine = torch::empty_like(sine), lon = torch::empty_like(sine);
  auto s = sine.accessor<double, 3>(), c = cosine.accessor<double, 3>(), l = lon.accessor<double, 3>();
  for (int64_t side = 0; side < 2; ++side)
    for (int64_t h = 0; h < half; ++h)
      for (int64_t k = 0; k < o.num_columns; ++k) {
        const double phi = lat[static_cast<size_t>(side == 0 ? h : o.num_rows - 1 - h)] * kRadPerDeg;
        s[side][h][k] = std::sin(phi);
        c[side][h][k] = std::cos(phi);
        l[side][h][k] = 2 * kPi * static_cast<double>(k) / static_cast<double>(o.num_columns);
      }
  return {sine, cosine, lon};
}

/// Random coefficients of degrees first..last, Im of m = 0 zero.
inline torch::Tensor random_spectrum(int64_t truncation, std::vector<int64_t> dims, int64_t last_degree,
                                     int64_t first_degree = 0, unsigned seed = 1) {
  int64_t fields = 1;
  for (int64_t d : dims) fields *= d;
  const auto c = torch::zeros({truncation + 1, 2, fields, truncation + 2}, torch::kFloat64);
  auto values = c.accessor<double, 4>();
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  for (int64_t m = 0; m <= truncation; ++m)
    for (int64_t part = 0; part < (m == 0 ? 1 : 2); ++part)
      for (int64_t f = 0; f < fields; ++f)
        for (int64_t l = std::max(m, first_degree); l <= last_degree; ++l) values[m][part][f][l - m] = normal(random);
  dims.insert(dims.begin(), {truncation + 1, 2});
  dims.push_back(truncation + 2);
  return c.view(dims);
}

/// One coefficient of one field.
inline torch::Tensor single(int64_t truncation, int64_t m, int64_t l, double re, double im = 0.0) {
  const auto c = torch::zeros({truncation + 1, 2, truncation + 2}, torch::kFloat64);
  c[m][0][l - m] = re;
  c[m][1][l - m] = im;
  return c;
}

inline double max_abs(const torch::Tensor& t) { return t.abs().max().item<double>(); }

/// Largest difference, relative to the largest value of the second.
inline double relative_error(const torch::Tensor& a, const torch::Tensor& b) {
  return max_abs(a.to(torch::kFloat64) - b.to(torch::kFloat64)) / max_abs(b.to(torch::kFloat64));
}

}  // namespace pear::sphere::examples

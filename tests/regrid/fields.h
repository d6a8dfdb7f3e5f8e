// Test fields with known values, and their comparison on the sphere.
#pragma once

#include <cmath>
#include <functional>
#include <span>
#include <vector>

#include "base/constants.h"
#include "regrid/apply.h"

namespace pear::regrid::testing {

/// f(latitude, longitude) in radians at the centres of a grid.
inline std::vector<double> sample(const sphere::Grid& g, const std::function<double(double, double)>& f) {
  const auto c = g.centres();
  std::vector<double> out;
  for (size_t i = 0; i < c.lat_deg.size(); ++i) out.push_back(f(c.lat_deg[i] * kRadPerDeg, c.lon_deg[i] * kRadPerDeg));
  return out;
}

inline double y22(double lat, double lon) { return 2 + std::cos(lat) * std::cos(lat) * std::cos(2 * lon); }

/// Two curled-up fronts around a pole at longitude 0, latitude 0.6 (Jones 1999, MWR 127:2204, fields of remapping
/// tests).
inline double vortex(double lat, double lon) {
  constexpr double kPole = 0.6;
  const double sin_lat = std::sin(lat) * std::sin(kPole) + std::cos(lat) * std::cos(kPole) * std::cos(lon);
  const double turned = std::atan2(std::cos(lat) * std::sin(lon),
                                   std::cos(lat) * std::sin(kPole) * std::cos(lon) - std::cos(kPole) * std::sin(lat));
  const double rho = 3 * std::sqrt(std::max(0.0, 1 - sin_lat * sin_lat));
  const double v = 1.5 * std::sqrt(3.0) * std::tanh(rho) / std::pow(std::cosh(rho), 2);
  const double rate = rho > 1e-12 ? v / rho : 1.5 * std::sqrt(3.0);
  return 1 - std::tanh(rho / 5 * std::sin(turned - 6 * rate));
}

/// Area-weighted relative error.
inline double l2_error(const sphere::Grid& g, const std::vector<double>& found, const std::vector<double>& exact) {
  const std::vector<double> area = g.areas_sr();
  double error = 0, norm = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    error += area[i] * std::pow(found[i] - exact[i], 2);
    norm += area[i] * exact[i] * exact[i];
  }
  return std::sqrt(error / norm);
}

template <class T>
std::vector<T> apply_one(const Weights& w, const std::vector<T>& x, const ApplyOptions& options = {}) {
  std::vector<T> y(static_cast<size_t>(w.target.num_cells()));
  apply_weights(w, std::span<const T>(x), std::span<T>(y), 1, options);
  return y;
}

inline std::vector<double> regrid_sample(const sphere::Grid& s, const sphere::Grid& t, Method method,
                                         const std::function<double(double, double)>& f) {
  return apply_one(make_weights(s, t, method), sample(s, f));
}

}  // namespace pear::regrid::testing

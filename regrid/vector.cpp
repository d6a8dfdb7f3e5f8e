#include "regrid/vector.h"

#include <cmath>
#include <vector>

#include "base/constants.h"
#include "base/error.h"

namespace pear::regrid {
namespace {

/// Unit vectors at every cell centre.
struct Directions {
  std::vector<double> sin_phi, cos_phi, sin_theta, cos_theta;
  explicit Directions(const sphere::Grid& grid) {
    const auto centres = grid.centres();
    for (size_t i = 0; i < centres.lat_deg.size(); ++i) {
      const double phi = centres.lon_deg[i] * kRadPerDeg, theta = (90.0 - centres.lat_deg[i]) * kRadPerDeg;
      sin_phi.push_back(std::sin(phi));
      cos_phi.push_back(std::cos(phi));
      sin_theta.push_back(std::sin(theta));
      cos_theta.push_back(std::cos(theta));
    }
  }
};

template <class T>
void apply_any(const Weights& w, std::span<const T> u, std::span<const T> v, std::span<T> u_out, std::span<T> v_out,
               int64_t fields, const ApplyOptions& options) {
  const auto sources = static_cast<size_t>(w.source.num_cells()), targets = static_cast<size_t>(w.target.num_cells());
  const auto count = static_cast<size_t>(fields);
  if (u.size() != count * sources || v.size() != u.size() || u_out.size() != count * targets ||
      v_out.size() != u_out.size())
    throw ShapeError("SizeMismatch", "regrid.apply",
                     {.what = "vector components of " + std::to_string(fields) + " fields",
                      .expected = std::to_string(count * sources) + " values in, " + std::to_string(count * targets) +
                                  " out, for each component",
                      .found = std::to_string(u.size()) + " and " + std::to_string(v.size()) + " in, " +
                               std::to_string(u_out.size()) + " and " + std::to_string(v_out.size()) + " out"});
  const Directions s(w.source), d(w.target);
  std::vector<T> in(3 * sources), out(3 * targets);
  for (size_t f = 0; f < count; ++f) {
    const T *uf = u.data() + f * sources, *vf = v.data() + f * sources;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < sources; ++i) {
      const double east = uf[i], north = vf[i];
      in[i] = static_cast<T>(-east * s.sin_phi[i] - north * s.cos_theta[i] * s.cos_phi[i]);
      in[sources + i] = static_cast<T>(east * s.cos_phi[i] - north * s.cos_theta[i] * s.sin_phi[i]);
      in[2 * sources + i] = static_cast<T>(north * s.sin_theta[i] + 0 * east);  // missing if either component is
    }
    apply_weights(w, std::span<const T>(in), std::span<T>(out), 3, options);
    T *uo = u_out.data() + f * targets, *vo = v_out.data() + f * targets;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < targets; ++i) {
      const double x = out[i], y = out[targets + i], z = out[2 * targets + i];
      uo[i] = static_cast<T>(-x * d.sin_phi[i] + y * d.cos_phi[i]);
      vo[i] = static_cast<T>(-(x * d.cos_phi[i] + y * d.sin_phi[i]) * d.cos_theta[i] + z * d.sin_theta[i]);
    }
  }
}

}  // namespace

void apply_vector(const Weights& w, std::span<const float> u, std::span<const float> v, std::span<float> u_out,
                  std::span<float> v_out, int64_t num_fields, const ApplyOptions& options) {
  apply_any(w, u, v, u_out, v_out, num_fields, options);
}

void apply_vector(const Weights& w, std::span<const double> u, std::span<const double> v, std::span<double> u_out,
                  std::span<double> v_out, int64_t num_fields, const ApplyOptions& options) {
  apply_any(w, u, v, u_out, v_out, num_fields, options);
}

}  // namespace pear::regrid

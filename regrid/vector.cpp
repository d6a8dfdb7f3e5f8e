#include <array>
#include <cmath>
#include <vector>

#include "base/constants.h"
#include "base/error.h"
#include "regrid/apply.h"

namespace pear::regrid {
namespace {

/// Sines and cosines of every cell centre: east = (-sin phi, cos phi, 0),
/// north = (-cos theta cos phi, -cos theta sin phi, sin theta).
struct Frames {
  std::vector<double> sin_phi, cos_phi, sin_theta, cos_theta;
};

Frames frames_of(const sphere::Grid& grid) {
  const auto centres = grid.centres();
  Frames f;
  for (size_t i = 0; i < centres.lat_deg.size(); ++i) {
    const double theta = (90.0 - centres.lat_deg[i]) * kRadPerDeg, phi = centres.lon_deg[i] * kRadPerDeg;
    f.sin_phi.push_back(std::sin(phi));
    f.cos_phi.push_back(std::cos(phi));
    f.sin_theta.push_back(std::sin(theta));
    f.cos_theta.push_back(std::cos(theta));
  }
  return f;
}

}  // namespace

void apply_vector(const Weights& w, std::span<const float> u_in, std::span<const float> v_in, std::span<float> u_out,
                  std::span<float> v_out, int64_t num_fields, const ApplyOptions& options) {
  if (u_in.size() != v_in.size() || u_out.size() != v_out.size())
    throw ShapeError("SizeMismatch", "regrid.apply", {.what = "u and v", .expected = "the same number of values"});
  const Frames from = frames_of(w.source), to = frames_of(w.target);
  const auto cells = static_cast<size_t>(w.source.num_cells()), rows = static_cast<size_t>(w.target.num_cells());
  for (int64_t f = 0; f < num_fields; ++f) {
    const auto u = u_in.subspan(static_cast<size_t>(f) * cells, cells),
               v = v_in.subspan(static_cast<size_t>(f) * cells, cells);
    std::vector<float> in(3 * cells), out(3 * rows);
    for (size_t s = 0; s < cells; ++s) {
      const double a = u[s], b = v[s];
      in[s] = static_cast<float>(-a * from.sin_phi[s] - b * from.cos_theta[s] * from.cos_phi[s]);
      in[cells + s] = static_cast<float>(a * from.cos_phi[s] - b * from.cos_theta[s] * from.sin_phi[s]);
      in[2 * cells + s] = static_cast<float>(b * from.sin_theta[s]);
    }
    apply_weights(w, in, out, 3, options);
    for (size_t t = 0; t < rows; ++t) {
      const double x = out[t], y = out[rows + t], z = out[2 * rows + t];
      const size_t at = static_cast<size_t>(f) * rows + t;
      u_out[at] = static_cast<float>(-x * to.sin_phi[t] + y * to.cos_phi[t]);
      v_out[at] = static_cast<float>(-to.cos_theta[t] * (x * to.cos_phi[t] + y * to.sin_phi[t]) + z * to.sin_theta[t]);
    }
  }
}

}  // namespace pear::regrid

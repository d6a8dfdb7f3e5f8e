// Point methods from HEALPix against the reference implementation healpix_cxx (used by tests only).
#include <gtest/gtest.h>
#include <healpix_base.h>

#include <map>

#include "base/constants.h"
#include "regrid/weights.h"

namespace pear::regrid {
namespace {

using sphere::Grid;

std::map<int32_t, double> row_of(const Weights& w, size_t t) {
  std::map<int32_t, double> row;
  for (auto l = static_cast<size_t>(w.row_start[t]); l < static_cast<size_t>(w.row_start[t + 1]); ++l)
    row[w.column[l]] += w.value[l];
  return row;
}

TEST(HealpixAgainstReference, BilinearWeightsAreTheReferenceInterpolation) {
  constexpr double kTolerance = 1e-13;
  for (const bool is_ring : {true, false}) {
    const T_Healpix_Base<int64> reference(32, is_ring ? RING : NEST, SET_NSIDE);
    const Grid source = Grid::from_spec(is_ring ? "healpix:32:ring" : "healpix:32");
    for (const char* spec : {"latlon:181x360+poles", "gaussian:O32", "latlon:33x40+area=80/-180/-80/171"}) {
      const Grid target = Grid::from_spec(spec);
      const Weights w = make_weights(source, target, Method::Bilinear);
      const auto c = target.centres();
      for (size_t t = 0; t < c.lat_deg.size(); ++t) {
        fix_arr<int64, 4> pixels;
        fix_arr<double, 4> weights;
        double phi = c.lon_deg[t] * kRadPerDeg;
        if (phi < 0) phi += 2 * kPi;
        reference.get_interpol(pointing((90 - c.lat_deg[t]) * kRadPerDeg, phi), pixels, weights);
        auto row = row_of(w, t);
        for (size_t k = 0; k < 4; ++k) row[static_cast<int32_t>(pixels[k])] -= weights[k];
        for (const auto& [pixel, difference] : row)
          ASSERT_NEAR(difference, 0, kTolerance) << spec << " cell " << t << " pixel " << pixel;
      }
    }
  }
}

TEST(HealpixAgainstReference, NearestIsThePixelThatHoldsThePoint) {
  const T_Healpix_Base<int64> reference(16, NEST, SET_NSIDE);
  const Grid target = Grid::from_spec("latlon:97x193+half+lon0=0.1");  // no point on an edge
  const Weights w = make_weights(Grid::from_spec("healpix:16"), target, Method::Nearest);
  const auto c = target.centres();
  for (size_t t = 0; t < c.lat_deg.size(); ++t) {
    ASSERT_EQ(w.row_start[t + 1] - w.row_start[t], 1);
    ASSERT_EQ(w.column[t], reference.ang2pix(pointing((90 - c.lat_deg[t]) * kRadPerDeg, c.lon_deg[t] * kRadPerDeg)));
  }
}

}  // namespace
}  // namespace pear::regrid

// HEALPix index maths against the reference implementation healpix_cxx (used by tests only).
#include <gtest/gtest.h>
#include <healpix_base.h>

#include <cmath>
#include <random>

#include "sphere/grid/healpix.h"

namespace pear::sphere {
namespace {

using Reference = T_Healpix_Base<int64>;
constexpr int kPoints = 100000;
constexpr int64_t kNsides[] = {1, 2, 3, 8, 64, 256};

Reference reference(int64_t n, PixelOrder order) { return {n, order == PixelOrder::Ring ? RING : NEST, SET_NSIDE}; }
bool fits(int64_t n, PixelOrder order) { return order == PixelOrder::Ring || (n & (n - 1)) == 0; }

/// Calls f(grid, reference) for every nside and both orders of the reference.
template <class F>
void for_each_grid(F&& f) {
  for (int64_t n : kNsides)
    for (PixelOrder order : {PixelOrder::Ring, PixelOrder::Nested})
      if (fits(n, order)) f(HealpixGrid{n, order}, reference(n, order));
}

struct RandomPoints {
  std::mt19937_64 engine{20240229};
  double unit() { return std::uniform_real_distribution<double>(0, 1)(engine); }
  pointing direction() { return {std::acos(2 * unit() - 1), 2 * M_PI * unit()}; }
  int64_t pixel(int64_t n) { return static_cast<int64_t>(engine() % static_cast<uint64_t>(12 * n * n)); }
};

double chord(const vec3& a, const vec3& b) { return (a - b).Length(); }
vec3 direction(const Angle& a) { return pointing(a.theta, a.phi).to_vec3(); }

TEST(HealpixAgainstReference, PixelsOfRandomDirectionsAreEqual) {
  RandomPoints random;
  for_each_grid([&](const HealpixGrid& g, const Reference& r) {
    for (int i = 0; i < kPoints; ++i) {
      const pointing p = random.direction();
      ASSERT_EQ(ang2pix(g, p.theta, p.phi), r.ang2pix(p)) << g.nside << " " << p.theta << " " << p.phi;
    }
  });
}

TEST(HealpixAgainstReference, PixelsNearThePolesAreEqual) {
  RandomPoints random;
  for_each_grid([&](const HealpixGrid& g, const Reference& r) {
    for (int i = 0; i < kPoints / 4; ++i) {
      pointing p{random.unit() * 3.0 / static_cast<double>(g.nside), 2 * M_PI * random.unit()};
      if (i % 2 == 1) p.theta = M_PI - p.theta;
      ASSERT_EQ(ang2pix(g, p.theta, p.phi), r.ang2pix(p)) << g.nside << " " << p.theta << " " << p.phi;
    }
  });
}

TEST(HealpixAgainstReference, CentresAreEqual) {
  RandomPoints random;
  for_each_grid([&](const HealpixGrid& g, const Reference& r) {
    for (int i = 0; i < kPoints; ++i) {
      const int64_t p = random.pixel(g.nside);
      const Angle a = pix2ang(g, p);
      const pointing q = r.pix2ang(p);
      ASSERT_NEAR(a.theta, q.theta, 4e-15);
      ASSERT_NEAR(a.phi, q.phi, 4e-15);
    }
  });
}

TEST(HealpixAgainstReference, OrdersAreEqual) {
  RandomPoints random;
  for (int64_t n : {int64_t{1}, int64_t{2}, int64_t{8}, int64_t{64}, int64_t{256}, int64_t{8192}, int64_t{1} << 20,
                    int64_t{1} << 29})
    for (int i = 0; i < kPoints; ++i) {
      const Reference r = reference(n, PixelOrder::Nested);
      const int64_t p = random.pixel(n);
      ASSERT_EQ(ring_from_nested(n, p), r.nest2ring(p)) << n;
      ASSERT_EQ(nested_from_ring(n, p), r.ring2nest(p)) << n;
    }
}

TEST(HealpixAgainstReference, FacePositionsAreEqual) {
  RandomPoints random;
  for_each_grid([&](const HealpixGrid& g, const Reference& r) {
    for (int i = 0; i < kPoints / 4; ++i) {
      const int64_t p = random.pixel(g.nside);
      int x = 0, y = 0, face = 0;
      r.pix2xyf(p, x, y, face);
      ASSERT_EQ(face_xy_from_pixel(g, p), (FaceXy{face, x, y}));
      ASSERT_EQ(pixel_from_face_xy(g, {face, x, y}), p);
    }
  });
}

TEST(HealpixAgainstReference, NeighboursAreEqualInOrderAndAbsence) {
  for_each_grid([&](const HealpixGrid& g, const Reference& r) {
    const int64_t step = g.nside == 256 ? 7 : 1;
    for (int64_t p = 0; p < num_pixels(g.nside); p += step) {
      fix_arr<int64, 8> expected;
      r.neighbors(p, expected);
      const auto found = neighbours(g, p);
      for (size_t i = 0; i < 8; ++i) ASSERT_EQ(found[i], expected[i]) << g.nside << " pixel " << p << " side " << i;
    }
  });
}

TEST(HealpixAgainstReference, OutlinesAreEqual) {
  RandomPoints random;
  for_each_grid([&](const HealpixGrid& g, const Reference& r) {
    for (int i = 0; i < 2000; ++i) {
      const int64_t p = i < 12 ? i : random.pixel(g.nside);
      for (int64_t step : {1, 5}) {
        std::vector<vec3> expected;
        r.boundaries(p, static_cast<tsize>(step), expected);
        const auto found = boundary(g, p, step);
        ASSERT_EQ(found.size(), expected.size());
        for (size_t k = 0; k < found.size(); ++k) ASSERT_LT(chord(direction(found[k]), expected[k]), 1e-14) << p;
      }
    }
  });
}

TEST(HealpixAgainstReference, InterpolationHasTheSamePixelsAndWeights) {
  RandomPoints random;
  for_each_grid([&](const HealpixGrid& g, const Reference& r) {
    for (int i = 0; i < kPoints; ++i) {
      pointing p = random.direction();
      if (i % 5 == 0) p.theta = random.unit() * 1.5 / static_cast<double>(g.nside);  // polar rings
      if (i % 10 == 0) p.theta = M_PI - p.theta;
      fix_arr<int64, 4> pixels;
      fix_arr<double, 4> weights;
      r.get_interpol(p, pixels, weights);
      const auto found = interpolation_weights(g, p.theta, p.phi);
      for (size_t k = 0; k < 4; ++k) {
        ASSERT_EQ(found.pixels[k], pixels[k]) << g.nside << " " << p.theta << " " << p.phi;
        ASSERT_NEAR(found.weights[k], weights[k], 1e-13 * static_cast<double>(std::max<int64_t>(1, g.nside / 32)));
      }
    }
  });
}

}  // namespace
}  // namespace pear::sphere

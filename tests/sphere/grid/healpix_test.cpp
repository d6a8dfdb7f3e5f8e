// HEALPix index maths against closed forms, recorded checksums and the geometry itself.
#include "sphere/grid/healpix.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <set>

#include "base/error.h"
#include "sphere/grid/healpix_fields.h"

namespace pear::sphere {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr PixelOrder kOrders[] = {PixelOrder::Ring, PixelOrder::Nested, PixelOrder::XySouth, PixelOrder::XyNorth};

/// Checksum of the design page: sum (i+1)^2 v_i modulo 10^9 + 7.
int64_t c2(const std::vector<int64_t>& v) {
  constexpr int64_t kPrime = 1000000007;
  int64_t sum = 0;
  for (size_t i = 0; i < v.size(); ++i) {
    const auto k = static_cast<int64_t>(i + 1) % kPrime;
    sum = (sum + k * k % kPrime * (v[i] % kPrime)) % kPrime;
  }
  return sum;
}

std::vector<int64_t> ring_of_every_nested(int64_t n) {
  std::vector<int64_t> v(static_cast<size_t>(12 * n * n));
  for (size_t p = 0; p < v.size(); ++p) v[p] = ring_from_nested(n, static_cast<int64_t>(p));
  return v;
}

double distance(double t1, double p1, double t2, double p2) {  // haversine: exact for small distances
  const double a = std::sin((t1 - t2) / 2), b = std::sin((p1 - p2) / 2);
  return 2 * std::asin(std::min(1.0, std::sqrt(a * a + std::sin(t1) * std::sin(t2) * b * b)));
}

TEST(HealpixOrder, NestedToRingHasTheRecordedValues) {
  const auto two = ring_of_every_nested(2), four = ring_of_every_nested(4);
  EXPECT_EQ(std::vector<int64_t>(two.begin(), two.begin() + 12),
            (std::vector<int64_t>{13, 5, 4, 0, 15, 7, 6, 1, 17, 9, 8, 2}));
  EXPECT_EQ(std::vector<int64_t>(four.begin(), four.begin() + 16),
            (std::vector<int64_t>{74, 58, 57, 42, 43, 27, 26, 14, 41, 25, 24, 12, 13, 5, 4, 0}));
  const std::pair<int64_t, int64_t> sums[] = {
      {2, 1289898}, {4, 322976280}, {8, 107155394}, {16, 507782134}, {64, 558274982}};
  for (const auto& [n, sum] : sums) EXPECT_EQ(c2(ring_of_every_nested(n)), sum) << "nside " << n;
}

TEST(HealpixOrder, EveryPairOfOrdersIsAPermutationWithItsInverse) {
  for (PixelOrder from : kOrders)
    for (PixelOrder to : kOrders) {
      const auto there = reorder_index(8, from, to), back = reorder_index(8, to, from);
      std::set<int64_t> seen(there.begin(), there.end());
      EXPECT_EQ(seen.size(), 768u);
      EXPECT_EQ(*seen.rbegin(), 767);
      for (size_t p = 0; p < there.size(); ++p) ASSERT_EQ(back[static_cast<size_t>(there[p])], static_cast<int64_t>(p));
    }
}

TEST(HealpixOrder, FaceMajorLayoutsPlaceRowsAsDocumented) {
  // xy-south: row iy, column ix; xy-north: row n-1-ix, column n-1-iy.
  const int64_t n = 4;
  for (int64_t p = 0; p < 12 * n * n; ++p) {
    const FaceXy at = face_xy_from_pixel({n, PixelOrder::Nested}, p);
    EXPECT_EQ(convert_order(n, PixelOrder::Nested, PixelOrder::XySouth, p), (at.face * n + at.y) * n + at.x);
    EXPECT_EQ(convert_order(n, PixelOrder::Nested, PixelOrder::XyNorth, p),
              (at.face * n + n - 1 - at.x) * n + n - 1 - at.y);
  }
}

TEST(HealpixOrder, RoundTripsHoldForVeryFineGrids) {
  std::mt19937_64 random(7);
  for (int64_t n : {int64_t{8192}, int64_t{1} << 20, int64_t{1} << 29}) {
    const int64_t last = 12 * n * n - 1;
    std::vector<int64_t> pixels = {
        0, 1, 3, 4, last, last - 1, last - 3, last - 4, 2 * n * (n - 1), 2 * n * (n - 1) - 1};
    for (int i = 0; i < 100000; ++i) pixels.push_back(static_cast<int64_t>(random() % static_cast<uint64_t>(last)));
    for (int64_t p : pixels) {
      ASSERT_EQ(nested_from_ring(n, ring_from_nested(n, p)), p) << n;
      const RingPosition r = ring_position(n, p);
      ASSERT_EQ(ring_start(n, r.ring) + r.position, p) << n;
      ASSERT_LT(r.position, ring_length(n, r.ring)) << n;
    }
  }
}

TEST(HealpixAngle, CentresOfPixelsFallInThem) {
  std::mt19937_64 random(8);
  // 2^24: beyond it a double angle near phi = 2 pi no longer resolves a pixel by a comfortable margin.
  for (int64_t n : {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{8}, int64_t{64}, int64_t{255}, int64_t{8192},
                    int64_t{1} << 20, int64_t{1} << 24})
    for (PixelOrder order : kOrders) {
      if (order != PixelOrder::Ring && (n & (n - 1)) != 0) continue;
      for (int i = 0; i < 20000; ++i) {
        const auto p = static_cast<int64_t>(random() % static_cast<uint64_t>(12 * n * n));
        const Angle a = pix2ang({n, order}, p);
        ASSERT_EQ(ang2pix({n, order}, a.theta, a.phi), p) << "nside " << n;
      }
    }
}

TEST(HealpixAngle, PolarCentresKeepFullRelativePrecision) {
  // First ring: sin(d/2) = 1/(n sqrt 6). acos(z) would lose half of the digits.
  const int64_t n = int64_t{1} << 25;
  const double d = 2 * std::asin(1 / (static_cast<double>(n) * std::sqrt(6.0)));
  EXPECT_NEAR(pix2ang({n, PixelOrder::Ring}, 0).theta / d, 1.0, 1e-15);
  for (int64_t p : {0, 1, 2, 3})
    EXPECT_DOUBLE_EQ(pix2ang({n, PixelOrder::Ring}, p).phi, kPi / 4 + kPi / 2 * static_cast<double>(p));
}

TEST(HealpixAngle, LongitudesOfAnyTurnAreEqual) {
  std::mt19937_64 random(9);
  std::uniform_real_distribution<double> unit(0, 1);
  for (int i = 0; i < 100000; ++i) {
    const double theta = std::acos(2 * unit(random) - 1);
    const double phi = 2 * kPi * (static_cast<double>(random() % 4096) + 0.37) / 4096;
    const int64_t p = ang2pix({64, PixelOrder::Nested}, theta, phi);
    ASSERT_EQ(ang2pix({64, PixelOrder::Nested}, theta, phi - 2 * kPi), p);
    ASSERT_EQ(ang2pix({64, PixelOrder::Nested}, theta, phi + 6 * kPi), p);
  }
}

/// The pixel found for a direction touches it: its centre is no farther than the largest pixel radius.
TEST(HealpixAngle, EdgePointsPolesAndTheSeamGiveAPixelThatTouchesThem) {
  const double below = std::nextafter(2 * kPi, 0.0);
  const float float_pi = static_cast<float>(kPi);
  for (int64_t n : {1, 2, 3, 8, 64, 256, 8192}) {
    const double radius = 1.5 * std::sqrt(4 * kPi / static_cast<double>(12 * n * n));
    std::vector<Angle> points;
    for (double phi : {0.0, -0.0, below, 2 * kPi, -1e-17, -1e-300, -kPi, kPi, kPi / 2, -kPi / 2, 1.5 * kPi,
                       static_cast<double>(float_pi), 2.0 * static_cast<double>(float_pi)})
      for (double theta :
           {0.0, 1e-300, 1e-9, kPi - 1e-9, kPi, static_cast<double>(float_pi), std::acos(2.0 / 3), std::acos(-2.0 / 3),
            std::nextafter(std::acos(2.0 / 3), 0.0), std::nextafter(std::acos(-2.0 / 3), 4.0), kPi / 2})
        points.push_back({theta, phi});
    std::mt19937_64 random(10);
    for (int i = 0; i < 2000; ++i)
      for (const Angle& a :
           boundary({n, PixelOrder::Ring}, static_cast<int64_t>(random() % static_cast<uint64_t>(12 * n * n)), 4))
        points.push_back(a);
    for (const Angle& a : points) {
      const int64_t p = ang2pix({n, PixelOrder::Ring}, a.theta, a.phi);
      ASSERT_GE(p, 0);
      ASSERT_LT(p, 12 * n * n);
      const Angle c = pix2ang({n, PixelOrder::Ring}, p);
      ASSERT_LT(distance(a.theta, a.phi, c.theta, c.phi), radius)
          << "nside " << n << " theta " << a.theta << " phi " << a.phi;
    }
  }
}

/// Where belt and caps meet, the rounding of one coordinate must not leave the rings of the belt.
TEST(HealpixAngle, CornersOnTheBorderOfTheBeltStayInTheirNeighbourhood) {
  for (int64_t n : {2, 3, 5, 6, 7, 10, 64, 100, 256}) {
    const double radius = 1.5 * std::sqrt(4 * kPi / static_cast<double>(12 * n * n));
    for (double z : {2.0 / 3.0, -2.0 / 3.0})
      for (double theta : {std::acos(z), std::nextafter(std::acos(z), 0.0), std::nextafter(std::acos(z), 4.0)})
        for (int64_t j = 0; j <= 4 * n; ++j) {
          const double edge = kPi / 2 * static_cast<double>(j) / static_cast<double>(n);
          double phi = edge;
          for (int ulp = 0; ulp < 6; ++ulp, phi = std::nextafter(phi, -1.0)) {
            const Angle c = pix2ang({n, PixelOrder::Ring}, ang2pix({n, PixelOrder::Ring}, theta, phi));
            ASSERT_LT(distance(theta, phi, c.theta, c.phi), radius) << "nside " << n << " edge " << j << " ulp " << ulp;
          }
        }
  }
}

TEST(HealpixAngle, BatchesEqualSinglePoints) {
  std::mt19937_64 random(13);
  std::uniform_real_distribution<double> unit(0, 1);
  for (size_t size : {size_t{3}, size_t{1000}}) {  // few points, and enough for a table of rings
    std::vector<double> theta(size), phi(size), t(size), f(size);
    for (size_t i = 0; i < size; ++i) theta[i] = kPi * unit(random), phi[i] = 20 * unit(random) - 10;
    for (PixelOrder order : kOrders) {
      std::vector<int64_t> pixels(size);
      ang2pix({16, order}, theta, phi, pixels);
      pix2ang({16, order}, pixels, t, f);
      for (size_t i = 0; i < size; ++i) {
        EXPECT_EQ(pixels[i], ang2pix({16, order}, theta[i], phi[i]));
        EXPECT_EQ(t[i], pix2ang({16, order}, pixels[i]).theta);
        EXPECT_EQ(f[i], pix2ang({16, order}, pixels[i]).phi);
      }
    }
  }
}

TEST(HealpixNeighbours, AreMutualAndMissingWhereOnlyThreeFacesMeet) {
  for (int64_t n : {1, 2, 4, 8}) {
    int64_t missing = 0;
    for (int64_t p = 0; p < 12 * n * n; ++p)
      for (int64_t q : neighbours({n, PixelOrder::Nested}, p)) {
        if (q < 0) {
          ++missing;
          continue;
        }
        const auto back = neighbours({n, PixelOrder::Nested}, q);
        ASSERT_NE(std::find(back.begin(), back.end(), p), back.end()) << p << " " << q;
      }
    EXPECT_EQ(missing, 24) << "nside " << n;  // at nside 1: 12 pixels with 6 neighbours
  }
}

TEST(HealpixBoundary, CornersAreNorthWestSouthEastAndHoldTheCentre) {
  for (PixelOrder order : kOrders)
    for (int64_t p = 0; p < 12 * 64; ++p) {
      const auto corners = boundary({8, order}, p);
      ASSERT_EQ(corners.size(), 4u);
      const Angle c = pix2ang({8, order}, p);
      EXPECT_LT(corners[0].theta, c.theta);
      EXPECT_GT(corners[2].theta, c.theta);
      EXPECT_LE(std::remainder(corners[1].phi - c.phi, 2 * kPi), 0);
      EXPECT_GE(std::remainder(corners[3].phi - c.phi, 2 * kPi), 0);
      for (const Angle& a : corners) EXPECT_TRUE(a.phi >= 0 && a.phi < 2 * kPi && std::isfinite(a.theta));
    }
}

TEST(HealpixBoundary, AFineOutlineEnclosesOneEqualArea) {
  // Area by Green's theorem: integral of (z - z_centre) over phi along the outline; edges as curves, not great circles.
  const int64_t n = 4, points = 2000;
  for (int64_t p = 4; p < 12 * n * n - 4; ++p) {  // the polar pixels hold the pole: no single-valued longitude
    const auto line = boundary({n, PixelOrder::Ring}, p, points);
    double area = 0;
    for (size_t i = 0; i < line.size(); ++i) {
      const Angle &a = line[i], &b = line[(i + 1) % line.size()];
      area += (std::cos(a.theta) + std::cos(b.theta)) / 2 * std::remainder(b.phi - a.phi, 2 * kPi);
    }
    EXPECT_NEAR(std::abs(area) / (4 * kPi / static_cast<double>(12 * n * n)), 1.0, 1e-6) << p;
  }
}

TEST(HealpixInterpolation, WeightsAreConvexAndExactAtCentres) {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> unit(0, 1);
  for (int64_t n : {1, 2, 3, 8, 256}) {
    for (int i = 0; i < 20000; ++i) {
      const double theta = i % 10 == 0 ? 1e-3 * unit(random) / static_cast<double>(n) : std::acos(2 * unit(random) - 1);
      const auto w =
          interpolation_weights({n, PixelOrder::Ring}, i % 20 == 0 ? kPi - theta : theta, 2 * kPi * unit(random));
      double sum = 0;
      for (size_t k = 0; k < 4; ++k) {
        ASSERT_GE(w.weights[k], 0.0);
        ASSERT_TRUE(w.pixels[k] >= 0 && w.pixels[k] < 12 * n * n);
        sum += w.weights[k];
      }
      ASSERT_NEAR(sum, 1.0, 1e-14);
    }
    for (int64_t p = 0; p < std::min<int64_t>(12 * n * n, 5000); ++p) {
      const Angle a = pix2ang({n, PixelOrder::Ring}, p);
      const auto w = interpolation_weights({n, PixelOrder::Ring}, a.theta, a.phi);
      double own = 0;
      for (size_t k = 0; k < 4; ++k) own += w.pixels[k] == p ? w.weights[k] : 0.0;
      ASSERT_NEAR(own, 1.0, 1e-11) << "nside " << n << " pixel " << p;
    }
  }
}

TEST(HealpixInterpolation, ConstantMapsStayConstantAtAllCornersOfAllFaces) {
  for (int64_t n : {1, 2, 16})
    for (int64_t face = 0; face < 12; ++face)
      for (double e : {0.0, 1e-12, -1e-12})
        for (const Angle& a : boundary({1, PixelOrder::Nested}, face, 8)) {
          const auto w = interpolation_weights({n, PixelOrder::Nested}, std::clamp(a.theta + e, 0.0, kPi), a.phi + e);
          double value = 0;
          for (double x : w.weights) value += x * 3.5;
          EXPECT_NEAR(value, 3.5, 1e-14);
        }
}

TEST(HealpixInterpolation, AFieldLinearInHeightStaysWithinItsBoundAndIsNotShifted) {
  // Linear in theta, not in z: the error is that of interpolating cos between rings, <= (dtheta)^2 / 8; a shift in
  // latitude would be of the size of dtheta. Within the first ring the pole takes the value of the ring: 1 - cos.
  const int64_t n = 64;
  const double dtheta = 0.9 / static_cast<double>(n);  // rings are farthest apart at |z| = 2/3: 0.894 / n
  const double first_ring = 2 * std::asin(1 / (static_cast<double>(n) * std::sqrt(6.0)));
  std::mt19937_64 random(12);
  std::uniform_real_distribution<double> unit(0, 1);
  for (int i = 0; i < 20000; ++i) {
    const double z = 2 * unit(random) - 1;
    const auto w = interpolation_weights({n, PixelOrder::Ring}, std::acos(z), 2 * kPi * unit(random));
    double value = 0;
    for (size_t k = 0; k < 4; ++k) value += w.weights[k] * std::cos(pix2ang({n, PixelOrder::Ring}, w.pixels[k]).theta);
    const bool is_polar = std::abs(z) > std::cos(first_ring);
    ASSERT_NEAR(value, z, is_polar ? 1 - std::cos(first_ring) : dtheta * dtheta / 8) << z;
  }
}

TEST(HealpixInterpolation, ABellOnTheSeamIsAsSmoothAsElsewhere) {
  // Turning the field by a quarter turn turns the result: no special meridian.
  const int64_t n = 256;
  const auto bell = [](double theta, double phi, double centre) {
    const double r = distance(theta, phi, kPi / 2, centre);
    return r < 0.2 ? 0.5 * (1 + std::cos(kPi * r / 0.2)) : 0.0;
  };
  const auto at = [&](double theta, double phi, double centre) {
    const auto w = interpolation_weights({n, PixelOrder::Ring}, theta, phi);
    double value = 0;
    for (size_t k = 0; k < 4; ++k) {
      const Angle a = pix2ang({n, PixelOrder::Ring}, w.pixels[k]);
      value += w.weights[k] * bell(a.theta, a.phi, centre);
    }
    return value;
  };
  for (int i = -200; i <= 200; ++i)
    for (double theta : {kPi / 2, kPi / 2 + 0.03, kPi / 2 - 0.0711})
      ASSERT_NEAR(at(theta, 0.001 * i, 0.0), at(theta, 0.001 * i + kPi / 2, kPi / 2), 1e-11) << i;
}

TEST(HealpixErrors, NameTheIndexAndTheValue) {
  EXPECT_THROW(ring_from_nested(3, 0), ConfigError);
  EXPECT_THROW(pix2ang({4, PixelOrder::Ring}, -1), ShapeError);
  EXPECT_THROW(boundary({4, PixelOrder::Ring}, 192), ShapeError);
  EXPECT_THROW(neighbours({4, PixelOrder::Ring}, 192), ShapeError);
  EXPECT_THROW(pixel_from_face_xy({4, PixelOrder::Ring}, {12, 0, 0}), ShapeError);
  EXPECT_THROW(num_pixels(1) ? ang2pix({int64_t{1} << 30, PixelOrder::Ring}, 1, 1) : 0, ConfigError);
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (double bad : {nan, inf, -inf, -0.1, 3.2}) EXPECT_THROW(ang2pix({4, PixelOrder::Ring}, bad, 0), DataError);
  for (double bad : {nan, inf}) EXPECT_THROW(interpolation_weights({4, PixelOrder::Ring}, 1, bad), DataError);
  std::vector<double> theta = {1.0, nan}, phi = {0.0, 0.25};
  std::vector<int64_t> out(2), shorter(1);
  EXPECT_THROW(ang2pix({4, PixelOrder::Ring}, theta, phi, shorter), ShapeError);
  try {
    ang2pix({4, PixelOrder::Ring}, theta, phi, out);
    FAIL() << "NaN was accepted";
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "BadAngle");
    const std::string message = e.what();
    EXPECT_NE(message.find("direction 1"), std::string::npos) << message;
    EXPECT_NE(message.find("nan"), std::string::npos) << message;
    EXPECT_NE(message.find("0.25"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace pear::sphere

// HEALPix index maths next to healpix_cxx: ratios of one run.
#include <fmt/format.h>
#include <healpix_base.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "sphere/grid/healpix.h"

namespace {

using namespace pear::sphere;
constexpr size_t kPoints = 1 << 20;
constexpr int kRepeats = 7;

struct Timing {
  double pear_ns = 1e300, peer_ns = 1e300;  // best of kRepeats, per point
};

template <class F>
double nanoseconds_per_point(F&& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  const std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - start;
  return elapsed.count() / static_cast<double>(kPoints);
}

/// Alternates the two sides, so that both meet the same state of the machine.
template <class Pear, class Peer>
Timing compare(Pear&& pear, Peer&& peer) {
  Timing t;
  for (int i = 0; i < kRepeats; ++i) {
    t.pear_ns = std::min(t.pear_ns, nanoseconds_per_point(pear));
    t.peer_ns = std::min(t.peer_ns, nanoseconds_per_point(peer));
  }
  return t;
}

struct Points {
  std::vector<double> theta = std::vector<double>(kPoints), phi = std::vector<double>(kPoints);
  std::vector<int64_t> pixels = std::vector<int64_t>(kPoints);
};

Points random_points(int64_t nside) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> unit(0, 1);
  Points p;
  for (size_t i = 0; i < kPoints; ++i) {
    p.theta[i] = std::acos(2 * unit(random) - 1);
    p.phi[i] = 2 * std::numbers::pi * unit(random);
    p.pixels[i] = static_cast<int64_t>(random() % static_cast<uint64_t>(num_pixels(nside)));
  }
  return p;
}

void report(nlohmann::json& results, const std::string& task, int64_t nside, Timing t, bool equal) {
  fmt::print("{:<22} {:>6} {:>10.1f} {:>14.1f} {:>8.2f}  {}\n", task, nside, t.pear_ns, t.peer_ns,
             t.peer_ns / t.pear_ns, equal ? "equal" : "DIFFERENT");
  results.push_back({{"task", task},
                     {"nside", nside},
                     {"pear_ns", t.pear_ns},
                     {"healpix_cxx_ns", t.peer_ns},
                     {"ratio", t.peer_ns / t.pear_ns},
                     {"equal", equal}});
}

void run_order(nlohmann::json& results, int64_t nside, PixelOrder order) {
  const T_Healpix_Base<int64> peer(nside, order == PixelOrder::Ring ? RING : NEST, SET_NSIDE);
  const HealpixGrid grid{nside, order};
  const std::string suffix = order == PixelOrder::Ring ? " ring" : " nested";
  const Points in = random_points(nside);
  Points ours, theirs;
  const Timing to_pixel = compare([&] { ang2pix(grid, in.theta, in.phi, ours.pixels); },
                                  [&] {
                                    for (size_t i = 0; i < kPoints; ++i)
                                      theirs.pixels[i] = peer.ang2pix(pointing(in.theta[i], in.phi[i]));
                                  });
  report(results, "ang2pix" + suffix, nside, to_pixel, ours.pixels == theirs.pixels);
  const Timing to_angle = compare([&] { pix2ang(grid, in.pixels, ours.theta, ours.phi); },
                                  [&] {
                                    for (size_t i = 0; i < kPoints; ++i) {
                                      const pointing p = peer.pix2ang(in.pixels[i]);
                                      theirs.theta[i] = p.theta;
                                      theirs.phi[i] = p.phi;
                                    }
                                  });
  bool equal = true;
  for (size_t i = 0; i < kPoints; ++i)
    equal = equal && std::abs(ours.theta[i] - theirs.theta[i]) + std::abs(ours.phi[i] - theirs.phi[i]) < 1e-14;
  report(results, "pix2ang" + suffix, nside, to_angle, equal);
}

void run_orders(nlohmann::json& results, int64_t nside) {
  const T_Healpix_Base<int64> peer(nside, RING, SET_NSIDE);
  const Points in = random_points(nside);
  Points ours, theirs;
  const Timing ring2nest =
      compare([&] { convert_order(nside, PixelOrder::Ring, PixelOrder::Nested, in.pixels, ours.pixels); },
              [&] {
                for (size_t i = 0; i < kPoints; ++i) theirs.pixels[i] = peer.ring2nest(in.pixels[i]);
              });
  report(results, "ring2nest", nside, ring2nest, ours.pixels == theirs.pixels);
  const Timing nest2ring =
      compare([&] { convert_order(nside, PixelOrder::Nested, PixelOrder::Ring, in.pixels, ours.pixels); },
              [&] {
                for (size_t i = 0; i < kPoints; ++i) theirs.pixels[i] = peer.nest2ring(in.pixels[i]);
              });
  report(results, "nest2ring", nside, nest2ring, ours.pixels == theirs.pixels);
}

}  // namespace

int main() {
  nlohmann::json results = nlohmann::json::array();
  fmt::print("{} points, best of {}, one thread, healpix_cxx {}\n", kPoints, kRepeats, PEAR_PEER_VERSION);
  fmt::print("{:<22} {:>6} {:>10} {:>14} {:>8}\n", "task", "nside", "pear ns", "healpix_cxx ns", "ratio");
  for (int64_t nside : {64, 256, 8192}) {
    run_order(results, nside, PixelOrder::Ring);
    run_order(results, nside, PixelOrder::Nested);
    run_orders(results, nside);
  }
  fmt::print("{}\n",
             nlohmann::json{{"benchmark", "healpix"}, {"peer", PEAR_PEER_VERSION}, {"results", results}}.dump());
}

// Weights and their application next to CDO, plain loops and the streaming bound: ratios of one run.
#include <fmt/format.h>
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/array.h"
#include "base/provenance.h"
#include "benchmarks/regrid/peer.h"
#include "regrid/apply_kernel.h"
#include "regrid/weights.h"

namespace pear::benchmarks {
namespace {

using regrid::Method;
using regrid::Weights;
constexpr int64_t kFields = 64;
constexpr const char* kSource = "latlon:721x1440+poles";

double best_seconds(int repeats, const std::function<void()>& work) {
  double best = 1e300;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

struct Run {
  std::filesystem::path folder;
  bool cdo = false;
  nlohmann::json results = nlohmann::json::array();

  void report(const std::string& task, int64_t nside, double ours, const std::string& peer,
              std::optional<double> theirs, nlohmann::json more = nlohmann::json::object()) {
    const std::string time = theirs ? fmt::format("{:.4f}", *theirs) : "absent";
    const std::string ratio = theirs ? fmt::format("{:.2f}", *theirs / ours) : "absent";
    fmt::print("{:<26} {:>5} {:>10.4f}  {:<26} {:>9} {:>8}\n", task, nside, ours, peer, time, ratio);
    more.update({{"task", task}, {"nside", nside}, {"pear_s", ours}, {"peer", peer}});
    more["peer_s"] = theirs ? nlohmann::json(*theirs) : nlohmann::json("absent");
    if (theirs) more["ratio"] = *theirs / ours;
    results.push_back(std::move(more));
  }
};

void weights_against_cdo(Run& run, int64_t nside, Method method) {
  const auto source = sphere::Grid::from_spec(kSource), target = sphere::Grid(sphere::HealpixGrid{nside});
  Weights w;
  const auto file = run.folder / "weights";
  const double made = best_seconds(7, [&] { w = regrid::make_weights(source, target, method); });
  const double saved = best_seconds(3, [&] { w.save(file); });
  const std::string name(regrid::to_string(method));
  const std::string task = name == "bilinear" ? "genbil" : "gencon";
  std::optional<double> theirs;
  if (run.cdo)
    for (int i = 0; i < (nside > 64 ? 1 : 2); ++i) {
      const auto seconds = run_cdo(
          run.folder, {"-O", "-s", "-P", std::to_string(omp_get_max_threads()), "-f", "nc4",
                       task + "," + (run.folder / fmt::format("hp{}.nc", nside)).string(),
                       "-const,1," + (run.folder / "latlon.txt").string(), (run.folder / "cdo_weights.nc").string()});
      if (seconds) theirs = std::min(theirs.value_or(1e300), *seconds);
    }
  const auto c = w.check();
  const nlohmann::json check = {{"build_s", made}, {"save_s", saved}, {"check", c.json()}};
  run.report(name + " weights + file", nside, made + saved, "cdo " + task + " + file", theirs, check);
  run.report(name + " weights alone", nside, made, "cdo " + task + " + file", theirs, check);
  fmt::print("{:>33}links {}, row sums {:.1e}, column sums {:.1e}, balance {:.1e}\n", "", c.num_links,
             c.max_row_sum_error, c.max_column_sum_error, c.balance_error);
}

/// Reads X and the matrix once, writes Y once.
void stream(const Weights& w, const Array<float>& x, Array<float>& y) {
  float sum = 0;
  const float* in = x.data();
  float* out = y.data();
  const int64_t reads = x.size(), writes = y.size(), links = w.num_links();
#pragma omp parallel for simd schedule(static) reduction(+ : sum)
  for (int64_t i = 0; i < reads; ++i) sum += in[i];
  double matrix = 0;
  const double* value = w.value.data();
  const int32_t* column = w.column.data();
#pragma omp parallel for simd schedule(static) reduction(+ : matrix)
  for (int64_t l = 0; l < links; ++l) matrix += value[l] + column[l];
  const float fill = sum + static_cast<float>(matrix);
#pragma omp parallel for simd schedule(static)
  for (int64_t i = 0; i < writes; ++i) out[i] = fill;
}

/// CSR times dense rows, as scipy.sparse does it: one axpy per link.
void plain_csr(const Weights& w, const float* x, float* y) {
  const int64_t targets = w.target.num_cells();
#pragma omp parallel for schedule(dynamic, 256)
  for (int64_t t = 0; t < targets; ++t) {
    float* row = y + t * kFields;
    std::fill(row, row + kFields, 0.0f);
    for (int64_t l = w.row_start[static_cast<size_t>(t)]; l < w.row_start[static_cast<size_t>(t) + 1]; ++l) {
      const auto weight = static_cast<float>(w.value[static_cast<size_t>(l)]);
      const float* from = x + static_cast<int64_t>(w.column[static_cast<size_t>(l)]) * kFields;
      for (int64_t f = 0; f < kFields; ++f) row[f] += weight * from[f];
    }
  }
}

/// Field after field over [field][cell].
void plain_csr_by_field(const Weights& w, const float* x, float* y) {
  const int64_t sources = w.source.num_cells(), targets = w.target.num_cells();
  for (int64_t f = 0; f < kFields; ++f)
#pragma omp parallel for schedule(dynamic, 256)
    for (int64_t t = 0; t < targets; ++t) {
      float sum = 0;
      for (int64_t l = w.row_start[static_cast<size_t>(t)]; l < w.row_start[static_cast<size_t>(t) + 1]; ++l)
        sum += static_cast<float>(w.value[static_cast<size_t>(l)]) * x[f * sources + w.column[static_cast<size_t>(l)]];
      y[f * targets + t] = sum;
    }
}

void application(Run& run, int64_t nside) {
  const Weights w = regrid::make_weights(sphere::Grid::from_spec(kSource), sphere::Grid(sphere::HealpixGrid{nside}),
                                         Method::Conservative);
  const int64_t targets = w.target.num_cells();
  Array<float> x({w.source.num_cells(), kFields}), y({targets, kFields});
  for (int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 1021) * 0.01f;
  for (int64_t i = 0; i < y.size(); ++i) y[i] = 0;
  std::vector<int64_t> range;  // targets of equally many links
  const int64_t threads = omp_get_max_threads();
  for (int64_t k = 0; k < threads; ++k)
    range.push_back(std::lower_bound(w.row_start.begin(), w.row_start.end() - 1, w.num_links() * k / threads) -
                    w.row_start.begin());
  range.push_back(targets);
  const double kernel = best_seconds(7, [&] {
#pragma omp parallel for schedule(static, 1)
    for (int64_t k = 0; k < threads; ++k)
      regrid::apply_block(w, x.data(), y.data(), kFields, range[static_cast<size_t>(k)],
                          range[static_cast<size_t>(k) + 1]);
  });
  const double bound = best_seconds(7, [&] { stream(w, x, y); });
  run.report("apply, field fastest", nside, kernel, "streaming bound", bound, {{"fields", kFields}});
  run.report("apply, field fastest", nside, kernel, "plain CSR x dense rows",
             best_seconds(3, [&] { plain_csr(w, x.data(), y.data()); }), {{"fields", kFields}});
  const double by_field = best_seconds(3, [&] { regrid::apply_weights(w, x.span(), y.span(), kFields); });
  run.report("apply_weights, by field", nside, by_field, "streaming bound", bound, {{"fields", kFields}});
  run.report("apply_weights, by field", nside, by_field, "plain CSR, field by field",
             best_seconds(1, [&] { plain_csr_by_field(w, x.data(), y.data()); }), {{"fields", kFields}});
}

int benchmark(bool json) {
  Run run;
  run.folder = std::filesystem::temp_directory_path() / fmt::format("pear_regrid_benchmark_{}", getpid());
  std::filesystem::create_directories(run.folder);
  const auto version = cdo_version(run.folder);
  run.cdo = version.has_value();
  write_latlon_description(run.folder / "latlon.txt");
  fmt::print("OMP_NUM_THREADS={}, {}, source {}; seconds, best of several; ratio = peer / pear\n",
             omp_get_max_threads(), version.value_or("cdo absent"), kSource);
  fmt::print("{:<26} {:>5} {:>10}  {:<26} {:>9} {:>8}\n", "task", "nside", "pear", "peer", "peer", "ratio");
  for (int64_t nside : {64, 256}) {
    if (run.cdo) write_scrip_grid(run.folder / fmt::format("hp{}.nc", nside), {nside, sphere::PixelOrder::Nested});
    for (Method m : {Method::Conservative, Method::Bilinear}) weights_against_cdo(run, nside, m);
    application(run, nside);
  }
  std::filesystem::remove_all(run.folder);
  if (json)
    fmt::print("{}\n", nlohmann::json{{"threads", omp_get_max_threads()},
                                      {"cdo", version.value_or("absent")},
                                      {"source", kSource},
                                      {"program", provenance_base()},
                                      {"results", run.results}}
                           .dump(2));
  return 0;
}

}  // namespace
}  // namespace pear::benchmarks

int main(int argc, char** argv) {
  const bool json = argc == 2 && std::strcmp(argv[1], "--json") == 0;
  if (argc > 1 && !json) {
    fmt::print(stderr, "usage: regrid [--json]\n");
    return 2;
  }
  return pear::benchmarks::benchmark(json);
}

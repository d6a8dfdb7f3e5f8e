// Spherical harmonic transform of many fields next to the sgemm peak of the same run, and its data for peer.py.
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>

#include "benchmarks/cpu_time.h"
#include "sphere/harmonics/transform.h"

namespace pear::benchmarks {
namespace {

using namespace sphere;
constexpr int64_t kFields = 52;  // 5 variables on 10 levels and 2 more
constexpr int kRepeats = 25;

/// Degrees <= N, standard normal.
torch::Tensor coefficients(int64_t truncation) {
  const auto c = at::zeros({truncation + 1, 2, kFields, truncation + 2}, torch::kFloat32);
  auto values = c.accessor<float, 4>();
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (int64_t m = 0; m <= truncation; ++m)
    for (int64_t part = 0; part < (m == 0 ? 1 : 2); ++part)
      for (int64_t f = 0; f < kFields; ++f)
        for (int64_t l = m; l <= truncation; ++l) values[m][part][f][l - m] = normal(random);
  return c;
}

void write(const std::filesystem::path& file, const torch::Tensor& t) {
  std::ofstream out(file, std::ios::binary);
  const auto values = t.contiguous();
  out.write(static_cast<const char*>(values.const_data_ptr()), static_cast<std::streamsize>(values.nbytes()));
}

nlohmann::json run(int64_t truncation, double peak, const std::filesystem::path& exchange) {
  const auto [rows, columns] = quadratic_gaussian_grid(truncation);
  HarmonicsOptions o{.truncation = truncation, .num_rows = rows, .num_columns = columns};
  const SphericalHarmonicTransform transform(o);
  const auto c = coefficients(truncation);
  const auto grid = transform.synthesize(c), again = transform.analyze(grid);
  const double error = (again - c).abs().max().item<double>();
  nlohmann::json result = {{"truncation", truncation}, {"rows", rows}, {"columns", columns}, {"round_trip", error}};
  result["synthesize_ms"] = best_ms(kRepeats, [&] { transform.synthesize(c); });
  result["analyze_ms"] = best_ms(kRepeats, [&] { transform.analyze(grid); });

  const LegendreSums legendre(truncation, transform_rows(o.rows, rows), o.dtype, o.device);
  const auto degrees = c.view({truncation + 1, 2 * kFields, truncation + 2});
  const auto on_rows = legendre.rows_from_degrees(degrees);
  const double to_rows = best_ms(kRepeats, [&] { legendre.rows_from_degrees(degrees); });
  const double to_degrees = best_ms(kRepeats, [&] { legendre.degrees_from_rows(on_rows); });
  // Multiply-adds of the triangle of coefficients that are not zero; the products also multiply padding.
  const double triangle = static_cast<double>((truncation + 1) * (truncation + 4) / 2);
  const double flops = 2e-6 * triangle * 2 * kFields * static_cast<double>(rows);
  result["legendre"] = {{"to_rows_ms", to_rows},
                        {"to_degrees_ms", to_degrees},
                        {"to_rows_gflops", flops / to_rows},
                        {"to_degrees_gflops", flops / to_degrees},
                        {"to_rows_of_peak", flops / to_rows / peak},
                        {"to_degrees_of_peak", flops / to_degrees / peak}};
  const auto orders = on_rows.view({truncation + 1, 2, kFields * rows});
  const auto values = grid.view({kFields * rows, columns});
  for (FourierKind kind : {FourierKind::Matrix, FourierKind::Fft}) {
    o.fourier = kind;
    const FourierSums fourier(o);
    result[kind == FourierKind::Matrix ? "matrix_ms" : "fft_ms"] = {
        best_ms(kRepeats, [&] { fourier.columns_from_orders(orders); }),
        best_ms(kRepeats, [&] { fourier.orders_from_columns(values); })};
  }
  const auto& l = result["legendre"];
  fmt::print(
      "T{:<4} {:>3}x{:<3} {:>9.3f} {:>9.3f} | {:>7.3f} {:>7.3f} {:>6.1f} {:>6.1f} | {:>7.3f} {:>7.3f} | {:>7.3f} "
      "{:>7.3f} | {:.1e}\n",
      truncation, rows, columns, result["synthesize_ms"].get<double>(), result["analyze_ms"].get<double>(), to_rows,
      to_degrees, l["to_rows_gflops"].get<double>(), l["to_degrees_gflops"].get<double>(),
      result["matrix_ms"][0].get<double>(), result["matrix_ms"][1].get<double>(), result["fft_ms"][0].get<double>(),
      result["fft_ms"][1].get<double>(), error);
  if (!exchange.empty()) {
    write(exchange / fmt::format("coefficients_{}.f32", truncation), c);
    write(exchange / fmt::format("grid_{}.f32", truncation), transform.to_latlon(grid));
  }
  return result;
}

int benchmark(const std::filesystem::path& exchange) {
  const c10::InferenceMode no_autograd;
  at::set_num_threads(1);
  const double peak = sgemm_peak_gflops(kRepeats);
  fmt::print("{} fields, float32, {} thread, best of {}, CPU ms; sgemm 1024^3 {:.1f} GFLOP/s\n", kFields,
             at::get_num_threads(), kRepeats, peak);
  fmt::print("{:<13} {:>9} {:>9} | {:>30} | {:>15} | {:>15} |\n", "", "synthesis", "analysis", "Legendre ms, GFLOP/s",
             "folded matrix", "FFT");
  nlohmann::json results = nlohmann::json::array();
  for (int64_t truncation : {21, 31, 42, 63, 127}) results.push_back(run(truncation, peak, exchange));
  const nlohmann::json report = {{"benchmark", "harmonics"},
                                 {"fields", kFields},
                                 {"threads", at::get_num_threads()},
                                 {"sgemm_gflops", peak},
                                 {"results", results}};
  fmt::print("{}\n", report.dump());
  if (!exchange.empty()) std::ofstream(exchange / "pear.json") << report.dump(2) << '\n';
  return 0;
}

}  // namespace
}  // namespace pear::benchmarks

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--exchange") == 0) return pear::benchmarks::benchmark(argv[2]);
  if (argc == 1 || (argc == 2 && std::strcmp(argv[1], "--json") == 0)) return pear::benchmarks::benchmark({});
  fmt::print(stderr, "usage: harmonics [--json | --exchange FOLDER]   (JSON is always printed)\n");
  return 2;
}

// Forward pass and training step of PEAR at its published size beside the same network in plain PyTorch.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>

#include "base/memory.h"
#include "benchmarks/cpu_time.h"
#include "benchmarks/model_step/peer.h"
#include "forecast/train/flat_parameters.h"
#include "forecast/train/optimizer.h"

namespace pear::benchmarks {
namespace {

using namespace forecast;
namespace fs = std::filesystem;
constexpr double kForwardGflop = 29.4;  ///< all products of one forward pass (pear-model design section 2: 13.9 GMAC
                                        ///< in the blocks, embedding and heads)

struct Options {
  int repeats = 3;
  bool json = false, compiled = false;
  std::string python;
  std::vector<int> threads = {1, 2};
  std::vector<std::string> precisions = {"fp32", "bf16"};
};

double memory_mib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field)) return std::stod(line.substr(field.size() + 1)) / 1024;
  return 0;
}

void forget_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

double best_s(int repeats, const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  double best = 1e300;
  for (int i = 0; i <= repeats; ++i) {
    const auto start = Clock::now();
    work();
    if (i > 0) best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

class Subject {
 public:
  Subject()
      : layout_{sphere::Grid::from_spec("healpix:64"),
                {"msl", "u10", "v10", "t2m"},
                {"z", "q", "t", "u", "v"},
                {1000, 925, 850, 700, 600, 500, 400, 300, 250, 200, 150, 100, 50}} {
    at::manual_seed(1);
    network_ = make_network(ModelConfig{}, layout_);
    const int64_t p = layout_.grid.num_cells();
    input_ = {at::randn({1, 4, p}), at::randn({1, 5, 13, p})};
    const torch::NoGradGuard no_grad;
    write_output_ = network_->forward(input_);
    // As the peer measures: after a forward pass, without gradients and moments, and with free memory given back.
    malloc_trim(0);
    first_resident_ = memory_mib("VmRSS");
    parameters_ = std::make_unique<FlatParameters>(*network_);
    optimizer_ = std::make_unique<Optimizer>(TrainConfig{}, *parameters_);
  }

  void write(const fs::path& folder) const { write_exchange(folder, *network_, input_, write_output_); }

  /// Seconds of a forward pass and a training step, memory that a step adds.
  nlohmann::json run(int threads, bool half, int repeats) {
    at::set_num_threads(threads);
    at::autocast::set_autocast_enabled(at::kCPU, false);
    const double peak = sgemm_peak_gflops(5);
    nlohmann::json result = {{"threads", threads}, {"precision", half ? "bf16" : "fp32"}, {"sgemm_gflops", peak}};
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    network_->eval();
    const double forward = best_s(repeats, [&] {
      const torch::NoGradGuard no_grad;
      predict(half);
    });
    network_->train();
    malloc_trim(0);
    forget_peak_memory();
    result["step_s"] = best_s(repeats, [&] { step(half); });
    result["step_memory_mib"] = memory_mib("VmHWM") - first_resident_;
    result["forward_s"] = forward;
    result["forward_gflops"] = kForwardGflop / forward;
    result["forward_of_peak"] = kForwardGflop / forward / peak;
    return result;
  }

 private:
  State predict(bool half) {
    at::autocast::set_autocast_enabled(at::kCPU, half);
    State y = network_->forward(input_);
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
    return y;
  }

  void step(bool half) {
    torch::Tensor(parameters_->gradient()).zero_();
    const State y = predict(half);
    const auto error = [](const torch::Tensor& a, const torch::Tensor& b) {
      return (a.to(torch::kFloat32) - b).abs().mean();
    };
    (0.25 * error(y.surface, input_.surface) + error(y.upper, input_.upper)).backward();
    optimizer_->step(*parameters_, 5e-4);
  }

  StateLayout layout_;
  std::shared_ptr<Network> network_;
  State input_, write_output_;
  std::unique_ptr<FlatParameters> parameters_;
  std::unique_ptr<Optimizer> optimizer_;
  double first_resident_ = 0;
};

std::string ratio(const nlohmann::json& peer, const nlohmann::json& ours, const char* key) {
  return peer.is_null() ? "-" : fmt::format("{:.2f}", peer[key].get<double>() / ours[key].get<double>());
}

void print_row(const nlohmann::json& r) {
  const auto& eager = r["eager"];
  const auto& compiled = r["compiled"];
  fmt::print("{:>7} {:>5} {:>9.3f} {:>6.2f} {:>9.3f} {:>9.0f} | {:>7} {:>7} {:>7} | {:>7} {:>7}\n",
             r["threads"].get<int>(), r["precision"].get<std::string>(), r["forward_s"].get<double>(),
             r["forward_of_peak"].get<double>(), r["step_s"].get<double>(), r["step_memory_mib"].get<double>(),
             ratio(eager, r, "forward_s"), ratio(eager, r, "step_s"), ratio(eager, r, "step_memory_mib"),
             ratio(compiled, r, "forward_s"), ratio(compiled, r, "step_s"));
}

nlohmann::json peer_of(const fs::path& folder, const Options& o, int threads, bool compiled) {
  const auto report = run_peer(folder, {o.python, threads, o.repeats, compiled});
  if (!report) {
    fmt::print(stderr, "peer: {} cannot run PyTorch ({}); ratios are left out\n", o.python,
               (folder / "peer.log").string());
    return {};
  }
  if ((*report)["relative_difference"].get<double>() > 1e-4)
    throw std::runtime_error("outputs differ: " + report->dump());
  return *report;
}

int benchmark(const Options& o) {
  std::string folder = fs::temp_directory_path() / "pear_model_step_XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make a folder for the peer's files");
  Subject subject;
  subject.write(folder);
  nlohmann::json rows = nlohmann::json::array();
  fmt::print("PEAR, nside 64, batch 1; best of {}; ratio = PyTorch / pear (fp32 eager, fp32 compiled)\n", o.repeats);
  fmt::print("{:>7} {:>5} {:>9} {:>6} {:>9} {:>9} | {:>23} | {:>15}\n", "threads", "", "forward s", "peak", "step s",
             "step MiB", "eager: forw step mem", "compiled: f s");
  for (const int threads : o.threads) {
    const auto eager = peer_of(folder, o, threads, false);
    const auto compiled = o.compiled ? peer_of(folder, o, threads, true) : nlohmann::json();
    for (const auto& precision : o.precisions) {
      auto row = subject.run(threads, precision == "bf16", o.repeats);
      row["eager"] = eager;
      row["compiled"] = compiled;
      print_row(row);
      rows.push_back(std::move(row));
    }
  }
  fs::remove_all(folder);
  if (o.json) fmt::print("{}\n", nlohmann::json{{"benchmark", "model_step"}, {"results", rows}}.dump());
  return 0;
}

}  // namespace
}  // namespace pear::benchmarks

int main(int argc, char** argv) {
  pear::keep_freed_memory();
  pear::benchmarks::Options options;
  const char* python = std::getenv("PEAR_PEER_PYTHON");
  options.python = python != nullptr ? python : "python3";
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--json")
      options.json = true;
    else if (word == "--compiled")
      options.compiled = true;
    else if (word == "--repeats" && i + 1 < argc)
      options.repeats = std::max(1, std::atoi(argv[++i]));
    else if (word == "--threads" && i + 1 < argc)
      options.threads = {std::max(1, std::atoi(argv[++i]))};
    else if (word == "--precision" && i + 1 < argc)
      options.precisions = {argv[++i]};
    else {
      fmt::print(stderr,
                 "usage: model_step [--json] [--compiled] [--repeats N] [--threads N] [--precision fp32|bf16]\n"
                 "PEAR_PEER_PYTHON: a Python with torch and safetensors\n");
      return 2;
    }
  }
  return pear::benchmarks::benchmark(options);
}

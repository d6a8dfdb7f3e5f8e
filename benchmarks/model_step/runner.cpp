#include "benchmarks/model_step/runner.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "benchmarks/cpu_time.h"

namespace pear::benchmarks {
namespace {

double memory_mib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field)) return std::stod(line.substr(field.size() + 1)) / 1024;
  return 0;
}

void forget_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

double wall_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double best_s(int repeats, Clock clock, const std::function<void()>& work) {
  const auto now_ms = clock == Clock::Cpu ? cpu_ms : wall_ms;
  double best = 1e300;
  for (int i = 0; i <= repeats; ++i) {
    const double start = now_ms();
    work();
    if (i > 0) best = std::min(best, 1e-3 * (now_ms() - start));
  }
  return best;
}

}  // namespace

Runner::Runner(Subject subject) : subject_(std::move(subject)) {
  subject_.network->eval();
  const torch::NoGradGuard no_grad;
  output_ = subject_.forward(subject_.input);
  // As the peer measures: after a forward pass, without gradients and moments, and with free memory given back.
  malloc_trim(0);
  first_resident_ = memory_mib("VmRSS");
}

nlohmann::json Runner::run(int threads, bool half, int repeats, Clock clock) {
  if (!parameters_) {  // after the first peer, which reads the parameters as they were made
    parameters_ = std::make_unique<forecast::FlatParameters>(*subject_.network);
    optimizer_ = std::make_unique<forecast::Optimizer>(forecast::TrainConfig{}, *parameters_);
  }
  at::set_num_threads(threads);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  const double peak = sgemm_peak_gflops(5);
  nlohmann::json result = {{"threads", threads}, {"precision", half ? "bf16" : "fp32"}, {"sgemm_gflops", peak}};
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  subject_.network->eval();
  const double forward = best_s(repeats, clock, [&] {
    const torch::NoGradGuard no_grad;
    predict(half);
  });
  subject_.network->train();
  malloc_trim(0);
  forget_peak_memory();
  result["step_s"] = best_s(repeats, clock, [&] { step(half); });
  result["step_memory_mib"] = memory_mib("VmHWM") - first_resident_;
  malloc_trim(0);  // the next peer may need it
  result["forward_s"] = forward;
  result["forward_gflop"] = subject_.forward_gflop;
  result["forward_gflops"] = subject_.forward_gflop / forward;
  result["forward_of_peak"] = subject_.forward_gflop / forward / peak;
  return result;
}

std::vector<torch::Tensor> Runner::predict(bool half) {
  at::autocast::set_autocast_enabled(at::kCPU, half);
  auto y = subject_.forward(subject_.input);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  return y;
}

void Runner::step(bool half) {
  torch::Tensor(parameters_->gradient()).zero_();
  const auto y = predict(half);
  torch::Tensor loss;
  for (size_t i = 0; i < y.size(); ++i) {
    const auto term = subject_.loss[i] * (y[i].to(torch::kFloat32) - subject_.target[i]).abs().mean();
    loss = loss.defined() ? loss + term : term;
  }
  loss.backward();
  optimizer_->step(*parameters_, 5e-4);
}

}  // namespace pear::benchmarks

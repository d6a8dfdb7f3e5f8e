// Forward pass and training step of the window networks beside the same networks in plain PyTorch.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/memory.h"
#include "benchmarks/model_step/peer.h"
#include "benchmarks/model_step/runner.h"

namespace pear::benchmarks {
namespace {

namespace fs = std::filesystem;

struct Options {
  int repeats = 3;
  bool json = false, compiled = false, uses_cpu_time = false;
  std::string python;
  std::vector<int> threads = {1, 2};
  std::vector<std::string> precisions = {"fp32", "bf16"}, models = {"pear"}, overrides;
};

std::string ratio(const nlohmann::json& peer, const nlohmann::json& ours, const char* key) {
  return peer.is_null() ? "-" : fmt::format("{:.2f}", peer[key].get<double>() / ours[key].get<double>());
}

void print_row(const nlohmann::json& r) {
  const auto& eager = r["eager"];
  const auto& compiled = r["compiled"];
  fmt::print("{:>7} {:>5} {:>9.3f} {:>6.2f} {:>9.3f} {:>9.0f} | {:>7} {:>7} {:>7} | {:>7} {:>7} | {:>5.1f}\n",
             r["threads"].get<int>(), r["precision"].get<std::string>(), r["forward_s"].get<double>(),
             r["forward_of_peak"].get<double>(), r["step_s"].get<double>(), r["step_memory_mib"].get<double>(),
             ratio(eager, r, "forward_s"), ratio(eager, r, "step_s"), ratio(eager, r, "step_memory_mib"),
             ratio(compiled, r, "forward_s"), ratio(compiled, r, "step_s"), r["load"].get<double>());
  std::fflush(stdout);
}

/// Programs that the machine wants to run at once, over the last minute: how far to trust the seconds.
double load() {
  double average = 0;
  return getloadavg(&average, 1) == 1 ? average : 0;
}

nlohmann::json peer_of(const fs::path& folder, const Options& o, const std::string& program, int threads,
                       bool compiled) {
  const auto report = run_peer(folder, {o.python, program, threads, o.repeats, compiled, o.uses_cpu_time});
  if (!report) {
    fmt::print(stderr, "peer: {} cannot run {}{}; ratios are left out. Its last words: {}\n", o.python, program,
               compiled ? " compiled" : "", last_words(folder));
    return {};
  }
  if (!((*report)["relative_difference"].get<double>() <= 1e-4))
    throw std::runtime_error("outputs differ: " + report->dump());
  return *report;
}

void measure(const std::string& name, const Options& o, nlohmann::json& rows) {
  std::string folder = fs::temp_directory_path() / "pear_model_step_XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make a folder for the peer's files");
  Runner runner(make_subject(name, o.overrides));
  const Subject& subject = runner.subject();
  write_exchange(folder, subject, runner.output());
  fmt::print("{}, {:.1f} GFLOP forward\n", subject.setting, subject.forward_gflop);
  for (const int threads : o.threads) {
    const auto eager = peer_of(folder, o, subject.peer, threads, false);
    const auto compiled = o.compiled ? peer_of(folder, o, subject.peer, threads, true) : nlohmann::json();
    for (const auto& precision : o.precisions) {
      auto row = runner.run(threads, precision == "bf16", o.repeats, o.uses_cpu_time ? Clock::Cpu : Clock::Wall);
      row.update({{"model", name}, {"eager", eager}, {"compiled", compiled}, {"load", load()}});
      print_row(row);
      rows.push_back(std::move(row));
    }
  }
  fs::remove_all(folder);
}

int benchmark(const Options& o) {
  nlohmann::json rows = nlohmann::json::array();
  fmt::print("best of {}, {}; ratio = PyTorch / pear (fp32 eager, fp32 compiled)\n", o.repeats,
             o.uses_cpu_time ? "CPU time" : "wall clock");
  fmt::print("{:>7} {:>5} {:>9} {:>6} {:>9} {:>9} | {:>23} | {:>15} | {:>5}\n", "threads", "", "forward s", "peak",
             "step s", "step MiB", "eager: forw step mem", "compiled: f s", "load");
  for (const auto& name : o.models) measure(name, o, rows);
  if (o.json) fmt::print("{}\n", nlohmann::json{{"benchmark", "model_step"}, {"results", rows}}.dump());
  return 0;
}

/// False where a word is not understood.
bool read_options(int argc, char** argv, Options& o) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--json")
      o.json = true;
    else if (word == "--compiled")
      o.compiled = true;
    else if (word == "--cpu-time")
      o.uses_cpu_time = true, o.threads = {1};
    else if (word == "--repeats" && has_value)
      o.repeats = std::max(1, std::atoi(argv[++i]));
    else if (word == "--threads" && has_value)
      o.threads = {std::max(1, std::atoi(argv[++i]))};
    else if (word == "--precision" && has_value)
      o.precisions = {argv[++i]};
    else if (word == "--model" && has_value)
      o.models = {argv[++i]};
    else if (word == "--set" && has_value)
      o.overrides.emplace_back(argv[++i]);
    else
      return false;
  }
  if (o.models == std::vector<std::string>{"all"}) o.models = subject_names();
  return true;
}

}  // namespace
}  // namespace pear::benchmarks

int main(int argc, char** argv) {
  pear::keep_freed_memory();
  pear::benchmarks::Options options;
  const char* python = std::getenv("PEAR_PEER_PYTHON");
  options.python = python != nullptr ? python : "python3";
  if (!pear::benchmarks::read_options(argc, argv, options)) {
    fmt::print(
        stderr,
        "usage: model_step [--model pear|pangu_twin_matched|pangu_twin_published|heal_swin|all] [--set KEY=VALUE]\n"
        "                  [--json] [--compiled] [--cpu-time] [--repeats N] [--threads N] [--precision fp32|bf16]\n"
        "PEAR_PEER_PYTHON: a Python with torch and safetensors\n");
    return 2;
  }
  return pear::benchmarks::benchmark(options);
}

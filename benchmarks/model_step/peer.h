// The same network in plain PyTorch, run as a program on the same weights and input.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/model_step/subject.h"

namespace pear::benchmarks {

/// Writes what benchmarks/peers/measure.py reads: configuration, weights, input, target, output, shifts and labels.
void write_exchange(const std::filesystem::path& folder, const Subject& subject,
                    const std::vector<torch::Tensor>& output);

struct PeerOptions {
  std::string python;   ///< a Python with torch and safetensors
  std::string program;  ///< in benchmarks/peers
  int threads = 1, repeats = 3;
  bool compiled = false, uses_cpu_time = false;
};

/// The peer's report; nothing where it does not run.
std::optional<nlohmann::json> run_peer(const std::filesystem::path& folder, const PeerOptions& options);

/// Last line that the last peer wrote to standard error.
std::string last_words(const std::filesystem::path& folder);

}  // namespace pear::benchmarks

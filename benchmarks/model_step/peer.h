// The same network in plain PyTorch, run as a program on the same weights and input.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "forecast/model/network.h"

namespace pear::benchmarks {

/// Writes what benchmarks/peers/pear_torch.py reads: weights, input, output, shifts and labels.
void write_exchange(const std::filesystem::path& folder, const forecast::Network& network, const forecast::State& input,
                    const forecast::State& output);

struct PeerOptions {
  std::string python;  ///< a Python with torch and safetensors
  int threads = 1, repeats = 3;
  bool compiled = false;
};

/// The peer's report; nothing where it does not run.
std::optional<nlohmann::json> run_peer(const std::filesystem::path& folder, const PeerOptions& options);

}  // namespace pear::benchmarks

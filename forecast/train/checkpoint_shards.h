// State of parameters in files of several ranks: each holds stretches of the flat buffers.
//
//   optimizer-00003-of-00008.safetensors    exp_avg.NAME@FIRST [n]: values FIRST .. FIRST + n of parameter NAME
//
// `shapes` in a file's metadata tells the shape of every parameter that it holds a part of. A file of one rank alone
// (optimizer.safetensors) holds whole tensors by name. How a state was cut does not matter to who reads it.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "forecast/train/checkpoint.h"
#include "forecast/train/flat_parameters.h"

namespace pear::forecast {

inline constexpr const char* kOptimizerKind = "optimizer";
inline constexpr const char* kEmaKind = "ema";
inline constexpr const char* kFirstMoment = "exp_avg.";
inline constexpr const char* kSecondMoment = "exp_avg_sq.";

/// Flat buffers by the prefix of their names in a file; kFirstMoment and kSecondMoment for the optimizer, none for an
/// average.
using FlatState = std::map<std::string, torch::Tensor>;

bool is_shard(const std::string& file_name);
/// Files of this kind that several ranks wrote, in their order, as the manifest lists them.
/// Errors:  DataError `BadCheckpoint`.
std::vector<std::string> shard_files(const std::filesystem::path& folder, const std::string& kind);

/// Whether there are files of this kind, of one rank or several.
bool has_state(const std::filesystem::path& folder, const std::string& kind);

/// File of one rank of several. `state`: these ranges of the flat buffer, one behind the other, on the CPU.
CheckpointFile shard_file(const std::string& kind, int64_t rank, int64_t num_ranks, const FlatParameters& parameters,
                          const std::vector<FlatRange>& ranges, const FlatState& state);
/// File of a rank alone; tensors are views of the whole buffers.
CheckpointFile whole_file(const std::string& kind, const FlatParameters& parameters, const FlatState& state);

/// Whole tensors by name.
/// Errors:  DataError `BadCheckpoint` naming a tensor that the files do not hold once and completely.
TensorMap joined_shards(const std::filesystem::path& folder, const std::vector<std::string>& files);

/// Reads these ranges of the flat buffers of a kind, one behind the other, from a checkpoint of any number of ranks.
/// Files without a part of them are not read, checksums of the others are compared.
/// Errors:  DataError `BadCheckpoint` naming the file or the parameter, `WeightMismatch` for another network.
void load_state(const std::filesystem::path& folder, const std::string& kind, const FlatParameters& parameters,
                const std::vector<FlatRange>& ranges, const FlatState& state);

}  // namespace pear::forecast

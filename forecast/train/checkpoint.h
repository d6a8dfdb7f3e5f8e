// Checkpoint folders: written whole or not at all, never read unless complete.
//
//   checkpoints/step_00012000/{model,ema,optimizer}.safetensors, state.json, MANIFEST.json (sizes and SHA-256, last)
//   checkpoints/last.json, best.json       pointers
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "forecast/train/checkpoint_config.h"

namespace pear::forecast {

using TensorMap = std::map<std::string, torch::Tensor>;

/// Everything a checkpoint holds. `ema` and `optimizer` may be empty (exported weights).
struct CheckpointContent {
  int64_t step = 0;
  TensorMap model, ema, optimizer;  ///< by parameter name; moments as `exp_avg.NAME`, `exp_avg_sq.NAME`
  nlohmann::json state;
};

/// One of the best checkpoints so far.
struct BestEntry {
  int64_t step = 0;
  double value = 0;
  bool operator==(const BestEntry&) const = default;
};

struct CheckpointFolder {
  int64_t step;
  std::filesystem::path path;
};

/// `step_00012000`
std::string checkpoint_folder_name(int64_t step);

/// Folders of that name pattern, newest first, complete or not.
std::vector<CheckpointFolder> list_checkpoints(const std::filesystem::path& directory);

/// Why a folder must not be read: no manifest, unreadable manifest, missing file, wrong size or checksum.
std::optional<std::string> checkpoint_problem(const std::filesystem::path& folder);

/// Errors:  DataError `BadCheckpoint` with the problem, and those of the safetensors reader.
CheckpointContent read_checkpoint(const std::filesystem::path& folder, bool with_optimizer = true);
/// Only state.json of a valid folder.
nlohmann::json read_checkpoint_state(const std::filesystem::path& folder);

/// Errors:  DataError `BadCheckpoint`.
[[noreturn]] void throw_bad_state(const std::filesystem::path& folder, const std::string& why);

/// Runs `read`, which takes values out of the state of a checkpoint.
/// Errors:  DataError `BadCheckpoint` if a key is missing or of another type.
template <class Read>
auto reading_state(const std::filesystem::path& folder, Read&& read) {
  try {
    return read();
  } catch (const nlohmann::json::exception& e) {
    throw_bad_state(folder, e.what());
  }
}

/// Newest folder without a problem; folders that had to be passed over are named in the log.
/// Errors:  DataError `BadCheckpoint` if there are folders and none is valid.
std::optional<std::filesystem::path> newest_valid_checkpoint(const std::filesystem::path& directory);

/// Writes checkpoints of one run and forgets old ones.
class CheckpointWriter {
 public:
  /// Errors:  DataError `NotWritable`.
  CheckpointWriter(std::filesystem::path directory, const CheckpointConfig& config);

  /// Writes `step_N.tmp/`, syncs, renames, replaces last.json; then removes what retention no longer keeps.
  /// `best` lists the best entries, best first, as of this checkpoint (this step may be one of them).
  /// Errors:  DataError `DiskFull`, `WriteFailed`; older checkpoints and pointers are then untouched.
  std::filesystem::path write(const CheckpointContent& content, const std::vector<BestEntry>& best,
                              const std::string& best_metric);
  /// After a resume from `step`: later folders (all of them damaged) are renamed to `….damaged`, left-over temporary
  /// folders removed, pointers set back.
  void rewind(int64_t step, const std::vector<BestEntry>& best, const std::string& best_metric);
  const std::filesystem::path& directory() const { return directory_; }

 private:
  void write_files(const CheckpointContent& content, const std::filesystem::path& folder) const;
  void write_pointers(int64_t last_step, const std::vector<BestEntry>& best, const std::string& best_metric) const;
  void retire(const std::vector<BestEntry>& best) const;
  std::filesystem::path directory_;
  CheckpointConfig config_;
};

}  // namespace pear::forecast

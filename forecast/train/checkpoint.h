// Checkpoint folders: written whole or not at all, never read unless complete.
//
//   checkpoints/step_00012000/{model,ema,optimizer}.safetensors, state.json, MANIFEST.json (sizes and SHA-256, last)
//   checkpoints/last.json, best.json       pointers
// Several ranks write optimizer-00003-of-00008.safetensors instead, and ema-... where they share the average
// (checkpoint_shards.h).
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
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

/// A file of tensors that one rank writes.
struct CheckpointFile {
  std::string name;
  TensorMap tensors;
  std::map<std::string, std::string> metadata;
};

/// What one rank writes of a checkpoint.
struct CheckpointPart {
  int64_t step = 0;
  std::vector<CheckpointFile> files;
  nlohmann::json state;                 ///< of rank 0; null elsewhere
  std::uintmax_t checkpoint_bytes = 0;  ///< tensors of all ranks together
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
/// The same where `num_readers` divide the checksums of files of several ranks among them.
std::optional<std::string> checkpoint_problem(const std::filesystem::path& folder, int64_t reader, int64_t num_readers);

/// Files that the manifest of a valid folder lists, with their checksums.
std::map<std::string, std::string> checkpoint_files(const std::filesystem::path& folder);

/// Parts of several ranks are put together.
/// Errors:  DataError `BadCheckpoint` with the problem, and those of the safetensors reader.
CheckpointContent read_checkpoint(const std::filesystem::path& folder, bool with_optimizer = true);
/// state.json and weights of a folder that has been judged already.
CheckpointContent read_weights(const std::filesystem::path& folder);
/// Only state.json of a valid folder.
nlohmann::json read_checkpoint_state(const std::filesystem::path& folder);

/// Errors:  DataError `BadCheckpoint`.
[[noreturn]] void throw_bad_checkpoint(const std::filesystem::path& folder, const std::string& problem);
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
/// The same for folders of `directory`, newest first, and another judge of them.
using ProblemOf = std::function<std::optional<std::string>(const std::filesystem::path& folder)>;
std::optional<std::filesystem::path> first_valid_checkpoint(const std::filesystem::path& directory,
                                                            const std::vector<CheckpointFolder>& folders,
                                                            const ProblemOf& problem_of);

/// Writes checkpoints of one run and forgets old ones: rank 0 begins, every rank writes its part, rank 0 commits. Who
/// calls what when: CheckpointSaver.
/// Errors:  DataError `DiskFull`, `WriteFailed`; until `commit` has renamed, older checkpoints and pointers are as they
///          were.
class CheckpointWriter {
 public:
  /// Errors:  DataError `NotWritable`.
  CheckpointWriter(std::filesystem::path directory, const CheckpointConfig& config);

  /// Looks for room for so many bytes and makes an empty `step_N.tmp/`.
  void begin(int64_t step, std::uintmax_t bytes) const;
  /// Writes and syncs the files of one rank in `step_N.tmp/`; the result tells size and SHA-256 of each.
  nlohmann::json write_part(const CheckpointPart& part) const;
  /// With what `write_part` told of all ranks: manifest, rename, sync, pointers; then removes what retention no longer
  /// keeps. `best` lists the best entries, best first, as of this checkpoint (this step may be one of them).
  std::filesystem::path commit(int64_t step, const nlohmann::json& files, const std::vector<BestEntry>& best,
                               const std::string& best_metric) const;
  /// Removes `step_N.tmp/` after an error, as far as that goes.
  void abandon(int64_t step) const;
  /// After a resume from `step`: later folders (all of them damaged) are renamed to `….damaged`, left-over temporary
  /// folders removed, pointers set back.
  void rewind(int64_t step, const std::vector<BestEntry>& best, const std::string& best_metric);
  const std::filesystem::path& directory() const { return directory_; }

 private:
  std::filesystem::path temporary(int64_t step) const;
  void write_pointers(int64_t last_step, const std::vector<BestEntry>& best, const std::string& best_metric) const;
  void retire(const std::vector<BestEntry>& best) const;
  std::filesystem::path directory_;
  CheckpointConfig config_;
};

}  // namespace pear::forecast

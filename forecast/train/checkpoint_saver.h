// Saves a run of one or several ranks, in the background if wanted.
#pragma once

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "forecast/train/checkpoint.h"
#include "forecast/train/data_axis.h"

namespace pear::forecast {

/// Rank 0 makes the folder; a thread of every rank writes its part; when all ranks have told size and checksum of their
/// files a thread of rank 0 writes the manifest and renames. Ranks talk in the caller's thread alone, so all of them
/// must make the same calls in the same order, with the same agreed status.
///
/// Errors:  DataError `DiskFull`, `WriteFailed` on every rank, telling what which rank met; older checkpoints are then
///          untouched and the temporary folder is removed.
class CheckpointSaver {
 public:
  /// Of this rank: whether its thread works, whether it has met an error.
  struct Status {
    bool is_busy = false, has_failed = false;
  };

  CheckpointSaver(std::filesystem::path directory, const CheckpointConfig& config, std::shared_ptr<DataAxis> axis);

  /// After a resume, rank 0: as CheckpointWriter.
  void rewind(int64_t step, const std::vector<BestEntry>& best, const std::string& best_metric);
  /// Waits for the checkpoint before, then starts this one; without `checkpoint.async` it is complete on return.
  /// Tensors of `part` must not change until then, so a background write needs copies.
  void save(CheckpointPart part, std::vector<BestEntry> best, std::string best_metric);
  Status status();
  /// Between two steps: goes on with the checkpoint under way once no rank is busy, or one has failed.
  void advance(const Status& of_all_ranks);
  /// Waits until the checkpoint under way is complete.
  void finish();

  bool is_background() const { return config_.async; }
  /// Of the last complete checkpoint, from the start of `save` to the end.
  double whole_seconds() const { return whole_seconds_; }

 private:
  enum class Stage { Idle, Writing, Committing };
  using Clock = std::chrono::steady_clock;

  void settle();
  /// What rank 0 makes of the reports of all ranks, on every rank. Errors:  as the class.
  nlohmann::json agree(const nlohmann::json& report);
  template <class Work>
  void start(Work work);

  CheckpointConfig config_;
  std::shared_ptr<DataAxis> axis_;
  CheckpointWriter writer_;
  Stage stage_ = Stage::Idle;
  CheckpointPart part_;
  std::vector<BestEntry> best_;
  std::string best_metric_;
  nlohmann::json report_;  ///< of this rank, when its thread has ended
  Clock::time_point begin_;
  double whole_seconds_ = 0;
  std::future<nlohmann::json> task_;  ///< last: waits for the thread before anything it uses goes
};

}  // namespace pear::forecast

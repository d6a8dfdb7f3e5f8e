#include "forecast/train/checkpoint_saver.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"

namespace pear::forecast {
namespace {

/// `files`, or `code` and `error`: what a thread hands to the caller's thread and a rank to rank 0.
template <class Work>
nlohmann::json report_of(Work&& work) {
  try {
    return {{"files", work()}};
  } catch (const Error& e) {
    return {{"code", e.code()}, {"error", e.what()}};
  } catch (const std::exception& e) {
    return {{"code", "WriteFailed"}, {"error", e.what()}};
  }
}

}  // namespace

CheckpointSaver::CheckpointSaver(std::filesystem::path directory, const CheckpointConfig& config,
                                 std::shared_ptr<DataAxis> axis)
    : config_(config), axis_(std::move(axis)), writer_(std::move(directory), config) {}

void CheckpointSaver::rewind(int64_t step, const std::vector<BestEntry>& best, const std::string& best_metric) {
  writer_.rewind(step, best, best_metric);
}

nlohmann::json CheckpointSaver::agree(const nlohmann::json& report) {
  const auto reports = axis_->gather(report.dump());
  nlohmann::json all{{"files", nlohmann::json::object()}};
  std::string errors;
  for (size_t r = 0; r < reports.size(); ++r) {
    const auto one = nlohmann::json::parse(reports[r]);
    if (one.contains("error")) {
      errors += (errors.empty() ? "" : "; ") + (reports.size() > 1 ? fmt::format("rank {}: ", r) : "") +
                one["error"].get<std::string>();
      if (!all.contains("code")) all["code"] = one["code"];
    } else if (one["files"].is_object()) {
      all["files"].update(one["files"]);
    }
  }
  if (!errors.empty()) all["error"] = errors;
  const auto files = std::exchange(all["files"], nlohmann::json());
  std::string verdict = all.dump();
  axis_->broadcast(verdict);
  all = nlohmann::json::parse(verdict);
  if (!all.contains("error")) return files;
  stage_ = Stage::Idle;
  if (axis_->rank() == 0) writer_.abandon(part_.step);
  throw DataError(all["code"].get<std::string>(), "train.checkpoint",
                  {.what = fmt::format("step {} is not saved", part_.step),
                   .found = all["error"].get<std::string>(),
                   .hint = "older checkpoints are untouched; make room or permission and run again with --resume"});
}

template <class Work>
void CheckpointSaver::start(Work work) {
  task_ = std::async(std::launch::async, [work = std::move(work)] { return report_of(work); });
}

void CheckpointSaver::save(CheckpointPart part, std::vector<BestEntry> best, std::string best_metric) {
  finish();
  begin_ = Clock::now();
  part_ = std::move(part);
  best_ = std::move(best);
  best_metric_ = std::move(best_metric);
  agree(report_of([&] {
    if (axis_->rank() == 0) writer_.begin(part_.step, part_.checkpoint_bytes);
    return nlohmann::json::object();
  }));
  stage_ = Stage::Writing;
  start([this] { return writer_.write_part(part_); });
  if (!config_.async) finish();
}

CheckpointSaver::Status CheckpointSaver::status() {
  if (task_.valid() && task_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) report_ = task_.get();
  return {.is_busy = task_.valid(), .has_failed = report_.contains("error")};
}

void CheckpointSaver::advance(const Status& of_all_ranks) {
  if (stage_ == Stage::Idle || (of_all_ranks.is_busy && !of_all_ranks.has_failed)) return;
  settle();
}

void CheckpointSaver::settle() {
  if (task_.valid()) report_ = task_.get();
  const auto report = std::exchange(report_, nlohmann::json());
  auto files = agree(report.is_null() ? nlohmann::json{{"files", nullptr}} : report);
  if (stage_ == Stage::Writing) {
    part_.files.clear();
    stage_ = Stage::Committing;
    if (axis_->rank() == 0)
      start([this, files = std::move(files)] {
        writer_.commit(part_.step, files, best_, best_metric_);
        return nlohmann::json::object();
      });
    return;
  }
  stage_ = Stage::Idle;
  whole_seconds_ = std::chrono::duration<double>(Clock::now() - begin_).count();
}

void CheckpointSaver::finish() {
  while (stage_ != Stage::Idle) settle();
}

}  // namespace pear::forecast

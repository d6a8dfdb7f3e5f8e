#include "forecast/train/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "io/safetensors.h"

namespace pear::forecast {
namespace fs = std::filesystem;
namespace {

constexpr const char* kManifest = "MANIFEST.json";
constexpr const char* kState = "state.json";
constexpr const char* kModel = "model.safetensors";
constexpr const char* kEma = "ema.safetensors";
constexpr const char* kOptimizer = "optimizer.safetensors";
constexpr std::string_view kPrefix = "step_";
constexpr int kStepDigits = 8;
constexpr std::uintmax_t kSpaceMargin = 16u << 20;  // headers, state, manifest and the file system's own needs

std::optional<int64_t> step_of_name(const std::string& name) {
  if (!name.starts_with(kPrefix) || name.size() < kPrefix.size() + kStepDigits) return std::nullopt;
  int64_t step = 0;
  const char* end = name.data() + name.size();
  const auto [stop, failed] = std::from_chars(name.data() + kPrefix.size(), end, step);
  if (failed != std::errc{} || stop != end) return std::nullopt;
  return step;
}

std::uintmax_t bytes_of(const TensorMap& tensors) {
  std::uintmax_t bytes = 0;
  for (const auto& [name, t] : tensors) bytes += static_cast<std::uintmax_t>(t.numel()) * t.element_size();
  return bytes;
}

void write_tensors(const fs::path& path, const TensorMap& tensors, int64_t step) {
  io::SafetensorsFile file;
  file.metadata = {{"format", "pt"}, {"pear_step", std::to_string(step)}};
  for (const auto& [name, t] : tensors) file.tensors[name] = t.detach().to(torch::kCPU).contiguous();
  io::write_safetensors(path, file);
}

/// {"size": bytes, "sha256": text} of a file inside the folder.
bool is_file_entry(const std::string& name, const nlohmann::json& j) {
  return !name.empty() && name.find('/') == std::string::npos && j.is_object() && j.contains("size") &&
         j["size"].is_number_unsigned() && j.contains("sha256") && j["sha256"].is_string();
}

[[noreturn]] void throw_bad(const fs::path& folder, const std::string& problem) {
  throw DataError("BadCheckpoint", "train.checkpoint",
                  {.what = "checkpoint " + folder.string(),
                   .expected = "a complete folder",
                   .found = problem,
                   .hint = "use an older checkpoint folder, or train again"});
}

}  // namespace

void throw_bad_state(const fs::path& folder, const std::string& why) { throw_bad(folder, "state.json: " + why); }

std::string checkpoint_folder_name(int64_t step) { return fmt::format("{}{:08}", kPrefix, step); }

std::vector<CheckpointFolder> list_checkpoints(const fs::path& directory) {
  std::vector<CheckpointFolder> folders;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(directory, missing))
    if (const auto step = step_of_name(entry.path().filename().string())) folders.push_back({*step, entry.path()});
  std::sort(folders.begin(), folders.end(), [](const auto& a, const auto& b) { return a.step > b.step; });
  return folders;
}

std::optional<std::string> checkpoint_problem(const fs::path& folder) {
  const fs::path manifest_path = folder / kManifest;
  if (!fs::exists(manifest_path)) return "no MANIFEST.json (the write did not finish)";
  const auto manifest = parse_json(read_text(manifest_path));
  if (!manifest.is_object() || !manifest.contains("files") || !manifest["files"].is_object())
    return "MANIFEST.json is damaged";
  for (const auto& [name, expected] : manifest["files"].items()) {
    if (!is_file_entry(name, expected)) return "MANIFEST.json is damaged at " + name;
    std::error_code missing;
    const auto size = fs::file_size(folder / name, missing);
    if (missing) return name + " is missing";
    const auto want = expected["size"].get<std::uintmax_t>();
    if (size != want) return fmt::format("{} has {} bytes, the manifest says {}", name, size, want);
    if (sha256_file(folder / name) != expected["sha256"].get<std::string>())
      return name + " does not match its checksum";
  }
  for (const char* name : {kModel, kState})
    if (!manifest["files"].contains(name)) return std::string("MANIFEST.json does not list ") + name;
  return std::nullopt;
}

nlohmann::json read_checkpoint_state(const fs::path& folder) {
  if (const auto problem = checkpoint_problem(folder)) throw_bad(folder, *problem);
  nlohmann::json state = parse_json(read_text(folder / kState));
  if (!state.is_object()) throw_bad(folder, "state.json is no JSON object");
  return state;
}

CheckpointContent read_checkpoint(const fs::path& folder, bool with_optimizer) {
  CheckpointContent content;
  content.state = read_checkpoint_state(folder);
  content.step = reading_state(folder, [&] { return content.state.at("step").get<int64_t>(); });
  content.model = io::read_safetensors(folder / kModel).tensors;
  if (fs::exists(folder / kEma)) content.ema = io::read_safetensors(folder / kEma).tensors;
  if (with_optimizer && fs::exists(folder / kOptimizer))
    content.optimizer = io::read_safetensors(folder / kOptimizer).tensors;
  return content;
}

std::optional<fs::path> newest_valid_checkpoint(const fs::path& directory) {
  std::string problems;
  for (const auto& folder : list_checkpoints(directory)) {
    const auto problem = checkpoint_problem(folder.path);
    if (!problem) {
      if (!problems.empty()) log_warn("falling back to {}", folder.path.filename().string());
      return folder.path;
    }
    log_warn("checkpoint {} is not used: {}", folder.path.filename().string(), *problem);
    problems += (problems.empty() ? "" : "; ") + folder.path.filename().string() + ": " + *problem;
  }
  if (!problems.empty())
    throw DataError("BadCheckpoint", "train.checkpoint",
                    {.what = "no checkpoint in " + directory.string() + " can be read",
                     .found = problems,
                     .hint = "start afresh with run.overwrite=true or another run.name"});
  return std::nullopt;
}

CheckpointWriter::CheckpointWriter(fs::path directory, const CheckpointConfig& config)
    : directory_(std::move(directory)), config_(config) {
  ensure_writable_directory(directory_);
}

void CheckpointWriter::write_files(const CheckpointContent& content, const fs::path& folder) const {
  write_tensors(folder / kModel, content.model, content.step);
  if (!content.ema.empty()) write_tensors(folder / kEma, content.ema, content.step);
  if (!content.optimizer.empty()) write_tensors(folder / kOptimizer, content.optimizer, content.step);
  write_file_atomic(folder / kState, content.state.dump(1) + "\n");
  nlohmann::json files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    sync_path(entry.path());
    files[entry.path().filename().string()] = {{"size", entry.file_size()}, {"sha256", sha256_file(entry.path())}};
  }
  write_file_atomic(folder / kManifest, nlohmann::json{{"step", content.step}, {"files", files}}.dump(1) + "\n");
  sync_path(folder);
}

fs::path CheckpointWriter::write(const CheckpointContent& content, const std::vector<BestEntry>& best,
                                 const std::string& best_metric) {
  const auto needed = bytes_of(content.model) + bytes_of(content.ema) + bytes_of(content.optimizer) + kSpaceMargin;
  if (const auto free = free_space(directory_); free < needed)
    throw DataError("DiskFull", "train.checkpoint",
                    {.what = "step " + std::to_string(content.step) + " in " + directory_.string(),
                     .expected = fmt::format("{} MiB free", needed >> 20),
                     .found = fmt::format("{} MiB", free >> 20),
                     .hint = "older checkpoints are untouched; free space and run again with --resume"});
  const fs::path final_path = directory_ / checkpoint_folder_name(content.step);
  const fs::path temporary = final_path.string() + ".tmp";
  try {
    fs::remove_all(temporary);
    fs::create_directory(temporary);
    write_files(content, temporary);
    fs::remove_all(final_path);  // only a damaged folder or the same step of an abandoned try
    fs::rename(temporary, final_path);
    sync_path(directory_);
  } catch (const fs::filesystem_error& e) {
    throw DataError("WriteFailed", "train.checkpoint",
                    {.what = "step " + std::to_string(content.step),
                     .found = e.what(),
                     .hint = "older checkpoints are untouched; make room or permission and run again with --resume"});
  }
  write_pointers(content.step, best, best_metric);
  retire(best);
  return final_path;
}

void CheckpointWriter::write_pointers(int64_t last_step, const std::vector<BestEntry>& best,
                                      const std::string& best_metric) const {
  write_file_atomic(
      directory_ / "last.json",
      nlohmann::json{{"checkpoint", checkpoint_folder_name(last_step)}, {"step", last_step}}.dump(1) + "\n");
  const auto first = std::find_if(best.begin(), best.end(), [&](const BestEntry& entry) {
    return fs::exists(directory_ / checkpoint_folder_name(entry.step));
  });
  if (first == best.end()) {
    fs::remove(directory_ / "best.json");
    return;
  }
  write_file_atomic(directory_ / "best.json", nlohmann::json{{"checkpoint", checkpoint_folder_name(first->step)},
                                                             {"step", first->step},
                                                             {"metric", best_metric},
                                                             {"value", first->value}}
                                                      .dump(1) +
                                                  "\n");
}

void CheckpointWriter::retire(const std::vector<BestEntry>& best) const {
  const auto folders = list_checkpoints(directory_);
  for (size_t i = static_cast<size_t>(config_.keep_last); i < folders.size(); ++i) {
    const bool is_best =
        std::any_of(best.begin(), best.end(), [&](const auto& b) { return b.step == folders[i].step; });
    if (is_best) continue;
    std::error_code ignored;                           // a folder that cannot be removed costs space, not correctness
    fs::remove(folders[i].path / kManifest, ignored);  // first: a half-removed folder is never read
    fs::remove_all(folders[i].path, ignored);
  }
}

void CheckpointWriter::rewind(int64_t step, const std::vector<BestEntry>& best, const std::string& best_metric) {
  for (const auto& folder : list_checkpoints(directory_)) {
    if (folder.step <= step) continue;
    const fs::path aside = folder.path.string() + ".damaged";
    fs::remove_all(aside);
    fs::rename(folder.path, aside);
  }
  std::vector<fs::path> left_over;
  for (const auto& entry : fs::directory_iterator(directory_))
    if (entry.path().extension() == ".tmp" && entry.is_directory()) left_over.push_back(entry.path());
  for (const auto& path : left_over) fs::remove_all(path);
  write_pointers(step, best, best_metric);
}

}  // namespace pear::forecast

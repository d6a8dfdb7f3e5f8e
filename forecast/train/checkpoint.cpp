#include "forecast/train/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "forecast/train/checkpoint_shards.h"
#include "io/safetensors.h"

namespace pear::forecast {
namespace fs = std::filesystem;
namespace {

constexpr const char* kManifest = "MANIFEST.json";
constexpr const char* kState = "state.json";
constexpr const char* kModel = "model.safetensors";
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

/// {"size": bytes, "sha256": text} of a file inside the folder.
bool is_file_entry(const std::string& name, const nlohmann::json& j) {
  return !name.empty() && name.find('/') == std::string::npos && j.is_object() && j.contains("size") &&
         j["size"].is_number_unsigned() && j.contains("sha256") && j["sha256"].is_string();
}

bool has_checksum(const fs::path& file, const nlohmann::json& entry) {
  return sha256_file(file) == entry["sha256"].get<std::string>();
}

void fail_write(int64_t step, const fs::filesystem_error& e) {
  throw DataError("WriteFailed", "train.checkpoint", {.what = "step " + std::to_string(step), .found = e.what()});
}

nlohmann::json read_state(const fs::path& folder) {
  nlohmann::json state = parse_json(read_text(folder / kState));
  if (!state.is_object()) throw_bad_checkpoint(folder, "state.json is no JSON object");
  return state;
}

TensorMap read_kind(const fs::path& folder, const std::string& kind) {
  if (const auto shards = shard_files(folder, kind); !shards.empty()) return joined_shards(folder, shards);
  const std::string whole = kind + ".safetensors";
  return checkpoint_files(folder).contains(whole) ? io::read_safetensors(folder / whole).tensors : TensorMap();
}

}  // namespace

void throw_bad_checkpoint(const fs::path& folder, const std::string& problem) {
  throw DataError("BadCheckpoint", "train.checkpoint",
                  {.what = "checkpoint " + folder.string(),
                   .expected = "a complete folder",
                   .found = problem,
                   .hint = "use an older checkpoint folder, or train again"});
}

void throw_bad_state(const fs::path& folder, const std::string& why) {
  throw_bad_checkpoint(folder, "state.json: " + why);
}

std::string checkpoint_folder_name(int64_t step) { return fmt::format("{}{:08}", kPrefix, step); }

std::vector<CheckpointFolder> list_checkpoints(const fs::path& directory) {
  std::vector<CheckpointFolder> folders;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(directory, missing))
    if (const auto step = step_of_name(entry.path().filename().string())) folders.push_back({*step, entry.path()});
  std::sort(folders.begin(), folders.end(), [](const auto& a, const auto& b) { return a.step > b.step; });
  return folders;
}

std::optional<std::string> checkpoint_problem(const fs::path& folder) { return checkpoint_problem(folder, 0, 1); }

std::optional<std::string> checkpoint_problem(const fs::path& folder, int64_t reader, int64_t num_readers) {
  const fs::path manifest_path = folder / kManifest;
  if (!fs::exists(manifest_path)) return "no MANIFEST.json (the write did not finish)";
  const auto manifest = parse_json(read_text(manifest_path));
  if (!manifest.is_object() || !manifest.contains("files") || !manifest["files"].is_object())
    return "MANIFEST.json is damaged";
  int64_t num_shards = 0;
  for (const auto& [name, expected] : manifest["files"].items()) {
    if (!is_file_entry(name, expected)) return "MANIFEST.json is damaged at " + name;
    std::error_code missing;
    const auto size = fs::file_size(folder / name, missing);
    if (missing) return name + " is missing";
    const auto want = expected["size"].get<std::uintmax_t>();
    if (size != want) return fmt::format("{} has {} bytes, the manifest says {}", name, size, want);
    if (is_shard(name) && num_shards++ % num_readers != reader) continue;
    if (!has_checksum(folder / name, expected)) return name + " does not match its checksum";
  }
  for (const char* name : {kModel, kState})
    if (!manifest["files"].contains(name)) return std::string("MANIFEST.json does not list ") + name;
  return std::nullopt;
}

nlohmann::json read_checkpoint_state(const fs::path& folder) {
  if (const auto problem = checkpoint_problem(folder)) throw_bad_checkpoint(folder, *problem);
  return read_state(folder);
}

std::map<std::string, std::string> checkpoint_files(const fs::path& folder) {
  const auto manifest = parse_json(read_text(folder / kManifest));
  std::map<std::string, std::string> files;
  try {
    for (const auto& [name, entry] : manifest.at("files").items()) files[name] = entry.at("sha256").get<std::string>();
  } catch (const nlohmann::json::exception& e) {
    throw_bad_checkpoint(folder, std::string("MANIFEST.json is damaged: ") + e.what());
  }
  return files;
}

CheckpointContent read_weights(const fs::path& folder) {
  CheckpointContent content;
  content.state = read_state(folder);
  content.step = reading_state(folder, [&] { return content.state.at("step").get<int64_t>(); });
  content.model = io::read_safetensors(folder / kModel).tensors;
  return content;
}

CheckpointContent read_checkpoint(const fs::path& folder, bool with_optimizer) {
  if (const auto problem = checkpoint_problem(folder)) throw_bad_checkpoint(folder, *problem);
  CheckpointContent content = read_weights(folder);
  content.ema = read_kind(folder, kEmaKind);
  if (with_optimizer) content.optimizer = read_kind(folder, kOptimizerKind);
  return content;
}

std::optional<fs::path> newest_valid_checkpoint(const fs::path& directory) {
  return first_valid_checkpoint(directory, list_checkpoints(directory),
                                [](const fs::path& folder) { return checkpoint_problem(folder); });
}

std::optional<fs::path> first_valid_checkpoint(const fs::path& directory, const std::vector<CheckpointFolder>& folders,
                                               const ProblemOf& problem_of) {
  std::string problems;
  for (const auto& folder : folders) {
    const auto problem = problem_of(folder.path);
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

fs::path CheckpointWriter::temporary(int64_t step) const {
  return directory_ / (checkpoint_folder_name(step) + ".tmp");
}

void CheckpointWriter::begin(int64_t step, std::uintmax_t bytes) const {
  const auto needed = bytes + kSpaceMargin;
  try {
    fs::remove_all(temporary(step));
    if (const auto free = free_space(directory_); free < needed)
      throw DataError("DiskFull", "train.checkpoint",
                      {.what = "step " + std::to_string(step) + " in " + directory_.string(),
                       .expected = fmt::format("{} MiB free", needed >> 20),
                       .found = fmt::format("{} MiB", free >> 20)});
    fs::create_directory(temporary(step));
  } catch (const fs::filesystem_error& e) {
    fail_write(step, e);
  }
}

nlohmann::json CheckpointWriter::write_part(const CheckpointPart& part) const {
  const fs::path folder = temporary(part.step);
  nlohmann::json files = nlohmann::json::object();
  const auto note = [&](const std::string& name) {
    files[name] = {{"size", fs::file_size(folder / name)}, {"sha256", sha256_file(folder / name)}};
  };
  try {
    for (const auto& file : part.files) {
      auto metadata = file.metadata;
      metadata.insert({{"format", "pt"}, {"pear_step", std::to_string(part.step)}});
      io::write_safetensors(folder / file.name, {.metadata = metadata, .tensors = file.tensors});
      note(file.name);
    }
    if (!part.state.is_null()) {
      write_file_atomic(folder / kState, part.state.dump(1) + "\n");
      note(kState);
    }
  } catch (const fs::filesystem_error& e) {
    fail_write(part.step, e);
  }
  return files;
}

fs::path CheckpointWriter::commit(int64_t step, const nlohmann::json& files, const std::vector<BestEntry>& best,
                                  const std::string& best_metric) const {
  const fs::path final_path = directory_ / checkpoint_folder_name(step);
  try {
    write_file_atomic(temporary(step) / kManifest, nlohmann::json{{"step", step}, {"files", files}}.dump(1) + "\n");
    fs::remove_all(final_path);  // only a damaged folder or the same step of an abandoned try
    fs::rename(temporary(step), final_path);
    sync_path(directory_);
    write_pointers(step, best, best_metric);
  } catch (const fs::filesystem_error& e) {
    fail_write(step, e);
  }
  retire(best);
  return final_path;
}

void CheckpointWriter::abandon(int64_t step) const {
  std::error_code ignored;  // the next run clears it away
  fs::remove_all(temporary(step), ignored);
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

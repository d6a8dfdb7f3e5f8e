#include "forecast/studies/comparison_arm.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>

#include "base/config/writer.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/provenance.h"
#include "forecast/train/checkpoint.h"
#include "forecast/verify/definition.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
constexpr int kDefinitionVersion = 1;  ///< raise when a piece means something else

json read_record(const fs::path& file) {
  if (!fs::exists(file)) return nullptr;
  auto record = json::parse(read_text(file), nullptr, /*allow_exceptions=*/false);
  return record.is_object() && record.contains("definition") ? record : json(nullptr);
}

enum class Piece { Absent, Begun, Finished };

/// A piece of another definition is an error, or is forgotten with `overwrite`.
Piece look_at(const fs::path& file, const json& definition, bool overwrite, json& record) {
  record = read_record(file);
  if (record.is_null()) return Piece::Absent;
  if (record["definition"] == definition) return record.contains("result") ? Piece::Finished : Piece::Begun;
  if (overwrite) return Piece::Absent;
  throw DataError(
      "ResultExists", "experiment",
      {.what = file.string() + " is of another definition",
       .found = fmt::format("{}", fmt::join(definition_differences(record["definition"], definition), ";  ")),
       .hint = "use another run.dir, or run.overwrite=true to do this piece again"});
}

void write_record(const fs::path& file, const json& record) { write_file_atomic(file, record.dump(2) + "\n"); }

json training_definition(const ComparisonRequest& request, const ComparisonArm& arm, int64_t seed,
                         const StoresByGrid& stores) {
  json data = to_json_value(arm.train.data);
  for (const char* place : {"store", "sources", "prefetch", "resident_limit_mib"}) data.erase(place);
  return {{"version", kDefinitionVersion},
          {"arm", arm.name},
          {"grid", arm.grid},
          {"seed", seed},
          {"precision", arm.train.precision},
          {"data", data},
          {"model", resolved_model(arm.train.model)},
          {"train", to_json_value(arm.train.train)},
          {"store", stores.at(arm.grid)->fingerprint()},
          {"statistics", stores.at(baseline_of(request).grid)->fingerprint()}};
}

}  // namespace

const ComparisonArm& baseline_of(const ComparisonRequest& request) {
  for (const ComparisonArm& arm : request.arms)
    if (arm.name == request.baseline) return arm;
  throw ConfigError("UnknownArm", "experiment", {.what = "experiment.baseline", .found = request.baseline});
}

fs::path arm_folder(const ComparisonRequest& request, const ComparisonArm& arm, int64_t seed) {
  return request.run_dir / "arms" / arm.name / fmt::format("seed_{}", seed);
}

json resolved_model(const ModelConfig& model) {
  json j = to_json_value(model);
  const ModelSwitches s = model.resolved();
  j["norm"] = s.pre_norm ? "pre" : "res_post";
  j["mid_norm"] = s.mid_norm;
  j["head_order"] = s.skip_first ? "skip_first" : "skip_last";
  j["level_pad"] = s.pads_front ? "front" : "back";
  j["level_crop"] = model.crops_first() ? "first" : "last";
  j["linear_init"] = s.libtorch_linear_init ? "libtorch" : "trunc_normal";
  j["drop_path_order"] = s.mirrors_drop_path ? "mirrored" : "rising";
  j["constant_channels"] = s.constant_channels;
  j["shift"] = model.shift_kind();
  j["position_bias"] = model.bias_kind();
  for (const char* empty : {"fidelity", "head_init", "weights"}) j.erase(empty);  // spelled out above, or common
  j["starts_at_zero"] = model.starts_at_zero();
  if (!model.is_twin()) {
    j["ring_mask"] = model.masks_wrap_only() ? "wrap_only" : "published";
    for (const char* foreign : {"variant", "patch_padding", "token_padding", "pad_tokens", "lon_mask", "window_shift"})
      j.erase(foreign);
    return j;
  }
  for (const char* foreign : {"ring_mask", "ring_shift"}) j.erase(foreign);
  j["patch_padding"] = s.patch_padding;
  j["token_padding"] = s.token_padding;
  j["pad_tokens"] = s.pad_tokens;
  j["lon_mask"] = s.lon_mask;
  return j;
}

TrainedArm train_arm(const ComparisonRequest& request, const ComparisonArm& arm, int64_t seed,
                     const StoresByGrid& stores) {
  const fs::path folder = arm_folder(request, arm, seed), file = folder / "arm.json";
  const json definition = training_definition(request, arm, seed, stores);
  TrainedArm out;
  const Piece piece = look_at(file, definition, request.overwrite, out.record);
  if (piece == Piece::Finished) return {std::move(out.record), true};
  ensure_writable_directory(folder);
  if (piece == Piece::Absent) {
    fs::remove_all(folder / "checkpoints");
    write_record(file, {{"definition", definition}});
  }
  TrainRequest train_request = arm.train;
  train_request.run_dir = folder;
  train_request.name = fmt::format("{}, seed {}", arm.name, seed);
  train_request.seed = static_cast<uint64_t>(seed);
  train_request.store = stores.at(arm.grid);
  train_request.statistics = stores.at(baseline_of(request).grid);
  const auto checkpoints = list_checkpoints(folder / "checkpoints");
  train_request.mode = checkpoints.empty() ? StartMode::Fresh : StartMode::Resume;
  const int64_t first_step = checkpoints.empty() ? 0 : checkpoints.front().step;
  restart_peak();
  const TrainResult r = train(train_request);
  const int64_t steps = r.steps - first_step;
  json result{{"parameters", r.num_parameters},
              {"steps", r.steps},
              {"seconds", r.seconds},
              {"seconds_per_step", steps > 0 ? json(r.seconds / static_cast<double>(steps)) : json()},
              {"peak_memory_bytes", peak_resident_bytes()},
              {"last_loss", r.last_loss},
              {"checkpoint", fs::relative(r.best_checkpoint, folder).string()}};
  if (r.best_value)
    result["best"] = {{"metric", r.best_metric}, {"value", *r.best_value}, {"step", r.best_step.value_or(0)}};
  out.record = {{"definition", definition}, {"result", result}, {"provenance", provenance_base()}};
  write_record(file, out.record);
  return out;
}

ScoredArm score_arm(const ComparisonRequest& request, const ComparisonArm& arm, int64_t seed, const std::string& grid,
                    const StoresByGrid& stores) {
  const fs::path trained = arm_folder(request, arm, seed);
  ScoredArm out{.folder = trained / ("on_" + file_name_of(grid))};
  const fs::path file = out.folder / "scored.json";
  const fs::path checkpoint = resolve_checkpoint(trained);
  RolloutRequest rollout_request = request.rollout;
  rollout_request.run_dir = out.folder;
  rollout_request.store = stores.at(arm.grid);
  rollout_request.device = arm.train.device;
  rollout_request.model_id = sha256_file(checkpoint / "MANIFEST.json");
  rollout_request.weight_cache = request.run_dir / "weights";
  rollout_request.config.export_grid = grid == arm.grid ? "" : grid;
  rollout_request.overwrite = request.overwrite;
  const json definition{{"version", kDefinitionVersion},
                        {"model", rollout_request.model_id},
                        {"grid", grid},
                        {"forecast", to_json_value(rollout_request.config)},
                        {"score", to_json_value(request.score.config)},
                        {"climatology", to_json_value(request.score.climatology)},
                        {"truth", stores.at(grid)->fingerprint()}};
  json record;
  if (look_at(file, definition, request.overwrite, record) == Piece::Finished) {
    out.was_finished = true;
    return out;
  }
  ensure_writable_directory(out.folder);
  write_record(file, {{"definition", definition}});
  const auto model = load_trained_model(checkpoint, arm.train.device);
  const RolloutResult forecasts = rollout(*model, rollout_request);
  ScoreRequest score_request = request.score;
  score_request.run_dir = out.folder;
  score_request.forecasts = {{.model = arm.name, .folder = forecasts.folder}};
  score_request.truth = stores.at(grid);
  score_request.climatology.file = Path{(request.run_dir / ("climatology_" + file_name_of(grid) + ".nc")).string()};
  score_request.overwrite = true;  // this folder is one piece: what lies in it is of this definition or unfinished
  const ScoreResult scores = score(score_request);
  write_record(file, {{"definition", definition},
                      {"result", {{"rows", scores.rows.size()}, {"missing_pairs", scores.missing.size()}}}});
  if (!request.keep_forecasts) fs::remove_all(out.folder / "forecasts");
  return out;
}

}  // namespace pear::forecast

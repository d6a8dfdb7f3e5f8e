#include "forecast/train/session_state.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/config/writer.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "base/provenance.h"
#include "forecast/train/checkpoint_shards.h"
#include "forecast/train/run_state.h"
#include "forecast/train/synchronise.h"

namespace pear::forecast {
namespace fs = std::filesystem;
namespace {

constexpr int kStateVersion = 1;

torch::Tensor on_host(const torch::Tensor& t, bool copies) {
  const auto host = t.detach();
  if (!host.device().is_cpu()) return host.cpu();
  return copies ? host.clone() : host;
}

/// The blocks that one rank writes of a buffer that all have.
FlatRange share_of(int64_t num_values, int64_t rank, int64_t size) {
  const int64_t blocks = num_values / FlatParameters::kBlock;
  const int64_t first = rank * blocks / size, last = (rank + 1) * blocks / size;
  return {first * FlatParameters::kBlock, (last - first) * FlatParameters::kBlock};
}

nlohmann::json state_of(const Session& s) {
  const auto& request = s.request;
  auto provenance = provenance_base();
  if (!request.resolved_config.is_null()) {
    provenance["config"] = request.resolved_config;
    provenance["config_sha256"] = request.config_sha256;
  }
  return {{"version", kStateVersion},
          {"run", request.name},
          {"step", s.progress.step},
          {"num_updates", s.optimizer->num_updates()},
          {"num_parameters", s.parameters->num_parameters()},
          {"seed", request.seed},
          {"threads", at::get_num_threads()},
          {"progress", json_from_progress(s.progress)},
          {"best_metric", request.train.best_metric},
          {"layout", json_from_layout(s.layout)},
          {"step_seconds", request.data.lead_or_every().seconds},
          {"model", to_json_value(request.model)},
          {"normaliser", s.normaliser->to_json()},
          {"config", defining_config(request)},
          {"data_fingerprint", s.store->fingerprint()},
          {"parent", s.parent},
          {"provenance", provenance}};
}

/// What this rank finds wrong, also that it cannot read: the others must hear of it.
std::string problem_here(const fs::path& folder, const DataAxis& axis) {
  try {
    return checkpoint_problem(folder, axis.rank(), axis.size()).value_or("");
  } catch (const DataError& e) {
    return e.what();
  }
}

/// What the ranks say of a folder, each text once: `optimizer-00002-of-00004.safetensors is missing`.
std::string agreed_problem(const std::string& mine, DataAxis& axis) {
  std::vector<std::string> known;
  for (const auto& text : axis.gather(mine))
    if (!text.empty() && std::find(known.begin(), known.end(), text) == known.end()) known.push_back(text);
  std::string all;
  for (const auto& text : known) all += (all.empty() ? "" : "; ") + text;
  axis.broadcast(all);
  return all;
}

}  // namespace

CheckpointPart part_of(const Session& s, const DataAxis& axis, bool copies) {
  CheckpointPart part{.step = s.progress.step, .files = {}, .state = {}, .checkpoint_bytes = checkpoint_bytes(s)};
  const auto& parameters = *s.parameters;
  const auto shards = axis.shards();
  const auto& m = s.optimizer->first_moment();
  const auto& v = s.optimizer->second_moment();
  if (axis.size() == 1) {
    part.files.push_back(whole_file(kOptimizerKind, parameters,
                                    {{kFirstMoment, on_host(m, copies)}, {kSecondMoment, on_host(v, copies)}}));
  } else {
    const FlatRange share = share_of(parameters.values().numel(), axis.rank(), axis.size());
    const auto mine = [&](const torch::Tensor& t) {
      return on_host(shards.empty() ? t.narrow(0, share.first, share.length) : t, copies);
    };
    part.files.push_back(shard_file(kOptimizerKind, axis.rank(), axis.size(), parameters,
                                    shards.empty() ? std::vector{share} : shards,
                                    {{kFirstMoment, mine(m)}, {kSecondMoment, mine(v)}}));
  }
  if (s.ema && !shards.empty() && axis.size() > 1)
    part.files.push_back(
        shard_file(kEmaKind, axis.rank(), axis.size(), parameters, shards, {{"", on_host(s.ema->average(), copies)}}));
  else if (s.ema && axis.rank() == 0)
    part.files.push_back(whole_file(kEmaKind, parameters, {{"", on_host(s.ema->average(), copies)}}));
  if (axis.rank() != 0) return part;
  part.files.push_back(whole_file("model", parameters, {{"", on_host(parameters.values(), copies)}}));
  part.state = state_of(s);
  return part;
}

std::uintmax_t checkpoint_bytes(const Session& s) {
  const std::uintmax_t copies = s.ema ? 4 : 3;  // weights, two moments, average
  return copies * static_cast<std::uintmax_t>(s.parameters->num_parameters()) * sizeof(float);
}

std::optional<fs::path> agreed_checkpoint(const fs::path& directory, DataAxis& axis) {
  // Another rank may see a folder later or not at all: the list is that of rank 0.
  nlohmann::json names = nlohmann::json::array();
  for (const auto& folder : list_checkpoints(directory))
    names.push_back({folder.step, folder.path.filename().string()});
  std::string text = names.dump();
  axis.broadcast(text);
  std::vector<CheckpointFolder> folders;
  for (const auto& item : nlohmann::json::parse(text))
    folders.push_back({item.at(0).get<int64_t>(), directory / item.at(1).get<std::string>()});
  return first_valid_checkpoint(directory, folders, [&](const fs::path& folder) -> std::optional<std::string> {
    const auto problem = agreed_problem(problem_here(folder, axis), axis);
    return problem.empty() ? std::nullopt : std::optional(problem);
  });
}

void keep_shards(Session& s, const DataAxis& axis) {
  const auto shards = axis.shards();
  if (shards.empty()) return;
  s.optimizer->keep_only(shards);
  if (s.ema) s.ema->keep_only(shards);
  const auto mib = [](double values) { return values * sizeof(float) / (1 << 20); };
  const double copies = s.ema ? 3 : 2;
  log_info("optimiser state on this rank {:.2f} of {:.2f} MiB (shared by {} ranks)",
           mib(copies * static_cast<double>(s.optimizer->first_moment().numel())),
           mib(copies * static_cast<double>(s.parameters->values().numel())), axis.size());
}

void restore_state(Session& s, DataAxis& axis) {
  if (!s.state_folder) return;
  const torch::NoGradGuard no_grad;
  const auto shards = axis.shards();
  const auto ranges = shards.empty() ? std::vector{FlatRange{0, s.parameters->values().numel()}} : shards;
  load_state(*s.state_folder, kOptimizerKind, *s.parameters, ranges,
             {{kFirstMoment, s.optimizer->first_moment()}, {kSecondMoment, s.optimizer->second_moment()}});
  if (s.ema && has_state(*s.state_folder, kEmaKind))
    load_state(*s.state_folder, kEmaKind, *s.parameters, ranges, {{"", s.ema->average()}});
  else if (s.ema)  // the run before had none
    torch::Tensor(s.ema->average())
        .copy_(shards.empty() ? s.parameters->values() : joined(s.parameters->values(), shards));
  s.state_folder.reset();
  if (axis.size() == 1 || !shards.empty()) return;
  std::vector<torch::Tensor> buffers{s.optimizer->first_moment(), s.optimizer->second_moment()};
  if (s.ema) buffers.push_back(s.ema->average());
  axis.require_equal(digest_of(buffers), "moments and average of the checkpoint");
}

}  // namespace pear::forecast

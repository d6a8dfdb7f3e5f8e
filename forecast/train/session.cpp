#include "forecast/train/session.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/random.h"
#include "forecast/train/dataset.h"
#include "forecast/train/session_state.h"

namespace pear::forecast {
namespace fs = std::filesystem;
namespace {

std::string list_text(const std::vector<std::string>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : "; ") + item;
  return text;
}

/// Random weights are enough where others follow from a checkpoint.
enum class FirstWeights { Random, Configured };

void build_model(Session& s, FirstWeights start) {
  const auto& request = s.request;
  at::manual_seed(random_u64(request.seed, "weights", 0));
  auto network = make_network(request.model, s.layout, s.domain);
  if (start == FirstWeights::Configured) load_initial_weights(*network, request.model);
  network->to(request.device);
  network->train();
  network->set_checkpointed_stages(request.train.checkpointed_stages());
  s.model = std::make_shared<LearnedModel>(network, *s.normaliser, request.model, request.data.lead_or_every(),
                                           request.model.name);
  s.parameters.emplace(s.model->network());
  s.optimizer.emplace(request.train, *s.parameters);
  if (request.train.ema.is_on()) s.ema.emplace(request.train.ema, *s.parameters);
}

/// Weights and progress.
void restore(Session& s, const CheckpointContent& content, const fs::path& folder) {
  load_flat(*s.parameters, s.parameters->values(), content.model, "", "weights");
  s.state_folder = folder;
  s.optimizer->set_num_updates(content.state.at("num_updates").get<int64_t>());
  s.progress = progress_from_json(content.state.at("progress"));
  s.progress.step = content.step;
}

void check_resumable(const Session& s, const nlohmann::json& state, const fs::path& folder) {
  const auto changed = differences(state.at("config"), defining_config(s.request));
  if (!changed.empty())
    throw ConfigError("ConfigChanged", "train.resume",
                      {.what = "configuration differs from " + folder.string(),
                       .found = list_text(changed),
                       .hint = "restore these keys, or continue as a new run with --fork"});
  const auto fingerprint = state.at("data_fingerprint").get<std::string>();
  if (fingerprint != s.store->fingerprint())
    throw DataError("DataChanged", "train.resume",
                    {.what = "store " + s.request.data.store.str(),
                     .expected = "fingerprint " + fingerprint,
                     .found = s.store->fingerprint(),
                     .hint = "use the store of the run, or --fork"});
  if (const int threads = state.value("threads", 0); threads != at::get_num_threads())
    log_warn("resumed with {} threads after {}: sums may round differently", at::get_num_threads(), threads);
}

/// The checkpoint's own normalisation goes with its weights.
void adopt_normaliser(Session& s, const nlohmann::json& state) {
  if (layout_from_json(state.at("layout")) != s.layout) {
    log_info("start: other variables than in the checkpoint, normalisation is taken from the store");
    return;
  }
  s.normaliser = Normaliser::from_json(state.at("normaliser"), s.layout);
}

void warm_start(Session& s, const CheckpointContent& content) {
  const auto& request = s.request;
  const bool use_ema =
      request.start_weights == WeightsKind::Ema || (request.start_weights == WeightsKind::Auto && !content.ema.empty());
  if (use_ema && content.ema.empty())
    throw DataError("NoEmaWeights", "train.start",
                    {.what = request.start_path.string() + " holds no averaged weights"});
  const TensorMap& source = use_ema ? content.ema : content.model;
  torch::NoGradGuard no_grad;
  std::vector<std::string> missing, reshaped, unexpected;
  std::map<std::string, bool> used;
  int64_t matched = 0;
  for (const auto& entry : s.parameters->entries()) {
    const auto mapped = request.warm_start_map.find(entry.name);
    const auto& name = mapped == request.warm_start_map.end() ? entry.name : mapped->second;
    const auto it = source.find(name);
    if (it == source.end()) {
      missing.push_back(entry.name);
      continue;
    }
    used[name] = true;
    if (it->second.sizes() != torch::IntArrayRef(entry.shape)) {
      reshaped.push_back(entry.name);
      continue;
    }
    FlatParameters::view_of(s.parameters->values(), entry).copy_(it->second);
    ++matched;
  }
  for (const auto& [name, tensor] : source)
    if (!used.contains(name)) unexpected.push_back(name);
  const std::string summary =
      fmt::format("{} matched, {} missing [{}], {} unexpected [{}], {} of another shape [{}]", matched, missing.size(),
                  list_text(missing), unexpected.size(), list_text(unexpected), reshaped.size(), list_text(reshaped));
  log_info("weights of {}: {}", request.start_path.string(), summary);
  const bool exact = missing.empty() && unexpected.empty() && reshaped.empty();
  if (!exact && (request.warm_start_strict || request.mode == StartMode::WeightsOnly))
    throw DataError("WeightMismatch", "train.start",
                    {.what = "weights of " + request.start_path.string(),
                     .expected = "every weight by name and shape",
                     .found = summary,
                     .hint = "use the same model section, a name map, or a warm start that is not strict"});
  if (s.ema) torch::Tensor(s.ema->average()).copy_(s.parameters->values());
}

nlohmann::json parent_of(const fs::path& folder, const nlohmann::json& state) {
  return {{"checkpoint", folder.filename().string()},
          {"run", state.value("run", nlohmann::json())},
          {"step", state.at("step")}};
}

void start_fresh(Session& s) {
  build_model(s, FirstWeights::Configured);
  const Path& weights = s.request.model.weights;
  if (!weights.empty())
    s.parent = {{"weights", fs::path(weights.str()).filename().string()}, {"sha256", sha256_file(weights.str())}};
}

bool is_weights_file(const fs::path& path) { return fs::is_regular_file(path) && path.extension() == ".safetensors"; }

/// A file of weights alone: normalisation as the configuration says.
void start_from_file(Session& s) {
  build_model(s, FirstWeights::Random);
  ModelConfig source = s.request.model;
  source.weights = Path{s.request.start_path.string()};
  load_initial_weights(s.model->network(), source);
  const torch::NoGradGuard no_grad;
  if (s.ema) torch::Tensor(s.ema->average()).copy_(s.parameters->values());
  s.parent = {{"weights", s.request.start_path.filename().string()}, {"sha256", sha256_file(s.request.start_path)}};
}

void start_from_other(Session& s) {
  if (s.request.mode == StartMode::WeightsOnly && is_weights_file(s.request.start_path)) return start_from_file(s);
  const fs::path folder = resolve_checkpoint(s.request.start_path);
  const auto content = read_checkpoint(folder, /*with_optimizer=*/false);
  const auto layout = layout_from_json(content.state.at("layout"));
  check_store_fits(layout, *s.store, folder.string(), s.request.data.store.str());
  adopt_normaliser(s, content.state);
  if (!s.request.model.weights.empty())
    log_info("start: {} is not read, the weights come from {}", s.request.model.weights.str(), folder.string());
  build_model(s, FirstWeights::Random);
  if (s.request.mode == StartMode::Fork) {
    for (const auto& line : differences(content.state.at("config"), defining_config(s.request)))
      log_info("fork: {}", line);
    restore(s, content, folder);
    s.progress.best.clear();
  } else {
    warm_start(s, content);
  }
  s.parent = parent_of(folder, content.state);
}

void refuse_existing(const Session& s) {
  const auto folders = list_checkpoints(s.checkpoint_dir());
  if (folders.empty()) return;
  if (!s.request.overwrite)
    throw DataError(
        "RunExists", "train.start",
        {.what = s.request.run_dir.string() + " holds checkpoints up to step " + std::to_string(folders.front().step),
         .expected = "an empty run folder",
         .hint = "continue with --resume, choose another run.name, or set run.overwrite=true"});
  fs::remove_all(s.checkpoint_dir());
}

}  // namespace

bool Session::learns_tendency() const { return request.model.output == "tendency"; }

void load_flat(const FlatParameters& parameters, const torch::Tensor& buffer, const TensorMap& tensors,
               const std::string& prefix, const std::string& what) {
  torch::NoGradGuard no_grad;
  std::vector<std::string> problems;
  size_t found = 0;
  for (const auto& entry : parameters.entries()) {
    const auto it = tensors.find(prefix + entry.name);
    if (it == tensors.end()) {
      problems.push_back("missing " + prefix + entry.name);
    } else if (++found; it->second.sizes() != torch::IntArrayRef(entry.shape)) {
      problems.push_back("another shape of " + prefix + entry.name);
    } else {
      FlatParameters::view_of(buffer, entry).copy_(it->second);
    }
  }
  if (prefix.empty() && found < tensors.size())
    for (const auto& [name, tensor] : tensors) {
      bool known = false;
      for (const auto& entry : parameters.entries()) known = known || entry.name == name;
      if (!known) problems.push_back("unexpected " + name);
    }
  if (!problems.empty())
    throw DataError("WeightMismatch", "train.checkpoint",
                    {.what = what + " do not fit the network", .found = list_text(problems)});
}

Session make_session(const TrainRequest& request, DataAxis& axis) {
  Session s;
  s.request = request;
  s.domain = axis.domain();
  s.store = request.store ? request.store : io::Store::open(request.data.store.str());
  s.layout = layout_from_store(request.data, *s.store);
  s.normaliser =
      normaliser_of(request.model, request.data, request.statistics ? *request.statistics : *s.store, s.layout);
  if (request.mode == StartMode::Resume) {
    if (const auto folder = agreed_checkpoint(s.checkpoint_dir(), axis)) {
      const auto content = read_weights(*folder);
      check_store_fits(layout_from_json(content.state.at("layout")), *s.store, folder->string(),
                       request.data.store.str());
      check_resumable(s, content.state, *folder);
      s.normaliser = Normaliser::from_json(content.state.at("normaliser"), s.layout);
      build_model(s, FirstWeights::Random);
      restore(s, content, *folder);
      s.parent = content.state.value("parent", nlohmann::json());
      log_info("resumed from {}", folder->filename().string());
      return s;
    }
    log_info("nothing to resume in {}: starting at step 0", request.run_dir.string());
    start_fresh(s);
    return s;
  }
  if (axis.rank() == 0) refuse_existing(s);
  axis.barrier();
  if (request.mode == StartMode::Fresh)
    start_fresh(s);
  else
    start_from_other(s);
  return s;
}

Session make_session(const TrainRequest& request) {
  DataAxis one;
  return make_session(request, one);
}

}  // namespace pear::forecast

#include "forecast/config/training_plan.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "forecast/config/config_layout.h"
#include "forecast/model/network.h"
#include "forecast/model/patches.h"
#include "forecast/train/dataset.h"
#include "forecast/train/sample_plan.h"

namespace pear::forecast {
namespace {

constexpr int64_t kFloatBytes = 4;
// Values kept per parameter: weight, gradient, two moments, and one buffer for the step's sum.
constexpr int64_t kCopiesOfParameters = 5;
// Resident size of a program with the tensor library that does nothing else; this process is asked, where it can be.
constexpr int64_t kRuntimeBytes = int64_t{400} << 20;

// Above this share of the machine other programs and the page cache have little left.
constexpr double kTightShare = 0.8;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Floats of the position bias of one block where it depends on the place of a window: an entry per pair of tokens and
/// type of window, and its copy per window.
int64_t typed_bias_floats(const ModelConfig& model, const StateLayout& layout, size_t stage, int64_t tokens) {
  if (model.bias_kind() != "earth_specific" || !layout.grid.is_latlon()) return 0;
  const int64_t slots = stack_extents(model, layout).num_stack;
  const int64_t rows = static_cast<int64_t>(layout.grid.latlon().lat_deg.size());
  const bool is_fine = stage == 0 || stage + 1 == model.dims.size();
  const int64_t row_windows = divide_up(divide_up(rows, model.patch[1] * (is_fine ? 1 : 2)), model.window[1]);
  const int64_t types = divide_up(slots, model.window[0]) * row_windows, n = model.window_tokens();
  return model.heads[stage] * (types * n * n + tokens * n);
}

/// Whether attention of this stage runs in one pass on the CPU (sphere/attention/fused_attention.h).
bool fuses_attention(const ModelConfig& model, size_t stage) {
  const int64_t width = model.dims[stage] / model.heads[stage];
  return model.attention_dropout <= 0 && (width == 8 || width == 16 || width == 32);
}

/// Floats that the backward pass keeps of one stage and sample: per token of each block the inputs of its layers (8
/// channels' worth: queries, keys, values, attention output and four more). An MLP with dropout keeps its hidden layer
/// twice and masks; attention that is composed of tensor operations keeps two copies of its weights.
int64_t stage_floats(const ModelConfig& model, const StateLayout& layout, size_t stage, int64_t tokens) {
  const bool fuses = fuses_attention(model, stage);
  int64_t per_token = 8 * model.dims[stage] + model.heads[stage];
  if (model.dropout > 0) per_token += 3 * model.mlp_ratio * model.dims[stage];  // and the masks
  if (!fuses) per_token += 2 * model.heads[stage] * model.window_tokens();
  const int64_t bias = fuses ? 0 : typed_bias_floats(model, layout, stage, tokens);
  return std::max<int64_t>(model.depths[stage], 1) * (tokens * per_token + bias);
}

/// Floats that the backward pass keeps for one sample. Of the stages that are computed again only the input stays, and
/// the largest of them is there once.
int64_t activation_floats(const ModelConfig& model, const TrainConfig& train, const StateLayout& layout) {
  const int64_t cells = layout.grid.num_cells();
  const int64_t slots = (layout.num_surface() > 0 ? 1 : 0) + divide_up(layout.num_levels(), model.patch[0]);
  const int64_t fine = slots * divide_up(cells, model.patch_cells());
  const auto again = train.checkpointed_stages();
  int64_t largest_again = 0;
  int64_t floats = 8 * layout.num_channels() * cells;  // states read ahead, normalised, predicted, and their gradients
  for (size_t stage = 0; stage < model.dims.size(); ++stage) {
    const int64_t tokens = stage == 0 || stage + 1 == model.dims.size() ? fine : fine / 4;
    const int64_t own = stage_floats(model, layout, stage, tokens);
    const bool is_again = std::find(again.begin(), again.end(), static_cast<int64_t>(stage)) != again.end();
    floats += is_again ? tokens * model.dims[stage] : own;
    if (is_again) largest_again = std::max(largest_again, own);
  }
  // Between two cuts all steps of a rollout are there together.
  return train.rollout.steps_kept(train.rollout.max_steps()) * floats + largest_again;
}

/// Of `parts` ranks that share a sample each keeps its cells.
int64_t sample_bytes(const DataConfig& data, const StateLayout& layout, const io::Store& store, int64_t parts) {
  const int64_t state = layout.num_channels() * layout.grid.num_cells() / parts * kFloatBytes;
  const int64_t whole = state * static_cast<int64_t>(store.times().size());
  const int64_t limit = data.resident_limit_mib << 20;
  return whole <= limit ? whole : state * 4 * std::max<int64_t>(data.prefetch, 1);
}

int64_t checkpoint_bytes(const TrainingPlan& plan, const TrainConfig& train) {
  const int64_t copies = train.ema.is_on() ? 4 : 3;
  return copies * plan.num_parameters * kFloatBytes;
}

}  // namespace

TrainingPlan estimate_training_memory(const RunConfig& config, const io::Store& store) {
  TrainingPlan plan;
  const int64_t runtime = std::max(kRuntimeBytes, pear::resident_bytes());
  plan.layout = layout_from_store(config.data, store);
  plan.num_parameters = make_network(config.model, plan.layout)->num_parameters();
  const int64_t parts = config.parallel.mesh.domain;
  require_parts(config.model, plan.layout, parts);
  const int64_t averages = config.train.ema.is_on() ? 1 : 0;
  // Written in the background: weights, two moments and average once more, on a rank alone.
  const int64_t copies = kCopiesOfParameters + averages + (config.checkpoint.async ? 3 + averages : 0);
  const int64_t batch = config.run.reproducible ? 1 : config.train.batch;  // as plan_slots
  plan.memory_bytes = runtime + copies * plan.num_parameters * kFloatBytes +
                      batch * activation_floats(config.model, config.train, plan.layout) / parts * kFloatBytes +
                      sample_bytes(config.data, plan.layout, store, config.train.augment.empty() ? parts : 1);
  plan.machine_memory_bytes = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  return plan;
}

void require_memory(const TrainingPlan& plan) {
  const auto gib = [](int64_t bytes) { return static_cast<double>(bytes) / 1073741824.0; };
  if (plan.memory_bytes <= plan.machine_memory_bytes) {
    if (static_cast<double>(plan.memory_bytes) > kTightShare * static_cast<double>(plan.machine_memory_bytes))
      log_warn("training will need about {:.1f} GiB of the machine's {:.1f} GiB", gib(plan.memory_bytes),
               gib(plan.machine_memory_bytes));
    return;
  }
  throw ConfigError("NotEnoughMemory", "train",
                    {.what = fmt::format("a step needs about {:.1f} GiB of memory", gib(plan.memory_bytes)),
                     .expected = fmt::format("at most the machine's {:.1f} GiB", gib(plan.machine_memory_bytes)),
                     .hint = "lower train.batch (train.slots keeps the samples of a step), data.resident_limit_mib or "
                             "train.rollout.truncate, or set train.activation_checkpointing=stages"});
}

TrainingPlan plan_training(const RunConfig& config, const io::Store& store) {
  TrainingPlan plan = estimate_training_memory(config, store);
  const PairList pairs = list_pairs(store, config.data.train, config.data.lead_or_every());
  plan.num_pairs = static_cast<int64_t>(pairs.pairs.size());
  plan.num_dropped = pairs.num_dropped;
  if (!config.data.select.empty())
    plan.num_select_pairs =
        static_cast<int64_t>(list_pairs(store, config.data.select, config.data.lead_or_every()).pairs.size());
  const SamplePlan samples(config.train, static_cast<uint64_t>(config.run.seed), [&](int64_t steps) {
    return static_cast<int64_t>(list_pairs(store, config.data.train, config.data.lead_or_every(), steps).pairs.size());
  });
  plan.steps_per_epoch = samples.steps_per_epoch(0);
  plan.total_steps = samples.total_steps();
  plan.checkpoint_bytes = checkpoint_bytes(plan, config.train);
  // One more than is kept: the new one is complete before the oldest is removed.
  plan.disk_bytes = plan.checkpoint_bytes * (config.checkpoint.keep_last + config.checkpoint.keep_best + 1);
  return plan;
}

std::string plan_text(const TrainingPlan& plan) {
  constexpr double kMib = 1048576.0;
  const auto mib = [](int64_t bytes) { return static_cast<double>(bytes) / kMib; };
  std::string text;
  text += fmt::format("grid            {}, {} cells\n", plan.layout.grid.spec(), plan.layout.grid.num_cells());
  text += fmt::format("state           surface [B, {}, {}], upper [B, {}, {}, {}]\n", plan.layout.num_surface(),
                      plan.layout.grid.num_cells(), plan.layout.num_upper(), plan.layout.num_levels(),
                      plan.layout.grid.num_cells());
  text += fmt::format("parameters      {}\n", plan.num_parameters);
  text += fmt::format("training pairs  {} ({} dropped for missing times), {} for selection\n", plan.num_pairs,
                      plan.num_dropped, plan.num_select_pairs);
  text += fmt::format("steps           {} per epoch, {} in all\n", plan.steps_per_epoch, plan.total_steps);
  text += fmt::format("memory          about {:.0f} MiB of {:.0f} MiB\n", mib(plan.memory_bytes),
                      mib(plan.machine_memory_bytes));
  text += fmt::format("disk            {:.1f} MiB per checkpoint, at most {:.1f} MiB\n", mib(plan.checkpoint_bytes),
                      mib(plan.disk_bytes));
  return text;
}

nlohmann::json plan_json(const TrainingPlan& plan) {
  return {{"grid", plan.layout.grid.spec()},
          {"cells", plan.layout.grid.num_cells()},
          {"channels", plan.layout.channel_names()},
          {"parameters", plan.num_parameters},
          {"pairs", plan.num_pairs},
          {"dropped_pairs", plan.num_dropped},
          {"select_pairs", plan.num_select_pairs},
          {"steps_per_epoch", plan.steps_per_epoch},
          {"total_steps", plan.total_steps},
          {"memory_bytes", plan.memory_bytes},
          {"machine_memory_bytes", plan.machine_memory_bytes},
          {"checkpoint_bytes", plan.checkpoint_bytes},
          {"disk_bytes", plan.disk_bytes}};
}

std::optional<int64_t> num_parameters_of(const RunConfig& config) {
  if (config.model.name == "persistence" || config.model.name == "climatology") return std::nullopt;
  const std::optional<StateLayout> layout = layout_from_config(config);
  if (!layout) return std::nullopt;
  return make_network(config.model, *layout)->num_parameters();
}

}  // namespace pear::forecast

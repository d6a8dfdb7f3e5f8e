#include "forecast/config/training_plan.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "forecast/config/config_layout.h"
#include "forecast/model/network.h"
#include "forecast/train/dataset.h"
#include "forecast/train/sampler.h"

namespace pear::forecast {
namespace {

constexpr int64_t kFloatBytes = 4;
// Values kept per parameter: weight, gradient, two moments, and one buffer for the step's sum.
constexpr int64_t kCopiesOfParameters = 5;
// The tensor library itself, its thread pools and code: resident size of a program that does nothing else.
constexpr int64_t kRuntimeBytes = int64_t{400} << 20;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Floats that the backward pass keeps for one sample: per token of each block its normalised inputs, queries, keys,
/// values, attention output, MLP layers and residuals (8 + 2 r channels), and two copies of the attention weights.
int64_t activation_floats(const ModelConfig& model, const StateLayout& layout) {
  const int64_t cells = layout.grid.num_cells();
  const int64_t slots = (layout.num_surface() > 0 ? 1 : 0) + divide_up(layout.num_levels(), model.patch[0]);
  const int64_t fine = slots * divide_up(cells, model.patch_cells());
  const int64_t window = model.window_tokens();
  int64_t floats = 4 * layout.num_channels() * cells;
  for (size_t stage = 0; stage < model.dims.size(); ++stage) {
    const int64_t tokens = stage == 0 || stage + 1 == model.dims.size() ? fine : fine / 4;
    const int64_t per_token = (8 + 2 * model.mlp_ratio) * model.dims[stage] + 2 * model.heads[stage] * window;
    floats += std::max<int64_t>(model.depths[stage], 1) * tokens * per_token;
  }
  return floats;
}

int64_t resident_bytes(const DataConfig& data, const StateLayout& layout, const io::Store& store) {
  const int64_t state = layout.num_channels() * layout.grid.num_cells() * kFloatBytes;
  const int64_t whole = state * static_cast<int64_t>(store.times().size());
  const int64_t limit = data.resident_limit_mib << 20;
  return whole <= limit ? whole : state * 4 * std::max<int64_t>(data.prefetch, 1);
}

int64_t checkpoint_bytes(const TrainingPlan& plan, const TrainConfig& train) {
  const int64_t copies = train.ema.is_on() ? 4 : 3;
  return copies * plan.num_parameters * kFloatBytes;
}

}  // namespace

TrainingPlan plan_training(const RunConfig& config, const io::Store& store) {
  TrainingPlan plan;
  plan.layout = layout_from_store(config.data, store);
  plan.num_parameters = make_network(config.model, plan.layout)->num_parameters();
  const PairList pairs = list_pairs(store, config.data.train, config.data.lead_or_every());
  plan.num_pairs = static_cast<int64_t>(pairs.pairs.size());
  plan.num_dropped = pairs.num_dropped;
  if (!config.data.select.empty())
    plan.num_select_pairs =
        static_cast<int64_t>(list_pairs(store, config.data.select, config.data.lead_or_every()).pairs.size());
  const Sampler sampler(plan.num_pairs, config.train.slots * config.train.batch, static_cast<uint64_t>(config.run.seed),
                        config.train.last_batch == "wrap");
  plan.steps_per_epoch = sampler.steps_per_epoch();
  plan.total_steps = config.train.epochs * plan.steps_per_epoch;
  if (config.train.max_steps > 0) plan.total_steps = std::min(plan.total_steps, config.train.max_steps);
  const int64_t copies = kCopiesOfParameters + (config.train.ema.is_on() ? 1 : 0);
  plan.memory_bytes = kRuntimeBytes + copies * plan.num_parameters * kFloatBytes +
                      config.train.batch * activation_floats(config.model, plan.layout) * kFloatBytes +
                      resident_bytes(config.data, plan.layout, store);
  plan.machine_memory_bytes = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
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

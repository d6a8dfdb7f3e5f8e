#include "forecast/studies/grid_comparison.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/provenance.h"
#include "base/signals.h"
#include "forecast/model/pangu_twin.h"
#include "forecast/model/patches.h"
#include "forecast/studies/comparison_arm.h"
#include "forecast/studies/comparison_floor.h"
#include "forecast/studies/comparison_page.h"
#include "forecast/train/dataset.h"
#include "forecast/verify/definition.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
constexpr double kBytesPerGib = 1073741824.0;

/// Counts finished pieces and says how far the whole is.
class Pieces {
 public:
  Pieces(const ComparisonRequest& request, ComparisonResult& out) : out_(out) {
    const size_t runs = request.arms.size() * request.seeds.size();
    out_.num_pieces = static_cast<int64_t>((request.simulate ? 1 : 0) + request.stores.size() +
                                           runs * (1 + request.score_grids.size()));
    progress_.emplace("grid_comparison", out_.num_pieces, "pieces");
  }
  void begin(const std::string& name) {
    if (stop_requested()) throw StoppedBySignal("grid comparison was stopped; finished pieces are kept: run it again");
    log_info("piece {} of {}: {}", done_ + 1, out_.num_pieces, name);
  }
  void end(bool was_finished) {
    out_.num_repeated += was_finished;
    progress_->update(++done_);
  }
  void finish() { progress_->finish(); }

 private:
  ComparisonResult& out_;
  std::optional<Progress> progress_;
  int64_t done_ = 0;
};

StoresByGrid make_data(const ComparisonRequest& request, Pieces& pieces) {
  if (request.simulate) {
    pieces.begin("nature run in " + request.simulate->folder.string());
    pieces.end(simulate(*request.simulate).states_written == 0);
  }
  StoresByGrid stores;
  for (const IngestRequest& r : request.stores) {
    pieces.begin("store on " + r.grid.spec());
    const IngestReport report = ingest(r);
    for (const std::string& problem : report.problems) log_warn("{}", problem);
    pieces.end(report.up_to_date);
    stores[r.grid.spec()] = io::Store::open(r.store);
  }
  return stores;
}

/// Tokens and windows of the network, from its configuration.
void count_windows(const ModelConfig& model, const StateLayout& layout, ArmCost& cost) {
  if (model.is_twin()) {
    const TwinExtents e = twin_extents(model, layout);
    const int64_t stacks = e.num_stack / e.window_stack, cells = model.window[1] * model.window[2];
    const auto padded = [](const RowsColumns& t, const sphere::LatLonPads& p) {
      return (t.rows + p.top + p.bottom) * (t.columns + p.left + p.right);
    };
    cost.fine_tokens = e.num_stack * e.tokens.rows * e.tokens.columns;
    cost.coarse_tokens = e.num_stack * e.coarse.rows * e.coarse.columns;
    cost.fine_windows = stacks * padded(e.tokens, e.fine_pads) / cells;
    cost.coarse_windows = stacks * padded(e.coarse, e.coarse_pads) / cells;
    return;
  }
  const StackExtents e = stack_extents(model, layout);
  const int64_t tokens = layout.grid.num_cells() / model.patch_cells(), stacks = e.num_stack / e.window_stack;
  cost.fine_tokens = e.num_stack * tokens;
  cost.coarse_tokens = e.num_stack * tokens / 4;
  cost.fine_windows = stacks * tokens / model.window[1];
  cost.coarse_windows = stacks * tokens / 4 / model.window[1];
}

ArmCost cost_of(const ComparisonRequest& request, const ComparisonArm& arm, const std::vector<json>& records,
                const StoresByGrid& stores) {
  ArmCost cost{.name = arm.name, .grid = arm.grid};
  const StateLayout layout = layout_from_store(arm.train.data, *stores.at(arm.grid));
  cost.cells = layout.grid.num_cells();
  count_windows(arm.train.model, layout, cost);
  for (const json& record : records) {
    const json& r = record.at("result");
    cost.parameters = r.at("parameters");
    cost.seconds_per_step.push_back(r["seconds_per_step"].is_null() ? NAN : r["seconds_per_step"].get<double>());
    const auto bytes = r.at("peak_memory_bytes").get<double>();
    cost.peak_memory_gib.push_back(bytes > 0 ? bytes / kBytesPerGib : NAN);
    cost.last_loss.push_back(r.at("last_loss"));
    cost.validation_loss.push_back(r.contains("best") ? r["best"].at("value").get<double>() : NAN);
  }
  const ComparisonArm& base = baseline_of(request);
  if (arm.name != base.name)
    cost.differences = definition_differences(resolved_model(base.train.model), resolved_model(arm.train.model));
  return cost;
}

std::string period_text(const TimeSelection& selection) {
  const auto times = selection.times();
  return times.empty()
             ? "none"
             : fmt::format("{} to {}, {} times", format_time(times.front()), format_time(times.back()), times.size());
}

std::vector<std::string> common_of(const ComparisonRequest& request, const StoresByGrid& stores) {
  const ComparisonArm& base = baseline_of(request);
  const TrainConfig& t = base.train.train;
  const DataConfig& d = base.train.data;
  const auto& store = *stores.at(base.grid);
  const auto pairs = list_pairs(store, d.train, d.lead_or_every()).pairs.size();
  return {
      fmt::format("training period {}, {} pairs; selection {}", period_text(d.train), pairs, period_text(d.select)),
      fmt::format("{} channels, step {}, network predicts {}", layout_from_store(d, store).num_channels(),
                  format_duration(d.lead_or_every()), base.train.model.output),
      fmt::format("normalisation: statistics of the store on {} ({}) for every arm", base.grid, base.name),
      fmt::format("{}, lr {:g}, {} after {} warm-up steps, weight decay {:g}, loss {}, clip {:g}, ema {:g}",
                  t.optimizer, t.lr, t.schedule.kind, t.schedule.warmup_steps, t.weight_decay, t.loss.kind, t.clip.norm,
                  t.ema.decay),
      fmt::format("{} steps of {} samples, seeds {}; sample order is a function of the seed alone",
                  t.max_steps > 0 ? fmt::format("at most {}", t.max_steps) : "all", t.slots * t.batch,
                  fmt::join(request.seeds, ", ")),
      "forecasts from the checkpoint that is best on the selection period",
      fmt::format("initial times {}; leads to {}", period_text(request.rollout.config.init),
                  format_duration(request.rollout.config.lead)),
      "a forecast on another grid is regridded conservatively; the truth on each grid comes straight from the source",
      "regrid: error of a perfect forecast after the same regridding, at the initial times",
      "means over seeds; p (dates) of rmse tests the mean squared error",
  };
}

std::string scored_grid(const ComparisonArm& arm, const std::string& grid) {
  return grid == kOwnGrid ? arm.grid : grid;
}

ComparisonScores compare_on(const ComparisonRequest& request, const std::string& grid) {
  ArmSums sums;
  for (const ComparisonArm& arm : request.arms)
    for (const int64_t seed : request.seeds)
      sums[arm.name].push_back(
          SumsTable::read(arm_folder(request, arm, seed) / ("on_" + file_name_of(scored_grid(arm, grid))) / "sums.nc"));
  return compare_arms(sums, {.grid = grid,
                             .baseline = request.baseline,
                             .metrics = request.score.config.metrics,
                             .bootstrap = request.score.config.bootstrap,
                             .seed = request.score.seed});
}

/// What regridding alone costs each arm, beside its errors.
void add_floors(const ComparisonRequest& request, const StoresByGrid& stores, const std::string& grid,
                ComparisonScores& scores) {
  regrid::WeightCache cache(request.run_dir / "weights");
  std::vector<std::string> variables;
  for (const ComparisonRow& row : scores.rows)
    if (std::find(variables.begin(), variables.end(), row.variable) == variables.end())
      variables.push_back(row.variable);
  for (const ComparisonArm& arm : request.arms) {
    std::map<std::string, double> floor;
    const bool at_home = scored_grid(arm, grid) == arm.grid;
    if (!at_home)
      floor =
          regrid_floor(*stores.at(arm.grid), *stores.at(grid), variables, request.rollout.config.init.times(), cache);
    for (ComparisonRow& row : scores.rows)
      if (row.arm == arm.name && row.metric == "rmse" && row.region == "global")
        row.regrid_floor = at_home ? 0 : floor.at(row.variable + row.level_hpa);
  }
}

void write_results(const ComparisonRequest& request, const ComparisonContent& content, ComparisonResult& out) {
  const auto write = [&](const std::string& name, const std::string& text) {
    write_file_atomic(request.run_dir / name, text);
    out.outputs.push_back(request.run_dir / name);
  };
  out.table = comparison_text(content);
  out.record = comparison_json(content);
  out.record["provenance"] = provenance_base();
  const auto figures = comparison_figures(content);
  for (const auto& figure : figures) write(figure.file_name, figure.svg);
  write("comparison.txt", out.table);
  write("comparison.csv", comparison_csv(content));
  write("comparison.json", out.record.dump(1) + "\n");
  write("comparison.html", comparison_page(content, figures));
}

}  // namespace

std::string file_name_of(const std::string& grid) {
  std::string out;
  for (const char c : grid) out += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return out;
}

ComparisonResult run_grid_comparison(const ComparisonRequest& request) {
  ensure_writable_directory(request.run_dir);
  ComparisonResult out;
  Pieces pieces(request, out);
  const StoresByGrid stores = make_data(request, pieces);
  std::map<std::string, std::vector<json>> records;
  // Arms take turns within a seed, so that a slow hour of the machine hits all alike.
  for (const int64_t seed : request.seeds)
    for (const ComparisonArm& arm : request.arms) {
      pieces.begin(fmt::format("train {} with seed {}", arm.name, seed));
      TrainedArm trained = train_arm(request, arm, seed, stores);
      records[arm.name].push_back(std::move(trained.record));
      pieces.end(trained.was_finished);
      for (const std::string& grid : request.score_grids) {
        pieces.begin(fmt::format("score {} with seed {} on {}", arm.name, seed, grid));
        pieces.end(score_arm(request, arm, seed, scored_grid(arm, grid), stores).was_finished);
      }
    }
  pieces.finish();
  ComparisonContent content{.baseline = request.baseline, .seeds = request.seeds, .costs = {}};
  for (const ComparisonArm& arm : request.arms) {
    const ArmCost cost = cost_of(request, arm, records[arm.name], stores);
    content.costs.insert(arm.name == request.baseline ? content.costs.begin() : content.costs.end(), cost);
  }
  content.score_grids = request.score_grids;
  content.common = common_of(request, stores);
  content.kind = request.stores.at(0).options.kind;
  for (const std::string& grid : request.score_grids) {
    content.scores.push_back(compare_on(request, grid));
    add_floors(request, stores, grid, content.scores.back());
  }
  write_results(request, content, out);
  return out;
}

}  // namespace pear::forecast

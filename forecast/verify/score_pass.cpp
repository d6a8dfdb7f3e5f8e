// The pass over the fields: one (lead, variable) slab of each source at a time.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "base/error.h"
#include "base/progress.h"
#include "base/signals.h"
#include "distributed/communicator.h"
#include "distributed/turns.h"
#include "forecast/verify/score_plan.h"

namespace pear::forecast {
namespace {

/// Buffers of one variable: [levels of the source, cells].
struct Slabs {
  std::vector<float> truth, initial, climatology, forecast;
};

std::span<const float> level_of(const std::vector<float>& slab, size_t level, size_t cells) {
  return std::span(slab).subspan(level * cells, cells);
}

class Pass {
 public:
  Pass(const ScorePlan& plan, const io::Store& truth)
      : plan_(plan),
        truth_(truth),
        sums_(truth.layout().grid, plan.regions),
        cells_(static_cast<size_t>(truth.layout().grid.num_cells())) {
    for (const auto& m : plan.missing) missing_.emplace(m.init, m.lead);
    for (const auto& set : plan.sets) table_.models.push_back(set.model);
    table_.models.insert(table_.models.end(), plan.references.begin(), plan.references.end());
    table_.init = plan.init;
    table_.leads = plan.leads;
    for (const auto& v : plan.variables) table_.variables.push_back(v.info);
    for (const auto& r : plan.regions) table_.regions.push_back(r.name);
    table_.definition = plan.definition;
    table_.allocate();
  }

  SumsTable run(distributed::Communicator* communicator) {
    Progress progress("score", static_cast<int64_t>(plan_.init.size()), "forecast");
    const bool finished =
        distributed::take_turns(communicator, static_cast<int64_t>(plan_.init.size()), [&](int64_t t) {
          if (stop_requested()) return false;
          run_time(static_cast<size_t>(t));
          progress.update(t + 1);
          return true;
        });
    progress.finish();
    if (!finished) throw StoppedBySignal("score stopped by a signal; run again to start it over");
    // Every sum is filled by one rank and zero on the others: adding them changes no bit.
    if (communicator != nullptr && !table_.data.empty())
      communicator->all_reduce(std::span(table_.data.front().data(), table_.data.size() * kNumStatistics),
                               distributed::Reduction::Sum);
    return std::move(table_);
  }

 private:
  void run_time(size_t t) {
    std::vector<std::unique_ptr<io::ForecastFile>> files;
    for (const auto& set : plan_.sets) {
      const auto it = set.files.find(plan_.init[t]);
      if (it == set.files.end()) return;  // the pair is missing for every model
      files.push_back(io::ForecastFile::open(it->second));
    }
    size_t channel = 0;
    for (size_t v = 0; v < plan_.variables.size(); ++v) {
      read_initial(plan_.variables[v], plan_.init[t]);
      for (size_t l = 0; l < plan_.leads.size(); ++l) {
        if (missing_.contains({plan_.init[t], plan_.leads[l]})) continue;
        read_common(plan_.variables[v], plan_.init[t] + plan_.leads[l]);
        for (size_t m = 0; m < files.size(); ++m) score_model(*files[m], m, v, {t, l, channel});
        score_references(v, {t, l, channel});
      }
      channel += plan_.variables[v].info.num_levels();
    }
  }

  struct Position {
    size_t time, lead, channel;
  };

  void read_truth(const ScoredVariable& v, Time at, std::vector<float>& out) {
    out.resize(static_cast<size_t>(truth_.layout().variables[v.truth_variable].num_levels()) * cells_);
    truth_.read(v.truth_variable, truth_.index_of(at).value(), out);
  }

  void read_initial(const ScoredVariable& v, Time init) {
    const bool persistence =
        std::find(plan_.references.begin(), plan_.references.end(), "persistence") != plan_.references.end();
    if (persistence && truth_.index_of(init)) read_truth(v, init, slabs_.initial);
  }

  void read_common(const ScoredVariable& v, Time valid) {
    read_truth(v, valid, slabs_.truth);
    if (!plan_.climatology) return;
    const auto& c = plan_.climatology->variables()[v.climatology_variable];
    slabs_.climatology.resize(static_cast<size_t>(c.num_levels()) * cells_);
    plan_.climatology->read(v.climatology_variable, valid, slabs_.climatology);
  }

  void score_model(const io::ForecastFile& file, size_t model, size_t variable, Position p) {
    const ScoredVariable& v = plan_.variables[variable];
    const auto& levels = plan_.sets[model].variables[v.forecast_variable[model]].levels_hpa;
    slabs_.forecast.resize(std::max<size_t>(1, levels.size()) * cells_);
    file.read(plan_.sets[model].lead_index(plan_.leads[p.lead]), v.forecast_variable[model], slabs_.forecast);
    score_levels(slabs_.forecast, v.forecast_levels[model], model, variable, p);
  }

  void score_references(size_t variable, Position p) {
    const ScoredVariable& v = plan_.variables[variable];
    for (size_t r = 0; r < plan_.references.size(); ++r) {
      const bool persistence = plan_.references[r] == "persistence";
      score_levels(persistence ? slabs_.initial : slabs_.climatology,
                   persistence ? v.truth_levels : v.climatology_levels, plan_.sets.size() + r, variable, p);
    }
  }

  void score_levels(const std::vector<float>& forecast, const std::vector<size_t>& levels, size_t model,
                    size_t variable, Position p) {
    const ScoredVariable& v = plan_.variables[variable];
    for (size_t z = 0; z < levels.size(); ++z) {
      SlabView view{level_of(forecast, levels[z], cells_), level_of(slabs_.truth, v.truth_levels[z], cells_), {}};
      if (plan_.climatology) view.climatology = level_of(slabs_.climatology, v.climatology_levels[z], cells_);
      const int64_t bad = sums_.accumulate(view, table_.at(model, p.time, p.lead, p.channel + z));
      if (bad > 0 && plan_.config.missing == "refuse") refuse(view, model, v, z, p);
    }
  }

  [[noreturn]] void refuse(const SlabView& view, size_t model, const ScoredVariable& v, size_t z, Position p) const {
    std::string source = "forecast of " + table_.models[model];
    int64_t cell = sums_.first_non_finite(view.forecast);
    if (cell < 0) {
      source = "truth";
      cell = sums_.first_non_finite(view.truth);
    }
    if (cell < 0) {
      source = "climatology";
      cell = sums_.first_non_finite(view.climatology);
    }
    const auto centres = truth_.layout().grid.centres();
    const auto i = static_cast<size_t>(std::max<int64_t>(cell, 0));
    const std::string level = v.info.levels_hpa.empty() ? "" : fmt::format(" at {:g} hPa", v.info.levels_hpa[z]);
    throw DataError("NonFinite", "score",
                    {.what = fmt::format("{}: {}{}, cell {} ({:.2f} N, {:.2f} E), initial time {}, lead {}", source,
                                         v.info.name, level, cell, centres.lat_deg[i], centres.lon_deg[i],
                                         format_time(plan_.init[p.time]), format_duration(plan_.leads[p.lead])),
                     .expected = "finite values",
                     .found = "NaN or infinity",
                     .hint = "score.missing=skip_cell leaves such cells out and reports the coverage"});
  }

  const ScorePlan& plan_;
  const io::Store& truth_;
  RegionSums sums_;
  size_t cells_;
  std::set<std::pair<Time, Duration>> missing_;
  SumsTable table_;
  Slabs slabs_;
};

}  // namespace

SumsTable accumulate_sums(const ScorePlan& plan, const io::Store& truth, distributed::Communicator* communicator) {
  return Pass(plan, truth).run(communicator);
}

}  // namespace pear::forecast

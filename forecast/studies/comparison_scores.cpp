#include "forecast/studies/comparison_scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "forecast/verify/metrics.h"
#include "forecast/verify/score_rows.h"
#include "forecast/verify/significance.h"

namespace pear::forecast {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kSignificant = 0.05;

double mean_of(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

/// Standard deviation with n - 1; NaN for one value.
double spread_of(const std::vector<double>& v) {
  if (v.size() < 2) return kNan;
  const double m = mean_of(v);
  double sum = 0;
  for (const double x : v) sum += (x - m) * (x - m);
  return std::sqrt(sum / static_cast<double>(v.size() - 1));
}

/// Which number is asked for.
struct Spot {
  size_t channel, region, lead;
};

/// Terms of every seed, [seed][initial time].
std::vector<std::vector<Terms>> terms_of(const std::vector<SumsTable>& seeds, const Metric& metric, const Spot& at) {
  std::vector<std::vector<Terms>> out;
  for (const SumsTable& table : seeds)
    out.push_back(metric_terms(metric, collect_series(table, 0, at.lead, at.channel, at.region, {}).own, {}));
  return out;
}

class Comparison {
 public:
  Comparison(const ArmSums& sums, const ComparisonOptions& options)
      : sums_(sums), options_(options), base_(sums.at(options.baseline)), first_(base_.at(0)) {
    for (const auto& [arm, tables] : sums)
      for (const SumsTable& table : tables) require_same(arm, table);
    block_ = block_length(first_, options.bootstrap);
  }

  ComparisonScores run() {
    for (const std::string& name : options_.metrics) {
      const Metric& metric = find_metric(name);
      if (metric.second != Second::None) continue;
      size_t channel = 0;
      for (const SumsVariable& variable : first_.variables)
        for (size_t z = 0; z < variable.num_levels(); ++z, ++channel)
          for (size_t r = 0; r < first_.regions.size(); ++r)
            for (size_t l = 0; l < first_.leads.size(); ++l) add(metric, variable, z, {channel, r, l});
    }
    std::vector<double> p;
    for (const auto& t : out_.tests) p.push_back(t.p_dates);
    const auto adjusted = adjust_p_values(p);
    for (size_t i = 0; i < adjusted.size(); ++i) {
      out_.tests[i].p_adjusted = adjusted[i];
      judge(out_.tests[i]);
    }
    return std::move(out_);
  }

 private:
  void require_same(const std::string& arm, const SumsTable& t) const {
    const bool pairs = t.init == first_.init && t.leads == first_.leads;
    const bool channels = t.variables == first_.variables && t.regions == first_.regions;
    if (pairs && channels && sums_.at(arm).size() == base_.size()) return;
    throw DataError("DefinitionMismatch", "experiment",
                    {.what = fmt::format("scores of arm {} and of arm {} on {}", arm, options_.baseline, options_.grid),
                     .expected = "the same seeds, initial times, leads, variables and regions",
                     .found = pairs ? channels ? "another number of seeds" : "other variables or regions"
                                    : "other initial times or leads",
                     .hint = "remove the folders on_* of the arms and run again"});
  }

  void add(const Metric& metric, const SumsVariable& variable, size_t level, const Spot& at) {
    ComparisonRow row{.grid = options_.grid, .variable = variable.name, .level_hpa = level_text(variable, level)};
    row.region = first_.regions[at.region];
    row.metric = metric.name;
    row.unit = metric_unit(metric, variable.units);
    row.lead_time_h = first_.leads[at.lead].hours();
    for (size_t m = 1; m < first_.models.size(); ++m)
      row.references[first_.models[m]] =
          evaluate(metric, collect_series(first_, m, at.lead, at.channel, at.region, {}).own);
    const auto base = terms_of(base_, metric, at);
    for (const auto& [arm, tables] : sums_) {
      const auto own = arm == options_.baseline ? base : terms_of(tables, metric, at);
      row.arm = arm;
      row.num_init = static_cast<int64_t>(own.at(0).size());
      row.by_seed.clear();
      for (const auto& terms : own) row.by_seed.push_back(value_of_terms(metric, terms));
      row.mean = mean_of(row.by_seed);
      row.spread = spread_of(row.by_seed);
      out_.rows.push_back(row);
      if (arm != options_.baseline) add_test(metric, row, own, base);
    }
  }

  using SeedTerms = std::vector<std::vector<Terms>>;

  void add_test(const Metric& metric, const ComparisonRow& row, const SeedTerms& own, const SeedTerms& base) {
    ComparisonTest t{.grid = row.grid, .variable = row.variable, .level_hpa = row.level_hpa, .region = row.region};
    t.metric = metric.name, t.arm = row.arm, t.lead_time_h = row.lead_time_h;
    std::vector<double> by_seed;
    for (size_t s = 0; s < own.size(); ++s) by_seed.push_back(row.by_seed[s] - value_of_terms(metric, base[s]));
    t.difference = mean_of(by_seed);
    t.same_sign = std::all_of(by_seed.begin(), by_seed.end(), [](double d) { return d > 0; }) ||
                  std::all_of(by_seed.begin(), by_seed.end(), [](double d) { return d < 0; });
    t.p_seeds = t_test_p(by_seed);
    t.p_dates = metric.num_terms == 1 ? paired_t(differences_by_date(own, base)).p_value : kNan;
    const auto resampled = resample(metric, own, base);
    t.ci_low = quantile(resampled, (1 - options_.bootstrap.level) / 2);
    t.ci_high = quantile(resampled, (1 + options_.bootstrap.level) / 2);
    out_.tests.push_back(std::move(t));
  }

  /// Difference of the per-date term, averaged over seeds.
  static std::vector<double> differences_by_date(const SeedTerms& own, const SeedTerms& base) {
    std::vector<double> d(own[0].size(), 0.0);
    for (size_t s = 0; s < own.size(); ++s)
      for (size_t i = 0; i < d.size(); ++i) d[i] += (own[s][i][0] - base[s][i][0]) / static_cast<double>(own.size());
    return d;
  }

  /// Difference under resampled initial times (the same for both arms and all seeds) and resampled seeds.
  std::vector<double> resample(const Metric& metric, const SeedTerms& own, const SeedTerms& base) {
    const auto num_seeds = static_cast<uint64_t>(own.size());
    std::vector<double> out;
    uint64_t draw = 0;
    for (const auto& dates : dates_for(static_cast<int64_t>(own[0].size()))) {
      double sum = 0;
      for (uint64_t s = 0; s < num_seeds; ++s) {
        const auto seed = random_below(options_.seed, "comparison seeds", draw++, num_seeds);
        sum += resampled_value(metric, own[seed], dates) - resampled_value(metric, base[seed], dates);
      }
      out.push_back(sum / static_cast<double>(num_seeds));
    }
    return out;
  }

  const std::vector<std::vector<int32_t>>& dates_for(int64_t n) {
    auto it = dates_.find(n);
    if (it == dates_.end())
      it = dates_.emplace(n, stationary_bootstrap(n, options_.bootstrap.samples, block_, options_.seed)).first;
    return it->second;
  }

  static void judge(ComparisonTest& t) {
    const bool is_correlation = t.metric.find("acc") != std::string::npos;
    const bool clear = t.p_adjusted < kSignificant && t.same_sign && (t.ci_low > 0 || t.ci_high < 0);
    const bool is_lower = t.difference < 0;
    t.verdict = t.metric == "bias" ? "-" : !clear ? "open" : is_lower != is_correlation ? "better" : "worse";
  }

  const ArmSums& sums_;
  const ComparisonOptions& options_;
  const std::vector<SumsTable>& base_;
  const SumsTable& first_;
  double block_ = 1;
  std::map<int64_t, std::vector<std::vector<int32_t>>> dates_;
  ComparisonScores out_;
};

}  // namespace

double t_test_p(const std::vector<double>& d) {
  if (d.size() < 2) return kNan;
  const double error = spread_of(d) / std::sqrt(static_cast<double>(d.size()));
  if (error == 0) return mean_of(d) == 0 ? 1 : 0;
  return student_t_two_sided(mean_of(d) / error, static_cast<int64_t>(d.size()) - 1);
}

ComparisonScores compare_arms(const ArmSums& sums, const ComparisonOptions& options) {
  return Comparison(sums, options).run();
}

}  // namespace pear::forecast

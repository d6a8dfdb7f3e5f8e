#include "forecast/verify/score_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "forecast/verify/definition.h"
#include "forecast/verify/significance.h"
#include "io/vector_pairs.h"

namespace pear::forecast {
namespace {

using nlohmann::json;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// What one row averages: one channel, or the mean of a value over the levels of a variable (PEAR).
struct RowJob {
  size_t model, lead, region;
  const Metric* metric;
  std::string variable, level, units;
  std::vector<size_t> channels;  ///< several only for the mean over levels
  std::vector<double> levels;
  SecondSource second;
};

std::vector<size_t> first_channels(const SumsTable& table) {
  std::vector<size_t> first;
  size_t n = 0;
  for (const auto& v : table.variables) {
    first.push_back(n);
    n += v.num_levels();
  }
  return first;
}

class Rows {
 public:
  Rows(const SumsTable& table, const RowsOptions& options)
      : table_(table), options_(options), first_(first_channels(table)) {
    for (const auto& name : options.metrics) metrics_.push_back(&find_metric(name));
    out_.block_length = block_length(table, options.bootstrap);
  }

  ScoreRows run() {
    for (size_t m = 0; m < table_.models.size(); ++m)
      for (size_t v = 0; v < table_.variables.size(); ++v)
        for (const Metric* metric : metrics_) add_variable(m, v, *metric);
    std::set<size_t> sizes;
    for (const RowJob& job : jobs_)
      sizes.insert(collect_series(table_, job.model, job.lead, job.channels[0], job.region, job.second).times.size());
    for (const size_t n : sizes)
      resamples_[n] =
          stationary_bootstrap(static_cast<int64_t>(n), options_.bootstrap.samples, out_.block_length, options_.seed);
    out_.rows.resize(jobs_.size());
    std::vector<json> records(jobs_.size());
#pragma omp parallel for schedule(dynamic, 16)
    for (int64_t j = 0; j < static_cast<int64_t>(jobs_.size()); ++j)
      fill(jobs_[static_cast<size_t>(j)], out_.rows[static_cast<size_t>(j)], records[static_cast<size_t>(j)]);
    for (size_t j = 0; j < jobs_.size(); ++j) out_.definitions[out_.rows[j].definition_id] = std::move(records[j]);
    warn_of_missing_values();
    return std::move(out_);
  }

 private:
  std::optional<size_t> variable_named(std::string_view name) const {
    for (size_t v = 0; v < table_.variables.size(); ++v)
      if (table_.variables[v].name == name) return v;
    return std::nullopt;
  }

  size_t reference_model() const {
    if (options_.references.empty())
      throw ConfigError("NoReference", "score.metrics",
                        {.what = "a skill needs a reference", .hint = "set score.references: [persistence]"});
    const auto it = std::find(table_.models.begin(), table_.models.end(), options_.references[0]);
    PEAR_ASSERT(it != table_.models.end());
    return static_cast<size_t>(it - table_.models.begin());
  }

  void add_variable(size_t model, size_t v, const Metric& metric) {
    const SumsVariable& variable = table_.variables[v];
    RowJob job{model, 0, 0, &metric, variable.name, "", variable.units, {}, {}, {}};
    std::optional<size_t> other;
    if (metric.second == Second::OtherComponent) {
      for (const io::VectorPair& pair : io::kVectorPairs)
        if (variable.name == pair.east && (other = variable_named(pair.north))) job.variable = pair.name;
      if (!other || table_.variables[*other].levels_hpa != variable.levels_hpa) return;
    }
    const bool anomalies_of_climatology = metric.needs_climatology && table_.models[model] == "climatology";
    if (anomalies_of_climatology) return;  // its anomalies are zero: no value
    if (metric.second == Second::Reference && reference_model() == model) return;
    for (size_t r = 0; r < table_.regions.size(); ++r)
      for (size_t l = 0; l < table_.leads.size(); ++l) {
        job.region = r;
        job.lead = l;
        add_levels(job, v, other);
      }
  }

  void add_levels(RowJob job, size_t v, std::optional<size_t> other) {
    const SumsVariable& variable = table_.variables[v];
    for (size_t z = 0; z < variable.num_levels(); ++z) {
      const size_t channel = first_[v] + z;
      job.level = level_text(variable, z);
      job.channels = {channel};
      job.levels.clear();
      if (!variable.levels_hpa.empty()) job.levels = {variable.levels_hpa[z]};
      if (job.metric->second == Second::OtherComponent) job.second = {job.model, first_[*other] + z, true};
      if (job.metric->second == Second::Reference) job.second = {reference_model(), channel, true};
      jobs_.push_back(job);
    }
    if (!job.metric->name.starts_with("pear_") || variable.levels_hpa.empty()) return;
    job.level = "mean";
    job.levels = variable.levels_hpa;
    job.channels.clear();
    for (size_t z = 0; z < variable.num_levels(); ++z) job.channels.push_back(first_[v] + z);
    jobs_.push_back(job);
  }

  void fill(const RowJob& job, ScoreRow& row, json& record) const {
    const Metric& metric = *job.metric;
    std::vector<std::vector<Terms>> terms;
    std::vector<Time> times;
    for (const size_t channel : job.channels) {
      Series series = collect_series(table_, job.model, job.lead, channel, job.region, job.second);
      terms.push_back(metric_terms(metric, series.own, series.second));
      times = std::move(series.times);
    }
    double value = 0;
    for (const auto& t : terms) value += value_of_terms(metric, t);
    row.model = table_.models[job.model];
    row.variable = job.variable;
    row.level_hpa = job.level;
    row.region = table_.regions[job.region];
    row.lead_time_h = table_.leads[job.lead].hours();
    row.metric = metric.name;
    row.value = value / static_cast<double>(terms.size());
    row.num_init = static_cast<int64_t>(times.size());
    row.unit = metric_unit(metric, job.units);
    fill_limits(metric, terms, times.size(), row);
    record = make_record(job, row, times);
    row.definition_id = definition_id(record);
  }

  void fill_limits(const Metric& metric, const std::vector<std::vector<Terms>>& terms, size_t n, ScoreRow& row) const {
    row.ci_low = row.ci_high = kNan;
    const auto it = resamples_.find(n);
    if (n < 2 || it == resamples_.end() || it->second.empty()) return;
    std::vector<double> values;
    values.reserve(it->second.size());
    for (const auto& indices : it->second) {
      double sum = 0;
      for (const auto& t : terms) sum += t.size() == n ? resampled_value(metric, t, indices) : kNan;
      values.push_back(sum / static_cast<double>(terms.size()));
    }
    const double tail = (1 - options_.bootstrap.level) / 2;
    row.ci_low = quantile(values, tail);
    row.ci_high = quantile(std::move(values), 1 - tail);
  }

  json make_record(const RowJob& job, const ScoreRow& row, const std::vector<Time>& times) const {
    const json& d = table_.definition;
    const Metric& metric = *job.metric;
    std::string all;
    for (const Time t : times) all += format_time(t) + "\n";
    json level = nullptr;
    if (job.level == "mean")
      level = job.levels;
    else if (!job.levels.empty())
      level = job.levels[0];
    json init{{"count", times.size()},
              {"sha256", sha256_hex(all)},
              {"first", times.empty() ? "" : format_time(times.front())},
              {"last", times.empty() ? "" : format_time(times.back())}};
    json record{
        {"metric", metric.name},
        {"version", 1},
        {"variable", job.variable},
        {"level_hpa", level},
        {"unit", row.unit},
        {"lead_time_h", row.lead_time_h},
        {"grid", d.value("grid", "")},
        {"regrid", d.value("regrid", "none")},
        {"weights", d.value("weights", "")},
        {"region", {{"name", row.region}, {"sha256", d.value("regions", json::object()).value(row.region, "")}}},
        {"climatology", metric.needs_climatology ? d.value("climatology", json()) : json()},
        {"truth", d.value("truth", json())},
        {"init_times", init},
        {"root", metric.root},
        {"centred", metric.centred},
        {"time_reduction", metric.time_reduction},
        {"ensemble", {{"size", 1}, {"fair", false}}},
        {"missing", d.value("missing", "refuse")}};
    if (metric.second == Second::Reference) record["reference"] = options_.references[0];
    return record;
  }

  void warn_of_missing_values() {
    size_t count = 0;
    const ScoreRow* first = nullptr;
    for (const auto& row : out_.rows)
      if (std::isnan(row.value) && row.num_init > 0) {
        ++count;
        if (!first) first = &row;
      }
    if (first)
      out_.warnings.push_back(
          fmt::format("{} values are missing because a denominator is 0, the first: {} of {} {} {} for {}", count,
                      first->metric, first->variable, first->level_hpa, first->region, first->model));
  }

  const SumsTable& table_;
  const RowsOptions& options_;
  std::vector<size_t> first_;
  std::vector<const Metric*> metrics_;
  std::vector<RowJob> jobs_;
  std::map<size_t, std::vector<std::vector<int32_t>>> resamples_;
  ScoreRows out_;
};

}  // namespace

std::string level_text(const SumsVariable& variable, size_t level) {
  return variable.levels_hpa.empty() ? "" : fmt::format("{:g}", variable.levels_hpa[level]);
}

Series collect_series(const SumsTable& table, size_t model, size_t lead, size_t channel, size_t region,
                      const SecondSource& second) {
  Series s;
  for (size_t t = 0; t < table.init.size(); ++t) {
    const PairSums& own = table.get(model, t, lead, channel, region);
    if (is_missing(own)) continue;
    if (second.present) {
      const PairSums& other = table.get(second.model, t, lead, second.channel, region);
      if (is_missing(other)) continue;
      s.second.push_back(other);
    }
    s.own.push_back(own);
    s.times.push_back(table.init[t]);
  }
  return s;
}

double resampled_value(const Metric& metric, const std::vector<Terms>& terms, const std::vector<int32_t>& indices) {
  Terms means{};
  for (const int32_t i : indices)
    for (size_t k = 0; k < metric.num_terms; ++k) means[k] += terms[static_cast<size_t>(i)][k];
  for (size_t k = 0; k < metric.num_terms; ++k) means[k] /= static_cast<double>(indices.size());
  return metric.finish(means);
}

double block_length(const SumsTable& table, const BootstrapConfig& config) {
  if (config.block > 0) return config.block;
  std::vector<double> lags, errors;
  for (size_t l = 0; l < table.leads.size(); ++l)
    for (size_t c = 0; c < table.num_channels(); ++c) {
      errors.clear();
      for (size_t t = 0; t < table.init.size(); ++t) {
        const PairSums& s = table.get(0, t, l, c, 0);
        if (!is_missing(s)) errors.push_back(s[kE2] / s[kWeight]);
      }
      lags.push_back(lag1_autocorrelation(errors));
    }
  return optimal_block_length(quantile(lags, 0.5), static_cast<int64_t>(table.init.size()));
}

ScoreRows make_rows(const SumsTable& table, const RowsOptions& options) { return Rows(table, options).run(); }

}  // namespace pear::forecast

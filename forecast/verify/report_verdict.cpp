#include "forecast/verify/report_verdict.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "forecast/verify/report_text.h"

namespace pear::forecast {
namespace {

constexpr size_t kMostTableLeads = 12;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

const Curve* find_curve(const std::vector<Curve>& curves, const std::string& model) {
  for (const Curve& c : curves)
    if (c.model == model) return &c;
  return nullptr;
}

/// Relative change of an error; NaN where one of them is missing or the other is 0.
double change(const Curve& own, const Curve& other, double lead_h) {
  const CurvePoint *a = own.at(lead_h), *b = other.at(lead_h);
  return a && b && b->value > 0 ? a->value / b->value - 1 : kNan;
}

struct Mean {
  double sum = 0;
  int count = 0;
  void add(double x) {
    if (!std::isfinite(x)) return;
    sum += x;
    ++count;
  }
  double value() const { return count ? sum / count : kNan; }
};

}  // namespace

nlohmann::json Verdict::json() const {
  nlohmann::json out = nlohmann::json::array();
  const auto number = [](double x) { return std::isnan(x) ? nlohmann::json() : nlohmann::json(x); };
  for (const VerdictLine& l : lines)
    out.push_back({{"against", l.against},
                   {"compared", l.compared},
                   {"better", l.better},
                   {"change_first_lead", number(l.first_change)},
                   {"change_last_lead", number(l.last_change)}});
  return {{"model", model}, {"metric", metric}, {"against", out}};
}

Verdict make_verdict(const ReportScores& scores, const std::string& model) {
  Verdict verdict{.model = model, .metric = scores.table_metric};
  if (scores.table_metric.empty() || scores.leads_h.empty()) return verdict;
  for (const std::string& against : scores.models) {
    if (against == model) continue;
    VerdictLine line{.against = against};
    Mean first, last;
    for (const std::string& channel : scores.channels) {
      const auto curves = scores.curves(channel, scores.table_metric);
      const Curve *own = find_curve(curves, model), *other = find_curve(curves, against);
      if (!own || !other) continue;
      for (const double lead : scores.leads_h) {
        const CurvePoint *a = own->at(lead), *b = other->at(lead);
        if (!a || !b) continue;
        ++line.compared;
        line.better += a->value < b->value ? 1 : 0;
      }
      first.add(change(*own, *other, scores.leads_h.front()));
      last.add(change(*own, *other, scores.leads_h.back()));
    }
    line.first_change = first.value();
    line.last_change = last.value();
    if (line.compared > 0) verdict.lines.push_back(line);
  }
  return verdict;
}

std::vector<double> table_leads(const std::vector<double>& leads_h) {
  if (leads_h.size() <= kMostTableLeads) return leads_h;
  std::vector<double> days;
  for (const double lead : leads_h)
    if (std::fmod(lead, 24) == 0 && lead > 0) days.push_back(lead);
  const std::vector<double>& from = days.empty() ? leads_h : days;
  if (from.size() <= kMostTableLeads) return from;
  std::vector<double> chosen;
  for (size_t i = 0; i < kMostTableLeads; ++i)
    chosen.push_back(from[((i + 1) * from.size() + kMostTableLeads - 1) / kMostTableLeads - 1]);
  return chosen;
}

int table_decimals(const std::vector<Curve>& curves, const std::vector<double>& leads_h) {
  double smallest = std::numeric_limits<double>::infinity();
  for (const Curve& c : curves)
    for (const double lead : leads_h)
      if (const CurvePoint* p = c.at(lead); p && p->value > 0) smallest = std::min(smallest, p->value);
  return decimals_for(smallest);
}

std::vector<std::string> best_models(const std::vector<Curve>& curves, double lead_h, int decimals) {
  double best = std::numeric_limits<double>::infinity();
  int compared = 0;
  for (const Curve& c : curves)
    if (const CurvePoint* p = c.at(lead_h)) {
      best = std::min(best, p->value);
      ++compared;
    }
  std::vector<std::string> out;
  if (compared < 2) return out;
  for (const Curve& c : curves)
    if (const CurvePoint* p = c.at(lead_h); p && fixed_number(p->value, decimals) == fixed_number(best, decimals))
      out.push_back(c.model);
  return out;
}

}  // namespace pear::forecast

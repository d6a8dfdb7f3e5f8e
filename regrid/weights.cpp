#include "regrid/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/constants.h"
#include "base/error.h"
#include "regrid/conservative.h"
#include "regrid/csr.h"
#include "regrid/point_methods.h"

namespace pear::regrid {

std::string_view to_string(Method method) {
  switch (method) {
    case Method::Nearest:
      return "nearest";
    case Method::Bilinear:
      return "bilinear";
    case Method::Conservative:
      return "conservative";
  }
  PEAR_ASSERT(false);
}

Method method_from_string(std::string_view name) {
  for (Method m : {Method::Nearest, Method::Bilinear, Method::Conservative})
    if (to_string(m) == name) return m;
  throw ConfigError("UnknownMethod", "regrid",
                    {.what = "method '" + std::string(name) + "'", .expected = "conservative, bilinear or nearest"});
}

Weights make_weights(const sphere::Grid& source, const sphere::Grid& target, Method method) {
  Weights w;
  w.source = source;
  w.target = target;
  w.method = method;
  switch (method) {
    case Method::Nearest:
      assemble(w, nearest_links(source, target));
      break;
    case Method::Bilinear:
      assemble(w, bilinear_links(source, target));
      break;
    case Method::Conservative:
      assemble(w, conservative_links(source, target));
      break;
  }
  return w;
}

WeightCheck Weights::check() const {
  WeightCheck c;
  c.num_links = num_links();
  if (!value.empty()) {
    const auto [low, high] = std::minmax_element(value.begin(), value.end());
    c.min_weight = *low;
    c.max_weight = *high;
  }
  const auto target_area = target.areas_sr(), source_area = source.areas_sr();
  std::vector<double> columns(source_area.size(), 0.0);
  long double covered = 0;  // a million summands: float64 alone would measure itself
  for (int64_t r = 0; r + 1 < static_cast<int64_t>(row_start.size()); ++r) {
    const auto row = static_cast<size_t>(r);
    double sum = 0;
    c.longest_row = std::max(c.longest_row, row_start[row + 1] - row_start[row]);
    for (int64_t k = row_start[row]; k < row_start[row + 1]; ++k) {
      const auto link = static_cast<size_t>(k);
      sum += value[link];
      columns[static_cast<size_t>(column[link])] += value[link] * target_area[row];
    }
    if (row_start[row] == row_start[row + 1])
      ++c.empty_rows;
    else
      c.max_row_sum_error = std::max(c.max_row_sum_error, std::abs(sum - 1.0));
    covered += sum * target_area[row];
  }
  if (method != Method::Conservative) return c;
  long double whole = 0;
  for (size_t s = 0; s < columns.size(); ++s) {
    whole += source_area[s];
    if (target.is_global())
      c.max_column_sum_error = std::max(c.max_column_sum_error, std::abs(columns[s] - source_area[s]) / source_area[s]);
  }
  if (target.is_global()) c.balance_error = static_cast<double>(std::abs(covered - whole)) / (4 * kPi);
  return c;
}

nlohmann::json WeightCheck::json() const {
  return {{"num_links", num_links},
          {"empty_rows", empty_rows},
          {"longest_row", longest_row},
          {"min_weight", min_weight},
          {"max_weight", max_weight},
          {"max_row_sum_error", max_row_sum_error},
          {"max_column_sum_error", max_column_sum_error},
          {"balance_error", balance_error}};
}

}  // namespace pear::regrid

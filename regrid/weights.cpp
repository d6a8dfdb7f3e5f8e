#include "regrid/weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/constants.h"
#include "base/error.h"
#include "regrid/makers.h"

namespace pear::regrid {
namespace {

void check_pair(const sphere::Grid& source, const sphere::Grid& target, Method method) {
  if (method == Method::Conservative && !source.is_global())
    throw DataError("NotGlobal", "regrid.weights",
                    {.what = "conservative regrid from " + source.spec() + " to " + target.spec(),
                     .expected = "a source that covers the globe",
                     .found = "a regional grid",
                     .hint = "use method=bilinear or method=nearest: targets outside the region become missing"});
  for (const sphere::Grid* g : {&source, &target})
    if (g->num_cells() > std::numeric_limits<int32_t>::max())
      throw ConfigError("UnknownGrid", "regrid.weights",
                        {.what = "grid " + g->spec(),
                         .expected = "at most 2147483647 cells",
                         .found = std::to_string(g->num_cells())});
}

double row_sum(const Weights& w, size_t t) {
  double sum = 0;
  for (auto l = static_cast<size_t>(w.row_start[t]); l < static_cast<size_t>(w.row_start[t + 1]); ++l)
    sum += w.value[l];
  return sum;
}

void check_columns(const Weights& w, WeightCheck& out) {
  const std::vector<double> target = w.target.areas_sr(), source = w.source.areas_sr();
  // Long double: a column of a coarse grid has thousands of links, and the balance is meant to be exact to rounding.
  std::vector<long double> sum(source.size(), 0.0L);
  for (size_t t = 0; t < target.size(); ++t)
    for (auto l = static_cast<size_t>(w.row_start[t]); l < static_cast<size_t>(w.row_start[t + 1]); ++l)
      sum[static_cast<size_t>(w.column[l])] += static_cast<long double>(target[t]) * w.value[l];
  long double total = 0;
  for (size_t s = 0; s < source.size(); ++s) {
    out.max_column_sum_error =
        std::max(out.max_column_sum_error, static_cast<double>(std::abs(sum[s] / source[s] - 1)));
    total += sum[s];
  }
  out.balance_error = static_cast<double>(std::abs(total / (4 * kPi) - 1));
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::Nearest:
      return "nearest";
    case Method::Bilinear:
      return "bilinear";
    case Method::Conservative:
      break;
  }
  return "conservative";
}

Method method_from_string(std::string_view name) {
  for (Method m : {Method::Nearest, Method::Bilinear, Method::Conservative})
    if (name == to_string(m)) return m;
  throw ConfigError(
      "UnknownMethod", "regrid.weights",
      {.what = "regridding method", .expected = "nearest, bilinear or conservative", .found = std::string(name)});
}

Weights make_weights(const sphere::Grid& source, const sphere::Grid& target, Method method) {
  check_pair(source, target, method);
  Weights out{.source = source, .target = target, .method = method, .row_start = {}, .column = {}, .value = {}};
  const bool from_healpix = source.is_healpix(), to_healpix = target.is_healpix();
  if (method != Method::Conservative)
    from_healpix ? points_from_healpix(out) : points_from_row_cells(out);
  else if (from_healpix)
    to_healpix ? healpix_to_healpix(out) : healpix_to_row_cells(out);
  else
    to_healpix ? row_cells_to_healpix(out) : row_cells_to_row_cells(out);
  return out;
}

WeightCheck Weights::check() const {
  WeightCheck out{.num_links = num_links()};
  for (size_t t = 0; t + 1 < row_start.size(); ++t) {
    const int64_t length = row_start[t + 1] - row_start[t];
    out.longest_row = std::max(out.longest_row, length);
    if (length == 0)
      ++out.empty_rows;
    else
      out.max_row_sum_error = std::max(out.max_row_sum_error, std::abs(row_sum(*this, t) - 1));
  }
  if (!value.empty()) {
    const auto [low, high] = std::minmax_element(value.begin(), value.end());
    out.min_weight = *low;
    out.max_weight = *high;
  }
  if (method == Method::Conservative && source.is_global() && target.is_global()) check_columns(*this, out);
  return out;
}

nlohmann::json WeightCheck::json() const {
  return {{"links", num_links},
          {"empty_rows", empty_rows},
          {"longest_row", longest_row},
          {"min_weight", min_weight},
          {"max_weight", max_weight},
          {"row_sum_error", max_row_sum_error},
          {"column_sum_error", max_column_sum_error},
          {"balance_error", balance_error}};
}

}  // namespace pear::regrid

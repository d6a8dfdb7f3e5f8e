#include "regrid/csr.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace pear::regrid {
namespace {

/// Columns and values of one row before merging.
struct RowView {
  int32_t* column;
  double* value;
  int64_t size;
};

/// Sorts by column, stably, and adds up repeated columns; returns the new size.
int64_t sort_and_merge(RowView row) {
  bool sorted = true;
  for (int64_t i = 1; i < row.size; ++i) sorted = sorted && row.column[i - 1] < row.column[i];
  if (sorted) return row.size;
  std::vector<int64_t> order(static_cast<size_t>(row.size));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t x, int64_t y) { return row.column[x] < row.column[y]; });
  std::vector<int32_t> column;
  std::vector<double> value;
  for (int64_t i : order) {
    if (!column.empty() && column.back() == row.column[i]) {
      value.back() += row.value[i];
      continue;
    }
    column.push_back(row.column[i]);
    value.push_back(row.value[i]);
  }
  std::copy(column.begin(), column.end(), row.column);
  std::copy(value.begin(), value.end(), row.value);
  return static_cast<int64_t>(column.size());
}

void check_sizes(const Weights& w) {
  constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();
  for (const auto* grid : {&w.source, &w.target})
    if (grid->num_cells() > kLargest)
      throw ShapeError("SizeMismatch", "regrid.weights",
                       {.what = "grid " + grid->spec(), .expected = fmt::format("at most {} cells", kLargest)});
}

}  // namespace

void assemble(Weights& w, const std::vector<std::vector<Link>>& lists) {
  check_sizes(w);
  const int64_t rows = w.target.num_cells();
  std::vector<int64_t> start(static_cast<size_t>(rows) + 1, 0);
  for (const auto& list : lists)
    for (const Link& link : list) ++start[static_cast<size_t>(link.row) + 1];
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<int32_t> column(static_cast<size_t>(start.back()));
  std::vector<double> value(static_cast<size_t>(start.back()));
  std::vector<int64_t> next(start.begin(), start.end() - 1);
  for (const auto& list : lists)
    for (const Link& link : list) {
      const auto at = static_cast<size_t>(next[static_cast<size_t>(link.row)]++);
      column[at] = static_cast<int32_t>(link.column);
      value[at] = link.value;
    }
  std::vector<int64_t> kept(static_cast<size_t>(rows));
#pragma omp parallel for schedule(static)
  for (int64_t r = 0; r < rows; ++r) {
    const auto first = static_cast<size_t>(start[static_cast<size_t>(r)]);
    kept[static_cast<size_t>(r)] = sort_and_merge({column.data() + first, value.data() + first,
                                                   start[static_cast<size_t>(r) + 1] - start[static_cast<size_t>(r)]});
  }
  w.row_start.assign(static_cast<size_t>(rows) + 1, 0);
  int64_t out = 0;
  for (int64_t r = 0; r < rows; ++r) {  // close the gaps that merging left
    const int64_t first = start[static_cast<size_t>(r)], count = kept[static_cast<size_t>(r)];
    if (out != first) {
      std::copy_n(column.begin() + first, count, column.begin() + out);
      std::copy_n(value.begin() + first, count, value.begin() + out);
    }
    out += count;
    w.row_start[static_cast<size_t>(r) + 1] = out;
  }
  column.resize(static_cast<size_t>(out));
  value.resize(static_cast<size_t>(out));
  w.column = std::move(column);
  w.value = std::move(value);
}

}  // namespace pear::regrid

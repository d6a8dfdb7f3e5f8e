#include <algorithm>
#include <exception>

#include "regrid/makers.h"

namespace pear::regrid {
namespace {

constexpr int64_t kBlock = 1024;  // targets per task: enough to hide the scheduling, few enough to balance

/// Links of one block of targets, before the place of the block in the matrix is known.
struct Part {
  std::vector<int64_t> row_length;
  Buffer<int32_t> column;
  Buffer<double> value;
};

void append_row(std::vector<Link>& row, Part& part) {
  const auto by_column = [](const Link& x, const Link& y) { return x.column < y.column; };
  if (!std::is_sorted(row.begin(), row.end(), by_column)) std::sort(row.begin(), row.end(), by_column);
  const size_t before = part.column.size();
  for (const Link& link : row) {
    if (link.value == 0) continue;
    if (part.column.size() > before && part.column.back() == link.column) {
      part.value.back() += link.value;
    } else {
      part.column.push_back(static_cast<int32_t>(link.column));
      part.value.push_back(link.value);
    }
  }
  part.row_length.push_back(static_cast<int64_t>(part.column.size() - before));
}

}  // namespace

void fill_rows(Weights& out, const std::function<void(int64_t, std::vector<Link>&)>& make) {
  const int64_t targets = out.target.num_cells(), blocks = (targets + kBlock - 1) / kBlock;
  std::vector<Part> parts(static_cast<size_t>(blocks));
  std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic)
  for (int64_t k = 0; k < blocks; ++k) {
    try {
      constexpr size_t kUsual = 4;  // links of a linear row
      std::vector<Link> row;
      Part& part = parts[static_cast<size_t>(k)];
      part.row_length.reserve(kBlock);
      part.column.reserve(kUsual * kBlock);
      part.value.reserve(kUsual * kBlock);
      for (int64_t t = k * kBlock; t < std::min(targets, (k + 1) * kBlock); ++t) {
        row.clear();
        make(t, row);
        append_row(row, part);
      }
    } catch (...) {
#pragma omp critical(pear_regrid_fill_rows)
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);

  out.row_start.assign(static_cast<size_t>(targets) + 1, 0);
  std::vector<int64_t> first(static_cast<size_t>(blocks) + 1, 0);
  for (int64_t k = 0, t = 0; k < blocks; ++k) {
    for (int64_t length : parts[static_cast<size_t>(k)].row_length) {
      out.row_start[static_cast<size_t>(t) + 1] = out.row_start[static_cast<size_t>(t)] + length;
      ++t;
    }
    first[static_cast<size_t>(k) + 1] = out.row_start[static_cast<size_t>(t)];
  }
  out.column.resize(static_cast<size_t>(out.row_start.back()));
  out.value.resize(static_cast<size_t>(out.row_start.back()));
#pragma omp parallel for schedule(static)
  for (int64_t k = 0; k < blocks; ++k) {
    const Part& part = parts[static_cast<size_t>(k)];
    std::copy(part.column.begin(), part.column.end(), out.column.begin() + first[static_cast<size_t>(k)]);
    std::copy(part.value.begin(), part.value.end(), out.value.begin() + first[static_cast<size_t>(k)]);
  }
}

}  // namespace pear::regrid

#include "regrid/apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/constants.h"
#include "base/error.h"

namespace pear::regrid {
namespace {

constexpr const char* kWhere = "regrid.apply";
/// Fields handled together: one cache line of float32 per source cell.
constexpr int64_t kLanes = 16;
constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

/// Lanes of one target cell: plain sums, and sums over valid sources where something is missing.
struct Block {
  int64_t first = 0, count = 0;
  bool has_missing = false;
  std::vector<float> cells;  ///< [S][kLanes]
};

void check_input(std::span<const float> field, int64_t f, const ApplyOptions& options, bool& has_missing) {
  for (size_t s = 0; s < field.size(); ++s) {
    if (std::isfinite(field[s])) continue;
    if (std::isinf(field[s]) || !options.missing)
      throw DataError("NonFiniteInput", kWhere,
                      {.what = fmt::format("field {}, cell {} is {}", f, s, field[s]),
                       .expected = !options.missing ? "finite values" : "finite values or NaN for missing",
                       .hint = "mask the field or choose a policy for missing values"});
    has_missing = true;
  }
}

/// Transposes some fields to [cell][lane]; unused lanes are zero.
Block load(const Weights& w, std::span<const float> in, int64_t first, int64_t num_fields,
           const ApplyOptions& options) {
  const int64_t cells = w.source.num_cells();
  Block block;
  block.first = first;
  block.count = std::min(kLanes, num_fields - first);
  block.cells.assign(static_cast<size_t>(cells * kLanes), 0.0F);
  for (int64_t lane = 0; lane < block.count; ++lane)
    check_input(in.subspan(static_cast<size_t>((first + lane) * cells), static_cast<size_t>(cells)), first + lane,
                options, block.has_missing);
#pragma omp parallel for schedule(static)
  for (int64_t s = 0; s < cells; ++s)
    for (int64_t lane = 0; lane < block.count; ++lane)
      block.cells[static_cast<size_t>(s * kLanes + lane)] = in[static_cast<size_t>((first + lane) * cells + s)];
  return block;
}

/// Sum of one row over all lanes, float64, in stored order. GCC vectorises the inner loop over lanes.
void sum_row(const Weights& w, const Block& block, int64_t row, double* sum) {
  std::fill_n(sum, kLanes, 0.0);
  const auto r = static_cast<size_t>(row);
  for (int64_t k = w.row_start[r]; k < w.row_start[r + 1]; ++k) {
    const double weight = w.value[static_cast<size_t>(k)];
    const float* x = block.cells.data() + static_cast<int64_t>(w.column[static_cast<size_t>(k)]) * kLanes;
    for (int64_t lane = 0; lane < kLanes; ++lane) sum[lane] += weight * static_cast<double>(x[lane]);
  }
}

/// One row with missing sources selected away.
float masked_value(const Weights& w, const Block& block, int64_t row, int64_t lane, const ApplyOptions& options) {
  const auto r = static_cast<size_t>(row);
  double sum = 0, valid = 0, whole = 0, heaviest = -1;
  bool heaviest_valid = false, any_missing = false;
  for (int64_t k = w.row_start[r]; k < w.row_start[r + 1]; ++k) {
    const double weight = w.value[static_cast<size_t>(k)];
    const float x =
        block.cells[static_cast<size_t>(static_cast<int64_t>(w.column[static_cast<size_t>(k)]) * kLanes + lane)];
    const bool ok = !std::isnan(x);
    whole += weight;
    any_missing = any_missing || !ok;
    if (weight > heaviest) {
      heaviest = weight;
      heaviest_valid = ok;
    }
    if (!ok) continue;
    sum += weight * static_cast<double>(x);
    valid += weight;
  }
  bool keep = valid > 0;
  if (*options.missing == MissingPolicy::IfAny) keep = keep && !any_missing;
  if (*options.missing == MissingPolicy::IfHeaviest) keep = keep && heaviest_valid;
  if (*options.missing == MissingPolicy::ValidFraction) keep = keep && valid >= options.valid_fraction * whole;
  if (!keep) return kMissing;
  const bool divide = any_missing && options.normalisation == Normalisation::FracArea;
  return static_cast<float>(divide ? sum / valid * whole : sum);
}

void apply_block(const Weights& w, const Block& block, std::span<float> out, const ApplyOptions& options) {
  const int64_t rows = w.target.num_cells();
#pragma omp parallel for schedule(dynamic, 256)
  for (int64_t row = 0; row < rows; ++row) {
    const bool empty = w.row_start[static_cast<size_t>(row)] == w.row_start[static_cast<size_t>(row) + 1];
    double sum[kLanes];
    if (!empty && !block.has_missing) sum_row(w, block, row, sum);
    for (int64_t lane = 0; lane < block.count; ++lane)
      out[static_cast<size_t>((block.first + lane) * rows + row)] =
          empty ? kMissing
                : (block.has_missing ? masked_value(w, block, row, lane, options) : static_cast<float>(sum[lane]));
  }
}

void check_sizes(const Weights& w, size_t in, size_t out, int64_t num_fields) {
  const auto expect = [&](const char* what, size_t size, const sphere::Grid& grid) {
    if (static_cast<int64_t>(size) != num_fields * grid.num_cells())
      throw ShapeError("SizeMismatch", kWhere,
                       {.what = fmt::format("{} of {} fields has {} values", what, num_fields, size),
                        .expected = fmt::format("{} x {} ({})", num_fields, grid.num_cells(), grid.spec()),
                        .hint = "regrid the input, or use weights of its grid"});
  };
  expect("input", in, w.source);
  expect("output", out, w.target);
}

}  // namespace

MissingPolicy missing_policy_from_string(std::string_view name) {
  constexpr std::pair<std::string_view, MissingPolicy> kNames[] = {{"if-any", MissingPolicy::IfAny},
                                                                   {"if-all", MissingPolicy::IfAll},
                                                                   {"if-heaviest", MissingPolicy::IfHeaviest},
                                                                   {"valid-fraction", MissingPolicy::ValidFraction}};
  for (const auto& [known, policy] : kNames)
    if (known == name) return policy;
  throw ConfigError("UnknownPolicy", "regrid",
                    {.what = "missing '" + std::string(name) + "'",
                     .expected = "if-any, if-all, if-heaviest or valid-fraction"});
}

void apply_weights(const Weights& w, std::span<const float> in, std::span<float> out, int64_t num_fields,
                   const ApplyOptions& options) {
  check_sizes(w, in.size(), out.size(), num_fields);
  for (int64_t first = 0; first < num_fields; first += kLanes)
    apply_block(w, load(w, in, first, num_fields, options), out, options);
}

}  // namespace pear::regrid

#include "sphere/attention/position_bias.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "sphere/attention/initialise.h"

namespace pear::sphere {
namespace {

/// Column and row of a Morton index on a square window; the column counts from the north-west side.
std::pair<int64_t, int64_t> column_row(int64_t token, int64_t side) {
  int64_t x = 0, y = 0;
  for (int bit = 0; bit < 31; ++bit) {
    x |= (token >> (2 * bit) & 1) << bit;
    y |= (token >> (2 * bit + 1) & 1) << bit;
  }
  return {side - 1 - x, y};
}

int64_t side_of(int64_t window_tokens) {
  const auto side = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(window_tokens))));
  if (side * side != window_tokens)
    throw ShapeError(
        "BadWindow", "sphere.attention",
        {.what = fmt::format("flat position bias on {} tokens", window_tokens), .expected = "a square window"});
  return side;
}

torch::Tensor flat_index(int64_t tokens) {
  const int64_t m = side_of(tokens);
  auto index = torch::empty({tokens, tokens}, torch::kInt64);
  auto a = index.accessor<int64_t, 2>();
  for (int64_t i = 0; i < tokens; ++i)
    for (int64_t j = 0; j < tokens; ++j) {
      const auto [ci, yi] = column_row(i, m);
      const auto [cj, yj] = column_row(j, m);
      a[i][j] = (yi - yj + m - 1) * (2 * m - 1) + (ci - cj + m - 1);
    }
  return index;
}

torch::Tensor earth_index(const BiasShape& s) {
  const int64_t tokens = s.w_z * s.w_lat * s.w_lon;
  if (tokens != s.window_tokens)
    throw ShapeError("BadWindow", "sphere.attention",
                     {.what = "earth-specific bias",
                      .expected = fmt::format("{} tokens", tokens),
                      .found = fmt::format("{}", s.window_tokens)});
  auto index = torch::empty({tokens, tokens}, torch::kInt64);
  auto a = index.accessor<int64_t, 2>();
  for (int64_t i = 0; i < tokens; ++i)
    for (int64_t j = 0; j < tokens; ++j) {
      const int64_t zi = i / (s.w_lat * s.w_lon), hi = i / s.w_lon % s.w_lat, li = i % s.w_lon;
      const int64_t zj = j / (s.w_lat * s.w_lon), hj = j / s.w_lon % s.w_lat, lj = j % s.w_lon;
      a[i][j] =
          ((zi + s.w_z * zj) * s.w_lat * s.w_lat + (hi + s.w_lat * hj)) * (2 * s.w_lon - 1) + (li - lj + s.w_lon - 1);
    }
  return index;
}

}  // namespace

torch::Tensor bias_index(const BiasShape& shape) {
  if (shape.kind == BiasKind::Flat) return flat_index(shape.window_tokens);
  if (shape.kind == BiasKind::EarthSpecific) return earth_index(shape);
  return {};
}

int64_t bias_table_length(const BiasShape& s) {
  switch (s.kind) {
    case BiasKind::None:
      return 0;
    case BiasKind::Single:
      return s.window_tokens * s.window_tokens;
    case BiasKind::Flat: {
      const int64_t span = 2 * side_of(s.window_tokens) - 1;
      return span * span;
    }
    case BiasKind::EarthSpecific:
      return (2 * s.w_lon - 1) * s.w_lat * s.w_lat * s.w_z * s.w_z;
  }
  PEAR_ASSERT(false);
}

PositionBiasImpl::PositionBiasImpl(const BiasShape& shape) : shape_(shape) {
  if (shape.kind == BiasKind::None) return;
  table = register_parameter("table", torch::zeros({shape.num_types, shape.heads, bias_table_length(shape)}));
  if (shape.kind != BiasKind::Flat) trunc_normal(table);
  index_ = bias_index(shape);
}

torch::Tensor PositionBiasImpl::forward() const {
  if (shape_.kind == BiasKind::None) return {};
  const int64_t n = shape_.window_tokens;
  const auto entries = index_.defined() ? table.index_select(2, index_.flatten().to(table.device())) : table;
  return entries.view({shape_.num_types, shape_.heads, n, n});
}

}  // namespace pear::sphere

#include "sphere/window/child_map.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "base/error.h"

namespace pear::sphere {
namespace {

constexpr const char* kWhere = "sphere.window";

void check_extent(const torch::Tensor& x, int64_t dim, int64_t expected) {
  if (x.size(dim) == expected) return;
  throw ShapeError("SizeMismatch", kWhere,
                   {.what = fmt::format("dim {} of the cells", dim),
                    .expected = fmt::format("{}", expected),
                    .found = fmt::format("[{}]", fmt::join(x.sizes(), ", "))});
}

}  // namespace

ChildMap::ChildMap(torch::Tensor children, int64_t num_fine) : children_(std::move(children)), num_fine_(num_fine) {
  if (!children_.defined() || children_.dim() != 2)
    throw ShapeError("BadChildMap", kWhere, {.what = "children", .expected = "[P_coarse, K]"});
  gather_index_ = children_.flatten().contiguous().clone();
  scatter_index_ = torch::full({num_fine}, -1, torch::kInt64);
  auto* from = gather_index_.data_ptr<int64_t>();
  auto* to = scatter_index_.data_ptr<int64_t>();
  for (int64_t i = 0; i < gather_index_.numel(); ++i) {
    if (from[i] < -1 || from[i] >= num_fine || (from[i] >= 0 && to[from[i]] >= 0))
      throw ShapeError("BadChildMap", kWhere,
                       {.what = fmt::format("child {}", i),
                        .expected = fmt::format("-1 or an index below {} that occurs once", num_fine),
                        .found = fmt::format("{}", from[i])});
    if (from[i] >= 0) {
      to[from[i]] = i;
    } else {
      from[i] = num_fine;
      has_zero_children_ = true;
    }
  }
  if (num_fine > 0 && scatter_index_.min().item<int64_t>() < 0)
    throw ShapeError("BadChildMap", kWhere,
                     {.what = "children", .expected = fmt::format("all {} fine cells", num_fine)});
}

torch::Tensor ChildMap::gather(const torch::Tensor& x, int64_t dim) const {
  check_extent(x, dim, num_fine_);
  if (!has_zero_children_) return x.index_select(dim, gather_index_.to(x.device()));
  auto one = x.sizes().vec();
  one[static_cast<size_t>(dim < 0 ? dim + x.dim() : dim)] = 1;
  return at::cat({x, at::zeros(one, x.options())}, dim).index_select(dim, gather_index_.to(x.device()));
}

torch::Tensor ChildMap::scatter(const torch::Tensor& x, int64_t dim) const {
  check_extent(x, dim, gather_index_.numel());
  return x.index_select(dim, scatter_index_.to(x.device()));
}

}  // namespace pear::sphere

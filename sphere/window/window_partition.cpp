#include "sphere/window/window_partition.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/error.h"

namespace pear::sphere {
namespace {

constexpr const char* kWhere = "sphere.window";

/// Blocked pairs of one set of labels [M]: bool [M, M]; undefined when all labels agree.
torch::Tensor blocked_pairs(const torch::Tensor& labels) {
  const auto blocked = labels.unsqueeze(1) != labels.unsqueeze(0);
  return blocked.any().item<bool>() ? blocked : torch::Tensor();
}

bool is_arange(const torch::Tensor& t) { return t.flatten().equal(torch::arange(t.numel(), t.options())); }

void check_permutation(const torch::Tensor& source, int64_t extent, const char* name) {
  const auto flat = source.flatten().contiguous();
  std::vector<int64_t> seen(static_cast<size_t>(extent), 0);
  const auto* s = flat.data_ptr<int64_t>();
  for (int64_t i = 0; i < flat.numel(); ++i) {
    if (s[i] < -1 || s[i] >= extent)
      throw ShapeError("BadPartition", kWhere,
                       {.what = fmt::format("{} entry {}", name, i),
                        .expected = fmt::format("-1 or an index below {}", extent),
                        .found = fmt::format("{}", s[i])});
    if (s[i] >= 0) ++seen[static_cast<size_t>(s[i])];
  }
  for (int64_t i = 0; i < extent; ++i)
    if (seen[static_cast<size_t>(i)] != 1)
      throw ShapeError("BadPartition", kWhere,
                       {.what = fmt::format("{} index {}", name, i),
                        .expected = "to occur once among the sources",
                        .found = fmt::format("{} times", seen[static_cast<size_t>(i)])});
}

}  // namespace

WindowPartition::WindowPartition(Lists lists) : lists_(std::move(lists)) {
  check();
  num_windows_ = lists_.stack_source.size(0) * lists_.pixel_source.size(0);
  window_tokens_ = lists_.stack_source.size(1) * lists_.pixel_source.size(1);
  order_windows();
  build_indices();
}

void WindowPartition::check() const {
  if (!lists_.pixel_source.defined() || lists_.pixel_source.dim() != 2 || !lists_.stack_source.defined() ||
      lists_.stack_source.dim() != 2)
    throw ShapeError("BadPartition", kWhere,
                     {.what = "sources", .expected = "pixel_source [W_p, N_p], stack_source [W_z, N_z]"});
  check_permutation(lists_.pixel_source, lists_.num_pixels, "pixel_source");
  check_permutation(lists_.stack_source, lists_.num_stack, "stack_source");
  if (lists_.stack_source.numel() != lists_.num_stack)
    throw ShapeError("BadPartition", kWhere, {.what = "stack_source", .expected = "no zero tokens along the stack"});
  if (lists_.pixel_label.defined() && lists_.pixel_label.sizes() != lists_.pixel_source.sizes())
    throw ShapeError("BadPartition", kWhere, {.what = "pixel_label", .expected = "the shape of pixel_source"});
  if (lists_.stack_label.defined() && lists_.stack_label.sizes() != lists_.stack_source.sizes())
    throw ShapeError("BadPartition", kWhere, {.what = "stack_label", .expected = "the shape of stack_source"});
  if (lists_.bias_type.defined() &&
      lists_.bias_type.numel() != lists_.stack_source.size(0) * lists_.pixel_source.size(0))
    throw ShapeError("BadPartition", kWhere, {.what = "bias_type", .expected = "one value per window"});
}

torch::Tensor WindowPartition::mask_of(int64_t window) const {
  const int64_t w_p = lists_.pixel_source.size(0), n_p = lists_.pixel_source.size(1), n_z = lists_.stack_source.size(1);
  torch::Tensor mask;
  if (lists_.pixel_label.defined())
    if (const auto pixel = blocked_pairs(lists_.pixel_label[window % w_p]); pixel.defined())
      mask = pixel.repeat({n_z, n_z});
  if (lists_.stack_label.defined())
    if (const auto stack = blocked_pairs(lists_.stack_label[window / w_p]); stack.defined()) {
      const auto wide = stack.repeat_interleave(n_p, 0).repeat_interleave(n_p, 1);
      mask = mask.defined() ? mask.logical_or(wide) : wide;
    }
  return mask;
}

void WindowPartition::order_windows() {
  std::vector<torch::Tensor> masks;              // distinct masks, first seen first
  std::vector<std::vector<int64_t>> members(1);  // [0] is the unmasked group
  for (int64_t w = 0; w < num_windows_; ++w) {
    const auto mask = mask_of(w);
    if (!mask.defined()) {
      members[0].push_back(w);
      continue;
    }
    const auto same = std::find_if(masks.begin(), masks.end(), [&](const auto& m) { return m.equal(mask); });
    const auto index = static_cast<size_t>(same - masks.begin());
    if (same == masks.end()) {
      masks.push_back(mask);
      members.emplace_back();
    }
    members[index + 1].push_back(w);
  }
  for (size_t g = 0; g < members.size(); ++g) {
    if (members[g].empty()) continue;
    groups_.push_back({static_cast<int64_t>(window_order_.size()), static_cast<int64_t>(members[g].size()),
                       g == 0 ? torch::Tensor() : masks[g - 1]});
    window_order_.insert(window_order_.end(), members[g].begin(), members[g].end());
  }
  if (lists_.bias_type.defined())
    ordered_bias_type_ = lists_.bias_type.index_select(0, torch::tensor(window_order_, torch::kInt64));
}

void WindowPartition::build_indices() {
  const auto pixel = lists_.pixel_source.unsqueeze(0).unsqueeze(2);  // [1, W_p, 1, N_p]
  const auto stack = lists_.stack_source.unsqueeze(1).unsqueeze(3);  // [W_z, 1, N_z, 1]
  const int64_t zero_row = lists_.num_stack * lists_.num_pixels;
  auto flat = torch::where(pixel < 0, torch::full({1}, zero_row, torch::kInt64), stack * lists_.num_pixels + pixel);
  flat =
      flat.expand({stack.size(0), pixel.size(1), stack.size(2), pixel.size(3)}).reshape({num_windows_, window_tokens_});
  flat = flat.index_select(0, torch::tensor(window_order_, torch::kInt64));
  has_zero_tokens_ = (lists_.pixel_source < 0).any().item<bool>();
  is_identity_ = !has_zero_tokens_ && is_arange(lists_.pixel_source) && is_arange(lists_.stack_source) &&
                 groups_.size() == 1 && !groups_[0].mask.defined();
  gather_index_ = flat.flatten().contiguous();
  scatter_index_ = torch::empty({zero_row}, torch::kInt64);
  const auto* from = gather_index_.data_ptr<int64_t>();
  auto* to = scatter_index_.data_ptr<int64_t>();
  for (int64_t i = 0; i < gather_index_.numel(); ++i)
    if (from[i] < zero_row) to[from[i]] = i;
}

torch::Tensor WindowPartition::gather(const torch::Tensor& x) const {
  if (x.dim() != 4 || x.size(1) != lists_.num_stack || x.size(2) != lists_.num_pixels)
    throw ShapeError("SizeMismatch", kWhere,
                     {.what = "tokens",
                      .expected = fmt::format("[B, {}, {}, C]", lists_.num_stack, lists_.num_pixels),
                      .found = fmt::format("[{}]", fmt::join(x.sizes(), ", "))});
  const int64_t batch = x.size(0), channels = x.size(3);
  if (is_identity_) {
    const int64_t n_z = lists_.stack_source.size(1), n_p = lists_.pixel_source.size(1);
    return x.view({batch, lists_.stack_source.size(0), n_z, lists_.pixel_source.size(0), n_p, channels})
        .transpose(2, 3)
        .reshape({batch, num_windows_, window_tokens_, channels});
  }
  auto rows = x.reshape({batch, lists_.num_stack * lists_.num_pixels, channels});
  if (has_zero_tokens_) rows = at::cat({rows, at::zeros({batch, 1, channels}, rows.options())}, 1);
  return rows.index_select(1, gather_index_.to(x.device())).view({batch, num_windows_, window_tokens_, channels});
}

torch::Tensor WindowPartition::scatter(const torch::Tensor& windows) const {
  const int64_t batch = windows.size(0), channels = windows.size(3);
  if (is_identity_) {
    const int64_t n_z = lists_.stack_source.size(1), n_p = lists_.pixel_source.size(1);
    return windows.view({batch, lists_.stack_source.size(0), lists_.pixel_source.size(0), n_z, n_p, channels})
        .transpose(2, 3)
        .reshape({batch, lists_.num_stack, lists_.num_pixels, channels});
  }
  return windows.reshape({batch, num_windows_ * window_tokens_, channels})
      .index_select(1, scatter_index_.to(windows.device()))
      .view({batch, lists_.num_stack, lists_.num_pixels, channels});
}

}  // namespace pear::sphere

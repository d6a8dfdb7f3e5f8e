#include "forecast/train/data_axis.h"

#include <optional>
#include <utility>

#include "base/error.h"

namespace pear::forecast {
namespace {

SlotSum plus(const SlotSum& a, const SlotSum& b) { return {a.gradient + b.gradient, a.terms + b.terms}; }

std::optional<SlotSum> node(const std::vector<Subtree>& subtrees, int64_t level, int64_t index) {
  for (const auto& s : subtrees)
    if (s.level == level && s.index == index) return s.sum;
  if (level == 0) return std::nullopt;
  auto left = node(subtrees, level - 1, 2 * index);
  auto right = node(subtrees, level - 1, 2 * index + 1);
  if (left && right) return plus(*left, *right);
  return left ? left : right;
}

}  // namespace

void SlotTree::add(int64_t slot, SlotSum leaf) {
  subtrees_.push_back({0, slot, std::move(leaf)});
  while (subtrees_.size() > 1) {
    const auto& right = subtrees_.back();
    const auto& left = subtrees_[subtrees_.size() - 2];
    if (left.level != right.level || left.index % 2 != 0 || right.index != left.index + 1) return;
    Subtree parent{left.level + 1, left.index / 2, plus(left.sum, right.sum)};
    subtrees_.resize(subtrees_.size() - 2);
    subtrees_.push_back(std::move(parent));
  }
}

std::vector<Subtree> SlotTree::cover(int64_t first, int64_t last) {
  std::vector<Subtree> subtrees;
  while (first < last) {
    int64_t level = 0;
    while (first % (int64_t{2} << level) == 0 && first + (int64_t{2} << level) <= last) ++level;
    subtrees.push_back({level, first >> level, {}});
    first += int64_t{1} << level;
  }
  return subtrees;
}

SlotSum SlotTree::root(const std::vector<Subtree>& subtrees, int64_t num_slots) {
  int64_t levels = 0;
  while ((int64_t{1} << levels) < num_slots) ++levels;
  auto sum = node(subtrees, levels, 0);
  PEAR_ASSERT(sum.has_value());
  return std::move(*sum);
}

SlotSum DataAxis::total(SlotTree& before, int64_t slot, SlotSum last, int64_t num_slots) {
  before.add(slot, std::move(last));
  return SlotTree::root(before.subtrees(), num_slots);
}

double DataAxis::norm(const torch::Tensor& gradient) { return blocked_norm(gradient); }

}  // namespace pear::forecast

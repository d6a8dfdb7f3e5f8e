#include "forecast/train/parallel_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/error.h"

namespace pear::forecast {
namespace {

using distributed::Reduction;

std::span<float> floats(const torch::Tensor& t) { return {t.data_ptr<float>(), static_cast<size_t>(t.numel())}; }

std::span<std::byte> bytes(const torch::Tensor& t) {
  return {static_cast<std::byte*>(t.data_ptr()), static_cast<size_t>(t.nbytes())};
}

/// The r-th of equal shards of [0, total), the last ones shorter or empty.
struct Range {
  int64_t first, length;
};
Range shard_range(int64_t r, int64_t shard, int64_t total) {
  const int64_t first = std::min(r * shard, total);
  return {first, std::min(shard, total - first)};
}

}  // namespace

std::vector<Subtree> ParallelAxis::exchange(const std::vector<Subtree>& mine, int64_t num_slots, int64_t shard) {
  const int64_t n = mine.front().sum.gradient.numel(), k = mine.front().sum.terms.numel(), share = num_slots / size();
  std::vector<torch::Tensor> pieces;
  std::vector<int64_t> sent, received;
  for (int64_t r = 0; r < size(); ++r) {
    const auto [first, length] = shard_range(r, shard, n);
    for (const auto& s : mine) pieces.push_back(s.sum.gradient.narrow(0, first, length).cpu());
    sent.push_back(static_cast<int64_t>(mine.size()) * length);
  }
  std::vector<Subtree> all;
  const int64_t length = shard_range(rank(), shard, n).length;
  size_t position = 0;  // of this rank's first subtree in `all`
  for (int64_t r = 0; r < size(); ++r) {
    if (r == rank()) position = all.size();
    const auto theirs = SlotTree::cover(r * share, (r + 1) * share);
    received.push_back(static_cast<int64_t>(theirs.size()) * length);
    all.insert(all.end(), theirs.begin(), theirs.end());
  }
  const auto outgoing = torch::cat(pieces);
  auto incoming = communicator_.all_to_all(floats(outgoing), sent, received);
  const auto gradients = torch::from_blob(incoming.data(), {static_cast<int64_t>(all.size()), length}).clone();
  auto terms = torch::zeros({static_cast<int64_t>(all.size()), k}, torch::kFloat64);
  for (size_t i = 0; i < mine.size(); ++i) terms[static_cast<int64_t>(position + i)].copy_(mine[i].sum.terms);
  complete_rows(terms);
  for (size_t i = 0; i < all.size(); ++i)
    all[i].sum = {gradients[static_cast<int64_t>(i)], terms[static_cast<int64_t>(i)]};
  return all;
}

SlotSum ParallelAxis::total(std::vector<Subtree>& mine, int64_t num_slots) {
  PEAR_ASSERT(!mine.empty() && num_slots % size() == 0);
  const auto& gradient = mine.front().sum.gradient;
  const int64_t n = gradient.numel(), shard = (n + size() - 1) / size();
  SlotSum sum = SlotTree::root(exchange(mine, num_slots, shard), num_slots);
  auto padded = torch::zeros({shard});
  padded.narrow(0, 0, sum.gradient.numel()).copy_(sum.gradient);
  auto whole = communicator_.all_gather(floats(padded));
  return {torch::from_blob(whole.data(), {n}).to(gradient.device(), /*non_blocking=*/false, /*copy=*/true),
          std::move(sum.terms)};
}

bool ParallelAxis::any(bool flag) {
  int64_t value = flag ? 1 : 0;
  communicator_.all_reduce(std::span(&value, 1), Reduction::Max);
  return value != 0;
}

void ParallelAxis::complete_rows(torch::Tensor& rows) {
  PEAR_ASSERT(rows.is_contiguous() && rows.device().is_cpu());
  communicator_.all_reduce(std::span(rows.data_ptr<double>(), static_cast<size_t>(rows.numel())), Reduction::Sum);
}

void ParallelAxis::broadcast(torch::Tensor tensor) {
  torch::NoGradGuard no_grad;
  const auto host = tensor.detach().cpu().contiguous();
  communicator_.broadcast(bytes(host));
  if (rank() != 0 && !host.is_alias_of(tensor)) tensor.copy_(host);
}

void ParallelAxis::broadcast(std::string& text) {
  auto length = static_cast<int64_t>(text.size());
  communicator_.broadcast(std::as_writable_bytes(std::span(&length, 1)));
  text.resize(static_cast<size_t>(length));
  communicator_.broadcast(std::as_writable_bytes(std::span(text)));
}

std::string ParallelAxis::collect(const std::string& text) {
  std::string all;
  for (const auto& part : communicator_.gather(text))
    if (!part.empty()) all += (all.empty() ? "" : "; ") + part;
  broadcast(all);
  return all;
}

void ParallelAxis::require_equal(const std::string& digest, const std::string& what) {
  std::string first = digest;
  broadcast(first);
  std::vector<int64_t> differs(static_cast<size_t>(size()), 0);
  differs[static_cast<size_t>(rank())] = first == digest ? 0 : 1;
  communicator_.all_reduce(std::span(differs), Reduction::Max);
  std::string ranks;
  for (size_t r = 0; r < differs.size(); ++r)
    if (differs[r] != 0) ranks += (ranks.empty() ? "" : ", ") + std::to_string(r);
  if (ranks.empty()) return;
  throw CommError("RanksDisagree", "train.start",
                  {.what = what,
                   .expected = "the same on every rank",
                   .found = fmt::format("ranks {} differ from rank 0", ranks),
                   .hint = "start all ranks with the same program, configuration, run folder and store"});
}

}  // namespace pear::forecast

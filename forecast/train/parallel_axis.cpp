#include "forecast/train/parallel_axis.h"

#include <fmt/format.h>

#include <cmath>
#include <span>

#include "base/error.h"

namespace pear::forecast {
namespace {

using distributed::Reduction;

std::span<std::byte> bytes(const torch::Tensor& t) {
  return {static_cast<std::byte*>(t.data_ptr()), static_cast<size_t>(t.nbytes())};
}

}  // namespace

DomainPart ParallelAxis::domain() const {
  if (parts_ == nullptr) return {};
  return {parts_->rank(), parts_->size(), [&parts = *parts_, counters = exchanged_](const sphere::ExchangePlan& plan) {
            return std::make_shared<DomainExchange>(parts, plan, counters);
          }};
}

double ParallelAxis::wait_seconds() const {
  return exchanged_->wait_seconds + (reducer_ ? reducer_->wait_seconds() : 0);
}

void ParallelAxis::watch(const FlatParameters& parameters, const std::vector<torch::Tensor>& tensors) {
  reducer_ = std::make_shared<GradientReducer>(
      communicator_, plan_buckets(parameters.gradient().numel(), config_.bucket_mb), config_.optimizer_sharding);
  reducer_->watch(parameters, tensors);
}

void ParallelAxis::before_last_backward(SlotTree& before, int64_t slot, int64_t num_slots, bool once) {
  PEAR_ASSERT(reducer_ != nullptr);
  reducer_->begin(before.subtrees(), slot, num_slots, config_.overlap && once);
}

torch::Tensor ParallelAxis::total_terms(const std::vector<Subtree>& before, int64_t slot, const torch::Tensor& last,
                                        int64_t num_slots) {
  const auto no_gradient = torch::empty({0});
  SlotTree mine;
  for (const auto& s : before) mine.subtrees().push_back({s.level, s.index, {no_gradient, s.sum.terms}});
  mine.add(slot, {no_gradient, last});
  const int64_t share = num_slots / size();
  std::vector<Subtree> all;
  size_t position = 0;  // of this rank's first subtree in `all`
  for (int64_t r = 0; r < size(); ++r) {
    if (r == rank()) position = all.size();
    const auto theirs = SlotTree::cover(r * share, (r + 1) * share);
    all.insert(all.end(), theirs.begin(), theirs.end());
  }
  auto terms = torch::zeros({static_cast<int64_t>(all.size()), last.numel()}, torch::kFloat64);
  for (size_t i = 0; i < mine.subtrees().size(); ++i)
    terms[static_cast<int64_t>(position + i)].copy_(mine.subtrees()[i].sum.terms);
  complete_rows(terms);
  for (size_t i = 0; i < all.size(); ++i) all[i].sum = {no_gradient, terms[static_cast<int64_t>(i)]};
  return SlotTree::root(all, num_slots).terms;
}

SlotSum ParallelAxis::total(SlotTree& before, int64_t slot, SlotSum last, int64_t num_slots) {
  reducer_->finish();
  return {last.gradient, total_terms(before.subtrees(), slot, last.terms, num_slots)};
}

double ParallelAxis::norm(const torch::Tensor& gradient) {
  if (!config_.optimizer_sharding) return blocked_norm(gradient);
  auto squares = torch::zeros({gradient.numel() / FlatParameters::kBlock}, torch::kFloat64);
  for (const auto& shard : shards())
    if (shard.length > 0)
      squares.narrow(0, shard.first / FlatParameters::kBlock, shard.length / FlatParameters::kBlock)
          .copy_(block_squares(gradient.narrow(0, shard.first, shard.length)));
  complete_rows(squares);
  return std::sqrt(squares.to(gradient.device()).sum().item<double>());
}

std::vector<FlatRange> ParallelAxis::shards() const {
  if (!config_.optimizer_sharding || !reducer_) return {};
  return shards_of(reducer_->buckets(), rank(), size());
}

void ParallelAxis::complete(const torch::Tensor& flat) {
  if (config_.optimizer_sharding) reducer_->complete(flat);
}

torch::Tensor ParallelAxis::whole(const torch::Tensor& state, bool everywhere) {
  return config_.optimizer_sharding ? reducer_->gather(state, everywhere) : state;
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

#include "forecast/train/gradient_reducer.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "base/error.h"

namespace pear::forecast {
namespace {

using Clock = std::chrono::steady_clock;

std::span<float> floats(const torch::Tensor& t) { return {t.data_ptr<float>(), static_cast<size_t>(t.numel())}; }

torch::Tensor part(const torch::Tensor& flat, const FlatRange& range) {
  return flat.narrow(0, range.first, range.length);
}

}  // namespace

/// Called by autograd when a parameter has its gradient. The network may outlive the reducer.
class GradientReducer::Hook : public torch::autograd::PostAccumulateGradHook {
 public:
  Hook(std::weak_ptr<GradientReducer> reducer, size_t parameter)
      : reducer_(std::move(reducer)), parameter_(parameter) {}
  void operator()(const torch::autograd::Variable&) override {
    if (const auto reducer = reducer_.lock()) reducer->on_ready(parameter_);
  }

 private:
  std::weak_ptr<GradientReducer> reducer_;
  size_t parameter_;
};

GradientReducer::GradientReducer(distributed::Communicator& communicator, std::vector<FlatRange> buckets,
                                 bool keep_shards)
    : communicator_(communicator), buckets_(std::move(buckets)), keep_shards_(keep_shards) {
  // A gather may start while later exchanges have not: on one communicator their order would differ between ranks.
  // Device transports keep one order instead, because two of them in flight may block each other.
  if (communicator_.memory() == distributed::Memory::Host)
    gather_communicator_ = communicator_.split(0, communicator_.rank());
}

GradientReducer::~GradientReducer() {
  const auto is_open = [](const auto& work) { return work && !work->is_done(); };
  try {
    if (std::none_of(flights_.begin(), flights_.end(),
                     [&](const Flight& f) { return is_open(f.exchange) || is_open(f.gather); }))
      return;
  } catch (const CommError&) {  // the run ends with an error that is being told already
  }
  // The library may still write to these buffers, so they are never freed.
  static_cast<void>(new std::vector<Flight>(std::move(flights_)));
  static_cast<void>(gather_communicator_.release());
}

void GradientReducer::watch(const FlatParameters& parameters, const std::vector<torch::Tensor>& tensors) {
  const auto& entries = parameters.entries();
  PEAR_ASSERT(entries.size() == tensors.size());
  gradient_ = parameters.gradient();
  buckets_of_.assign(entries.size(), {});
  num_parameters_.assign(buckets_.size(), 0);
  for (size_t i = 0; i < entries.size(); ++i) {
    for (size_t b = 0; b < buckets_.size(); ++b) {
      if (entries[i].offset >= buckets_[b].end() || entries[i].offset + entries[i].size <= buckets_[b].first) continue;
      buckets_of_[i].push_back(b);
      ++num_parameters_[b];
    }
    torch::autograd::impl::set_post_acc_grad_hooks(tensors[i], std::make_unique<Hook>(weak_from_this(), i));
  }
}

void GradientReducer::begin(std::vector<Subtree> before, int64_t slot, int64_t num_slots, bool listen) {
  PEAR_ASSERT(gradient_.defined() && num_slots % communicator_.size() == 0);
  before_ = std::move(before);
  slot_ = slot;
  num_slots_ = num_slots;
  is_listening_ = listen;
  is_ready_.assign(buckets_of_.size(), false);
  missing_ = num_parameters_;
  flights_.clear();
  num_added_ = 0;
}

bool GradientReducer::may_talk() const {
  return communicator_.memory() == distributed::Memory::Device || std::this_thread::get_id() == thread_;
}

void GradientReducer::on_ready(size_t parameter) {
  if (!is_listening_ || error_) return;
  try {  // an exception that crossed autograd would lose its type
    if (is_ready_[parameter])
      throw CommError(
          "GradientTwice", "train.reduce",
          {.what = "a parameter got its gradient twice in one backward pass", .hint = "set parallel.overlap: false"});
    is_ready_[parameter] = true;
    for (const size_t b : buckets_of_[parameter]) --missing_[b];
    if (!may_talk()) return;
    while (flights_.size() < buckets_.size() && missing_[flights_.size()] == 0) {
      start(flights_.size());
      ++num_overlapped_;
    }
    progress();
  } catch (...) {
    error_ = std::current_exception();
  }
}

std::vector<torch::Tensor> GradientReducer::folded(const FlatRange& bucket) const {
  const auto no_terms = torch::empty({0}, torch::kFloat64);
  SlotTree tree;
  for (const auto& s : before_) tree.subtrees().push_back({s.level, s.index, {part(s.sum.gradient, bucket), no_terms}});
  tree.add(slot_, {part(gradient_, bucket), no_terms});
  std::vector<torch::Tensor> parts;
  for (const auto& s : tree.subtrees()) parts.push_back(s.sum.gradient);
  return parts;
}

void GradientReducer::start(size_t b) {
  const torch::NoGradGuard no_grad;
  const int64_t size = communicator_.size(), share = num_slots_ / size;
  Flight flight;
  flight.index = b;
  flight.shard = shard_of(buckets_, b, communicator_.rank(), size);
  const auto parts = folded(buckets_[b]);
  std::vector<torch::Tensor> pieces;
  std::vector<int64_t> sent, received;
  for (int64_t r = 0; r < size; ++r) {
    const FlatRange theirs = shard_of(buckets_, b, r, size);
    for (const auto& p : parts) pieces.push_back(p.narrow(0, theirs.first - buckets_[b].first, theirs.length));
    sent.push_back(static_cast<int64_t>(parts.size()) * theirs.length);
    const auto cover = SlotTree::cover(r * share, (r + 1) * share);
    received.push_back(static_cast<int64_t>(cover.size()) * flight.shard.length);
    flight.subtrees.insert(flight.subtrees.end(), cover.begin(), cover.end());
  }
  flight.outgoing = torch::cat(pieces);
  if (communicator_.memory() == distributed::Memory::Host) flight.outgoing = flight.outgoing.cpu();
  flight.incoming =
      torch::empty({static_cast<int64_t>(flight.subtrees.size()), flight.shard.length}, flight.outgoing.options());
  flight.exchange = communicator_.start_all_to_all(floats(flight.outgoing), sent, received, floats(flight.incoming));
  flights_.push_back(std::move(flight));
}

void GradientReducer::progress() {
  while (num_added_ < flights_.size() && flights_[num_added_].exchange->is_done()) {
    add(flights_[num_added_++]);
    if (gather_communicator_ && !keep_shards_) start_gather(flights_[num_added_ - 1]);
  }
}

void GradientReducer::add(Flight& flight) {
  const torch::NoGradGuard no_grad;
  const auto no_terms = torch::empty({0}, torch::kFloat64);
  for (size_t i = 0; i < flight.subtrees.size(); ++i)
    flight.subtrees[i].sum = {flight.incoming[static_cast<int64_t>(i)], no_terms};
  flight.sum = SlotTree::root(flight.subtrees, num_slots_).gradient;
  flight.subtrees.clear();
  flight.outgoing.reset();
}

void GradientReducer::start_gather(Flight& flight) {
  const torch::NoGradGuard no_grad;
  const int64_t longest = longest_shard(buckets_[flight.index], communicator_.size());
  flight.padded = torch::zeros({longest}, flight.sum.options());
  flight.padded.narrow(0, 0, flight.shard.length).copy_(flight.sum);
  flight.gathered = torch::empty({longest * communicator_.size()}, flight.sum.options());
  auto& communicator = gather_communicator_ ? *gather_communicator_ : communicator_;
  flight.gather = communicator.start_all_gather(floats(flight.padded), floats(flight.gathered));
}

void GradientReducer::wait(distributed::Work& work) {
  const auto start = Clock::now();
  work.wait();
  wait_seconds_ += std::chrono::duration<double>(Clock::now() - start).count();
}

void GradientReducer::finish() {
  const torch::NoGradGuard no_grad;
  is_listening_ = false;
  if (error_) std::rethrow_exception(error_);
  while (flights_.size() < buckets_.size()) start(flights_.size());
  while (num_added_ < flights_.size()) {
    wait(*flights_[num_added_].exchange);
    progress();
  }
  for (auto& flight : flights_) {
    if (keep_shards_) {
      part(gradient_, flight.shard).copy_(flight.sum);
      continue;
    }
    if (!flight.gather) start_gather(flight);
    wait(*flight.gather);
    deliver(flight, gradient_);
  }
  flights_.clear();
  before_.clear();
}

void GradientReducer::deliver(const Flight& flight, const torch::Tensor& flat) const {
  const int64_t longest = longest_shard(buckets_[flight.index], communicator_.size());
  for (int64_t r = 0; r < communicator_.size(); ++r) {
    const FlatRange theirs = shard_of(buckets_, flight.index, r, communicator_.size());
    part(flat, theirs).copy_(flight.gathered.narrow(0, r * longest, theirs.length));
  }
}

void GradientReducer::gather_bucket(size_t b, const torch::Tensor& shard, const torch::Tensor& flat) {
  Flight flight;
  flight.index = b;
  flight.shard = shard_of(buckets_, b, communicator_.rank(), communicator_.size());
  flight.sum = communicator_.memory() == distributed::Memory::Host ? shard.cpu() : shard;
  start_gather(flight);
  wait(*flight.gather);
  if (flat.defined()) deliver(flight, flat);
}

void GradientReducer::complete(const torch::Tensor& flat) {
  const torch::NoGradGuard no_grad;
  for (size_t b = 0; b < buckets_.size(); ++b)
    gather_bucket(b, part(flat, shard_of(buckets_, b, communicator_.rank(), communicator_.size())), flat);
}

torch::Tensor GradientReducer::gather(const torch::Tensor& shards, bool everywhere) {
  const torch::NoGradGuard no_grad;
  torch::Tensor whole;
  if (everywhere || communicator_.is_leader())
    whole =
        torch::zeros({buckets_.front().end()}, everywhere ? shards.options() : shards.options().device(torch::kCPU));
  int64_t offset = 0;
  for (size_t b = 0; b < buckets_.size(); ++b) {
    const int64_t length = shard_of(buckets_, b, communicator_.rank(), communicator_.size()).length;
    gather_bucket(b, shards.narrow(0, offset, length), whole);
    offset += length;
  }
  return whole;
}

}  // namespace pear::forecast

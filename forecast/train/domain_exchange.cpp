#include "forecast/train/domain_exchange.h"

#include <fmt/format.h>
#include <torch/csrc/autograd/custom_function.h>

#include <chrono>
#include <span>
#include <tuple>
#include <utility>

#include "base/error.h"

namespace pear::forecast {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Clock = std::chrono::steady_clock;
using Direction = DomainExchange::Direction;

constexpr int64_t kFloatBytes = sizeof(float);

/// The memory of a contiguous tensor of any type: transports move floats and look at no value.
std::span<float> words(const torch::Tensor& t) {
  return {static_cast<float*>(t.mutable_data_ptr()), static_cast<size_t>(t.nbytes()) / sizeof(float)};
}

std::vector<int64_t> times(std::vector<int64_t> counts, int64_t factor) {
  for (auto& count : counts) count *= factor;
  return counts;
}

/// What the backward pass needs besides tensors.
struct Frame : torch::CustomClassHolder {
  Frame(std::shared_ptr<const DomainExchange> e, Direction d) : exchange(std::move(e)), direction(d) {}
  std::shared_ptr<const DomainExchange> exchange;
  Direction direction;
};

struct Moved : torch::autograd::Function<Moved> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const c10::intrusive_ptr<Frame>& frame) {
    context->saved_data["frame"] = c10::IValue::make_capsule(frame);
    return frame->exchange->move(x, frame->direction);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto frame = c10::static_intrusive_pointer_cast<Frame>(context->saved_data["frame"].toCapsule());
    // A permutation: its transpose is its inverse.
    const auto back = frame->direction == Direction::There ? Direction::Back : Direction::There;
    return {frame->exchange->move(gradients[0], back), {}};
  }
};

}  // namespace

DomainExchange::Way::Way(const sphere::ExchangePlan& plan) {
  std::vector<int64_t> from, to;
  for (size_t p = 0; p < plan.send.size(); ++p) {
    const bool is_own = static_cast<int64_t>(p) == plan.part;
    num_sent.push_back(is_own ? 0 : static_cast<int64_t>(plan.send[p].size()));
    num_received.push_back(is_own ? 0 : static_cast<int64_t>(plan.receive[p].size()));
    if (is_own) continue;
    from.insert(from.end(), plan.send[p].begin(), plan.send[p].end());
    to.insert(to.end(), plan.receive[p].begin(), plan.receive[p].end());
  }
  const auto own = static_cast<size_t>(plan.part);
  send = torch::tensor(from, torch::kInt64);
  receive = torch::tensor(to, torch::kInt64);
  stay_from = torch::tensor(plan.send[own], torch::kInt64);
  stay_to = torch::tensor(plan.receive[own], torch::kInt64);
}

DomainExchange::DomainExchange(distributed::Communicator& parts, const sphere::ExchangePlan& plan,
                               std::shared_ptr<ExchangeCounters> counters)
    : parts_(parts), num_tokens_(plan.num_tokens), there_(plan), back_(plan.inverse()), counters_(std::move(counters)) {
  PEAR_ASSERT(parts.size() == plan.num_parts && parts.rank() == plan.part);
}

torch::Tensor DomainExchange::shift(const torch::Tensor& x) const {
  return Moved::apply(x, c10::make_intrusive<Frame>(shared_from_this(), Direction::There));
}

torch::Tensor DomainExchange::unshift(const torch::Tensor& x) const {
  return Moved::apply(x, c10::make_intrusive<Frame>(shared_from_this(), Direction::Back));
}

torch::Tensor DomainExchange::move(const torch::Tensor& x, Direction direction) const {
  if (x.dim() != 4 || x.size(2) != num_tokens_ || !x.is_cpu())
    throw ShapeError("SizeMismatch", "train.exchange",
                     {.what = "tokens of a part",
                      .expected = fmt::format("[B, Z, {}, C] on the CPU", num_tokens_),
                      .found = fmt::format("[{}] on {}", fmt::join(x.sizes(), ", "), x.device().str())});
  const torch::NoGradGuard no_grad;
  const int64_t row_bytes = x.size(0) * x.size(1) * x.size(3) * x.element_size();
  if (row_bytes % kFloatBytes != 0) return move(x.to(torch::kFloat32), direction).to(x.scalar_type());
  const Way& way = direction == Direction::There ? there_ : back_;
  const auto outgoing = x.index_select(2, way.send).permute({2, 0, 1, 3}).contiguous();
  const auto incoming = torch::empty({way.receive.numel(), x.size(0), x.size(1), x.size(3)}, x.options());
  const int64_t row_words = row_bytes / kFloatBytes;
  auto work = parts_.start_all_to_all(words(outgoing), times(way.num_sent, row_words),
                                      times(way.num_received, row_words), words(incoming));
  auto y = torch::empty(x.sizes(), x.options());
  y.index_copy_(2, way.stay_to, x.index_select(2, way.stay_from));
  const auto start = Clock::now();
  try {
    work->wait();
  } catch (...) {
    // The library may still write to these buffers, so they are never freed.
    static_cast<void>(new std::tuple(std::move(work), outgoing, incoming));
    throw;
  }
  counters_->wait_seconds += std::chrono::duration<double>(Clock::now() - start).count();
  counters_->bytes_sent += outgoing.nbytes();
  ++counters_->num_exchanges;
  return y.index_copy_(2, way.receive, incoming.permute({1, 2, 0, 3}));
}

}  // namespace pear::forecast

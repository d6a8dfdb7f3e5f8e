// Executes exchange plans between the ranks that share a sample, with gradients.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "distributed/communicator.h"
#include "sphere/window/exchange_plan.h"
#include "sphere/window/token_exchange.h"

namespace pear::forecast {

/// What the exchanges of a process did since its start.
struct ExchangeCounters {
  int64_t num_exchanges = 0;
  int64_t bytes_sent = 0;  ///< to other ranks
  double wait_seconds = 0;
};

/// The backward pass sends every gradient the way back, so it talks as often as the forward pass. Values travel with
/// their bits, whatever their type. Tokens that stay are copied while the others are under way.
///
/// Shapes:  x [B, Z, P, C], P of this part, on the CPU.
/// Errors:  ShapeError `SizeMismatch`; CommError of the communicator.
class DomainExchange : public sphere::TokenExchange, public std::enable_shared_from_this<DomainExchange> {
 public:
  /// The communicator holds the parts in their order and must outlive the exchange.
  DomainExchange(distributed::Communicator& parts, const sphere::ExchangePlan& plan,
                 std::shared_ptr<ExchangeCounters> counters);
  torch::Tensor shift(const torch::Tensor& x) const override;
  torch::Tensor unshift(const torch::Tensor& x) const override;

  /// One way of the plan: rows to send and places to fill, of all other parts one behind the other.
  struct Way {
    explicit Way(const sphere::ExchangePlan& plan);
    torch::Tensor send, receive, stay_from, stay_to;  ///< int64
    std::vector<int64_t> num_sent, num_received;      ///< by part; 0 for this one
  };
  enum class Direction { There, Back };
  /// Without gradients.
  torch::Tensor move(const torch::Tensor& x, Direction direction) const;

 private:
  distributed::Communicator& parts_;
  int64_t num_tokens_;
  Way there_, back_;
  std::shared_ptr<ExchangeCounters> counters_;
};

}  // namespace pear::forecast

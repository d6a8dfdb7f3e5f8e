// How a model that holds a part of the tokens gets those of others: an interface, so that windows know no transport.
#pragma once

#include <torch/types.h>

namespace pear::sphere {

/// Moves tokens between the parts of one sphere as an ExchangePlan says. Both calls are collective over the parts, are
/// made by all of them in the same order, and carry gradients.
///
/// Shapes:  x [B, Z, P, C], P of this part -> the same.
class TokenExchange {
 public:
  virtual ~TokenExchange() = default;
  /// Tokens in their own order -> in the order of the shifted windows.
  virtual torch::Tensor shift(const torch::Tensor& x) const = 0;
  /// The way back.
  virtual torch::Tensor unshift(const torch::Tensor& x) const = 0;
};

}  // namespace pear::sphere

// Which tokens change their owner when every part of a sphere holds a contiguous range of them and one shift is made.
#pragma once

#include <cstdint>
#include <vector>

namespace pear::sphere {

/// One part's share of a permutation y[i] = x[source[i]] whose sides are both cut into equal contiguous ranges.
///
/// Index lists only: who moves the values, and how, is decided elsewhere. Lists of two parts fit each other in order:
/// the k-th token that `send[q]` of part p names is the k-th place that `receive[p]` of part q names.
struct ExchangePlan {
  int64_t part = 0, num_parts = 1;
  int64_t num_tokens = 0;                     ///< of this part
  std::vector<std::vector<int64_t>> send;     ///< [part] own tokens that it needs; of this part: those that stay
  std::vector<std::vector<int64_t>> receive;  ///< [part] own places that its tokens go to

  /// The way back: the permutation's inverse, and what the gradient of the way there needs.
  ExchangePlan inverse() const;
  /// Tokens that go to other parts; as many come from them.
  int64_t num_sent() const;
  /// Parts that something comes from.
  int64_t num_partners() const;
};

/// The plan of `part` for a shift given as the source of every place (PixelShift::source).
/// Errors:  ShapeError `BadParts` if num_parts does not divide the places or there is no such part; `BadExchange` if
///          the sources are no permutation (a place without a source cannot be owned).
ExchangePlan exchange_plan(const std::vector<int64_t>& source, int64_t num_parts, int64_t part);

}  // namespace pear::sphere

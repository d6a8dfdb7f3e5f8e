// Independent pieces of work that the ranks take in turn.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "distributed/communicator.h"

namespace pear::distributed {

/// Rank r of n does the pieces r, r + n, r + 2n, … of `count`; without a communicator all of them are done here. After
/// every round the ranks agree, so that a piece may take as long as a collective may wait.
///
/// `work` returns false where it was stopped, and is then not called again on any rank. Collective.
/// Returns whether nobody was stopped. Errors:  those of `work` and of the communicator.
inline bool take_turns(Communicator* communicator, int64_t count, const std::function<bool(int64_t)>& work) {
  const int64_t rank = communicator == nullptr ? 0 : communicator->rank();
  const int64_t size = communicator == nullptr ? 1 : communicator->size();
  for (int64_t first = 0; first < count; first += size) {
    std::array<int64_t, 1> stopped{first + rank < count && !work(first + rank) ? 1 : 0};
    if (communicator != nullptr) communicator->all_reduce(std::span<int64_t>(stopped), Reduction::Max);
    if (stopped[0] != 0) return false;
  }
  return true;
}

}  // namespace pear::distributed

// Messages between the processes of one run. Every call is collective: all ranks make it, in the same order.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "distributed/launcher.h"

namespace pear::distributed {

enum class Reduction { Sum, Max };

/// Seconds that a collective may take (default 600). A setting of the machine, in force before a configuration is read.
inline constexpr const char* kTimeoutVariable = "PEAR_COLLECTIVE_TIMEOUT_S";

/// Buffers are plain memory; no tensor type crosses this interface. Back ends: `single` (one process, copies at most)
/// and `mpi` (non-blocking collectives polled to a deadline). Used from one thread.
///
/// Shapes:  spans have the same extent on every rank unless said otherwise.
/// Errors:  CommError `TimedOut` when not every rank answers within the time-out, `MpiFailed` with the library's text.
///          After either the communicator is of no more use: say why, then `abort`.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual std::string backend() const = 0;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  bool is_leader() const { return rank() == 0; }

  /// Rank 0's bytes on every rank.
  virtual void broadcast(std::span<std::byte> bytes) = 0;
  /// In place. The library chooses the order of summation: for numbers whose bits must not depend on the number of
  /// ranks, add in a fixed order what `all_to_all` brought.
  virtual void all_reduce(std::span<double> values, Reduction reduction) = 0;
  virtual void all_reduce(std::span<int64_t> values, Reduction reduction) = 0;
  /// One text per rank, on rank 0; empty elsewhere. Texts may differ in length.
  virtual std::vector<std::string> gather(std::string_view text) = 0;
  /// `sent[r]` values of `values` go to rank r, `received[r]` come from it, both in rank order.
  /// Shapes:  values [sum of sent] -> [sum of received]; sent here for r = received there for this rank.
  virtual std::vector<float> all_to_all(std::span<const float> values, const std::vector<int64_t>& sent,
                                        const std::vector<int64_t>& received) = 0;
  /// Shapes:  mine [n] -> [size x n] in rank order.
  virtual std::vector<float> all_gather(std::span<const float> mine) = 0;
  virtual void barrier() = 0;
  /// True if every rank comes here within `patience`. For the end of a run, after which nothing else may follow: tells
  /// an error that all ranks met from one that this rank met alone.
  virtual bool meets_all(std::chrono::milliseconds patience) = 0;
  /// Ends the processes of all ranks with this exit code; returns only in a run of one process.
  virtual void abort(int exit_code) noexcept = 0;

  std::chrono::milliseconds timeout() const { return timeout_; }
  void set_timeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }

 private:
  std::chrono::milliseconds timeout_ = std::chrono::minutes(10);
};

/// `single` for one process, else `mpi`; one communicator in the life of a program.
/// Errors:  CommError `NoMpi` when several processes were started and this build has no MPI, `WorldSizeMismatch` when
///          the launcher and MPI disagree about the number of processes, `BadTimeout`.
std::unique_ptr<Communicator> open_communicator(const Launch& launch);

/// `4 processes on 1 host (openmpi), Open MPI v4.1.4`, on rank 0; empty elsewhere. Collective.
std::string describe_world(Communicator& communicator, const Launch& launch);

/// `[rank 1/4 node07]`
std::string rank_label(const Launch& launch);

}  // namespace pear::distributed

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

/// Seconds that the start of MPI and any collective may take (default 600), in force before a configuration is read;
/// run.collective_timeout_s of the configuration follows it.
inline constexpr const char* kTimeoutVariable = "PEAR_COLLECTIVE_TIMEOUT_S";
inline constexpr std::chrono::milliseconds kDefaultTimeout = std::chrono::minutes(10);

/// A transfer under way. Its buffers must neither be touched nor freed before it is done: who drops an unfinished one
/// (an error ends the run) keeps the buffers.
class Work {
 public:
  virtual ~Work() = default;
  /// Moves the transfer on; true once it is done. Errors:  as Communicator.
  virtual bool is_done() = 0;
  /// Returns when it is done. Errors:  as Communicator.
  virtual void wait() = 0;
};

enum class Memory { Host, Device };

/// Buffers are plain memory; no tensor type crosses this interface. Back ends: `single` (one process, copies at most),
/// `mpi` (non-blocking collectives polled to a deadline), `nccl` (nccl_backend.h). Used from one thread at a time.
///
/// Shapes:  spans have the same extent on every rank unless said otherwise.
/// Errors:  CommError `TimedOut` naming the ranks that do not answer within the time-out, `MpiFailed` and `NcclFailed`
///          with the library's text. After any of them the communicator is of no more use: say why, then `abort`.
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
  /// Shapes:  values [sum of sent] -> result [sum of received]; sent here for r = received there for this rank.
  virtual std::unique_ptr<Work> start_all_to_all(std::span<const float> values, const std::vector<int64_t>& sent,
                                                 const std::vector<int64_t>& received, std::span<float> result) = 0;
  /// Shapes:  mine [n] -> all [size x n] in rank order.
  virtual std::unique_ptr<Work> start_all_gather(std::span<const float> mine, std::span<float> all) = 0;
  /// Where the buffers of these two lie; everything else is host memory.
  virtual Memory memory() const { return Memory::Host; }
  std::vector<float> all_to_all(std::span<const float> values, const std::vector<int64_t>& sent,
                                const std::vector<int64_t>& received);
  std::vector<float> all_gather(std::span<const float> mine);
  virtual void barrier() = 0;
  /// One communicator for each color, ranks in the order of (key, rank here). Transfers of two communicators do not
  /// wait for each other. Collective; takes the present time-out along.
  virtual std::unique_ptr<Communicator> split(int color, int key) = 0;
  /// True if every rank comes here within `patience`. For the end of a run, after which nothing else may follow: tells
  /// an error that all ranks met from one that this rank met alone.
  virtual bool meets_all(std::chrono::milliseconds patience) = 0;
  /// Ends the processes of all ranks with this exit code; returns only in a run of one process.
  virtual void abort(int exit_code) noexcept = 0;

  std::chrono::milliseconds timeout() const { return timeout_; }
  void set_timeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }

 private:
  std::chrono::milliseconds timeout_ = kDefaultTimeout;
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

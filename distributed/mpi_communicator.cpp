#include <fmt/format.h>
#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <thread>
#include <utility>

#include "base/error.h"
#include "distributed/mpi_backend.h"
#include "distributed/start_guard.h"

namespace pear::distributed {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
/// Polls that only give up the processor before the first sleep: a short answer stays fast, a long wait costs nothing.
constexpr int kBusyPolls = 2000;
constexpr auto kSleep = std::chrono::microseconds(50);
/// Counts of MPI are ints; longer messages travel in parts.
constexpr size_t kLargestPart = size_t{1} << 30;
/// After a time-out every rank that is alive says so; who is not heard within this time is named.
constexpr milliseconds kRollCall{3000};
constexpr size_t kHostLength = 64;

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw CommError("MpiFailed", fmt::format("comm.{}", call),
                  {.what = "the MPI library reports an error",
                   .found = std::string(text, static_cast<size_t>(length)),
                   .hint = "see the first error in the other ranks' output"});
}

int as_int(int64_t count, const char* call) {
  if (count >= 0 && count <= std::numeric_limits<int>::max()) return static_cast<int>(count);
  throw CommError("MessageTooLong", fmt::format("comm.{}", call),
                  {.what = "message", .expected = "less than 2^31 values", .found = std::to_string(count)});
}

struct Layout {
  std::vector<int> counts, offsets;
  int64_t total = 0;
};

Layout layout_of(const std::vector<int64_t>& counts, const char* call) {
  Layout layout;
  for (const int64_t count : counts) {
    layout.counts.push_back(as_int(count, call));
    layout.offsets.push_back(as_int(layout.total, call));
    layout.total += count;
  }
  as_int(layout.total, call);
  return layout;
}

MPI_Comm duplicate(MPI_Comm comm) {
  MPI_Comm twin = MPI_COMM_NULL;
  check(MPI_Comm_dup(comm, &twin), "init");
  check(MPI_Comm_set_errhandler(twin, MPI_ERRORS_RETURN), "init");
  return twin;
}

/// A rank's host and its number in the run; an axis counts its ranks from 0.
struct Place {
  std::array<char, kHostLength> host;
  int rank;
};

class MpiCommunicator : public Communicator {
 public:
  /// Takes `comm` over. Only the communicator of all ranks ends MPI. roll: of all ranks, for the roll call; none: this
  /// is the communicator of all ranks.
  MpiCommunicator(MPI_Comm comm, milliseconds timeout, MPI_Comm roll);
  ~MpiCommunicator() override;
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;

  std::string backend() const override { return "mpi"; }
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void broadcast(std::span<std::byte> bytes) override;
  void all_reduce(std::span<double> values, Reduction reduction) override { reduce(values, MPI_DOUBLE, reduction); }
  void all_reduce(std::span<int64_t> values, Reduction reduction) override { reduce(values, MPI_INT64_T, reduction); }
  std::vector<std::string> gather(std::string_view text) override;
  std::unique_ptr<Work> start_all_to_all(std::span<const float> values, const std::vector<int64_t>& sent,
                                         const std::vector<int64_t>& received, std::span<float> result) override;
  std::unique_ptr<Work> start_all_gather(std::span<const float> mine, std::span<float> all) override;
  void barrier() override;
  std::unique_ptr<Communicator> split(int color, int key) override;
  bool meets_all(milliseconds patience) override;
  void abort(int exit_code) noexcept override { MPI_Abort(MPI_COMM_WORLD, exit_code); }

  /// Polls until done; throws `TimedOut` at the deadline.
  void wait(MPI_Request& request, const char* call);

 private:
  template <class T>
  void reduce(std::span<T> values, MPI_Datatype type, Reduction reduction);
  /// Polls until done; false when the deadline passes first.
  static bool is_done_by(MPI_Request& request, Clock::time_point deadline, const char* call);
  void collect_places();
  /// `2, 3 (n3)`: ranks that say nothing any more, with their hosts; empty if all speak. Once, after a time-out. A rank
  /// that waits in another communicator of the run answers too.
  std::string silent_ranks();

  /// `end_` and `roll_` are apart from `comm_`, so that the last meeting cannot be mistaken for a collective under way;
  /// `roll_` is one for all communicators of the run.
  MPI_Comm comm_, end_, roll_;
  int rank_ = 0, size_ = 1, ranks_of_run_ = 1;
  bool is_world_, met_ = false;
  std::vector<Place> places_;
  std::vector<MPI_Request> sent_, calls_;  ///< of the roll call; never completed for a rank that is gone
  std::vector<char> heard_;
};

/// One collective under way.
class MpiWork : public Work {
 public:
  MpiWork(MpiCommunicator& owner, const char* call) : owner_(owner), call_(call) {}
  bool is_done() override {
    int done = 0;
    if (!is_done_) check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), call_);
    return is_done_ = is_done_ || done != 0;
  }
  void wait() override {
    if (!is_done_) owner_.wait(request, call_);
    is_done_ = true;
  }

  MPI_Request request = MPI_REQUEST_NULL;
  Layout out, in;  ///< MPI reads them until the end

 private:
  MpiCommunicator& owner_;
  const char* call_;
  bool is_done_ = false;
};

MpiCommunicator::MpiCommunicator(MPI_Comm comm, milliseconds timeout, MPI_Comm roll)
    : comm_(comm),
      end_(duplicate(comm)),
      roll_(roll == MPI_COMM_NULL ? duplicate(comm) : roll),
      is_world_(roll == MPI_COMM_NULL) {
  set_timeout(timeout);
  check(MPI_Comm_rank(comm_, &rank_), "init");
  check(MPI_Comm_size(comm_, &size_), "init");
  check(MPI_Comm_size(roll_, &ranks_of_run_), "init");
  collect_places();
}

MpiCommunicator::~MpiCommunicator() {
  // Finalize waits for every rank: without the last meeting somebody may be missing.
  if (is_world_ && met_) MPI_Finalize();
}

void MpiCommunicator::collect_places() {
  places_.resize(static_cast<size_t>(size_));
  auto& mine = places_[static_cast<size_t>(rank_)];
  if (::gethostname(mine.host.data(), mine.host.size() - 1) != 0) std::strcpy(mine.host.data(), "unknown");
  check(MPI_Comm_rank(roll_, &mine.rank), "init");
  MPI_Request request{};
  check(MPI_Iallgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, places_.data(), sizeof(Place), MPI_BYTE, comm_, &request),
        "init");
  wait(request, "init");
}

bool MpiCommunicator::is_done_by(MPI_Request& request, Clock::time_point deadline, const char* call) {
  for (int64_t polls = 0;; ++polls) {
    int done = 0;
    check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), call);
    if (done != 0) return true;
    if (polls < kBusyPolls) {
      ::sched_yield();
      continue;
    }
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(kSleep);
  }
}

std::string MpiCommunicator::silent_ranks() {
  if (!calls_.empty()) return "";
  static char token = 0;
  heard_.resize(places_.size());
  calls_.resize(places_.size(), MPI_REQUEST_NULL);
  sent_.resize(static_cast<size_t>(ranks_of_run_), MPI_REQUEST_NULL);
  for (size_t r = 0; r < places_.size(); ++r)
    if (static_cast<int>(r) != rank_ &&
        MPI_Irecv(&heard_[r], 1, MPI_CHAR, places_[r].rank, 0, roll_, &calls_[r]) != MPI_SUCCESS)
      return "";
  for (int r = 0; r < ranks_of_run_; ++r)
    if (MPI_Isend(&token, 1, MPI_CHAR, r, 0, roll_, &sent_[static_cast<size_t>(r)]) != MPI_SUCCESS) return "";
  const auto deadline = Clock::now() + std::min(kRollCall, timeout());
  bool all_heard = false;
  while (!all_heard && Clock::now() < deadline) {
    all_heard = true;
    for (auto& call : calls_) {
      int is_heard = 0;  // MPI sets the request of a call that came to null
      if (MPI_Test(&call, &is_heard, MPI_STATUS_IGNORE) != MPI_SUCCESS) return "";
      all_heard = all_heard && is_heard != 0;
    }
    std::this_thread::sleep_for(kSleep);
  }
  std::string text;
  for (size_t r = 0; r < places_.size(); ++r)
    if (calls_[r] != MPI_REQUEST_NULL)
      text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", places_[r].rank, places_[r].host.data());
  return text;
}

void MpiCommunicator::wait(MPI_Request& request, const char* call) {
  if (is_done_by(request, Clock::now() + timeout(), call)) return;
  const std::string silent = silent_ranks();
  throw CommError(
      "TimedOut", fmt::format("comm.{}", call),
      {.what = silent.empty() ? fmt::format("not all of {} ranks came, though every one still answers", size_)
                              : fmt::format("no answer from rank {} of {}", silent, ranks_of_run_),
       .expected = fmt::format("an answer within run.collective_timeout_s = {:g}",
                               std::chrono::duration<double>(timeout()).count()),
       .hint = "another rank has died, hangs or is much slower: see the first error in the output"});
}

void MpiCommunicator::broadcast(std::span<std::byte> bytes) {
  for (size_t first = 0; first < bytes.size(); first += kLargestPart) {
    const auto part = bytes.subspan(first, std::min(kLargestPart, bytes.size() - first));
    MPI_Request request{};
    check(MPI_Ibcast(part.data(), static_cast<int>(part.size()), MPI_BYTE, 0, comm_, &request), "broadcast");
    wait(request, "broadcast");
  }
}

template <class T>
void MpiCommunicator::reduce(std::span<T> values, MPI_Datatype type, Reduction reduction) {
  const MPI_Op op = reduction == Reduction::Sum ? MPI_SUM : MPI_MAX;
  for (size_t first = 0; first < values.size(); first += kLargestPart) {
    const auto part = values.subspan(first, std::min(kLargestPart, values.size() - first));
    MPI_Request request{};
    check(MPI_Iallreduce(MPI_IN_PLACE, part.data(), static_cast<int>(part.size()), type, op, comm_, &request),
          "all_reduce");
    wait(request, "all_reduce");
  }
}

std::vector<std::string> MpiCommunicator::gather(std::string_view text) {
  const int mine = as_int(static_cast<int64_t>(text.size()), "gather");
  std::vector<int> lengths(static_cast<size_t>(size_));
  MPI_Request request{};
  check(MPI_Igather(&mine, 1, MPI_INT, lengths.data(), 1, MPI_INT, 0, comm_, &request), "gather");
  wait(request, "gather");
  const Layout layout = layout_of({lengths.begin(), lengths.end()}, "gather");
  std::string all(static_cast<size_t>(layout.total), '\0');
  check(MPI_Igatherv(text.data(), mine, MPI_CHAR, all.data(), layout.counts.data(), layout.offsets.data(), MPI_CHAR, 0,
                     comm_, &request),
        "gather");
  wait(request, "gather");
  std::vector<std::string> texts;
  if (rank_ != 0) return texts;
  for (size_t r = 0; r < lengths.size(); ++r)
    texts.push_back(all.substr(static_cast<size_t>(layout.offsets[r]), static_cast<size_t>(lengths[r])));
  return texts;
}

std::unique_ptr<Work> MpiCommunicator::start_all_to_all(std::span<const float> values, const std::vector<int64_t>& sent,
                                                        const std::vector<int64_t>& received, std::span<float> result) {
  constexpr const char* kCall = "all_to_all";
  auto work = std::make_unique<MpiWork>(*this, kCall);
  work->out = layout_of(sent, kCall);
  work->in = layout_of(received, kCall);
  PEAR_ASSERT(static_cast<int>(sent.size()) == size_ && static_cast<int>(received.size()) == size_);
  PEAR_ASSERT(work->out.total == static_cast<int64_t>(values.size()));
  PEAR_ASSERT(work->in.total == static_cast<int64_t>(result.size()));
  check(MPI_Ialltoallv(values.data(), work->out.counts.data(), work->out.offsets.data(), MPI_FLOAT, result.data(),
                       work->in.counts.data(), work->in.offsets.data(), MPI_FLOAT, comm_, &work->request),
        kCall);
  return work;
}

std::unique_ptr<Work> MpiCommunicator::start_all_gather(std::span<const float> mine, std::span<float> all) {
  constexpr const char* kCall = "all_gather";
  auto work = std::make_unique<MpiWork>(*this, kCall);
  const auto count = static_cast<int64_t>(mine.size());
  as_int(count * size_, kCall);
  PEAR_ASSERT(count * size_ == static_cast<int64_t>(all.size()));
  check(MPI_Iallgather(mine.data(), static_cast<int>(count), MPI_FLOAT, all.data(), static_cast<int>(count), MPI_FLOAT,
                       comm_, &work->request),
        kCall);
  return work;
}

void MpiCommunicator::barrier() {
  MPI_Request request{};
  check(MPI_Ibarrier(comm_, &request), "barrier");
  wait(request, "barrier");
}

std::unique_ptr<Communicator> MpiCommunicator::split(int color, int key) {
  barrier();  // has a deadline, which the split itself has not
  MPI_Comm part = MPI_COMM_NULL;
  check(MPI_Comm_split(comm_, color, key, &part), "split");
  check(MPI_Comm_set_errhandler(part, MPI_ERRORS_RETURN), "split");
  return std::make_unique<MpiCommunicator>(part, timeout(), roll_);
}

bool MpiCommunicator::meets_all(milliseconds patience) {
  try {
    MPI_Request request{};
    check(MPI_Ibarrier(end_, &request), "meets_all");
    met_ = is_done_by(request, Clock::now() + patience, "meets_all");
  } catch (const CommError&) {  // nobody to meet: the caller has an error to tell already
    met_ = false;
  }
  return met_;
}

void give_up_start(const Launch& launch, milliseconds timeout) {
  fmt::print(stderr,
             "{} [comm.init] MPI has not started within {} = {:g}. Hint: the ranks of {} that do not print this line "
             "have not come\n",
             rank_label(launch), kTimeoutVariable, std::chrono::duration<double>(timeout).count(), launch.size);
  std::fflush(stderr);
  std::_Exit(1);
}

}  // namespace

std::unique_ptr<Communicator> open_mpi_communicator(const Launch& launch, milliseconds timeout) {
  const StartGuard guard(timeout, [&] { give_up_start(launch, timeout); });
  int provided = 0, size = 0;
  check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "init");
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "init");
  check(MPI_Comm_size(MPI_COMM_WORLD, &size), "init");
  // srun without a matching --mpi starts n programs that each believe to be alone: they would write the same files.
  if (size != launch.size)
    throw CommError("WorldSizeMismatch", "distributed",
                    {.what = fmt::format("{} started {} processes", launch.launcher, launch.size),
                     .expected = fmt::format("an MPI world of {}", launch.size),
                     .found = std::to_string(size),
                     .hint = "start pear with the mpirun of the MPI it was built with, or with srun --mpi=pmix"});
  return std::make_unique<MpiCommunicator>(duplicate(MPI_COMM_WORLD), timeout, MPI_COMM_NULL);
}

}  // namespace pear::distributed

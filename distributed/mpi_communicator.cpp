#include <fmt/format.h>
#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <thread>

#include "base/error.h"
#include "distributed/mpi_backend.h"

namespace pear::distributed {
namespace {

using Clock = std::chrono::steady_clock;
/// Polls that only give up the processor before the first sleep: a short answer stays fast, a long wait costs nothing.
constexpr int kBusyPolls = 2000;
constexpr auto kSleep = std::chrono::microseconds(50);
/// Counts of MPI are ints; longer messages travel in parts.
constexpr size_t kLargestPart = size_t{1} << 30;

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

class MpiCommunicator : public Communicator {
 public:
  explicit MpiCommunicator(const Launch& launch);
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
  std::vector<float> all_to_all(std::span<const float> values, const std::vector<int64_t>& sent,
                                const std::vector<int64_t>& received) override;
  std::vector<float> all_gather(std::span<const float> mine) override;
  void barrier() override;
  bool meets_all(std::chrono::milliseconds patience) override;
  void abort(int exit_code) noexcept override;

 private:
  template <class T>
  void reduce(std::span<T> values, MPI_Datatype type, Reduction reduction);
  /// Polls until done; false when the deadline passes first.
  static bool is_done_by(MPI_Request& request, Clock::time_point deadline, const char* call);
  void wait(MPI_Request& request, const char* call) const;

  /// `end_` is apart from `world_`, so that the last meeting cannot be mistaken for a collective under way elsewhere.
  MPI_Comm world_ = MPI_COMM_NULL, end_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  bool met_ = false;
};

MpiCommunicator::MpiCommunicator(const Launch& launch) {
  int provided = 0;
  check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "init");
  check(MPI_Comm_dup(MPI_COMM_WORLD, &world_), "init");
  check(MPI_Comm_dup(MPI_COMM_WORLD, &end_), "init");
  for (MPI_Comm comm : {MPI_COMM_WORLD, world_, end_}) check(MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN), "init");
  check(MPI_Comm_rank(world_, &rank_), "init");
  check(MPI_Comm_size(world_, &size_), "init");
  if (size_ == launch.size) return;
  // srun without a matching --mpi starts n programs that each believe to be alone: they would write the same files.
  throw CommError("WorldSizeMismatch", "distributed",
                  {.what = fmt::format("{} started {} processes", launch.launcher, launch.size),
                   .expected = fmt::format("an MPI world of {}", launch.size),
                   .found = std::to_string(size_),
                   .hint = "start pear with the mpirun of the MPI it was built with, or with srun --mpi=pmix"});
}

MpiCommunicator::~MpiCommunicator() {
  // Finalize waits for every rank: without the last meeting somebody may be missing.
  if (met_) MPI_Finalize();
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

void MpiCommunicator::wait(MPI_Request& request, const char* call) const {
  if (is_done_by(request, Clock::now() + timeout(), call)) return;
  throw CommError("TimedOut", fmt::format("comm.{}", call),
                  {.what = fmt::format("not every one of the {} ranks answered", size_),
                   .expected = fmt::format("an answer within {} = {:g}", kTimeoutVariable,
                                           std::chrono::duration<double>(timeout()).count()),
                   .hint = "another rank has died, hangs or is much slower: see the first error in the output"});
}

void MpiCommunicator::broadcast(std::span<std::byte> bytes) {
  for (size_t first = 0; first < bytes.size(); first += kLargestPart) {
    const auto part = bytes.subspan(first, std::min(kLargestPart, bytes.size() - first));
    MPI_Request request{};
    check(MPI_Ibcast(part.data(), static_cast<int>(part.size()), MPI_BYTE, 0, world_, &request), "broadcast");
    wait(request, "broadcast");
  }
}

template <class T>
void MpiCommunicator::reduce(std::span<T> values, MPI_Datatype type, Reduction reduction) {
  const MPI_Op op = reduction == Reduction::Sum ? MPI_SUM : MPI_MAX;
  for (size_t first = 0; first < values.size(); first += kLargestPart) {
    const auto part = values.subspan(first, std::min(kLargestPart, values.size() - first));
    MPI_Request request{};
    check(MPI_Iallreduce(MPI_IN_PLACE, part.data(), static_cast<int>(part.size()), type, op, world_, &request),
          "all_reduce");
    wait(request, "all_reduce");
  }
}

std::vector<std::string> MpiCommunicator::gather(std::string_view text) {
  const int mine = as_int(static_cast<int64_t>(text.size()), "gather");
  std::vector<int> lengths(static_cast<size_t>(size_));
  MPI_Request request{};
  check(MPI_Igather(&mine, 1, MPI_INT, lengths.data(), 1, MPI_INT, 0, world_, &request), "gather");
  wait(request, "gather");
  const Layout layout = layout_of({lengths.begin(), lengths.end()}, "gather");
  std::string all(static_cast<size_t>(layout.total), '\0');
  check(MPI_Igatherv(text.data(), mine, MPI_CHAR, all.data(), layout.counts.data(), layout.offsets.data(), MPI_CHAR, 0,
                     world_, &request),
        "gather");
  wait(request, "gather");
  std::vector<std::string> texts;
  if (rank_ != 0) return texts;
  for (size_t r = 0; r < lengths.size(); ++r)
    texts.push_back(all.substr(static_cast<size_t>(layout.offsets[r]), static_cast<size_t>(lengths[r])));
  return texts;
}

std::vector<float> MpiCommunicator::all_to_all(std::span<const float> values, const std::vector<int64_t>& sent,
                                               const std::vector<int64_t>& received) {
  const Layout out = layout_of(sent, "all_to_all"), in = layout_of(received, "all_to_all");
  PEAR_ASSERT(static_cast<int>(sent.size()) == size_ && static_cast<int>(received.size()) == size_);
  PEAR_ASSERT(out.total == static_cast<int64_t>(values.size()));
  std::vector<float> result(static_cast<size_t>(in.total));
  MPI_Request request{};
  check(MPI_Ialltoallv(values.data(), out.counts.data(), out.offsets.data(), MPI_FLOAT, result.data(), in.counts.data(),
                       in.offsets.data(), MPI_FLOAT, world_, &request),
        "all_to_all");
  wait(request, "all_to_all");
  return result;
}

std::vector<float> MpiCommunicator::all_gather(std::span<const float> mine) {
  const auto count = static_cast<int64_t>(mine.size());
  as_int(count * size_, "all_gather");
  std::vector<float> all(mine.size() * static_cast<size_t>(size_));
  MPI_Request request{};
  check(MPI_Iallgather(mine.data(), static_cast<int>(count), MPI_FLOAT, all.data(), static_cast<int>(count), MPI_FLOAT,
                       world_, &request),
        "all_gather");
  wait(request, "all_gather");
  return all;
}

void MpiCommunicator::barrier() {
  MPI_Request request{};
  check(MPI_Ibarrier(world_, &request), "barrier");
  wait(request, "barrier");
}

bool MpiCommunicator::meets_all(std::chrono::milliseconds patience) {
  try {
    MPI_Request request{};
    check(MPI_Ibarrier(end_, &request), "meets_all");
    met_ = is_done_by(request, Clock::now() + patience, "meets_all");
  } catch (const CommError&) {  // nobody to meet: the caller has an error to tell already
    met_ = false;
  }
  return met_;
}

void MpiCommunicator::abort(int exit_code) noexcept { MPI_Abort(MPI_COMM_WORLD, exit_code); }

}  // namespace

std::unique_ptr<Communicator> open_mpi_communicator(const Launch& launch) {
  return std::make_unique<MpiCommunicator>(launch);
}

}  // namespace pear::distributed

#include <cuda_runtime_api.h>
#include <fmt/format.h>
#include <nccl.h>

#include <thread>
#include <utility>

#include "base/error.h"
#include "distributed/nccl_backend.h"

namespace pear::distributed {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kSleep = std::chrono::microseconds(50);
constexpr std::chrono::seconds kFarewell{5};

void check(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  throw DeviceError("CudaFailed", fmt::format("comm.{}", call),
                    {.what = "the CUDA library reports an error", .found = cudaGetErrorString(code)});
}

[[noreturn]] void throw_nccl(ncclResult_t code, ncclComm_t comm, const char* call) {
  const char* last = comm != nullptr ? ncclGetLastError(comm) : nullptr;
  throw CommError("NcclFailed", fmt::format("comm.{}", call),
                  {.what = "the NCCL library reports an error",
                   .found = fmt::format("{}{}{}", ncclGetErrorString(code), last != nullptr ? ": " : "",
                                        last != nullptr ? last : ""),
                   .hint = "NCCL_DEBUG=INFO tells more"});
}

/// Of this rank; empty if the GPU is there.
std::string gpu_problem(int device) {
  int count = 0;
  if (const cudaError_t code = cudaGetDeviceCount(&count); code != cudaSuccess || count == 0)
    return fmt::format("no GPU ({})", cudaGetErrorString(code == cudaSuccess ? cudaErrorNoDevice : code));
  if (device < 0 || device >= count) return fmt::format("no GPU {}: there are {}", device, count);
  return "";
}

class CudaEvent {
 public:
  CudaEvent() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "event"); }
  ~CudaEvent() { cudaEventDestroy(event_); }
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

class NcclCommunicator : public Communicator {
 public:
  NcclCommunicator(Communicator& control, int device);
  ~NcclCommunicator() override;
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  std::string backend() const override { return "nccl"; }
  int rank() const override { return control_.rank(); }
  int size() const override { return control_.size(); }
  Memory memory() const override { return Memory::Device; }
  void broadcast(std::span<std::byte> bytes) override { control_.broadcast(bytes); }
  void all_reduce(std::span<double> values, Reduction reduction) override { control_.all_reduce(values, reduction); }
  void all_reduce(std::span<int64_t> values, Reduction reduction) override { control_.all_reduce(values, reduction); }
  std::vector<std::string> gather(std::string_view text) override { return control_.gather(text); }
  std::unique_ptr<Work> start_all_to_all(std::span<const float> values, const std::vector<int64_t>& sent,
                                         const std::vector<int64_t>& received, std::span<float> result) override;
  std::unique_ptr<Work> start_all_gather(std::span<const float> mine, std::span<float> all) override;
  void barrier() override { control_.barrier(); }
  std::unique_ptr<Communicator> split(int color, int key) override;
  bool meets_all(std::chrono::milliseconds patience) override { return control_.meets_all(patience); }
  void abort(int exit_code) noexcept override { control_.abort(exit_code); }

  /// Errors of transfers under way appear here.
  void check_health(const char* call);
  [[noreturn]] void give_up(const char* call);

 private:
  void check_call(ncclResult_t code, const char* call);
  /// Calls of a non-blocking communicator return before they have done their part: waits for that, to the deadline.
  void settle(const char* call);
  /// The communication stream waits for what the default stream has been given so far.
  void follow_default_stream(const char* call);
  std::unique_ptr<Work> work_on_stream(const char* call);

  std::unique_ptr<Communicator> owned_control_;  ///< of a communicator made by `split`
  Communicator& control_;
  int device_;
  ncclComm_t comm_ = nullptr;
  cudaStream_t stream_ = nullptr;
};

/// Done when the stream has passed an event.
class NcclWork : public Work {
 public:
  NcclWork(NcclCommunicator& owner, const char* call, cudaStream_t stream) : owner_(owner), call_(call) {
    check(cudaEventRecord(event_.get(), stream), call_);
  }
  bool is_done() override {
    if (is_done_) return true;
    owner_.check_health(call_);
    const cudaError_t code = cudaEventQuery(event_.get());
    if (code != cudaErrorNotReady) check(code, call_);
    return is_done_ = code == cudaSuccess;
  }
  void wait() override {
    const auto deadline = Clock::now() + owner_.timeout();
    while (!is_done()) {
      if (Clock::now() > deadline) owner_.give_up(call_);
      std::this_thread::sleep_for(kSleep);
    }
  }

 private:
  NcclCommunicator& owner_;
  const char* call_;
  CudaEvent event_;
  bool is_done_ = false;
};

NcclCommunicator::NcclCommunicator(Communicator& control, int device) : control_(control), device_(device) {
  constexpr const char* kCall = "init";
  set_timeout(control.timeout());
  check(cudaSetDevice(device_), kCall);
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), kCall);
  ncclUniqueId id{};
  if (control_.is_leader()) check_call(ncclGetUniqueId(&id), kCall);
  control_.broadcast(std::as_writable_bytes(std::span(&id, 1)));
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  check_call(ncclCommInitRankConfig(&comm_, size(), id, rank(), &config), kCall);
  settle(kCall);
}

NcclCommunicator::~NcclCommunicator() {
  if (comm_ != nullptr) {
    ncclResult_t state = ncclCommFinalize(comm_);
    const auto deadline = Clock::now() + kFarewell;
    while (state == ncclInProgress && Clock::now() < deadline) {
      std::this_thread::sleep_for(kSleep);
      if (ncclCommGetAsyncError(comm_, &state) != ncclSuccess) break;
    }
    state == ncclSuccess ? ncclCommDestroy(comm_) : ncclCommAbort(comm_);
  }
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
}

void NcclCommunicator::check_call(ncclResult_t code, const char* call) {
  if (code != ncclSuccess && code != ncclInProgress) throw_nccl(code, comm_, call);
}

void NcclCommunicator::check_health(const char* call) {
  ncclResult_t state = ncclSuccess;
  check_call(ncclCommGetAsyncError(comm_, &state), call);
  check_call(state, call);
}

void NcclCommunicator::settle(const char* call) {
  const auto deadline = Clock::now() + timeout();
  ncclResult_t state = ncclInProgress;
  while (true) {
    check_call(ncclCommGetAsyncError(comm_, &state), call);
    check_call(state, call);
    if (state == ncclSuccess) return;
    if (Clock::now() > deadline) give_up(call);
    std::this_thread::sleep_for(kSleep);
  }
}

void NcclCommunicator::give_up(const char* call) {
  ncclCommAbort(std::exchange(comm_, nullptr));
  throw CommError("TimedOut", fmt::format("comm.{}", call),
                  {.what = fmt::format("not every one of the {} GPUs answered", size()),
                   .expected = fmt::format("an answer within run.collective_timeout_s = {:g}",
                                           std::chrono::duration<double>(timeout()).count()),
                   .hint = "another rank has died, hangs or is much slower: see the first error in the output"});
}

void NcclCommunicator::follow_default_stream(const char* call) {
  const CudaEvent ready;
  check(cudaEventRecord(ready.get(), nullptr), call);
  check(cudaStreamWaitEvent(stream_, ready.get(), 0), call);
}

std::unique_ptr<Work> NcclCommunicator::work_on_stream(const char* call) {
  settle(call);
  return std::make_unique<NcclWork>(*this, call, stream_);
}

std::unique_ptr<Work> NcclCommunicator::start_all_to_all(std::span<const float> values,
                                                         const std::vector<int64_t>& sent,
                                                         const std::vector<int64_t>& received,
                                                         std::span<float> result) {
  constexpr const char* kCall = "all_to_all";
  PEAR_ASSERT(static_cast<int>(sent.size()) == size() && static_cast<int>(received.size()) == size());
  follow_default_stream(kCall);
  check_call(ncclGroupStart(), kCall);
  const float* from = values.data();
  float* to = result.data();
  for (size_t r = 0; r < sent.size(); ++r) {
    const int peer = static_cast<int>(r);
    const auto out = static_cast<size_t>(sent[r]), in = static_cast<size_t>(received[r]);
    if (out > 0) check_call(ncclSend(from, out, ncclFloat, peer, comm_, stream_), kCall);
    if (in > 0) check_call(ncclRecv(to, in, ncclFloat, peer, comm_, stream_), kCall);
    from += out;
    to += in;
  }
  check_call(ncclGroupEnd(), kCall);
  return work_on_stream(kCall);
}

std::unique_ptr<Work> NcclCommunicator::start_all_gather(std::span<const float> mine, std::span<float> all) {
  constexpr const char* kCall = "all_gather";
  PEAR_ASSERT(mine.size() * static_cast<size_t>(size()) == all.size());
  follow_default_stream(kCall);
  check_call(ncclAllGather(mine.data(), all.data(), mine.size(), ncclFloat, comm_, stream_), kCall);
  return work_on_stream(kCall);
}

std::unique_ptr<Communicator> NcclCommunicator::split(int color, int key) {
  auto part = control_.split(color, key);
  auto result = std::make_unique<NcclCommunicator>(*part, device_);
  result->owned_control_ = std::move(part);
  return result;
}

}  // namespace

std::unique_ptr<Communicator> open_nccl_communicator(Communicator& control, int device) {
  // All ranks learn of a missing GPU before any of them waits for NCCL.
  const std::string problem = gpu_problem(device);
  int64_t is_missing = problem.empty() ? 0 : 1;
  control.all_reduce(std::span(&is_missing, 1), Reduction::Max);
  if (is_missing != 0)
    throw DeviceError("NoGpu", "comm.init",
                      {.what = "parallel.backend: nccl",
                       .expected = "a GPU for every rank",
                       .found = problem.empty() ? "another rank has none" : problem,
                       .hint = "start one rank per GPU, or set parallel.backend: mpi"});
  return std::make_unique<NcclCommunicator>(control, device);
}

std::string nccl_version() {
  int code = 0;
  if (ncclGetVersion(&code) != ncclSuccess) return "unknown";
  constexpr int kMajor = 10000, kMinor = 100;
  return fmt::format("{}.{}.{}", code / kMajor, code / kMinor % kMinor, code % kMinor);
}

}  // namespace pear::distributed

#include "distributed/communicator.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <set>

#include "base/error.h"
#include "distributed/mpi_backend.h"

namespace pear::distributed {
namespace {

constexpr size_t kLongestHostName = 256;
constexpr double kShortestTimeoutS = 0.1, kLongestTimeoutS = 1e6, kMillisecondsPerSecond = 1000;

std::string host_name() {
  std::array<char, kLongestHostName> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

std::optional<std::chrono::milliseconds> timeout_from_environment() {
  const char* text = std::getenv(kTimeoutVariable);
  if (text == nullptr) return std::nullopt;
  char* end = nullptr;
  const double seconds = std::strtod(text, &end);
  if (end != text && *end == '\0' && seconds >= kShortestTimeoutS && seconds <= kLongestTimeoutS)
    return std::chrono::milliseconds(static_cast<int64_t>(kMillisecondsPerSecond * seconds));
  throw CommError("BadTimeout", "distributed",
                  {.what = fmt::format("environment variable {}", kTimeoutVariable),
                   .expected = fmt::format("seconds from {} to {}", kShortestTimeoutS, kLongestTimeoutS),
                   .found = fmt::format("'{}'", text)});
}

/// One process: nothing travels.
class SingleCommunicator : public Communicator {
 public:
  std::string backend() const override { return "single"; }
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void broadcast(std::span<std::byte>) override {}
  void all_reduce(std::span<double>, Reduction) override {}
  void all_reduce(std::span<int64_t>, Reduction) override {}
  std::vector<std::string> gather(std::string_view text) override { return {std::string(text)}; }
  std::unique_ptr<Work> start_all_to_all(std::span<const float> values, const std::vector<int64_t>&,
                                         const std::vector<int64_t>&, std::span<float> result) override {
    return copy(values, result);
  }
  std::unique_ptr<Work> start_all_gather(std::span<const float> mine, std::span<float> all) override {
    return copy(mine, all);
  }
  void barrier() override {}
  std::unique_ptr<Communicator> split(int, int) override { return std::make_unique<SingleCommunicator>(); }
  bool meets_all(std::chrono::milliseconds) override { return true; }
  void abort(int) noexcept override {}

 private:
  class Done : public Work {
   public:
    bool is_done() override { return true; }
    void wait() override {}
  };
  static std::unique_ptr<Work> copy(std::span<const float> from, std::span<float> to) {
    PEAR_ASSERT(from.size() == to.size());
    std::copy(from.begin(), from.end(), to.begin());
    return std::make_unique<Done>();
  }
};

}  // namespace

std::vector<float> Communicator::all_to_all(std::span<const float> values, const std::vector<int64_t>& sent,
                                            const std::vector<int64_t>& received) {
  std::vector<float> result(static_cast<size_t>(std::accumulate(received.begin(), received.end(), int64_t{0})));
  start_all_to_all(values, sent, received, result)->wait();
  return result;
}

std::vector<float> Communicator::all_gather(std::span<const float> mine) {
  std::vector<float> all(mine.size() * static_cast<size_t>(size()));
  start_all_gather(mine, all)->wait();
  return all;
}

std::unique_ptr<Communicator> open_communicator(const Launch& launch) {
  if (launch.size == 1) return std::make_unique<SingleCommunicator>();
  return open_mpi_communicator(launch, timeout_from_environment().value_or(kDefaultTimeout));
}

std::string describe_world(Communicator& communicator, const Launch& launch) {
  const auto hosts = communicator.gather(host_name());
  if (!communicator.is_leader()) return "";
  const size_t count = std::set<std::string>(hosts.begin(), hosts.end()).size();
  return fmt::format("{} processes on {} host{} ({}), {}", communicator.size(), count, count == 1 ? "" : "s",
                     launch.launcher, mpi_version());
}

std::string rank_label(const Launch& launch) {
  return fmt::format("[rank {}/{} {}]", launch.rank, launch.size, host_name());
}

}  // namespace pear::distributed

#include "distributed/communicator.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
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
  std::vector<float> all_to_all(std::span<const float> values, const std::vector<int64_t>&,
                                const std::vector<int64_t>&) override {
    return {values.begin(), values.end()};
  }
  std::vector<float> all_gather(std::span<const float> mine) override { return {mine.begin(), mine.end()}; }
  void barrier() override {}
  bool meets_all(std::chrono::milliseconds) override { return true; }
  void abort(int) noexcept override {}
};

}  // namespace

std::unique_ptr<Communicator> open_communicator(const Launch& launch) {
  if (launch.size == 1) return std::make_unique<SingleCommunicator>();
  const auto timeout = timeout_from_environment();
  auto communicator = open_mpi_communicator(launch);
  if (timeout) communicator->set_timeout(*timeout);
  return communicator;
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

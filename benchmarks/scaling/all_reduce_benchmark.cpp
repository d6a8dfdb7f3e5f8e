// Sum of float32 vectors over the ranks: the exchange that training uses, the MPI library's own all-reduce, and what
// copying the same bytes in memory takes. Start with mpirun; prints one JSON object on rank 0.
#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "distributed/communicator.h"

namespace pear::benchmarks {
namespace {

using Clock = std::chrono::steady_clock;
using distributed::Communicator;
constexpr int kRepeats = 9;

/// The slowest rank's time of each repeat; the median of them.
double median_s(Communicator& c, const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i <= kRepeats; ++i) {
    c.barrier();
    const auto start = Clock::now();
    work();
    double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    c.all_reduce(std::span(&seconds, 1), distributed::Reduction::Max);
    if (i > 0) times.push_back(seconds);
  }
  std::nth_element(times.begin(), times.begin() + kRepeats / 2, times.end());
  return times[kRepeats / 2];
}

/// Shards to their owners, added in the order of the ranks, and back: the same bits whatever the library does.
void exchange(Communicator& c, std::vector<float>& values) {
  const auto ranks = static_cast<size_t>(c.size());
  const std::vector<int64_t> counts(ranks, static_cast<int64_t>(values.size() / ranks));
  std::vector<float> parts = c.all_to_all(values, counts, counts);
  const size_t shard = values.size() / ranks;
  for (size_t r = 1; r < ranks; ++r)
    for (size_t i = 0; i < shard; ++i) parts[i] += parts[r * shard + i];
  values = c.all_gather(std::span<const float>(parts).first(shard));
}

nlohmann::json measure(Communicator& c, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count), 1.0F), other(values.size());
  const auto bytes = static_cast<double>(count) * sizeof(float);
  const double ours = median_s(c, [&] { exchange(c, values); });
  const double library = median_s(c, [&] {
    MPI_Allreduce(values.data(), other.data(), static_cast<int>(count), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
  });
  const double copy = median_s(c, [&] { std::memcpy(other.data(), values.data(), values.size() * sizeof(float)); });
  // What a rank must send and receive for a sum of m bytes on n ranks.
  const double moved = 2.0 * (c.size() - 1) / c.size() * bytes;
  return {{"bytes", static_cast<int64_t>(bytes)},
          {"ours_s", ours},
          {"library_s", library},
          {"ours_gb_s", moved / ours / 1e9},
          {"library_gb_s", moved / library / 1e9},
          {"copy_gb_s", bytes / copy / 1e9}};
}

}  // namespace
}  // namespace pear::benchmarks

int main() {
  const auto launch = pear::distributed::detect_launch();
  const auto communicator = pear::distributed::open_communicator(launch);
  auto& c = *communicator;
  if (c.size() < 2) {
    fmt::print(stderr, "start with mpirun -np N, N > 1\n");
    return 2;
  }
  nlohmann::json rows = nlohmann::json::array();
  for (int64_t count = 1 << 10; count <= 1 << 24; count *= 8)
    rows.push_back(pear::benchmarks::measure(c, count / c.size() * c.size()));
  if (c.is_leader()) fmt::print("{}\n", nlohmann::json{{"ranks", c.size()}, {"results", rows}}.dump());
  c.meets_all(std::chrono::seconds(10));
  return 0;
}

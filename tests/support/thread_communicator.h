// Several ranks as threads of one process: the interface of distributed/communicator.h without any library.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "distributed/communicator.h"

namespace pear::testing {

/// Where the ranks meet: each call of a communicator leaves what every rank brings to it.
class ThreadWorld {
 public:
  struct Parcel {
    std::vector<std::byte> bytes;
    std::vector<int64_t> sent;
  };
  using Call = std::pair<int, int>;  ///< communicator, number of the call on it

  explicit ThreadWorld(int size) : size_(size) {}
  int size() const { return size_; }
  void leave(Call call, int rank, Parcel parcel) {
    const std::lock_guard lock(mutex_);
    calls_[call][rank] = std::move(parcel);
    changed_.notify_all();
  }
  bool is_complete(Call call) {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(calls_[call].size()) == size_;
  }
  /// Waits for all ranks; parcels in rank order.
  std::vector<Parcel> meet(Call call) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return static_cast<int>(calls_[call].size()) == size_; });
    std::vector<Parcel> parcels;
    for (const auto& [rank, parcel] : calls_[call]) parcels.push_back(parcel);
    return parcels;
  }

 private:
  int size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Call, std::map<int, Parcel>> calls_;
};

class ThreadCommunicator : public distributed::Communicator {
 public:
  ThreadCommunicator(ThreadWorld& world, int rank, int channel = 0) : world_(world), rank_(rank), channel_(channel) {}

  std::string backend() const override { return "threads"; }
  int rank() const override { return rank_; }
  int size() const override { return world_.size(); }
  void broadcast(std::span<std::byte> bytes) override {
    const auto parcels = world_.meet(leave({{bytes.begin(), bytes.end()}, {}}));
    std::copy(parcels[0].bytes.begin(), parcels[0].bytes.end(), bytes.begin());
  }
  void all_reduce(std::span<double> values, distributed::Reduction reduction) override { reduce(values, reduction); }
  void all_reduce(std::span<int64_t> values, distributed::Reduction reduction) override { reduce(values, reduction); }
  std::vector<std::string> gather(std::string_view text) override {
    const auto bytes = std::as_bytes(std::span(text));
    std::vector<std::string> texts;
    for (const auto& parcel : world_.meet(leave({{bytes.begin(), bytes.end()}, {}})))
      texts.emplace_back(reinterpret_cast<const char*>(parcel.bytes.data()), parcel.bytes.size());
    if (rank_ != 0) texts.clear();
    return texts;
  }
  std::unique_ptr<distributed::Work> start_all_to_all(std::span<const float> values, const std::vector<int64_t>& sent,
                                                      const std::vector<int64_t>&, std::span<float> result) override {
    const auto call = leave({copy(values), sent});
    return std::make_unique<Transfer>(world_, call, [this, result](const std::vector<ThreadWorld::Parcel>& parcels) {
      float* to = result.data();
      for (const auto& parcel : parcels) {
        const auto mine = static_cast<size_t>(rank_);
        const auto skipped = std::accumulate(parcel.sent.begin(), parcel.sent.begin() + rank_, int64_t{0});
        const auto count = static_cast<size_t>(parcel.sent[mine]);
        std::memcpy(to, parcel.bytes.data() + sizeof(float) * static_cast<size_t>(skipped), sizeof(float) * count);
        to += count;
      }
    });
  }
  std::unique_ptr<distributed::Work> start_all_gather(std::span<const float> mine, std::span<float> all) override {
    const auto call = leave({copy(mine), {}});
    return std::make_unique<Transfer>(world_, call, [all](const std::vector<ThreadWorld::Parcel>& parcels) {
      auto to = std::as_writable_bytes(all).begin();
      for (const auto& parcel : parcels) to = std::copy(parcel.bytes.begin(), parcel.bytes.end(), to);
    });
  }
  void barrier() override { world_.meet(leave({})); }
  /// Of one color and the same order only.
  std::unique_ptr<distributed::Communicator> split(int, int) override {
    constexpr int kMostSplits = 100;
    return std::make_unique<ThreadCommunicator>(world_, rank_, channel_ * kMostSplits + ++num_splits_);
  }
  bool meets_all(std::chrono::milliseconds) override { return true; }
  void abort(int) noexcept override {}

 private:
  class Transfer : public distributed::Work {
   public:
    using Deliver = std::function<void(const std::vector<ThreadWorld::Parcel>&)>;
    Transfer(ThreadWorld& world, ThreadWorld::Call call, Deliver deliver)
        : world_(world), call_(call), deliver_(std::move(deliver)) {}
    bool is_done() override {
      if (!is_done_ && world_.is_complete(call_)) wait();
      return is_done_;
    }
    void wait() override {
      if (!is_done_) deliver_(world_.meet(call_));
      is_done_ = true;
    }

   private:
    ThreadWorld& world_;
    ThreadWorld::Call call_;
    Deliver deliver_;
    bool is_done_ = false;
  };

  static std::vector<std::byte> copy(std::span<const float> values) {
    const auto bytes = std::as_bytes(values);
    return {bytes.begin(), bytes.end()};
  }
  ThreadWorld::Call leave(ThreadWorld::Parcel parcel) {
    const ThreadWorld::Call call{channel_, num_calls_++};
    world_.leave(call, rank_, std::move(parcel));
    return call;
  }
  template <class T>
  void reduce(std::span<T> values, distributed::Reduction reduction) {
    const auto bytes = std::as_bytes(values);
    const auto parcels = world_.meet(leave({{bytes.begin(), bytes.end()}, {}}));
    for (size_t i = 0; i < values.size(); ++i)
      for (size_t r = 0; r < parcels.size(); ++r) {
        T other{};
        std::memcpy(&other, parcels[r].bytes.data() + i * sizeof(T), sizeof(T));
        if (r == 0)
          values[i] = other;
        else
          values[i] = reduction == distributed::Reduction::Sum ? values[i] + other : std::max(values[i], other);
      }
  }

  ThreadWorld& world_;
  int rank_, channel_, num_calls_ = 0, num_splits_ = 0;
};

/// Runs `body(communicator)` as every rank.
inline void run_ranks(int size, const std::function<void(distributed::Communicator&)>& body) {
  ThreadWorld world(size);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      ThreadCommunicator communicator(world, rank);
      body(communicator);
    });
  for (auto& thread : threads) thread.join();
}

}  // namespace pear::testing

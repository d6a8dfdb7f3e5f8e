#include "forecast/train/loader.h"

#include <chrono>
#include <span>
#include <utility>

#include "base/error.h"

namespace pear::forecast {

Loader::Loader(const Dataset& dataset, SamplePlan samples, const Augmentation& augmentation, SlotPlan plan,
               int64_t first_step, int64_t last_step, int64_t prefetch)
    : dataset_(dataset),
      samples_(std::move(samples)),
      augmentation_(augmentation),
      plan_(plan),
      first_step_(first_step),
      num_batches_((last_step - first_step) * (plan.last_slot - plan.first_slot)),
      prefetch_(prefetch) {
  if (prefetch_ > 0) thread_ = std::thread([this] { run(); });
}

Loader::~Loader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Batch Loader::make(int64_t position) {
  const int64_t mine = plan_.last_slot - plan_.first_slot;
  const int64_t step = first_step_ + position / mine;
  const int64_t slot = plan_.first_slot + position % mine;
  const auto samples = samples_.samples_of(step);
  Batch batch = dataset_.load(
      std::span(samples).subspan(static_cast<size_t>(slot * plan_.batch), static_cast<size_t>(plan_.batch)),
      samples_.rollout_of(step));
  augmentation_.apply(batch, (step * plan_.slots + slot) * plan_.batch);
  return batch;
}

void Loader::run() {
  try {
    for (int64_t i = 0; i < num_batches_; ++i) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stop_ || static_cast<int64_t>(ready_.size()) < prefetch_; });
        if (stop_) return;
      }
      Batch batch = make(i);
      const std::lock_guard lock(mutex_);
      ready_.push_back(std::move(batch));
      changed_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    changed_.notify_all();
  }
}

Batch Loader::next() {
  PEAR_ASSERT(taken_ < num_batches_);
  const auto start = std::chrono::steady_clock::now();
  Batch batch;
  if (prefetch_ == 0) {
    batch = make(taken_);
  } else {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !ready_.empty() || failure_; });
    if (ready_.empty()) std::rethrow_exception(failure_);
    batch = std::move(ready_.front());
    ready_.pop_front();
    changed_.notify_all();
  }
  ++taken_;
  wait_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return batch;
}

}  // namespace pear::forecast

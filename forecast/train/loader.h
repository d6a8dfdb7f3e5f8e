// Micro-batches in step and slot order, read ahead by one thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "forecast/train/augment.h"
#include "forecast/train/dataset.h"
#include "forecast/train/sample_plan.h"
#include "forecast/train/slot_plan.h"

namespace pear::forecast {

/// The content is a function of (samples, step, slot), never of timing. `next` raises what the thread met.
class Loader {
 public:
  Loader(const Dataset& dataset, SamplePlan samples, const Augmentation& augmentation, SlotPlan plan,
         int64_t first_step, int64_t last_step, int64_t prefetch);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The micro-batch after the last one. Calls beyond the last step are a mistake (std::logic_error).
  Batch next();
  /// Seconds the caller has waited for data so far.
  double wait_seconds() const { return wait_seconds_; }

 private:
  Batch make(int64_t position);
  void run();

  const Dataset& dataset_;
  SamplePlan samples_;
  const Augmentation& augmentation_;
  SlotPlan plan_;
  int64_t first_step_, num_batches_, prefetch_, taken_ = 0;
  double wait_seconds_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> ready_;
  std::exception_ptr failure_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace pear::forecast

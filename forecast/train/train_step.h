// Loss and gradient of one step: the slots of this process, then the sum over the data axis.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "forecast/train/data_axis.h"
#include "forecast/train/loader.h"
#include "forecast/train/loss.h"
#include "forecast/train/session.h"
#include "forecast/train/slot_plan.h"

namespace pear::forecast {

struct StepResult {
  double loss = 0;                   ///< mean over the slots of the step
  std::vector<double> channel_loss;  ///< unweighted penalty by channel, mean over the slots
  double grad_norm = 0;              ///< before clipping
};

/// Fills `session.parameters->gradient()` with the clipped gradient of the mean loss over all slots (where ranks
/// own shards: only those of this rank). The loss of a
/// sample is that of its model steps weighted as train.rollout says, each step fed with the prediction before it.
/// Errors:  DataError `NonFinite` naming step, slot, samples and the first bad channel or parameter; weights, moments
///          and counters are untouched then.
class TrainStep {
 public:
  TrainStep(Session& session, DataAxis& axis, SlotPlan plan);
  StepResult run(Loader& loader);

 private:
  /// `before`: the earlier slots of this rank.
  SlotSum run_slot(const Batch& batch, int64_t slot, SlotTree& before);
  bool gives_gradients_once(int64_t num_steps) const;
  State predict(const State& state) const;
  void add_gradient(const torch::Tensor& loss) const;
  /// Normalised, on the device, this process' part of the cells.
  State prepared(const State& state) const;
  /// Slots of all parts, and the place of one of this part's among them.
  int64_t num_leaves() const { return plan_.slots * session_.domain.num_parts; }
  int64_t leaf_of(int64_t slot) const { return session_.domain.part * plan_.slots + slot; }
  void describe_problem(const Batch& batch, int64_t slot, const State& prediction);
  [[noreturn]] void throw_non_finite(double loss, double norm);

  Session& session_;
  DataAxis& axis_;
  SlotPlan plan_;
  Loss loss_;
  std::string problem_;  ///< of this process, in the present step
};

}  // namespace pear::forecast

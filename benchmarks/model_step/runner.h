// Seconds and memory of one network in this program.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "benchmarks/model_step/subject.h"
#include "forecast/train/flat_parameters.h"
#include "forecast/train/optimizer.h"

namespace pear::benchmarks {

/// CPU time is that of all threads, so it says something about one: for a machine that others use too.
enum class Clock { Wall, Cpu };

class Runner {
 public:
  explicit Runner(Subject subject);
  const Subject& subject() const { return subject_; }
  /// Of the first pass, in evaluation mode, in float32.
  const std::vector<torch::Tensor>& output() const { return output_; }

  /// Seconds of a forward pass and a training step (loss, backward, AdamW), and the memory that steps add.
  nlohmann::json run(int threads, bool half, int repeats, Clock clock);

 private:
  std::vector<torch::Tensor> predict(bool half);
  void step(bool half);

  Subject subject_;
  std::vector<torch::Tensor> output_;
  std::unique_ptr<forecast::FlatParameters> parameters_;
  std::unique_ptr<forecast::Optimizer> optimizer_;
  double first_resident_ = 0;
};

}  // namespace pear::benchmarks

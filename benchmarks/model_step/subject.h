// The networks that model_step measures, each with its input, its loss and what a peer has to know.
#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pear::benchmarks {

struct Subject {
  std::string setting;  ///< one line for people
  std::string peer;     ///< program in benchmarks/peers
  std::shared_ptr<torch::nn::Module> network;
  std::function<std::vector<torch::Tensor>(const std::vector<torch::Tensor>&)> forward;
  std::vector<torch::Tensor> input, target;
  std::vector<double> loss;         ///< weight of the mean absolute error of each output
  std::vector<int64_t> cell_shape;  ///< rows and columns in which the peer sees cells; empty: one axis, as here
  double forward_gflop = 0;         ///< all products of one forward pass
  nlohmann::json config;
  std::function<std::map<std::string, torch::Tensor>()> published_weights;
  std::map<std::string, torch::Tensor> windows;  ///< `fine.source`, …: shifts and labels that the peer does not derive
};

/// Names for --model.
const std::vector<std::string>& subject_names();

/// From configs/model/NAME.yaml and `overrides` (key=value), weights and batch 1 of input at random.
/// Errors: ConfigError `UnknownModel`, and what reading the file and making the network say.
Subject make_subject(const std::string& name, const std::vector<std::string>& overrides);

}  // namespace pear::benchmarks

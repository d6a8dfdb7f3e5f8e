// Tensors of a file into the parameters of a module.
#pragma once

#include <torch/types.h>

#include <map>
#include <string>

namespace pear::sphere {

using NamedTensors = std::map<std::string, torch::Tensor>;

/// What an error says about weights that do not fit.
struct WeightSource {
  std::string where;  ///< of the error, e.g. "sphere.attention"
  std::string name;   ///< file or other origin
  std::string hint;
};

/// Copies `tensors` into `targets`: views of parameters under the names and in the shapes of the file.
///
/// Shapes:  every tensor as its target; types are converted.
/// Errors:  DataError `WeightMismatch` listing every missing, surplus and misshapen tensor; then nothing is copied.
void copy_weights(const NamedTensors& targets, const NamedTensors& tensors, const WeightSource& source);

}  // namespace pear::sphere

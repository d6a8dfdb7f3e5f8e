// States of one forecast into one file, regridded on the way if asked for.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "forecast/rollout/plan.h"
#include "forecast/state/state.h"
#include "io/forecast_file.h"
#include "regrid/weights.h"

namespace pear::forecast {

/// Writes under a temporary name; the file appears with `commit()`. On another grid, wind pairs (io/vector_pairs.h) are
/// regridded as vectors, all else as scalars. Errors: as io::ForecastFileWriter.
class StateWriter {
 public:
  struct Target {
    std::filesystem::path file;
    Time init;
    std::vector<Duration> leads;
    std::map<std::string, std::string> units;  ///< by variable
    std::string provenance_json;
  };
  /// `export_weights` take the state to the grid of the file; null keeps the model's grid.
  StateWriter(const StateLayout& layout, const Target& target, std::shared_ptr<const regrid::Weights> export_weights);
  /// Shapes: state with a batch of 1, on any device.
  void write(size_t lead_index, const State& state);
  void commit();

 private:
  void write_group(size_t lead_index, size_t first_variable, const std::vector<std::string>& names,
                   const torch::Tensor& fields);
  void write_scalar(size_t lead_index, size_t variable, const torch::Tensor& field);
  void write_pair(size_t lead_index, std::pair<size_t, size_t> variables, const torch::Tensor& east,
                  const torch::Tensor& north);

  StateLayout layout_;
  std::shared_ptr<const regrid::Weights> export_weights_;
  std::unique_ptr<io::ForecastFileWriter> file_;
  std::vector<float> buffer_, second_buffer_;
};

}  // namespace pear::forecast

// States of one forecast into one file, regridded on the way if asked for.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "forecast/rollout/rollout.h"
#include "io/forecast_file.h"
#include "regrid/weights.h"

namespace pear::forecast {

/// Writes under a temporary name; the file appears with `commit()`.
/// Errors:  as io::ForecastFileWriter; ConfigError for an unknown export grid or method.
class StateWriter {
 public:
  StateWriter(const std::filesystem::path& file, const StateLayout& layout,
              const std::map<std::string, std::string>& units, Time init, const std::vector<Duration>& leads,
              const std::string& provenance_json, const RolloutRequest& request);
  /// Shapes: state with a batch of 1, on any device.
  void write(size_t lead_index, const State& state);
  void commit();

 private:
  void write_variable(size_t lead_index, size_t variable, const torch::Tensor& field);

  StateLayout layout_;
  std::shared_ptr<const regrid::Weights> weights_;  ///< null: the model's own grid
  std::unique_ptr<io::ForecastFileWriter> file_;
  std::vector<float> buffer_;
};

}  // namespace pear::forecast

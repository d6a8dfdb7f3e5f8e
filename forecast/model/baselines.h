// Forecasts without a network: nothing changes, or the mean state of that day.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "forecast/model/forecast_model.h"
#include "forecast/verify/climatology.h"

namespace pear::forecast {

/// The state stays as it is.
class PersistenceModel : public ForecastModel {
 public:
  PersistenceModel(StateLayout layout, Duration step) : layout_(std::move(layout)), step_(step) {}
  std::string name() const override { return "persistence"; }
  const StateLayout& layout() const override { return layout_; }
  Duration step_length() const override { return step_; }
  State step(const State& state, Time) override { return state; }

 private:
  StateLayout layout_;
  Duration step_;
};

/// The climatological mean valid at `valid_time + step`, whatever the state.
///
/// Shapes:  as the state given: batch size, type and device are taken from it.
/// Errors:  DataError `GridMismatch`, `MissingVariable`, `MissingLevel` (construction), `MissingTime` (step).
class ClimatologyModel : public ForecastModel {
 public:
  ClimatologyModel(StateLayout layout, Duration step, std::shared_ptr<const Climatology> climatology);
  std::string name() const override { return "climatology"; }
  const StateLayout& layout() const override { return layout_; }
  Duration step_length() const override { return step_; }
  State step(const State& state, Time valid_time) override;

 private:
  /// Where one variable of the state lies in the climatology.
  struct Source {
    size_t variable;
    std::vector<int64_t> levels;  ///< rows to take, in the order of the state
  };
  Source find(const std::string& name, bool is_upper) const;

  StateLayout layout_;
  Duration step_;
  std::shared_ptr<const Climatology> climatology_;
  std::vector<Source> sources_;  ///< surface, then upper
};

}  // namespace pear::forecast

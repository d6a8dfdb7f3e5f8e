// A model that changes nothing, on any layout.
#pragma once

#include <utility>

#include "forecast/model/forecast_model.h"

namespace pear::test {

class StillModel : public forecast::ForecastModel {
 public:
  explicit StillModel(forecast::StateLayout layout) : layout_(std::move(layout)) {}
  std::string name() const override { return "still"; }
  const forecast::StateLayout& layout() const override { return layout_; }
  Duration step_length() const override { return hours(6); }
  forecast::State step(const forecast::State& state, Time) override { return state; }

 private:
  forecast::StateLayout layout_;
};

}  // namespace pear::test

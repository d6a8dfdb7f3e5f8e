// The `forecast` section: from when, how far, how often, where to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/config/field.h"
#include "base/time.h"

namespace pear::forecast {

/// Section `forecast`.
struct ForecastConfig {
  TimeSelection init;
  Duration lead{0};
  std::optional<Duration> every;
  int64_t members = 1;
  bool write_initial = false;
  std::string output = "netcdf";
  std::string export_grid;
  std::string export_method = "conservative";
  Path checkpoint;
  std::string weights = "auto";
  Path initial_file;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("init", init, {.doc = "initial times, each in the store (default: data.test)"});
    visit("lead", lead, {.doc = "length of the forecasts"});
    visit("every", every, {.doc = "spacing of the output (default: the model's step)"});
    visit("members", members, {.doc = "ensemble members; deterministic models have 1"});
    visit("write_initial", write_initial, {.doc = "also write lead 0, the initial state"});
    visit("output", output, {.doc = "format of the forecast files", .choices = {"netcdf"}});
    visit("export_grid", export_grid,
          {.doc = "regrid the output, e.g. latlon:121x240+poles (default: the model's grid)"});
    visit("export_method", export_method,
          {.doc = "regridding of the output", .choices = {"conservative", "bilinear", "nearest"}});
    visit("checkpoint", checkpoint, {.doc = "run folder or checkpoint of the model (default: this run)"});
    visit("weights", weights, {.doc = "weights of the checkpoint", .choices = {"auto", "raw", "ema"}});
    visit("initial_file", initial_file,
          {.doc = "start from this GRIB or NetCDF file on the model's grid instead of the store"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::forecast

// Field files in, one NetCDF file on another grid out.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "regrid/regrid_config.h"
#include "sphere/grid/grid.h"

namespace pear::regrid {

struct RegridRequest {
  std::vector<std::filesystem::path> inputs;
  std::filesystem::path output;
  sphere::Grid target;
  RegridConfig config;
};

struct RegridReport {
  int64_t num_fields = 0;
  std::vector<std::string> source_grids;
  std::vector<std::string> problems;  ///< damaged parts that were skipped
  nlohmann::json json;                ///< per grid: links, row sums, balance; per field: global means, missing counts
};

/// Regrids every field of the inputs; wind pairs (u, v), (u10, v10), (u100, v100) as vectors.
///
/// Formats: whatever open_fields reads -> CF NetCDF.
/// Errors:  DataError `OutputExists` unless `config.overwrite`, `UnpairedVector` (conservative regrid of one wind
///          component), `NotGlobal`, and all of open_fields, make_weights, apply_weights, write_fields. The output is
///          there whole or not at all.
RegridReport regrid_files(const RegridRequest& request);

}  // namespace pear::regrid

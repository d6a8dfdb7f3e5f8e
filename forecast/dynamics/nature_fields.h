// States of the core as fields that io writes.
#pragma once

#include <vector>

#include "base/time.h"
#include "forecast/dynamics/core_assembly.h"
#include "io/field.h"

namespace pear::forecast {

/// The Gaussian grid of the core's transform.
sphere::Grid nature_grid(const CoreAssembly& assembly);

/// Numbers in one state of one member: 5 variables on the levels and 4 at the surface.
int64_t nature_state_values(const CoreAssembly& assembly, size_t num_levels);

struct NatureStatistics {
  double max_wind = 0;                  ///< m s-1, on the levels
  double precipitation_mm_per_day = 0;  ///< global mean; 0 without moisture
};

/// Appends z, t, u, v, q on levels and msl, u10, v10, t2m of every member to `fields[member]`.
NatureStatistics append_nature_fields(const CoreAssembly& assembly, const CoreState& core, Time valid,
                                      const std::vector<double>& levels_hpa,
                                      std::vector<std::vector<io::Field>>& fields);

/// zs and lsm, without a time.
std::vector<io::Field> nature_surface_fields(const CoreAssembly& assembly);

}  // namespace pear::forecast

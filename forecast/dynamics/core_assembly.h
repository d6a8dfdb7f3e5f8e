// A core with its physics, ground and levels, put together from a configuration.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "forecast/dynamics/core_config.h"
#include "forecast/dynamics/nature_physics.h"
#include "forecast/dynamics/pressure_levels.h"
#include "forecast/dynamics/spectral_core.h"

namespace pear::forecast {

/// `levels` and `core` belong together; members are never null but for `nature` (other physics).
struct CoreAssembly {
  std::shared_ptr<const SpectralCore> core;
  std::shared_ptr<const PressureLevels> levels;
  std::shared_ptr<const NaturePhysics> nature;
  Surface surface;
  bool moist = false;

  /// Everything that the numbers depend on, for the identity of outputs.
  nlohmann::json definition;
};

/// Errors: ConfigError and DataError of the parts (levels, orography files).
CoreAssembly assemble_core(const CoreConfig& config, const std::vector<double>& levels_hpa);

/// Rest with a warm equator and noise in the wind, over the surface of the core, mean surface pressure 985.5 hPa: the
/// start of a nature run. Members differ in the noise.
PrimitiveState nature_start(const CoreAssembly& assembly, int64_t num_members, uint64_t seed);

}  // namespace pear::forecast

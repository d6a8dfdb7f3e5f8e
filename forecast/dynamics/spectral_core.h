// The dynamical core: two time levels, one step forward. The entry point of this folder.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "forecast/dynamics/physics.h"
#include "forecast/dynamics/primitive_equations.h"
#include "forecast/dynamics/semi_implicit.h"

namespace pear::forecast {

struct SpectralCoreOptions {
  int64_t truncation = 31;
  int64_t num_rows = 0, num_columns = 0;  ///< 0: the quadratic Gaussian grid of the truncation
  double time_step = 0;                   ///< seconds; 0: default_time_step
  LeapfrogOptions leapfrog;
  bool fix_mass = false;  ///< pull the mean surface pressure back to that of the start
  GridPath path = GridPath::Automatic;
  torch::Dtype dtype = torch::kFloat32;
  torch::Device device = torch::kCPU;
};

/// The transform that the options ask for.
std::shared_ptr<const sphere::SphericalHarmonicTransform> make_transform(const SpectralCoreOptions& options);

/// Stable with 20 % to spare for jets up to about 100 m/s: 2700, 2160, 1440, 900 s at T21, T31, T42, T63; other
/// truncations: the largest divisor of 6 h not above that rule.
double default_time_step(int64_t truncation);

/// Everything that a restart needs to go on with the same bits.
struct CoreState {
  PrimitiveState previous, now;  ///< `previous` is undefined before the first step
  torch::Tensor physics;         ///< tendencies to be added in the next step; undefined before the first step
  torch::Tensor mass;            ///< mean surface pressure at the start, Pa: [B] float64
  double start_days = 0;         ///< time of the start, days since 2001-01-01
  int64_t step = 0;              ///< finished steps
};

/// Advances the primitive equations with any physics.
///
/// Physics is evaluated on the grid fields of a step and added in the next one: no transform of its own, and centred at
/// t - 1 of the leap, where damping is stable.
class SpectralCore {
 public:
  SpectralCore(const SpectralCoreOptions& options, std::shared_ptr<const sphere::SphericalHarmonicTransform> transform,
               SigmaCoordinate sigma, const Planet& planet, torch::Tensor surface_geopotential,
               std::shared_ptr<const Physics> physics);

  CoreState begin(const PrimitiveState& start, double days) const;
  /// One time step; the first one is half a step forward and one leap over it.
  /// Errors:  DataError `Unstable` naming step, field and layer that left its bounds (finite, wind below 300 m/s,
  ///          temperature 100…500 K).
  void step(CoreState& state) const;
  /// Steps for `seconds`. Errors: ConfigError `BadTimeStep` unless that is a multiple of the time step; as step.
  void run(CoreState& state, double seconds) const;
  /// Days since 2001-01-01 of `state.now`.
  double days(const CoreState& state) const;

  double time_step() const { return time_step_; }
  const PrimitiveEquations& equations() const { return *equations_; }
  const sphere::SphericalHarmonicTransform& transform() const { return *transform_; }
  const SpectralCoreOptions& options() const { return options_; }
  /// Mean surface pressure of every member, Pa: [B].
  torch::Tensor mean_surface_pressure(const GridFields& fields) const;

 private:
  /// The time level `tau` after `previous`, from the tendencies at `now`; renews state.physics.
  PrimitiveState advance(CoreState& state, const PrimitiveState& previous, const PrimitiveState& now, double tau) const;
  void check(const GridFields& fields, int64_t step) const;

  SpectralCoreOptions options_;
  double time_step_;
  std::shared_ptr<const sphere::SphericalHarmonicTransform> transform_;
  std::unique_ptr<PrimitiveEquations> equations_;
  std::unique_ptr<SemiImplicitLeapfrog> leapfrog_;
  std::shared_ptr<const Physics> physics_;
  torch::Tensor row_weights_;  ///< [2, H, 1] / L
};

}  // namespace pear::forecast

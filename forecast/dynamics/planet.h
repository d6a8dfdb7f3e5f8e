// Constants of the planet that the dynamical core runs on.
#pragma once

namespace pear::forecast {

/// Units: SI. Defaults: those the nature run was tuned with (the sphere of its data is io's, kEarthRadiusMetres; the
/// difference of 0.004 % is inside the core only).
struct Planet {
  double radius = 6.371e6;          ///< m
  double rotation = 7.292e-5;       ///< s-1
  double gravity = 9.80665;         ///< m s-2
  double gas_constant = 287.0;      ///< J kg-1 K-1, dry air
  double heat_capacity = 1004.5;    ///< J kg-1 K-1, dry air at constant pressure
  double vapour_constant = 461.5;   ///< J kg-1 K-1
  double latent_heat = 2.5e6;       ///< J kg-1, vaporisation
  double base_pressure = 1e5;       ///< Pa, p0 of pi = ln(ps / p0)
  double reference_temperature = 300;  ///< K, of the linear terms, the same at every level
  double kappa() const { return gas_constant / heat_capacity; }
  double virtual_factor() const { return vapour_constant / gas_constant - 1; }

  /// Source: Jablonowski and Williamson 2006 (Q. J. R. Meteorol. Soc. 132), appendix A.
  static Planet jablonowski_williamson() {
    Planet p;
    p.radius = 6.371229e6, p.rotation = 7.29212e-5, p.gravity = 9.80616;
    return p;
  }
};

}  // namespace pear::forecast

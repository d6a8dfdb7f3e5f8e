// Regions as cell weights: the named ones of the verification world and user's boxes.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "forecast/verify/score_config.h"
#include "sphere/grid/grid.h"

namespace pear::forecast {

struct Region {
  std::string name;
  std::vector<double> weights;  ///< [cells]: area weight inside, 0 outside; times land fraction for *_land
};

/// Names of the built-in regions, without `_land`.
std::vector<std::string> known_regions();

/// A cell belongs to a region by its centre; edges are inclusive.
///
/// Shapes:  weights, land_fraction [cells]; land_fraction may be empty.
/// Errors:  ConfigError `UnknownRegion` listing the known ones; `NoLandFraction` for *_land without one;
///          `EmptyRegion` if no cell has weight.
Region make_region(const std::string& name, const sphere::Grid& grid, std::span<const double> weights,
                   const std::map<std::string, BoxConfig>& boxes = {}, std::span<const float> land_fraction = {});

}  // namespace pear::forecast

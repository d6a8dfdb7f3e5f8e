// Fused loops over the grid, compiled for several instruction sets and chosen at run time.
#pragma once

#include "forecast/dynamics/grid_views.h"

namespace pear::forecast {

void form_products(const ProductsView<float>& view);
void form_products(const ProductsView<double>& view);

/// Drag and relaxation; a moist state's humidity is left alone.
void relax(const PhysicsView<float>& view);
void relax(const PhysicsView<double>& view);
/// Drag by land and sea, relaxation and, where the state is moist, the water cycle.
void relax_and_rain(const PhysicsView<float>& view, const WaterConstants<float>& constants);
void relax_and_rain(const PhysicsView<double>& view, const WaterConstants<double>& constants);

/// Whether |x| < bound for all values (false for one that is not a number).
bool all_below(const float* x, int64_t count, float bound);
bool all_below(const double* x, int64_t count, double bound);

}  // namespace pear::forecast

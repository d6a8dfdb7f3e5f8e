// Curves by lead time as SVG.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "forecast/verify/report_scores.h"

namespace pear::forecast {

/// How a model is drawn, the same in every figure of a page. Colours of Okabe and Ito 2008, told apart also by dashes
/// and markers.
struct CurveStyle {
  std::string_view colour, dash, marker;  ///< marker: circle, square, triangle, diamond or cross
};
CurveStyle style_of(const std::string& model, size_t position);

/// Round numbers that cover [low, high], at most about `wanted` steps; low < high after it.
struct Ticks {
  double first = 0, step = 1;
  int count = 2;
  double last() const { return first + step * (count - 1); }
  double at(int i) const { return first + step * i; }
  int decimals() const;
};
Ticks round_ticks(double low, double high, int wanted);

struct CurveFigure {
  std::string title, value_label;
  bool from_zero = false;    ///< errors: the axis starts at 0
  bool around_zero = false;  ///< bias: 0 is on the axis and drawn
  std::vector<Curve> curves;
  std::vector<CurveStyle> styles;  ///< of `curves`
};

/// One figure as an `svg` element with legend, axes, units and confidence bands; text is escaped.
std::string draw_curves(const CurveFigure& figure);

}  // namespace pear::forecast

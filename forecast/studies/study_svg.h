// Curves and filled sections as SVG files that any browser shows.
#pragma once

#include <string>
#include <vector>

namespace pear::forecast {

struct StudyCurve {
  std::string name;
  std::vector<double> x, y;  ///< NaN: a gap
};

struct StudyAxes {
  std::string title, x_label, y_label;
  bool log_y = false;
};

/// Lines with legend, axes and ticks. Errors: ShapeError `SizeMismatch` where x and y differ in length.
std::string draw_lines(const StudyAxes& axes, const std::vector<StudyCurve>& curves);

/// Field [y, x] as coloured classes over the edges of its cells.
struct StudySection {
  std::vector<double> x_edges, y_edges;  ///< one more than cells, ascending or descending; y from the top
  std::vector<double> values;            ///< [y, x]
  std::string unit;
  bool around_zero = false;  ///< blue - white - red about 0
};
/// Errors: ShapeError `SizeMismatch`.
std::string draw_section(const StudyAxes& axes, const StudySection& section);

}  // namespace pear::forecast

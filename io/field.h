// One horizontal field with everything that identifies it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/array.h"
#include "base/time.h"
#include "sphere/grid/grid.h"

namespace pear::io {

enum class LevelType { Surface, HeightAboveGround, MeanSea, Pressure, Other };

/// value: hPa for Pressure, metres for HeightAboveGround, else 0.
struct Level {
  LevelType type = LevelType::Surface;
  double value = 0;
  auto operator<=>(const Level&) const = default;
};
/// "500 hPa", "2 m", "surface", …
std::string to_string(const Level& level);

enum class ValueKind { Point, Mean };

/// Identity of a field without its values. All names and units are canonical (io/variables.h).
struct FieldInfo {
  std::string name;   ///< canonical name, e.g. "z", "t2m"; the file's own name if unknown to the table
  std::string units;  ///< canonical units after conversion, e.g. "m2 s-2"
  Level level;
  Time init_time;        ///< analysis / forecast reference time
  Time valid_time;       ///< init_time + step
  bool has_time = true;  ///< false for static fields without a time
  int member = 0;
  std::shared_ptr<const sphere::Grid> grid;
  ValueKind kind = ValueKind::Point;
  std::string source;  ///< file name + position in it, for messages

  Duration step() const { return valid_time - init_time; }
};

/// Shapes: values [grid->num_cells()], canonical order (north first, first longitude >= 0), NaN = missing.
struct Field : FieldInfo {
  Array<float> values;
};

}  // namespace pear::io

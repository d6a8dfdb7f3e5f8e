// The one table of variables: canonical names, units, spellings in files, plausible values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/field.h"

namespace pear::io {

/// Mean and standard deviation of real analyses, in canonical units.
struct PlausibleValues {
  double mean = 0, stddev = 0;
};

/// One row of configs/data/variables.yaml, which is compiled into the program.
struct VariableEntry {
  std::string name;  ///< canonical, e.g. "t2m"
  std::string long_name;
  std::string standard_name;   ///< CF
  std::string units;           ///< canonical
  Level level;                 ///< type Pressure for upper-air variables (value meaningless), else where it lives
  std::string short_name;      ///< GRIB shortName
  std::vector<int> param_ids;  ///< GRIB; the first is the one to write
  std::string wb2_name;        ///< WeatherBench 2 / ARCO long name
  std::vector<std::string> spellings;
  std::map<double, PlausibleValues> plausible;  ///< key: level in hPa, 0 for surface variables; may be empty
  bool is_upper() const { return level.type == LevelType::Pressure; }
};

/// All rows, in the order of the file.
const std::vector<VariableEntry>& variable_table();

/// Row of a canonical name; nullptr if unknown.
const VariableEntry* find_variable(std::string_view canonical_name);

/// Row for a name as a file spells it. `on_levels`: the variable has a pressure level (dimension or scalar); it tells
/// `z` on levels from the surface geopotential, which files also call `z`. nullptr if unknown.
const VariableEntry* find_spelling(std::string_view spelling, bool on_levels);

/// Row for a GRIB paramId on a level type; nullptr if unknown.
const VariableEntry* find_param(int param_id, LevelType level);

/// `z500`, `z_500`, `geopotential_500` -> row of z and 500 hPa; `t2m`, `u10m` -> row and its own level.
struct Channel {
  const VariableEntry* variable;
  Level level;
};
std::optional<Channel> find_channel(std::string_view channel);

}  // namespace pear::io

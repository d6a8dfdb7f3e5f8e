#include "io/netcdf_axes.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "base/error.h"
#include "base/units.h"
#include "io/netcdf_time.h"
#include "io/netcdf_unpack.h"

namespace pear::io {

namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

}  // namespace

Axis axis_of(const NetcdfFile& file, const std::string& name, const NetcdfVariable* v) {
  const auto text = [&](const char* a) { return v ? file.text_attribute(v->id, a).value_or("") : std::string(); };
  const std::string standard = text("standard_name"), units = text("units");
  if (standard == "latitude" || is_one_of(units, {"degrees_north", "degree_north", "degrees north"}) ||
      is_one_of(name, {"lat", "latitude"}))
    return Axis::Lat;
  if (standard == "longitude" || is_one_of(units, {"degrees_east", "degree_east", "degrees east"}) ||
      is_one_of(name, {"lon", "longitude"}))
    return Axis::Lon;
  if (standard == "forecast_reference_time" || name == "forecast_reference_time") return Axis::InitTime;
  if (standard == "forecast_period" ||
      is_one_of(name, {"step", "prediction_timedelta", "lead_time", "forecast_period"}))
    return Axis::Lead;
  if (standard == "time" || is_one_of(name, {"time", "valid_time"}) ||
      (v && v->shape.size() == 1 && is_time_units(units)))
    return Axis::Time;
  if (standard == "realization" || is_one_of(name, {"number", "realization", "member"})) return Axis::Member;
  if (name == "expver") return Axis::Expver;
  if (standard == "healpix_index" || is_one_of(name, {"cell", "cells", "ncells"})) return Axis::Cell;
  if (name == "face") return Axis::Face;
  if (standard == "air_pressure" || is_one_of(name, {"level", "lev", "plev", "pressure_level", "isobaricInhPa"}) ||
      (v && v->shape.size() == 1 && conversion(units, "Pa")))
    return Axis::Level;
  return Axis::Other;
}

std::vector<double> levels_hpa(const NetcdfFile& file, const NetcdfVariable& v) {
  std::vector<double> values = read_unpacked(file, v, packing_of(file, v));
  const std::string units = file.text_attribute(v.id, "units").value_or("");
  const auto refuse = [&](const std::string& found) {
    throw DataError("MissingLevel", "io.netcdf",
                    {.what = fmt::format("{}: coordinate {}", file.path().string(), v.name),
                     .expected = "pressure levels in hPa or Pa",
                     .found = found,
                     .hint = "interpolate model levels to pressure levels first"});
  };
  if (const auto to_hpa = conversion(units, "hPa")) {
    for (double& x : values) x = (*to_hpa)(x);
    return values;
  }
  if (!units.empty()) refuse("units '" + units + "'");
  bool is_counted = values.size() >= 2;
  for (size_t i = 0; i < values.size(); ++i) is_counted = is_counted && values[i] == static_cast<double>(i + 1);
  if (is_counted) refuse(fmt::format("the numbers 1 to {}, which are model levels", values.size()));
  if (!values.empty() && !(*std::max_element(values.begin(), values.end()) <= 1100.0))
    refuse("no units and values above 1100");
  return values;
}

}  // namespace pear::io

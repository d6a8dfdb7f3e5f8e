#include "io/netcdf_unpack.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pear::io {

namespace {

bool is_integer(nc_type type) { return type != NC_FLOAT && type != NC_DOUBLE; }

/// A fill value as the stored type sees it: a double attribute 1e36 matches float values.
double as_stored(double value, nc_type type) {
  return type == NC_FLOAT ? static_cast<double>(static_cast<float>(value)) : value;
}

double signed_to_unsigned(double x, nc_type type) {
  if (x >= 0) return x;
  return x + (type == NC_BYTE ? 256.0 : type == NC_SHORT ? 65536.0 : 4294967296.0);
}

/// NetCDF's own fill value means "never written" where no _FillValue says otherwise; bytes have none.
double default_fill(nc_type type) {
  switch (type) {
    case NC_SHORT:
      return NC_FILL_SHORT;
    case NC_INT:
      return NC_FILL_INT;
    case NC_FLOAT:
      return static_cast<double>(NC_FILL_FLOAT);
    case NC_DOUBLE:
      return NC_FILL_DOUBLE;
    case NC_USHORT:
      return NC_FILL_USHORT;
    case NC_UINT:
      return NC_FILL_UINT;
    case NC_INT64:
      return static_cast<double>(NC_FILL_INT64);
    case NC_UINT64:
      return static_cast<double>(NC_FILL_UINT64);
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

}  // namespace

Packing packing_of(const NetcdfFile& file, const NetcdfVariable& v) {
  Packing p;
  p.valid_min = -std::numeric_limits<double>::infinity();
  p.valid_max = std::numeric_limits<double>::infinity();
  const auto first = [&](const char* name) { return file.number_attribute(v.id, name); };
  if (const auto x = first("scale_factor"); !x.empty()) p.scale = x[0], p.is_packed = true;
  if (const auto x = first("add_offset"); !x.empty()) p.offset = x[0], p.is_packed = true;
  if (const auto text = file.text_attribute(v.id, "_Unsigned")) p.is_unsigned = *text == "true" && is_integer(v.type);
  for (const char* name : {"_FillValue", "missing_value"})
    for (double fill : first(name)) {
      if (std::isnan(fill)) continue;  // floats: NaN is missing by itself; integers: it means nothing
      fill = as_stored(fill, v.type);
      p.fills.push_back(p.is_unsigned ? signed_to_unsigned(fill, v.type) : fill);
    }
  if (!file.has_attribute(v.id, "_FillValue"))
    if (const double fill = default_fill(v.type); !std::isnan(fill))
      p.fills.push_back(p.is_unsigned ? signed_to_unsigned(fill, v.type) : fill);
  // A range in another type than the stored numbers is about unpacked values (NetCDF conventions): not used then.
  const auto fits = [&](const char* name) {
    return file.has_attribute(v.id, name) && (!p.is_packed || file.attribute_type(v.id, name) == v.type);
  };
  const auto bound = [&](double x) { return p.is_unsigned ? signed_to_unsigned(x, v.type) : as_stored(x, v.type); };
  if (fits("valid_range")) {
    if (const auto range = first("valid_range"); range.size() == 2)
      p.valid_min = bound(range[0]), p.valid_max = bound(range[1]);
  } else {
    if (fits("valid_min"))
      if (const auto x = first("valid_min"); !x.empty()) p.valid_min = bound(x[0]);
    if (fits("valid_max"))
      if (const auto x = first("valid_max"); !x.empty()) p.valid_max = bound(x[0]);
  }
  return p;
}

std::vector<double> read_unpacked(const NetcdfFile& file, const NetcdfVariable& v, const Packing& p,
                                  const std::vector<size_t>& start, const std::vector<size_t>& count) {
  std::vector<double> values = file.read_doubles(v, start, count);
  for (double& x : values) {
    if (p.is_unsigned) x = signed_to_unsigned(x, v.type);
    if (std::find(p.fills.begin(), p.fills.end(), x) != p.fills.end() || x < p.valid_min || x > p.valid_max)
      x = std::numeric_limits<double>::quiet_NaN();
    else if (p.is_packed)
      x = x * p.scale + p.offset;
  }
  return values;
}

}  // namespace pear::io

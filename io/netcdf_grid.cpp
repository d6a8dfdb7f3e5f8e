#include "io/netcdf_grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "io/netcdf_unpack.h"

namespace pear::io {

namespace {

[[noreturn]] void unsupported(const NetcdfFile& file, const NetcdfVariable& v, const std::string& expected,
                              const std::string& found) {
  throw DataError(
      "UnsupportedGrid", "io.netcdf",
      {.what = fmt::format("{}, variable {}", file.path().string(), v.name), .expected = expected, .found = found});
}

std::optional<size_t> position(const std::vector<Axis>& axes, Axis axis) {
  const auto it = std::find(axes.begin(), axes.end(), axis);
  if (it == axes.end()) return std::nullopt;
  return static_cast<size_t>(it - axes.begin());
}

/// Coordinate values of a dimension; empty without a coordinate variable.
std::vector<double> coordinate(const NetcdfFile& file, int dim_id) {
  const auto v = file.find_variable(file.dimension(dim_id).name);
  if (!v || v->shape.size() != 1) return {};
  return read_unpacked(file, *v, packing_of(file, *v));
}

/// The variable that describes the HEALPix mapping: named by `grid_mapping`, else any that carries its attributes.
std::optional<NetcdfVariable> mapping_of(const NetcdfFile& file, const NetcdfVariable& v) {
  if (const auto name = file.text_attribute(v.id, "grid_mapping"))
    if (const auto mapping = file.find_variable(*name)) return mapping;
  for (const auto& candidate : file.variables())
    if (file.has_attribute(candidate.id, "healpix_nside") ||
        file.text_attribute(candidate.id, "grid_mapping_name").value_or("") == "healpix")
      return candidate;
  return std::nullopt;
}

sphere::HealpixGrid healpix_of(const NetcdfFile& file, const NetcdfVariable& v, const NetcdfVariable& mapping) {
  sphere::HealpixGrid g;
  std::string order;
  if (const auto level = file.number_attribute(mapping.id, "refinement_level"); !level.empty()) {
    if (!(level[0] >= 0 && level[0] <= 29))
      unsupported(file, v, "refinement_level 0 to 29", fmt::format("{}", level[0]));
    g.nside = int64_t{1} << static_cast<int>(level[0]);
    order = file.text_attribute(mapping.id, "indexing_scheme").value_or("");
  } else if (const auto nside = file.number_attribute(mapping.id, "healpix_nside"); !nside.empty()) {
    if (!(nside[0] >= 1 && nside[0] <= 1 << 29))
      unsupported(file, v, "healpix_nside 1 to 2^29", fmt::format("{}", nside[0]));
    g.nside = static_cast<int64_t>(nside[0]);
    order = file.text_attribute(mapping.id, "healpix_order").value_or("");
  } else {
    unsupported(file, v, "refinement_level or healpix_nside", "neither");
  }
  if (order == "nested" || order == "nest")
    g.order = sphere::PixelOrder::Nested;
  else if (order == "ring")
    g.order = sphere::PixelOrder::Ring;
  else
    unsupported(file, v, "HEALPix order nested or ring", "'" + order + "'");
  return g;
}

std::optional<NetcdfGrid> healpix_cells(const NetcdfFile& file, const NetcdfVariable& v) {
  const auto mapping = mapping_of(file, v);
  if (!mapping || v.shape.empty()) return std::nullopt;
  if (file.text_attribute(v.id, "grid_mapping").value_or(mapping->name) != mapping->name) return std::nullopt;
  if (file.text_attribute(mapping->id, "grid_mapping_name").value_or("healpix") != "healpix") return std::nullopt;
  const sphere::HealpixGrid g = healpix_of(file, v, *mapping);
  const auto cells = static_cast<size_t>(12 * g.nside * g.nside);
  const auto it = std::find(v.shape.rbegin(), v.shape.rend(), cells);
  if (it == v.shape.rend()) {
    if (!file.has_attribute(v.id, "grid_mapping")) return std::nullopt;  // a coordinate
    unsupported(file, v, fmt::format("a dimension of {} cells (nside {})", cells, g.nside), "none");
  }
  const auto dim = static_cast<size_t>(v.shape.rend() - it - 1);
  const auto index = coordinate(file, v.dim_ids[dim]);
  if (v.shape.size() == 1 && v.name == file.dimension(v.dim_ids[dim]).name) return std::nullopt;
  for (size_t i = 0; i < index.size(); ++i)
    if (index[i] != static_cast<double>(i))
      unsupported(file, v, "every cell in order", fmt::format("cell {} at {}", index[i], i));
  return NetcdfGrid{std::make_shared<const sphere::Grid>(g), {dim}, std::nullopt};
}

std::optional<NetcdfGrid> healpix_faces(const NetcdfFile& file, const NetcdfVariable& v, size_t face) {
  if (v.shape[face] != 12 || face + 2 >= v.shape.size() || v.shape[face + 1] != v.shape[face + 2]) return std::nullopt;
  const auto nside = static_cast<int64_t>(v.shape[face + 1]);
  const std::string order = file.text_attribute(v.id, "pixel_order")
                                .value_or(file.text_attribute(NC_GLOBAL, "pixel_order").value_or("xy-north"));
  if (order != "xy-north" && order != "xy-south") unsupported(file, v, "pixel_order xy-north or xy-south", order);
  const sphere::HealpixGrid g{nside, order == "xy-north" ? sphere::PixelOrder::XyNorth : sphere::PixelOrder::XySouth};
  return NetcdfGrid{std::make_shared<const sphere::Grid>(g), {face, face + 1, face + 2}, std::nullopt};
}

}  // namespace

std::optional<NetcdfGrid> netcdf_grid(const NetcdfFile& file, const NetcdfVariable& v, const std::vector<Axis>& axes) {
  const auto lat = position(axes, Axis::Lat), lon = position(axes, Axis::Lon);
  if (lat && lon) {
    const auto lat_deg = coordinate(file, v.dim_ids[*lat]), lon_deg = coordinate(file, v.dim_ids[*lon]);
    if (lat_deg.empty() || lon_deg.empty()) unsupported(file, v, "coordinate values of latitude and longitude", "none");
    NetcdfGrid g;
    g.latlon = canonical_latlon(lat_deg, lon_deg, fmt::format("{}, variable {}", file.path().string(), v.name));
    g.grid = std::make_shared<const sphere::Grid>(g.latlon->grid);
    g.dims = {*lat, *lon};
    g.row_stride = *lat < *lon ? static_cast<int64_t>(lon_deg.size()) : 1;
    g.col_stride = *lat < *lon ? 1 : static_cast<int64_t>(lat_deg.size());
    return g;
  }
  if (const auto face = position(axes, Axis::Face)) return healpix_faces(file, v, *face);
  return healpix_cells(file, v);
}

}  // namespace pear::io

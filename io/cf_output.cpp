#include "io/cf_output.h"

#include <fmt/format.h>

#include <bit>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/constants.h"
#include "base/error.h"
#include "io/variables.h"

namespace pear::io {
namespace {

using sphere::Grid;

[[noreturn]] void unsupported(const Grid& grid, const std::string& why, const std::string& hint) {
  throw ConfigError("UnsupportedGrid", "io.netcdf",
                    {.what = "CF NetCDF cannot hold the grid " + grid.spec(),
                     .expected = "HEALPix nested or ring with nside a power of two, or rows x columns",
                     .found = why,
                     .hint = hint});
}

CfGrid put_healpix(NetcdfFile& file, const Grid& grid) {
  const auto& hp = grid.healpix();
  const auto cells = static_cast<size_t>(grid.num_cells());
  CfGrid cf{.dims = {file.define_dimension("cell", cells)}, .shape = {cells}, .mapping = "healpix"};
  const int mapping = file.define_variable(cf.mapping, NC_INT, {});
  file.put_attribute(mapping, "grid_mapping_name", std::string("healpix"));
  file.put_attribute(mapping, "indexing_scheme", std::string(hp.order == sphere::PixelOrder::Ring ? "ring" : "nested"));
  file.put_attribute(mapping, "refinement_level", std::countr_zero(static_cast<uint64_t>(hp.nside)));
  file.put_attribute(mapping, "earth_radius", kEarthRadiusMetres);
  const int cell = file.define_variable("cell", NC_INT64, cf.dims);
  file.put_attribute(cell, "standard_name", std::string("healpix_index"));
  file.put_attribute(cell, "units", std::string("1"));
  file.define_chunking(cell, {cells});
  file.define_deflate(cell, true, 1);  // consecutive numbers: 8 bytes a cell become almost nothing
  std::vector<int64_t> index(cells);
  std::iota(index.begin(), index.end(), int64_t{0});
  file.write(cell, {0}, {cells}, std::span<const int64_t>(index));
  return cf;
}

void put_axis(NetcdfFile& file, int dim, const std::string& name, const std::string& units,
              const std::vector<double>& values) {
  const int id = file.define_variable(name, NC_DOUBLE, {dim});
  file.put_attribute(id, "standard_name", name);
  file.put_attribute(id, "units", units);
  file.put_attribute(id, "axis", std::string(name == "latitude" ? "Y" : "X"));
  file.write(id, {0}, {values.size()}, std::span<const double>(values));
}

CfGrid put_latlon(NetcdfFile& file, const Grid& grid) {
  const auto& g = grid.latlon();
  const int lat = file.define_dimension("latitude", g.lat_deg.size());
  const int lon = file.define_dimension("longitude", g.lon_deg.size());
  CfGrid cf{.dims = {lat, lon}, .shape = {g.lat_deg.size(), g.lon_deg.size()}, .mapping = "crs"};
  const int mapping = file.define_variable(cf.mapping, NC_INT, {});
  file.put_attribute(mapping, "grid_mapping_name", std::string("latitude_longitude"));
  file.put_attribute(mapping, "earth_radius", kEarthRadiusMetres);
  put_axis(file, lat, "latitude", "degrees_north", g.lat_deg);
  put_axis(file, lon, "longitude", "degrees_east", g.lon_deg);
  return cf;
}

[[noreturn]] void contradiction(const NetcdfFile& file, const std::string& expected, const std::string& found) {
  throw DataError("GridMismatch", "io.netcdf",
                  {.what = file.path().string() + ": grid", .expected = expected, .found = found});
}

Grid get_healpix(const NetcdfFile& file, const NetcdfVariable& mapping) {
  const auto level = file.number_attribute(mapping.id, "refinement_level");
  const auto scheme = file.text_attribute(mapping.id, "indexing_scheme").value_or("");
  if (level.size() != 1 || !(level[0] >= 0 && level[0] <= 29) || (scheme != "nested" && scheme != "ring"))
    contradiction(file, "refinement_level 0..29 and indexing_scheme nested or ring", "other attributes");
  const auto order = scheme == "ring" ? sphere::PixelOrder::Ring : sphere::PixelOrder::Nested;
  const Grid grid(sphere::HealpixGrid{.nside = int64_t{1} << static_cast<int>(level[0]), .order = order});
  const auto cell = file.find_variable("cell");
  if (!cell || cell->size() != static_cast<size_t>(grid.num_cells()))
    contradiction(file, fmt::format("{} cells for refinement_level {}", grid.num_cells(), level[0]),
                  cell ? fmt::format("{} cells", cell->size()) : "no variable cell");
  return grid;
}

Grid get_latlon(const NetcdfFile& file) {
  const auto lat = file.find_variable("latitude");
  const auto lon = file.find_variable("longitude");
  if (!lat || !lon || lat->shape.size() != 1 || lon->shape.size() != 1)
    contradiction(file, "a healpix grid mapping, or latitude(latitude) and longitude(longitude)", "neither");
  auto lat_deg = file.read_doubles(*lat);
  auto lon_deg = file.read_doubles(*lon);
  const std::string spec = file.text_attribute(NC_GLOBAL, "pear_grid").value_or("");
  if (spec.find("+area") != std::string::npos)
    return Grid(sphere::LatLonGrid{
        .rows = sphere::RowKind::Regional, .lat_deg = std::move(lat_deg), .lon_deg = std::move(lon_deg)});
  return Grid::from_coordinates(lat_deg, lon_deg);
}

std::string standard_name_of(const std::string& name) {
  const VariableEntry* entry = find_variable(name);
  return entry != nullptr ? entry->standard_name : "";
}

/// One line "time command" of the run that made the file.
std::string history_line(const std::string& provenance_json) {
  const auto j = nlohmann::json::parse(provenance_json, nullptr, false);
  const auto text = [&](const char* key) {
    return j.is_object() && j.contains(key) && j[key].is_string() ? j[key].get<std::string>() : std::string();
  };
  std::string line = text("started");
  if (!line.empty()) line += " ";
  const std::string command = text("command");
  return line + (command.empty() ? "pear" : command);
}

}  // namespace

void check_cf_grid(const Grid& grid) {
  if (grid.is_healpix()) {
    const auto& hp = grid.healpix();
    if (hp.order != sphere::PixelOrder::Nested && hp.order != sphere::PixelOrder::Ring)
      unsupported(grid, "face-major order", fmt::format("use healpix:{}", hp.nside));
    if (hp.nside < 1 || !std::has_single_bit(static_cast<uint64_t>(hp.nside)))
      unsupported(grid, fmt::format("nside {}", hp.nside), "refinement_level is the logarithm of nside to base 2");
  } else if (!grid.is_latlon()) {
    unsupported(grid, "a reduced Gaussian grid", "regrid to gaussian:F.. or healpix");
  }
}

CfGrid put_cf_grid(NetcdfFile& file, const Grid& grid) {
  check_cf_grid(grid);
  file.put_attribute(NC_GLOBAL, "pear_grid", grid.spec());
  return grid.is_healpix() ? put_healpix(file, grid) : put_latlon(file, grid);
}

Grid get_cf_grid(const NetcdfFile& file) {
  const auto mapping = file.find_variable("healpix");
  return mapping ? get_healpix(file, *mapping) : get_latlon(file);
}

int CfLevels::dimension(const std::vector<double>& levels_hpa) {
  for (const auto& [levels, dim] : known_)
    if (levels == levels_hpa) return dim;
  const std::string name = known_.empty() ? "level" : fmt::format("level_{}", known_.size() + 1);
  const int dim = file_->define_dimension(name, levels_hpa.size());
  const int id = file_->define_variable(name, NC_DOUBLE, {dim});
  file_->put_attribute(id, "standard_name", std::string("air_pressure"));
  file_->put_attribute(id, "units", std::string("hPa"));
  file_->put_attribute(id, "positive", std::string("down"));
  file_->put_attribute(id, "axis", std::string("Z"));
  file_->write(id, {0}, {levels_hpa.size()}, std::span<const double>(levels_hpa));
  known_.emplace_back(levels_hpa, dim);
  return dim;
}

int define_time_variable(NetcdfFile& file, const std::string& name, const std::string& standard_name,
                         const std::vector<int>& dims) {
  const int id = file.define_variable(name, NC_INT64, dims);
  file.put_attribute(id, "standard_name", standard_name);
  file.put_attribute(id, "units", std::string("seconds since 1970-01-01 00:00:00"));
  file.put_attribute(id, "calendar", std::string("proleptic_gregorian"));
  if (name == "time") file.put_attribute(id, "axis", std::string("T"));
  return id;
}

int define_data_variable(NetcdfFile& file, const std::string& name, const std::string& units,
                         const std::vector<int>& dims, const CfGrid& grid, const std::string& cell_methods) {
  const int id = file.define_variable(name, NC_FLOAT, dims);
  file.put_attribute(id, "_FillValue", std::numeric_limits<float>::quiet_NaN());
  file.put_attribute(id, "units", units);
  const std::string standard = standard_name_of(name);
  if (!standard.empty()) file.put_attribute(id, "standard_name", standard);
  file.put_attribute(id, "grid_mapping", grid.mapping);
  if (!cell_methods.empty()) file.put_attribute(id, "cell_methods", cell_methods);
  return id;
}

void put_global_attributes(NetcdfFile& file, const std::string& title, const std::string& provenance_json) {
  file.put_attribute(NC_GLOBAL, "Conventions", std::string("CF-1.13"));
  file.put_attribute(NC_GLOBAL, "title", title);
  file.put_attribute(NC_GLOBAL, "history", history_line(provenance_json));
  file.put_attribute(NC_GLOBAL, "pear_provenance", provenance_json);
}

}  // namespace pear::io

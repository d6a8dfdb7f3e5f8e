#include "benchmarks/regrid/peer.h"

#include <netcdf.h>

#include <chrono>
#include <fstream>
#include <stdexcept>

#include "base/constants.h"
#include "base/error.h"
#include "base/process.h"
#include "sphere/grid/healpix.h"

namespace pear::benchmarks {
namespace {

void check(int status) {
  if (status != NC_NOERR) throw std::runtime_error(nc_strerror(status));
}

void put_axis(int file, const char* name, int dims, const int* dim, const std::vector<double>& values) {
  int id = 0;
  check(nc_redef(file));
  check(nc_def_var(file, name, NC_DOUBLE, dims, dim, &id));
  check(nc_put_att_text(file, id, "units", 7, "radians"));
  check(nc_enddef(file));
  check(nc_put_var_double(file, id, values.data()));
}

}  // namespace

std::optional<double> run_cdo(const std::filesystem::path& folder, const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"cdo"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const auto start = std::chrono::steady_clock::now();
  try {
    const ProcessResult result = run_process(words, std::chrono::hours(1));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::ofstream(folder / "cdo.log") << result.output << result.error;
    if (result.exit_code != 0) return std::nullopt;
    return seconds;
  } catch (const DataError&) {
    return std::nullopt;
  }
}

std::optional<std::string> cdo_version(const std::filesystem::path& folder) {
  if (!run_cdo(folder, {"--version"})) return std::nullopt;
  std::ifstream log(folder / "cdo.log");
  std::string line;
  std::getline(log, line);
  return line.substr(0, line.find(" ("));
}

void write_latlon_description(const std::filesystem::path& path) {
  std::ofstream(path) << "gridtype = lonlat\nxsize = 1440\nysize = 721\nxfirst = 0\nxinc = 0.25\nyfirst = 90\n"
                         "yinc = -0.25\n";
}

void write_scrip_grid(const std::filesystem::path& path, const sphere::HealpixGrid& grid) {
  const int64_t cells = sphere::num_pixels(grid.nside);
  std::vector<double> lat, lon, corner_lat, corner_lon;
  for (int64_t p = 0; p < cells; ++p) {
    const sphere::Angle centre = sphere::pix2ang(grid, p);
    lat.push_back(kPi / 2 - centre.theta);
    lon.push_back(centre.phi);
    const auto corners = sphere::boundary(grid, p);
    for (size_t k : {0, 1, 2, 3}) {  // N, W, S, E: counter-clockwise seen from outside
      corner_lat.push_back(kPi / 2 - corners[k].theta);
      corner_lon.push_back(corners[k].phi);
    }
  }
  int file = 0, dim[3], dims_id = 0, mask_id = 0;
  check(nc_create(path.c_str(), NC_CLOBBER | NC_NETCDF4, &file));
  check(nc_def_dim(file, "grid_size", static_cast<size_t>(cells), &dim[0]));
  check(nc_def_dim(file, "grid_corners", 4, &dim[1]));
  check(nc_def_dim(file, "grid_rank", 1, &dim[2]));
  check(nc_def_var(file, "grid_dims", NC_INT, 1, &dim[2], &dims_id));
  check(nc_def_var(file, "grid_imask", NC_INT, 1, &dim[0], &mask_id));
  check(nc_enddef(file));
  const int size = static_cast<int>(cells);
  check(nc_put_var_int(file, dims_id, &size));
  const std::vector<int> mask(static_cast<size_t>(cells), 1);
  check(nc_put_var_int(file, mask_id, mask.data()));
  put_axis(file, "grid_center_lat", 1, dim, lat);
  put_axis(file, "grid_center_lon", 1, dim, lon);
  put_axis(file, "grid_corner_lat", 2, dim, corner_lat);
  put_axis(file, "grid_corner_lon", 2, dim, corner_lon);
  check(nc_close(file));
}

}  // namespace pear::benchmarks

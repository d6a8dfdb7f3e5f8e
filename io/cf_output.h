// The CF-1.13 parts that every NetCDF file written here shares: grid, axes, attributes.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "io/netcdf_file.h"
#include "sphere/grid/grid.h"

namespace pear::io {

/// Horizontal dimensions of a file: (cell) or (latitude, longitude).
struct CfGrid {
  std::vector<int> dims;
  std::vector<size_t> shape;
  std::string mapping;  ///< name of the grid mapping variable
};

/// Can CF express the grid? HEALPix nested or ring with nside a power of two, or rows x columns.
/// Errors: ConfigError `UnsupportedGrid` naming the grid and why.
void check_cf_grid(const sphere::Grid& grid);

/// Defines and writes dimensions, coordinates and grid mapping. Errors: as check_cf_grid; DataError.
CfGrid put_cf_grid(NetcdfFile& file, const sphere::Grid& grid);

/// Reads the grid that put_cf_grid wrote. Errors: DataError `GridMismatch` if the parts contradict each other.
sphere::Grid get_cf_grid(const NetcdfFile& file);

/// Level axes of a file: one dimension per distinct list, named level, level_2, …
class CfLevels {
 public:
  explicit CfLevels(NetcdfFile& file) : file_(&file) {}
  /// Dimension of a list of pressures in hPa; made on first use.
  int dimension(const std::vector<double>& levels_hpa);

 private:
  NetcdfFile* file_;
  std::vector<std::pair<std::vector<double>, int>> known_;
};

/// int64 seconds since 1970-01-01, calendar proleptic_gregorian. Returns the variable's id.
int define_time_variable(NetcdfFile& file, const std::string& name, const std::string& standard_name,
                         const std::vector<int>& dims);

/// Defines a float variable with units, standard_name (if CF has one), grid_mapping, cell_methods and NaN as fill
/// value.
int define_data_variable(NetcdfFile& file, const std::string& name, const std::string& units,
                         const std::vector<int>& dims, const CfGrid& grid, const std::string& cell_methods);

/// Conventions, title, history, pear_provenance.
void put_global_attributes(NetcdfFile& file, const std::string& title, const std::string& provenance_json);

}  // namespace pear::io

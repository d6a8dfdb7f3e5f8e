// Horizontal grid of a NetCDF variable: latitude and longitude, or one of the HEALPix conventions.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "io/canonical.h"
#include "io/netcdf_axes.h"

namespace pear::io {

struct NetcdfGrid {
  std::shared_ptr<const sphere::Grid> grid;
  std::set<size_t> dims;                   ///< positions of the horizontal dimensions
  std::optional<LatLonOrder> latlon;       ///< none for HEALPix, which is stored as it is read
  int64_t row_stride = 1, col_stride = 1;  ///< of a horizontal slice in stored order
};

/// Empty if the variable lies on no horizontal grid. `axes`: one for each dimension of the variable.
/// HEALPix: CF-1.13 grid mapping, healpix_nside and healpix_order (DKRZ), [12][n][n] faces (xy-north unless the
/// attribute `pixel_order` says xy-south).
/// Errors:  DataError `UnsupportedGrid`, `RowsNotMonotonic`, `LongitudesIrregular`.
std::optional<NetcdfGrid> netcdf_grid(const NetcdfFile& file, const NetcdfVariable& variable,
                                      const std::vector<Axis>& axes);

}  // namespace pear::io

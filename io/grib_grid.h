// Grid of a GRIB field and the way from its scanning mode to canonical order.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "io/canonical.h"
#include "io/grib_handle.h"

namespace pear::io {

/// Grid of one field and how its stored values become canonical.
struct GribOrder {
  std::shared_ptr<const sphere::Grid> grid;
  std::optional<LatLonOrder> latlon;  ///< regular grids
  bool columns_first = false;         ///< consecutive points lie on one meridian
  bool alternate = false;             ///< every second line runs backwards
  bool rows_reversed = false;         ///< reduced grids stored from the south
};

/// Text that is equal for fields with the same grid section, to read each grid once.
std::string grib_grid_key(const GribHandle& handle);

/// Errors:  DataError `UnsupportedGrid` naming template and message, `LibraryTooOld`.
GribOrder grib_order(const GribHandle& handle);

/// How many values a field of this grid stores: its cells, plus a duplicated meridian.
size_t stored_count(const GribOrder& order);

/// HEALPix needs an ecCodes that knows template 3.150; this says so by name.
/// Errors:  DataError `LibraryTooOld` if `grid_type` is not "healpix" although the template is 150.
void check_healpix_known(long grid_template, const std::string& grid_type, long eccodes_version,
                         const std::string& where);

/// Shapes:  stored and out [grid->num_cells()] (stored: plus a duplicated meridian). Errors:
/// `DuplicateMeridianMismatch`.
void canonical_values(const GribOrder& order, std::span<const float> stored, std::span<float> out,
                      const std::string& where);

}  // namespace pear::io

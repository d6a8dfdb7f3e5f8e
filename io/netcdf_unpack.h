// Packed values of a NetCDF variable to numbers.
#pragma once

#include <vector>

#include "io/netcdf_file.h"

namespace pear::io {

/// scale_factor, add_offset, fill values and valid range of one variable.
struct Packing {
  double scale = 1, offset = 0;
  bool is_packed = false;       ///< scale or offset present
  std::vector<double> fills;    ///< compared with the stored numbers; both _FillValue and missing_value
  double valid_min, valid_max;  ///< of the stored numbers; infinite if absent
  bool is_unsigned = false;     ///< `_Unsigned`: signed bytes that mean unsigned ones
};
Packing packing_of(const NetcdfFile& file, const NetcdfVariable& variable);

/// Values in stored order, unpacked in float64; missing ones are NaN. `start`, `count` empty: all.
/// Shapes:  [product of count]. Errors: DataError `NetcdfError`.
std::vector<double> read_unpacked(const NetcdfFile& file, const NetcdfVariable& variable, const Packing& packing,
                                  const std::vector<size_t>& start = {}, const std::vector<size_t>& count = {});

}  // namespace pear::io

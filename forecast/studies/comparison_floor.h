// What regridding alone costs: the error of a perfect forecast that was regridded before it is scored.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "io/store.h"
#include "regrid/weights.h"

namespace pear::forecast {

/// RMSE of the truth of `source` regridded conservatively to the grid of `target`, against the truth of `target`, over
/// the cells (by area) and `times`; winds are regridded as vectors. No forecast on the grid of `source` can score below
/// about this on the other grid.
///
/// Shapes:  -> one number for each channel of the levels and variables named, keys as `z500`, `msl`.
/// Errors:  DataError `MissingVariable`, `MissingTime`; those of the weights.
std::map<std::string, double> regrid_floor(const io::Store& source, const io::Store& target,
                                           const std::vector<std::string>& variables, const std::vector<Time>& times,
                                           regrid::WeightCache& cache);

}  // namespace pear::forecast

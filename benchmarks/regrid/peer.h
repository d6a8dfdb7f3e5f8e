// CDO as a separate program, and the grid files it reads.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sphere/grid/grid.h"

namespace pear::benchmarks {

/// Version as `cdo --version` prints it; nullopt if there is no such program.
std::optional<std::string> cdo_version(const std::filesystem::path& folder);

/// Seconds of one run of `cdo` with these arguments, nullopt if it fails; its messages go to `folder`/cdo.log.
std::optional<double> run_cdo(const std::filesystem::path& folder, const std::vector<std::string>& arguments);

/// Description of the 721 x 1440 grid for CDO.
void write_latlon_description(const std::filesystem::path& path);

/// HEALPix centres and corners as a SCRIP grid file. Errors: std::runtime_error with NetCDF's message.
void write_scrip_grid(const std::filesystem::path& path, const sphere::HealpixGrid& grid);

}  // namespace pear::benchmarks

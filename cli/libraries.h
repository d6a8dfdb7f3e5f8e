// Versions of the libraries that this build contains, for --version and provenance.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pear::cli {

/// Name and version; "none" for parts that this build leaves out.
std::vector<std::pair<std::string, std::string>> library_versions();
void register_libraries();

/// "2.50.0", or "none" in a build without GRIB.
std::string eccodes_version();
/// "13.0", or "none" in a build without CUDA.
std::string cuda_version();

}  // namespace pear::cli

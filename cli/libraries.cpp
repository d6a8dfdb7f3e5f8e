#include "cli/libraries.h"

#include <fmt/format.h>
#include <hdf5.h>
#include <netcdf.h>
#include <torch/version.h>

#include "base/provenance.h"
#include "distributed/launcher.h"

namespace pear::cli {
namespace {

std::string netcdf_version() {
  const std::string text = nc_inq_libvers();  // "4.9.0 of Jul 31 2022 18:19:41 $"
  return text.substr(0, text.find(' '));
}

std::string hdf5_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> library_versions() {
  return {{"LibTorch", TORCH_VERSION},    {"CUDA", cuda_version()},     {"MPI", distributed::mpi_version()},
          {"ecCodes", eccodes_version()}, {"NetCDF", netcdf_version()}, {"HDF5", hdf5_version()}};
}

void register_libraries() {
  for (const auto& [name, version] : library_versions()) register_library(name, version);
}

}  // namespace pear::cli

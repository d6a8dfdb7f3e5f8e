#include "io/reader.h"

#include <string_view>

#include "base/error.h"
#include "io/grib_reader.h"
#include "io/mapped_file.h"
#include "io/netcdf_reader.h"

namespace pear::io {

namespace {

constexpr std::string_view kHdf5Magic("\x89HDF\r\n\x1a\n", 8);

/// HDF5 allows a user block before its magic: 0, 512, 1024, …
bool is_hdf5(std::string_view bytes) {
  for (size_t at = 0; at + kHdf5Magic.size() <= bytes.size(); at = at == 0 ? 512 : 2 * at)
    if (bytes.substr(at, kHdf5Magic.size()) == kHdf5Magic) return true;
  return false;
}

bool is_classic_netcdf(std::string_view bytes) {
  return bytes.size() >= 4 && bytes.starts_with("CDF") && (bytes[3] == 1 || bytes[3] == 2 || bytes[3] == 5);
}

}  // namespace

std::unique_ptr<FieldReader> open_fields(const std::filesystem::path& path, const ReadOptions& options) {
  enum class Format { Netcdf, Grib, Zip, Short, Unknown } format = Format::Unknown;
  {
    const MappedFile file(path);
    const std::string_view bytes = file.bytes();
    if (is_classic_netcdf(bytes) || is_hdf5(bytes))
      format = Format::Netcdf;
    else if (bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06"))
      format = Format::Zip;
    else if (bytes.substr(0, 1 << 20).find("GRIB") != std::string_view::npos)
      format = Format::Grib;
    else if (bytes.size() < 8)
      format = Format::Short;
  }
  switch (format) {
    case Format::Netcdf:
      return open_netcdf(path, options);
    case Format::Grib:
      return open_grib(path, options);
    case Format::Zip:
      throw DataError("ZipNotNetcdf", "io.reader",
                      {.what = path.string(),
                       .expected = "a NetCDF or GRIB file",
                       .found = "a zip archive",
                       .hint = "the Climate Data Store packs several files into one archive: unzip it first"});
    case Format::Short:
      throw DataError("TruncatedFile", "io.reader",
                      {.what = path.string(), .expected = "a NetCDF or GRIB file", .found = "fewer than 8 bytes"});
    case Format::Unknown:
      break;
  }
  throw DataError(
      "UnknownFormat", "io.reader",
      {.what = path.string(), .expected = "a NetCDF or GRIB file", .found = "neither CDF, HDF5 nor GRIB at its start"});
}

}  // namespace pear::io

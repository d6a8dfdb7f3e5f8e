// A build without ecCodes: files are recognised, not read.
#include "base/error.h"
#include "io/grib_reader.h"

namespace pear::io {

namespace {

[[noreturn]] void unsupported(const std::filesystem::path& path) {
  throw DataError("UnsupportedBuild", "io.grib",
                  {.what = path.string() + " is a GRIB file",
                   .expected = "a build with ecCodes",
                   .found = "a build without",
                   .hint = "configure with -DPEAR_GRIB=ON, or convert the file to NetCDF"});
}

}  // namespace

std::unique_ptr<FieldReader> open_grib(const std::filesystem::path& path, const ReadOptions&) { unsupported(path); }

std::vector<StoredField> read_grib_stored(const std::filesystem::path& path, const ReadOptions&) { unsupported(path); }

}  // namespace pear::io

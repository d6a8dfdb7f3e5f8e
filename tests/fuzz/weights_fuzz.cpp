// Weight files of the regridding (regrid/weight_file). The checksum is put right, so that what lies behind it is
// reached.
#include "base/files.h"
#include "regrid/weight_file.h"
#include "tests/fuzz/target.h"

namespace pear::fuzz {
namespace {

constexpr size_t kChecksumLength = 64;

std::string example(const char* source, const char* target, regrid::Method method) {
  const std::string bytes =
      regrid::serialise(regrid::make_weights(sphere::Grid::from_spec(source), sphere::Grid::from_spec(target), method));
  return bytes.substr(0, bytes.size() - kChecksumLength);
}

}  // namespace

std::vector<std::string> seeds() {
  return {example("healpix:1", "latlon:3x4+poles", regrid::Method::Nearest),
          example("latlon:3x4+poles", "healpix:1", regrid::Method::Bilinear)};
}

void decode(std::string_view input) {
  const regrid::Weights w = regrid::deserialise(std::string(input) + sha256_hex(input), "input");
  const int64_t sources = w.source.num_cells();
  require(static_cast<int64_t>(w.row_start.size()) == w.target.num_cells() + 1, "one row for every target cell");
  for (size_t t = 0; t + 1 < w.row_start.size(); ++t)
    for (int64_t k = w.row_start[t]; k < w.row_start[t + 1]; ++k)
      require(w.column[static_cast<size_t>(k)] >= 0 && w.column[static_cast<size_t>(k)] < sources, "columns are cells");
}

}  // namespace pear::fuzz

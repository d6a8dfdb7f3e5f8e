#include <fmt/format.h>

#include <cmath>

#include "base/array.h"
#include "base/error.h"
#include "forecast/dynamics/surface.h"
#include "io/reader.h"
#include "regrid/apply.h"
#include "regrid/weights.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;

/// The first field called `name` of a file, averaged over the cells of the transform's grid: [rows, columns], float64.
torch::Tensor averaged(const fs::path& path, const std::string& name, const sphere::Grid& target) {
  const auto reader = io::open_fields(path, {.allow_suspect_units = true});
  std::string present;
  for (size_t i = 0; i < reader->fields().size(); ++i) {
    const auto& info = reader->fields()[i];
    if (info.name != name) {
      present += (present.empty() ? "" : ", ") + info.name;
      continue;
    }
    if (info.grid->is_latlon() && info.grid->latlon().rows == sphere::RowKind::Regional)
      throw DataError("GridMismatch", "dynamics.surface",
                      {.what = fmt::format("{}: variable {}", path.string(), name),
                       .expected = "a global grid",
                       .found = info.grid->spec(),
                       .hint = "take a file of the whole globe, or leave it out for the analytic surface"});
    const io::Field field = reader->read(i);
    const auto weights = regrid::make_weights(*info.grid, target, regrid::Method::Conservative);
    std::vector<float> out(static_cast<size_t>(target.num_cells()));
    regrid::apply_weights(weights, {field.values.data(), static_cast<size_t>(field.values.size())}, out, 1);
    const auto& l = target.latlon();
    return torch::tensor(out, torch::kFloat32)
        .to(torch::kFloat64)
        .view({static_cast<int64_t>(l.lat_deg.size()), static_cast<int64_t>(l.lon_deg.size())});
  }
  throw DataError("MissingVariable", "dynamics.surface",
                  {.what = path.string(), .expected = "variable " + name, .found = present});
}

}  // namespace

Surface surface_from_files(const sphere::SphericalHarmonicTransform& t, const fs::path& orography,
                           const fs::path& land_mask) {
  Surface surface = analytic_surface(t);
  const auto grid = sphere::Grid::from_spec(
      fmt::format("gaussian:{}x{}", t.options().num_rows, t.options().num_columns));
  if (!orography.empty())
    surface.geopotential = smoothed_spectrum(t, t.from_latlon(averaged(orography, "zs", grid).to(t.options().dtype)));
  if (!land_mask.empty()) {
    const auto land = averaged(land_mask, "lsm", grid).clamp(0, 1);
    surface.land = t.synthesize(smoothed_spectrum(t, t.from_latlon(land.to(t.options().dtype)))).clamp(0, 1);
  }
  return surface;
}

}  // namespace pear::forecast

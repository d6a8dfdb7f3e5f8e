#include "forecast/dynamics/nature_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "io/variables.h"

namespace pear::forecast {
namespace {

io::Field field_of(const std::string& name, const io::Level& level, const std::shared_ptr<const sphere::Grid>& grid,
                   const torch::Tensor& rows) {
  io::Field f;
  f.name = name;
  f.units = io::find_variable(name)->units;
  f.level = level;
  f.grid = grid;
  f.source = "pear simulate";
  f.values = Array<float>({rows.numel()});
  std::memcpy(f.values.data(), rows.data_ptr<float>(), static_cast<size_t>(rows.numel()) * sizeof(float));
  return f;
}

torch::Tensor latlon_rows(const CoreAssembly& a, const torch::Tensor& grid) {
  return a.core->transform().to_latlon(grid).to(torch::kCPU, torch::kFloat32).contiguous();
}

}  // namespace

sphere::Grid nature_grid(const CoreAssembly& a) {
  const auto& o = a.core->transform().options();
  return sphere::Grid::from_spec(fmt::format("gaussian:{}x{}", o.num_rows, o.num_columns));
}

int64_t nature_state_values(const CoreAssembly& a, size_t num_levels) {
  const auto& o = a.core->transform().options();
  return (5 * static_cast<int64_t>(num_levels) + 4) * o.num_rows * o.num_columns;
}

NatureStatistics append_nature_fields(const CoreAssembly& a, const CoreState& core, Time valid,
                                      const std::vector<double>& levels_hpa,
                                      std::vector<std::vector<io::Field>>& fields) {
  const auto grid = std::make_shared<const sphere::Grid>(nature_grid(a));
  const GridFields g = a.core->equations().grid_fields(core.now);
  const LevelFields f = a.levels->from_layers(g);
  const auto add = [&](size_t member, const std::string& name, const io::Level& level, const torch::Tensor& rows) {
    io::Field field = field_of(name, level, grid, rows);
    field.init_time = field.valid_time = valid;
    fields[member].push_back(std::move(field));
  };
  const std::pair<const char*, const torch::Tensor*> upper[] = {
      {"z", &f.z}, {"q", &f.q}, {"t", &f.t}, {"u", &f.u}, {"v", &f.v}};
  for (const auto& [name, values] : upper) {
    const auto rows = latlon_rows(a, *values);
    for (size_t m = 0; m < fields.size(); ++m)
      for (size_t l = 0; l < levels_hpa.size(); ++l)
        add(m, name, {io::LevelType::Pressure, levels_hpa[l]},
            rows[static_cast<int64_t>(m)][static_cast<int64_t>(l)]);
  }
  const std::pair<const char*, const torch::Tensor*> surface[] = {
      {"msl", &f.msl}, {"u10", &f.u10}, {"v10", &f.v10}, {"t2m", &f.t2m}};
  for (const auto& [name, values] : surface) {
    const auto rows = latlon_rows(a, *values);
    for (size_t m = 0; m < fields.size(); ++m)
      add(m, name, io::find_variable(name)->level, rows[static_cast<int64_t>(m)]);
  }
  NatureStatistics s;
  s.max_wind = (f.u.square() + f.v.square()).max().sqrt().item<double>();
  if (a.nature) {
    const auto rain = a.nature->water_fluxes(g, a.core->days(core)).precipitation.to(torch::kFloat64);
    const auto weights = a.core->transform().row_weights() / static_cast<double>(a.core->transform().options().num_columns);
    s.precipitation_mm_per_day = 86400 * (rain * weights).sum({1, 2, 3}).mean().item<double>();
  }
  return s;
}

std::vector<io::Field> nature_surface_fields(const CoreAssembly& a) {
  const auto grid = std::make_shared<const sphere::Grid>(nature_grid(a));
  std::vector<io::Field> fields;
  fields.push_back(field_of("zs", {}, grid, latlon_rows(a, a.core->transform().synthesize(a.surface.geopotential))));
  fields.push_back(field_of("lsm", {}, grid, latlon_rows(a, a.surface.land)));
  for (io::Field& f : fields) f.has_time = false;
  return fields;
}

}  // namespace pear::forecast

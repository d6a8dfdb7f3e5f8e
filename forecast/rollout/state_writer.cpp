#include "forecast/rollout/state_writer.h"

#include "base/error.h"
#include "regrid/apply.h"

namespace pear::forecast {
namespace {

regrid::Method method_from(const std::string& name) {
  if (name == "conservative") return regrid::Method::Conservative;
  if (name == "bilinear") return regrid::Method::Bilinear;
  if (name == "nearest") return regrid::Method::Nearest;
  throw ConfigError("UnknownMethod", "forecast.export_method",
                    {.what = "unknown method '" + name + "'", .expected = "conservative, bilinear or nearest"});
}

std::vector<io::OutputVariable> output_variables(const StateLayout& layout,
                                                 const std::map<std::string, std::string>& units) {
  const auto unit = [&](const std::string& name) {
    const auto it = units.find(name);
    return it == units.end() ? std::string() : it->second;
  };
  std::vector<io::OutputVariable> out;
  for (const auto& name : layout.surface) out.push_back({.name = name, .units = unit(name), .levels_hpa = {}});
  for (const auto& name : layout.upper)
    out.push_back({.name = name, .units = unit(name), .levels_hpa = layout.levels_hpa});
  return out;
}

}  // namespace

StateWriter::StateWriter(const std::filesystem::path& file, const StateLayout& layout,
                         const std::map<std::string, std::string>& units, Time init, const std::vector<Duration>& leads,
                         const std::string& provenance_json, const RolloutRequest& request)
    : layout_(layout) {
  sphere::Grid grid = layout.grid;
  if (!request.config.export_grid.empty()) {
    grid = sphere::Grid::from_spec(request.config.export_grid);
    const auto cache = request.weight_cache.empty() ? request.run_dir / "weights" : request.weight_cache;
    weights_ = regrid::WeightCache(cache).get(layout.grid, grid, method_from(request.config.export_method));
  }
  file_ = io::ForecastFileWriter::create(file, grid, output_variables(layout, units), init, leads, provenance_json);
}

void StateWriter::write_variable(size_t lead_index, size_t variable, const torch::Tensor& field) {
  const torch::Tensor values = field.to(torch::kCPU, torch::kFloat32).contiguous();
  const std::span<const float> in(values.data_ptr<float>(), static_cast<size_t>(values.numel()));
  if (!weights_) {
    file_->write(lead_index, variable, in);
    return;
  }
  const int64_t fields = values.numel() / layout_.grid.num_cells();
  buffer_.resize(static_cast<size_t>(fields * weights_->target.num_cells()));
  regrid::apply_weights(*weights_, in, buffer_, fields);
  file_->write(lead_index, variable, buffer_);
}

void StateWriter::write(size_t lead_index, const State& state) {
  for (int64_t v = 0; v < layout_.num_surface(); ++v)
    write_variable(lead_index, static_cast<size_t>(v), state.surface[0][v]);
  for (int64_t v = 0; v < layout_.num_upper(); ++v)
    write_variable(lead_index, static_cast<size_t>(layout_.num_surface() + v), state.upper[0][v]);
}

void StateWriter::commit() { file_->commit(); }

}  // namespace pear::forecast

#include "forecast/rollout/state_writer.h"

#include "regrid/apply.h"

namespace pear::forecast {
namespace {

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

StateWriter::StateWriter(const StateLayout& layout, const Target& target,
                         std::shared_ptr<const regrid::Weights> export_weights)
    : layout_(layout), export_weights_(std::move(export_weights)) {
  file_ = io::ForecastFileWriter::create(target.file, export_weights_ ? export_weights_->target : layout.grid,
                                         output_variables(layout, target.units), target.init, target.leads,
                                         target.provenance_json);
}

void StateWriter::write_variable(size_t lead_index, size_t variable, const torch::Tensor& field) {
  const torch::Tensor values = field.to(torch::kCPU, torch::kFloat32).contiguous();
  const std::span<const float> in(values.data_ptr<float>(), static_cast<size_t>(values.numel()));
  if (!export_weights_) {
    file_->write(lead_index, variable, in);
    return;
  }
  const int64_t fields = values.numel() / layout_.grid.num_cells();
  buffer_.resize(static_cast<size_t>(fields * export_weights_->target.num_cells()));
  regrid::apply_weights(*export_weights_, in, buffer_, fields);
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

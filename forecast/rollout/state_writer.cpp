#include "forecast/rollout/state_writer.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "io/vector_pairs.h"
#include "regrid/apply.h"
#include "regrid/vector.h"

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

torch::Tensor on_host(const torch::Tensor& field) { return field.to(torch::kCPU, torch::kFloat32).contiguous(); }

std::span<const float> span_of(const torch::Tensor& values) {
  return {values.data_ptr<float>(), static_cast<size_t>(values.numel())};
}

std::optional<size_t> position(const std::vector<std::string>& names, std::string_view name) {
  const auto it = std::find(names.begin(), names.end(), name);
  if (it == names.end()) return std::nullopt;
  return static_cast<size_t>(it - names.begin());
}

}  // namespace

StateWriter::StateWriter(const StateLayout& layout, const Target& target,
                         std::shared_ptr<const regrid::Weights> export_weights)
    : layout_(layout), export_weights_(std::move(export_weights)) {
  file_ = io::ForecastFileWriter::create(target.file, export_weights_ ? export_weights_->target : layout.grid,
                                         output_variables(layout, target.units), target.init, target.leads,
                                         target.provenance_json);
}

void StateWriter::write_scalar(size_t lead_index, size_t variable, const torch::Tensor& field) {
  const torch::Tensor values = on_host(field);
  if (!export_weights_) {
    file_->write(lead_index, variable, span_of(values));
    return;
  }
  const int64_t fields = values.numel() / layout_.grid.num_cells();
  buffer_.resize(static_cast<size_t>(fields * export_weights_->target.num_cells()));
  regrid::apply_weights(*export_weights_, span_of(values), buffer_, fields);
  file_->write(lead_index, variable, buffer_);
}

void StateWriter::write_pair(size_t lead_index, std::pair<size_t, size_t> variables, const torch::Tensor& east,
                             const torch::Tensor& north) {
  const torch::Tensor u = on_host(east), v = on_host(north);
  const int64_t fields = u.numel() / layout_.grid.num_cells();
  buffer_.resize(static_cast<size_t>(fields * export_weights_->target.num_cells()));
  second_buffer_.resize(buffer_.size());
  regrid::apply_vector(*export_weights_, span_of(u), span_of(v), buffer_, second_buffer_, fields);
  file_->write(lead_index, variables.first, buffer_);
  file_->write(lead_index, variables.second, second_buffer_);
}

void StateWriter::write_group(size_t lead_index, size_t first_variable, const std::vector<std::string>& names,
                              const torch::Tensor& fields) {
  for (size_t i = 0; i < names.size(); ++i) {
    const auto partner = export_weights_ ? position(names, io::vector_partner(names[i])) : std::nullopt;
    if (!partner)
      write_scalar(lead_index, first_variable + i, fields[static_cast<int64_t>(i)]);
    else if (io::is_eastward(names[i]))
      write_pair(lead_index, {first_variable + i, first_variable + *partner}, fields[static_cast<int64_t>(i)],
                 fields[static_cast<int64_t>(*partner)]);
  }
}

void StateWriter::write(size_t lead_index, const State& state) {
  if (state.surface.defined()) write_group(lead_index, 0, layout_.surface, state.surface[0]);
  if (state.upper.defined()) write_group(lead_index, layout_.surface.size(), layout_.upper, state.upper[0]);
}

void StateWriter::commit() { file_->commit(); }

}  // namespace pear::forecast

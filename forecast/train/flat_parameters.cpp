#include "forecast/train/flat_parameters.h"

#include <cmath>

#include "base/error.h"

namespace pear::forecast {

FlatParameters::FlatParameters(torch::nn::Module& module) {
  torch::NoGradGuard no_grad;
  const auto parameters = module.named_parameters();
  torch::Device device = torch::kCPU;
  for (const auto& item : parameters) {
    const auto& p = item.value();
    if (p.scalar_type() != torch::kFloat32)
      throw ShapeError(
          "NotFloat32", "train.parameters",
          {.what = "parameter " + item.key(), .expected = "float32", .found = torch::toString(p.scalar_type())});
    device = p.device();
    entries_.push_back({item.key(), num_parameters_, p.numel(), p.sizes().vec()});
    num_parameters_ += p.numel();
  }
  const int64_t padded = (num_parameters_ + kBlock - 1) / kBlock * kBlock;
  values_ = torch::zeros({padded}, torch::TensorOptions().dtype(torch::kFloat32).device(device));
  gradient_ = torch::zeros_like(values_);
  for (size_t i = 0; i < entries_.size(); ++i) {
    auto parameter = parameters[i].value();
    auto view = view_of(values_, entries_[i]);
    view.copy_(parameter);
    parameter.set_data(view);
    parameter.mutable_grad() = view_of(gradient_, entries_[i]);
  }
}

torch::Tensor FlatParameters::view_of(const torch::Tensor& buffer, const Entry& entry) {
  return buffer.narrow(0, entry.offset, entry.size).view(entry.shape);
}

torch::Tensor joined(const torch::Tensor& flat, const std::vector<FlatRange>& parts) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> pieces;
  for (const auto& [first, length] : parts) pieces.push_back(flat.narrow(0, first, length));
  return torch::cat(pieces);
}

torch::Tensor block_squares(const torch::Tensor& flat) {
  return flat.view({-1, FlatParameters::kBlock}).to(torch::kFloat64).square_().sum(1);
}

double blocked_norm(const torch::Tensor& flat) { return std::sqrt(block_squares(flat).sum().item<double>()); }

void scale_to_norm(const torch::Tensor& gradient, double norm, double max_norm) {
  if (max_norm > 0 && norm > max_norm) torch::Tensor(gradient).mul_(max_norm / norm);
}

double clip_gradient(const torch::Tensor& gradient, double max_norm) {
  const double norm = blocked_norm(gradient);
  scale_to_norm(gradient, norm, max_norm);
  return norm;
}

}  // namespace pear::forecast

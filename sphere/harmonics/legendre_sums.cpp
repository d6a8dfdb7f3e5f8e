#include "sphere/harmonics/legendre_sums.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "base/error.h"

namespace pear::sphere {
namespace {

constexpr int64_t kMostBlocks = 8, kFewestOrders = 8;  // of a block: measured, T21 to T127
constexpr int64_t kDegreesMultiple = 8;                // sgemm loses a third on 44 columns against 48

}  // namespace

bool is_recorded(const torch::Tensor& x) { return at::GradMode::is_enabled() && x.requires_grad(); }

LegendreSums::LegendreSums(int64_t truncation, const std::vector<TransformRow>& rows, torch::Dtype dtype,
                           torch::Device device)
    : num_degrees_(truncation + 2) {
  const int64_t orders = truncation + 1, num_rows = static_cast<int64_t>(rows.size());
  std::vector<LegendreRow> functions;
  const auto weights = at::empty({1, num_rows, 1}, torch::kFloat64);
  for (int64_t r = 0; r < num_rows; ++r) {
    functions.emplace_back(rows[static_cast<size_t>(r)].mu, rows[static_cast<size_t>(r)].cos_lat);
    weights.data_ptr<double>()[r] = rows[static_cast<size_t>(r)].weight;
  }
  const int64_t size = std::max(kFewestOrders, (orders + kMostBlocks - 1) / kMostBlocks);
  for (int64_t first = 0; first < orders; first += size) {
    const int64_t count = std::min(size, orders - first), degrees = num_degrees_ - first;
    const auto values = at::zeros({count, num_rows, degrees}, torch::kFloat64);
    for (int64_t m = 0; m < count; ++m)
      for (int64_t r = 0; r < num_rows; ++r)
        functions[static_cast<size_t>(r)].next_order(
            {values.data_ptr<double>() + (m * num_rows + r) * degrees, static_cast<size_t>(degrees - m)});
    to_rows_.push_back({first, count, degrees, values.transpose(1, 2).to(device, dtype).contiguous()});
    const int64_t padding = (kDegreesMultiple - degrees % kDegreesMultiple) % kDegreesMultiple;
    to_degrees_.push_back(
        {first, count, degrees, at::constant_pad_nd((values * weights).to(device, dtype), {0, padding})});
  }
}

torch::Tensor LegendreSums::rows_from_degrees(const torch::Tensor& degrees) const {
  PEAR_ASSERT(degrees.dim() == 3 && degrees.size(2) == num_degrees_);
  const auto source = [&](const Block& b) { return degrees.narrow(0, b.first, b.count).narrow(2, 0, b.degrees); };
  if (is_recorded(degrees)) {
    std::vector<torch::Tensor> parts;
    for (const Block& b : to_rows_) parts.push_back(at::bmm(source(b), b.table));
    return at::cat(parts, 0);
  }
  auto rows = at::empty({degrees.size(0), degrees.size(1), to_rows_[0].table.size(2)}, degrees.options());
  for (const Block& b : to_rows_) {
    auto part = rows.narrow(0, b.first, b.count);
    at::bmm_out(part, source(b), b.table);
  }
  return rows;
}

torch::Tensor LegendreSums::degrees_from_rows(const torch::Tensor& rows) const {
  PEAR_ASSERT(rows.dim() == 3 && rows.size(2) == to_degrees_[0].table.size(1));
  const auto product = [&](const Block& b) {
    return at::bmm(rows.narrow(0, b.first, b.count), b.table).narrow(2, 0, b.degrees);
  };
  if (is_recorded(rows)) {
    std::vector<torch::Tensor> parts;
    for (const Block& b : to_degrees_) parts.push_back(at::constant_pad_nd(product(b), {0, num_degrees_ - b.degrees}));
    return at::cat(parts, 0);
  }
  const auto degrees = at::empty({rows.size(0), rows.size(1), num_degrees_}, rows.options());
  for (const Block& b : to_degrees_) {
    const auto target = degrees.narrow(0, b.first, b.count);
    target.narrow(2, 0, b.degrees).copy_(product(b));
    target.narrow(2, b.degrees, num_degrees_ - b.degrees).zero_();
  }
  return degrees;
}

}  // namespace pear::sphere

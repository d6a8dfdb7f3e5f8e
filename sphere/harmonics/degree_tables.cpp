#include "sphere/harmonics/degree_tables.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <functional>
#include <vector>

#include "base/error.h"
#include "sphere/harmonics/legendre.h"
#include "sphere/harmonics/legendre_sums.h"
#include "sphere/harmonics/stencil_rows.h"

namespace pear::sphere {
namespace {

using Factor = std::function<double(int64_t order, int64_t degree)>;

/// [N+1, 1, J] of a factor, zero beyond `last_degree`.
torch::Tensor table(int64_t truncation, int64_t last_degree, const Factor& factor) {
  auto t = at::zeros({truncation + 1, 1, truncation + 2}, torch::kFloat64);
  auto values = t.accessor<double, 3>();
  for (int64_t m = 0; m <= truncation; ++m)
    for (int64_t l = m; l <= last_degree; ++l) values[m][0][l - m] = factor(m, l);
  return t;
}

/// The factors of a stencil, cut to sources of degree <= `last_source` and results of degree <= `last_result`.
SpectralStencil stencil(int64_t truncation, int64_t last_source, int64_t last_result, const Factor& phase,
                        const Factor& up, const Factor& down) {
  const auto p = table(truncation, std::min(last_source, last_result), phase);
  return {at::cat({-p, p}, 1), table(truncation, std::min(last_source - 1, last_result), up),
          table(truncation, std::min(last_source + 1, last_result),
                [&](int64_t m, int64_t l) { return l == m ? 0.0 : down(m, l); })};
}

SpectralStencil gradient_stencil(int64_t n) {
  return stencil(
      n, n, n + 1, [](int64_t m, int64_t) { return static_cast<double>(m); },
      [](int64_t m, int64_t l) { return static_cast<double>(l + 2) * legendre_epsilon(m, l + 1); },
      [](int64_t m, int64_t l) { return -static_cast<double>(l - 1) * legendre_epsilon(m, l); });
}

/// The gradient of the inverse Laplacian, so that a mean (l = 0) has none.
SpectralStencil wind_stencil(int64_t n) {
  return stencil(
      n, n, n + 1,
      [](int64_t m, int64_t l) { return l == 0 ? 0.0 : -static_cast<double>(m) / static_cast<double>(l * (l + 1)); },
      [](int64_t m, int64_t l) { return legendre_epsilon(m, l + 1) / static_cast<double>(l + 1); },
      [](int64_t m, int64_t l) { return l == 1 ? 0.0 : -legendre_epsilon(m, l) / static_cast<double>(l); });
}

SpectralStencil divergence_stencil(int64_t n) {
  return stencil(
      n, n + 1, n, [](int64_t m, int64_t) { return static_cast<double>(m); },
      [](int64_t m, int64_t l) { return static_cast<double>(l) * legendre_epsilon(m, l + 1); },
      [](int64_t m, int64_t l) { return -static_cast<double>(l + 1) * legendre_epsilon(m, l); });
}

}  // namespace

DegreeTables make_degree_tables(int64_t truncation, torch::Dtype dtype, torch::Device device) {
  const int64_t n = truncation;
  const auto place = [&](torch::Tensor& t) { t = t.to(device, dtype).contiguous(); };
  DegreeTables d{gradient_stencil(n), wind_stencil(n), divergence_stencil(n), {}, {}, {}, {}};
  d.eigenvalue = table(n, n + 1, [](int64_t, int64_t l) { return -static_cast<double>(l * (l + 1)); });
  d.inverse_eigenvalue =
      table(n, n + 1, [](int64_t, int64_t l) { return l == 0 ? 0.0 : -1.0 / static_cast<double>(l * (l + 1)); });
  d.mask = table(n, n, [](int64_t, int64_t) { return 1.0; });
  for (SpectralStencil* s : {&d.gradient, &d.wind, &d.divergence})
    for (torch::Tensor* t : {&s->phase, &s->up, &s->down}) place(*t);
  for (torch::Tensor* t : {&d.eigenvalue, &d.inverse_eigenvalue, &d.mask}) place(*t);
  d.degree = at::empty({(n + 1) * (n + 2)}, torch::kInt64);
  auto* degree = d.degree.data_ptr<int64_t>();
  for (int64_t m = 0; m <= n; ++m)
    for (int64_t j = 0; j < n + 2; ++j) degree[m * (n + 2) + j] = std::min(m + j, n + 2);
  d.degree = d.degree.to(device);
  return d;
}

torch::Tensor spread(const torch::Tensor& table, const torch::Tensor& like) {
  std::vector<int64_t> shape(static_cast<size_t>(like.dim()), 1);
  shape.front() = table.size(0);
  shape[1] = table.size(1);
  shape.back() = table.size(2);
  return table.view(shape);
}

torch::Tensor compose_stencil(const SpectralStencil& stencil, const torch::Tensor& x, const torch::Tensor& y,
                              double scale_x, double scale_y) {
  if (!y.defined()) return x.flip(1) * spread(stencil.phase * scale_x, x);
  const int64_t degrees = y.size(-1);
  const auto padded = at::constant_pad_nd(y, {1, 1});
  const auto shifted = at::addcmul(padded.narrow(-1, 2, degrees) * spread(stencil.up * scale_y, y),
                                   padded.narrow(-1, 0, degrees), spread(stencil.down * scale_y, y));
  return x.defined() ? at::addcmul(shifted, x.flip(1), spread(stencil.phase, x), scale_x) : shifted;
}

torch::Tensor apply_stencil(const SpectralStencil& stencil, const torch::Tensor& x, const torch::Tensor& y,
                            double scale_x, double scale_y) {
  PEAR_ASSERT(x.defined() || y.defined());
  const torch::Tensor& any = x.defined() ? x : y;
  const bool recorded = (x.defined() && is_recorded(x)) || (y.defined() && is_recorded(y));
  if (recorded || !any.is_cpu() || (x.defined() && y.defined() && x.sizes() != y.sizes()))
    return compose_stencil(stencil, x, y, scale_x, scale_y);
  const auto xc = x.defined() ? x.contiguous() : x, yc = y.defined() ? y.contiguous() : y;
  const auto out = at::empty(any.sizes(), any.options());
  const int64_t orders = any.size(0);
  AT_DISPATCH_FLOATING_TYPES(any.scalar_type(), "apply_stencil", [&] {
    const auto data = [](const torch::Tensor& t) { return t.defined() ? t.const_data_ptr<scalar_t>() : nullptr; };
    apply_stencil_rows<scalar_t>({data(stencil.phase), data(stencil.up), data(stencil.down), data(xc), data(yc),
                                  static_cast<scalar_t>(scale_x), static_cast<scalar_t>(scale_y)},
                                 out.data_ptr<scalar_t>(), orders - 1, any.numel() / (2 * orders * (orders + 1)));
  });
  return out;
}

}  // namespace pear::sphere

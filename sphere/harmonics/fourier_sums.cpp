#include "sphere/harmonics/fourier_sums.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/fft_irfft.h>
#include <ATen/ops/fft_rfft.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>

#include <cmath>

#include "sphere/harmonics/fold.h"
#include "sphere/harmonics/legendre_sums.h"

namespace pear::sphere {
namespace {

// Measured on a CPU: the FFT costs less than the whole matrix from 128 columns on, than the folded one beyond 384.
constexpr int64_t kColumnsForFft = 128, kColumnsForFftNotFolded = 385;
constexpr int64_t kChunkValues = 1 << 20;  // grid values per chunk: each costs some 20 us of calls

/// [N+1, 2, columns] of cos and -sin; `factor` for m = 0 and for all others.
torch::Tensor waves(int64_t orders, int64_t columns, double first, double others) {
  const auto table = at::empty({orders, 2, columns}, torch::kFloat64);
  auto t = table.accessor<double, 3>();
  const auto wave = [&](int64_t phase, int64_t part) -> double {  // exact zeros and ones at multiples of pi / 2
    phase %= columns;
    const int64_t four = 4 * phase;
    if (four % columns == 0) {
      constexpr double kCos[] = {1, 0, -1, 0}, kSin[] = {0, 1, 0, -1};
      return part == 0 ? kCos[four / columns] : -kSin[four / columns];
    }
    const long double angle =
        2 * std::acos(-1.0L) * static_cast<long double>(phase) / static_cast<long double>(columns);
    return static_cast<double>(part == 0 ? std::cos(angle) : -std::sin(angle));
  };
  for (int64_t m = 0; m < orders; ++m)
    for (int64_t part = 0; part < 2; ++part)
      for (int64_t k = 0; k < columns; ++k)
        t[m][part][k] = (m == 0 ? first : others) * (m == 0 && part == 1 ? 0.0 : wave(m * k, part));
  return table;
}

/// Orders of one parity and one part (re, im): [orders of that parity, R], a view.
torch::Tensor kind(const torch::Tensor& orders, size_t index) {
  return orders.slice(0, static_cast<int64_t>(index) % 2, orders.size(0), 2).select(1, static_cast<int64_t>(index) / 2);
}

/// The longitudes of the first quarter at which a kind of function is not zero throughout (fold.h).
torch::Tensor first_quarter(const torch::Tensor& waves, size_t index) {
  const int64_t quarter = waves.size(2) / 4;
  return kind(waves, index).narrow(1, index == 3 ? 1 : 0, index == 0 ? quarter + 1 : quarter);
}

/// Sums of each kind for some rows: [rows, quarter + 1], [rows, quarter] ...
std::array<torch::Tensor, 4> quarter_buffers(int64_t rows, int64_t quarter, const torch::TensorOptions& options) {
  std::array<torch::Tensor, 4> buffers;
  for (size_t i = 0; i < 4; ++i) buffers[i] = at::empty({rows, i == 0 ? quarter + 1 : quarter}, options);
  return buffers;
}

}  // namespace

FourierSums::FourierSums(const HarmonicsOptions& o) : num_orders_(o.truncation + 1), num_columns_(o.num_columns) {
  const bool automatic = o.fourier == FourierKind::Automatic;
  use_fft_ = o.fourier == FourierKind::Fft || (automatic && num_columns_ >= kColumnsForFft);
  can_fold_ = o.fourier != FourierKind::Fft && num_columns_ % 4 == 0 && o.device.is_cpu() &&
              !(automatic && num_columns_ >= kColumnsForFftNotFolded);
  if (use_fft_ && !can_fold_) return;
  const double mean = 1.0 / static_cast<double>(num_columns_);
  const auto synthesis = waves(num_orders_, num_columns_, 1.0, 2.0),
             analysis = waves(num_orders_, num_columns_, mean, mean);
  if (!use_fft_) {
    to_columns_ = synthesis.flatten(0, 1).to(o.device, o.dtype);
    to_orders_ = analysis.flatten(0, 1).to(o.device, o.dtype);
  }
  for (size_t i = 0; can_fold_ && i < 4; ++i) {
    quarter_to_columns_[i] = first_quarter(synthesis, i).to(o.dtype).contiguous();
    quarter_to_orders_[i] = first_quarter(analysis, i).to(o.dtype).contiguous();
  }
}

torch::Tensor FourierSums::columns_from_orders(const torch::Tensor& orders) const {
  const int64_t rows = orders.size(2);
  if (can_fold_ && !is_recorded(orders)) return unfolded_columns(orders);
  if (use_fft_) {
    const auto complex = at::view_as_complex(orders.permute({2, 0, 1}).contiguous());
    return at::fft_irfft(complex, num_columns_, 1, "forward");
  }
  return at::mm(orders.reshape({2 * num_orders_, rows}).t(), to_columns_);
}

torch::Tensor FourierSums::orders_from_columns(const torch::Tensor& columns) const {
  if (can_fold_ && !is_recorded(columns)) return folded_orders(columns.contiguous());
  if (use_fft_) {
    const auto orders = at::view_as_real(at::fft_rfft(columns, {}, 1, "forward").narrow(1, 0, num_orders_));
    return orders.permute({1, 2, 0}).contiguous();
  }
  return at::mm(to_orders_, columns.t()).view({num_orders_, 2, columns.size(0)});
}

torch::Tensor FourierSums::unfolded_columns(const torch::Tensor& orders) const {
  const int64_t rows = orders.size(2), chunk = std::max<int64_t>(kChunkValues / num_columns_, 1);
  const auto columns = at::empty({rows, num_columns_}, orders.options());
  const auto buffers = quarter_buffers(std::min(rows, chunk), num_columns_ / 4, orders.options());
  for (int64_t first = 0; first < rows; first += chunk) {
    const int64_t count = std::min(chunk, rows - first);
    std::array<torch::Tensor, 4> part;
    for (size_t i = 0; i < 4; ++i) {
      part[i] = buffers[i].narrow(0, 0, count);
      at::mm_out(part[i], kind(orders, i).narrow(1, first, count).t(), quarter_to_columns_[i]);
    }
    AT_DISPATCH_FLOATING_TYPES(orders.scalar_type(), "unfold_rows", [&] {
      unfold_rows<scalar_t>({part[0].const_data_ptr<scalar_t>(), part[1].const_data_ptr<scalar_t>(),
                             part[2].const_data_ptr<scalar_t>(), part[3].const_data_ptr<scalar_t>()},
                            columns.data_ptr<scalar_t>() + first * num_columns_, count, num_columns_);
    });
  }
  return columns;
}

torch::Tensor FourierSums::folded_orders(const torch::Tensor& columns) const {
  const int64_t rows = columns.size(0), chunk = std::max<int64_t>(kChunkValues / num_columns_, 1);
  const auto orders = at::empty({num_orders_, 2, rows}, columns.options());
  const auto buffers = quarter_buffers(std::min(rows, chunk), num_columns_ / 4, columns.options());
  for (int64_t first = 0; first < rows; first += chunk) {
    const int64_t count = std::min(chunk, rows - first);
    std::array<torch::Tensor, 4> part;
    for (size_t i = 0; i < 4; ++i) part[i] = buffers[i].narrow(0, 0, count);
    AT_DISPATCH_FLOATING_TYPES(columns.scalar_type(), "fold_rows", [&] {
      fold_rows<scalar_t>(columns.const_data_ptr<scalar_t>() + first * num_columns_,
                          {part[0].data_ptr<scalar_t>(), part[1].data_ptr<scalar_t>(), part[2].data_ptr<scalar_t>(),
                           part[3].data_ptr<scalar_t>()},
                          count, num_columns_);
    });
    for (size_t i = 0; i < 4; ++i) {
      auto target = kind(orders, i).narrow(1, first, count);
      at::mm_out(target, quarter_to_orders_[i], part[i].t());
    }
  }
  return orders;
}

}  // namespace pear::sphere

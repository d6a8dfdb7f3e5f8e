#include "sphere/grid/healpix_fields.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "sphere/grid/healpix_checks.h"
#include "sphere/grid/healpix_index.h"

namespace pear::sphere {
namespace {
namespace hi = healpix_index;

void check_fields(int64_t nside, size_t size, const char* what) {
  const auto pixels = static_cast<size_t>(num_pixels(nside));
  if (size == 0 || size % pixels != 0)
    throw ShapeError("SizeMismatch", "sphere.grid",
                     {.what = what,
                      .expected = fmt::format("a multiple of {} (healpix:{})", pixels, nside),
                      .found = fmt::format("{}", size)});
}

/// Checks of degrade and upgrade; returns fine nside / coarse nside.
int64_t ratio(const HealpixGrid& fine, const HealpixGrid& coarse, size_t fine_size, size_t coarse_size) {
  check_healpix(fine);
  check_healpix(coarse);
  if (fine.nside % coarse.nside != 0)
    throw ShapeError("SizeMismatch", "sphere.grid",
                     {.what = "change of HEALPix resolution",
                      .expected = "one nside a multiple of the other",
                      .found = fmt::format("{} and {}", fine.nside, coarse.nside)});
  for (const auto& [grid, size] : {std::pair{fine, fine_size}, std::pair{coarse, coarse_size}})
    if (size != static_cast<size_t>(num_pixels(grid.nside)))
      throw ShapeError("SizeMismatch", "sphere.grid",
                       {.what = fmt::format("field of healpix:{}", grid.nside),
                        .expected = fmt::format("{} values", num_pixels(grid.nside)),
                        .found = fmt::format("{}", size)});
  return fine.nside / coarse.nside;
}

/// Calls f(coarse pixel, fine pixel) for every pair, coarse pixels in ascending order.
template <class F>
void for_each_child(int64_t n, int64_t k, PixelOrder pixel_order, F&& f) {
  hi::with_order(pixel_order, [&](auto order) {
    for (int64_t p = 0; p < num_pixels(n); ++p) {
      if constexpr (order() == PixelOrder::Nested) {
        for (int64_t c = p * k * k; c < (p + 1) * k * k; ++c) f(p, c);
      } else {
        const FaceXy at = hi::face_from_pixel<order()>(n, p);
        for (int64_t y = at.y * k; y < (at.y + 1) * k; ++y)
          for (int64_t x = at.x * k; x < (at.x + 1) * k; ++x)
            f(p, hi::pixel_from_face<order()>(n * k, FaceXy{at.face, x, y}));
      }
    }
  });
}

}  // namespace

std::vector<int64_t> reorder_index(int64_t nside, PixelOrder from, PixelOrder to) {
  check_healpix({nside, from});
  check_healpix({nside, to});
  std::vector<int64_t> index(static_cast<size_t>(num_pixels(nside)));
  std::iota(index.begin(), index.end(), int64_t{0});
  if (from != to) convert_order(nside, to, from, index, index);
  return index;
}

template <class T>
void reorder(int64_t nside, PixelOrder from, PixelOrder to, std::span<const T> in, std::span<T> out) {
  const auto index = reorder_index(nside, from, to);
  check_fields(nside, in.size(), "values to reorder");
  check_same_size("reorder: input and output", {in.size(), out.size()});
  for (size_t first = 0; first < in.size(); first += index.size())
    for (size_t p = 0; p < index.size(); ++p) out[first + p] = in[first + static_cast<size_t>(index[p])];
}

template <class T>
void degrade(const HealpixGrid& from, int64_t nside, std::span<const T> in, std::span<T> out, MissingChildren missing) {
  const int64_t k = ratio(from, {nside, from.order}, in.size(), out.size());
  std::vector<double> sum(out.size(), 0.0);
  std::vector<int64_t> valid(out.size(), 0);
  for_each_child(nside, k, from.order, [&](int64_t coarse, int64_t fine) {
    const T value = in[static_cast<size_t>(fine)];
    if (std::isnan(value)) return;
    sum[static_cast<size_t>(coarse)] += static_cast<double>(value);
    ++valid[static_cast<size_t>(coarse)];
  });
  const int64_t needed = missing == MissingChildren::IfAny ? k * k : 1;
  for (size_t p = 0; p < out.size(); ++p)
    out[p] = valid[p] >= needed ? static_cast<T>(sum[p] / static_cast<double>(valid[p]))
                                : std::numeric_limits<T>::quiet_NaN();
}

template <class T>
void upgrade(const HealpixGrid& from, int64_t nside, std::span<const T> in, std::span<T> out) {
  const int64_t k = ratio({nside, from.order}, from, out.size(), in.size());
  for_each_child(from.nside, k, from.order, [&](int64_t coarse, int64_t fine) {
    out[static_cast<size_t>(fine)] = in[static_cast<size_t>(coarse)];
  });
}

template void reorder(int64_t, PixelOrder, PixelOrder, std::span<const float>, std::span<float>);
template void reorder(int64_t, PixelOrder, PixelOrder, std::span<const double>, std::span<double>);
template void reorder(int64_t, PixelOrder, PixelOrder, std::span<const int64_t>, std::span<int64_t>);
template void degrade(const HealpixGrid&, int64_t, std::span<const float>, std::span<float>, MissingChildren);
template void degrade(const HealpixGrid&, int64_t, std::span<const double>, std::span<double>, MissingChildren);
template void upgrade(const HealpixGrid&, int64_t, std::span<const float>, std::span<float>);
template void upgrade(const HealpixGrid&, int64_t, std::span<const double>, std::span<double>);

}  // namespace pear::sphere

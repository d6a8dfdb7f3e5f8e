#include "sphere/harmonics/checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace pear::sphere {
namespace {

constexpr const char* kWhere = "sphere.harmonics";

std::string shape_text(at::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

[[noreturn]] void bad_truncation(const HarmonicsOptions& o, std::string expected, std::string found) {
  throw ConfigError(
      "BadTruncation", kWhere,
      {.what = fmt::format("truncation T{} on {} rows x {} columns", o.truncation, o.num_rows, o.num_columns),
       .expected = std::move(expected),
       .found = std::move(found),
       .hint = "lower the truncation or refine the grid; quadratic_gaussian_grid() gives one that fits"});
}

}  // namespace

void check_options(const HarmonicsOptions& o) {
  if (o.truncation < 1) bad_truncation(o, "a truncation of 1 or more", fmt::format("{}", o.truncation));
  const bool gaussian = o.rows == RowKind::Gaussian;
  const int64_t fewest_rows = gaussian ? o.truncation + 1 : 2 * o.truncation + 1;
  if (o.num_rows < fewest_rows)
    bad_truncation(o, fmt::format("{} {} rows or more", fewest_rows, gaussian ? "Gaussian" : "equiangular"),
                   fmt::format("{}", o.num_rows));
  if (o.num_columns <= 2 * o.truncation)
    bad_truncation(o, fmt::format("{} columns or more", 2 * o.truncation + 1), fmt::format("{}", o.num_columns));
  if (o.dtype != torch::kFloat32 && o.dtype != torch::kFloat64)
    throw ConfigError("UnsupportedDtype", kWhere,
                      {.what = "dtype of the transform", .expected = "float32 or float64", .found = toString(o.dtype)});
}

void check_dtype(const torch::Tensor& tensor, torch::Dtype dtype, const char* function) {
  if (tensor.scalar_type() != dtype)
    throw ShapeError("WrongDtype", kWhere,
                     {.what = function, .expected = toString(dtype), .found = toString(tensor.scalar_type())});
}

void check_spectral_shape(const torch::Tensor& spectral, int64_t truncation, const char* function) {
  if (spectral.dim() < 3 || spectral.size(0) != truncation + 1 || spectral.size(1) != 2 ||
      spectral.size(-1) != truncation + 2)
    throw ShapeError("SizeMismatch", kWhere,
                     {.what = fmt::format("{}: spectral coefficients", function),
                      .expected = fmt::format("[{}, 2, ..., {}]", truncation + 1, truncation + 2),
                      .found = shape_text(spectral.sizes())});
}

void check_last_dims(const torch::Tensor& tensor, at::IntArrayRef extents, const char* function) {
  const auto sizes = tensor.sizes();
  if (sizes.size() < extents.size() || sizes.slice(sizes.size() - extents.size()) != extents)
    throw ShapeError("SizeMismatch", kWhere,
                     {.what = fmt::format("{}: values on the grid", function),
                      .expected = fmt::format("[..., {}]", fmt::join(extents, ", ")),
                      .found = shape_text(sizes)});
}

void SphericalHarmonicTransform::check_spectral(const torch::Tensor& spectral, const char* function) const {
  check_spectral_shape(spectral, options_.truncation, function);
  check_dtype(spectral, options_.dtype, function);
}

void SphericalHarmonicTransform::check_grid(const torch::Tensor& grid, const char* function) const {
  check_last_dims(grid, {2, num_hemisphere_rows(), options_.num_columns}, function);
}

void SphericalHarmonicTransform::check_rows(const torch::Tensor& rows, const char* function) const {
  check_last_dims(rows, {options_.num_rows, options_.num_columns}, function);
}

}  // namespace pear::sphere

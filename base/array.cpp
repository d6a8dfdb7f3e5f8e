#include "base/array.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace pear {

int64_t num_elements(std::span<const int64_t> shape) {
  int64_t n = 1;
  for (int64_t extent : shape) {
    if (extent < 0 || (extent > 0 && n > INT64_MAX / 16 / extent))
      throw ShapeError("BadShape", "base.array", {.what = "impossible shape " + shape_string(shape)});
    n *= extent;
  }
  return n;
}

std::string shape_string(std::span<const int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace pear

// Pictures of at most 256 colours as PNG, and as text that a page can hold.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pear::forecast {

struct Colour {
  uint8_t red = 0, green = 0, blue = 0;
  bool operator==(const Colour&) const = default;
};

/// The last colour of a palette is that of missing values.
using Palette = std::array<Colour, 256>;

/// PNG of indexed colours, 8 bit.
///
/// Source:  PNG specification, third edition (W3C 2025): IHDR, PLTE, IDAT, IEND.
/// Shapes:  pixels [height, width], rows from the top.
/// Errors:  ShapeError `SizeMismatch`.
std::string encode_png(std::span<const uint8_t> pixels, int width, int height, const Palette& palette);

/// RFC 4648, with padding.
std::string base64(std::string_view bytes);

}  // namespace pear::forecast

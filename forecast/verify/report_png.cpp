#include "forecast/verify/report_png.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cstddef>

#include "base/error.h"

namespace pear::forecast {
namespace {

void append_big_endian(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xFF);
}

/// Length, type, data, CRC-32 of type and data.
void append_chunk(std::string& out, std::string_view type, std::string_view data) {
  append_big_endian(out, static_cast<uint32_t>(data.size()));
  const std::string body = std::string(type) + std::string(data);
  out += body;
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  append_big_endian(out, static_cast<uint32_t>(crc));
}

std::string deflated(const std::string& raw) {
  uLongf size = compressBound(static_cast<uLong>(raw.size()));
  std::string out(size, '\0');
  const int status = compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(raw.data()),
                               static_cast<uLong>(raw.size()), Z_BEST_COMPRESSION);
  PEAR_ASSERT(status == Z_OK);  // the buffer is as large as zlib asked for
  out.resize(size);
  return out;
}

}  // namespace

std::string encode_png(std::span<const uint8_t> pixels, int width, int height, const Palette& palette) {
  if (width < 1 || height < 1 || pixels.size() != static_cast<size_t>(width) * static_cast<size_t>(height))
    throw ShapeError("SizeMismatch", "report.png",
                     {.what = "pixels of a picture",
                      .expected = fmt::format("{} x {}", height, width),
                      .found = fmt::format("{} values", pixels.size())});
  std::string out("\x89PNG\r\n\x1A\n", 8);
  std::string header;
  append_big_endian(header, static_cast<uint32_t>(width));
  append_big_endian(header, static_cast<uint32_t>(height));
  header += std::string("\x08\x03\x00\x00\x00", 5);  // 8 bit, indexed colours, deflate, no filter choice, no interlace
  append_chunk(out, "IHDR", header);
  std::string colours;
  for (const Colour& c : palette)
    for (const uint8_t part : {c.red, c.green, c.blue}) colours += static_cast<char>(part);
  append_chunk(out, "PLTE", colours);
  std::string raw;
  for (int row = 0; row < height; ++row) {
    raw += '\0';  // filter: none
    raw.append(reinterpret_cast<const char*>(pixels.data()) + static_cast<ptrdiff_t>(row) * width,
               static_cast<size_t>(width));
  }
  append_chunk(out, "IDAT", deflated(raw));
  append_chunk(out, "IEND", "");
  return out;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < have ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) out += k <= have ? kAlphabet[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

}  // namespace pear::forecast

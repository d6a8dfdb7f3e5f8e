// The walk over GRIB messages and their sections (io/grib_index). ecCodes is not ours and is not called.
#include "io/grib_index.h"
#include "tests/fuzz/target.h"

namespace pear::fuzz {
namespace {

std::string big_endian(uint64_t value, int width) {
  std::string bytes;
  for (int i = width - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string section(int number, const std::string& content) {
  return big_endian(content.size() + 5, 4) + static_cast<char>(number) + content;
}

std::string grib2(const std::string& sections) {
  return std::string("GRIB\0\0\0\2", 8) + big_endian(16 + sections.size() + 4, 8) + sections + "7777";
}

/// Flags 0xc0: sections 2 and 3 are there.
std::string grib1(char flags) {
  std::string section1 = big_endian(28, 3) + std::string(25, '\0');
  section1[7] = flags;
  std::string body = section1;
  if (flags & 0x80) body += big_endian(32, 3) + std::string(29, '\1');
  if (flags & 0x40) body += big_endian(6, 3) + std::string(3, '\0');
  body += big_endian(12, 3) + std::string(9, '\2');
  return "GRIB" + big_endian(8 + body.size() + 4, 3) + '\1' + body + "7777";
}

}  // namespace

std::vector<std::string> seeds() {
  const std::string head = section(1, std::string(16, '\1')) + section(3, std::string(20, '\3'));
  const std::string field = section(4, std::string(29, '\4')) + section(5, std::string(16, '\5'));
  const std::string bitmap = section(6, std::string("\0\x0f", 2)), same = section(6, "\xfe"), none = section(6, "\xff");
  const std::string data = section(7, "data");
  return {grib2(head + field + none + data), grib2(head + field + bitmap + data + field + same + data), grib1('\0'),
          grib1('\xc0'), "junk" + grib1('\x40') + "more" + grib2(head + field + none + data)};
}

void decode(std::string_view input) {
  const auto path = put("file.grib", input);
  const io::GribIndex index = io::index_grib(path, /*skip_bad=*/true);
  for (const io::GribField& field : index.fields) {
    require(field.offset <= input.size() && field.length <= input.size() - field.offset, "a message lies in the file");
    for (const auto& range : field.sections)
      require(range.offset >= field.offset && range.length <= field.length &&
                  range.offset - field.offset <= field.length - range.length,
              "a section lies in its message");
  }
  for (size_t i = 0; i < index.fields.size() && i < 3; ++i)
    require(io::grib_bytes(path, index.fields[i]).substr(0, 4) == "GRIB", "a field alone is a message");
  require(io::index_grib(path, /*skip_bad=*/false).fields.size() == index.fields.size() && index.problems.empty(),
          "what is not refused has no problems");
}

}  // namespace pear::fuzz

#include "io/grib_index.h"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <optional>

#include "base/error.h"
#include "io/mapped_file.h"

namespace pear::io {

namespace {

uint64_t big_endian(std::string_view bytes, uint64_t at, int width) {
  uint64_t value = 0;
  for (int i = 0; i < width; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<uint64_t>(i)]);
  return value;
}

// Head, sections that must be there, tail.
constexpr uint64_t kShortestGrib1 = 8 + 28 + 4, kShortestGrib2 = 16 + 4, kLongest = uint64_t{1} << 48;

/// What is wrong with a message, for the error and for the list of problems.
struct Damage {
  std::string code, expected, found;
};

/// Walks one file; `at` is the position of a "GRIB".
class Walker {
 public:
  Walker(const std::filesystem::path& path, std::string_view bytes, bool skip_bad)
      : path_(path), bytes_(bytes), skip_bad_(skip_bad) {}

  GribIndex run() {
    uint64_t at = 0;
    while (true) {
      const size_t found = bytes_.find("GRIB", at);
      if (found == std::string_view::npos) break;
      index_.junk_bytes += found - at;
      at = step(found);
    }
    index_.junk_bytes += bytes_.size() - at;
    return std::move(index_);
  }

 private:
  /// Takes the message at `at`; returns where to look for the next.
  uint64_t step(uint64_t at) {
    uint64_t length = 0;
    std::optional<Damage> damage = message_length(at, length);
    if (!damage) damage = at + length > bytes_.size() ? too_long(at, length) : bad_end(at, length);
    std::vector<GribField> fields;
    if (!damage) {
      const int edition = bytes_[at + 7];
      if (edition == 1) {
        damage = grib1_sections(at, length);
        fields.push_back({at, length, 1, num_messages_, 0, {{at, length}}});
      } else {
        damage = grib2_fields(at, length, fields);
      }
    }
    ++num_messages_;
    if (damage) {
      report(at, *damage);
      const size_t next = bytes_.find("GRIB", at + 4);
      return next == std::string_view::npos ? bytes_.size() : next;
    }
    for (GribField& f : fields) index_.fields.push_back(std::move(f));
    return at + length;
  }

  std::optional<Damage> message_length(uint64_t at, uint64_t& length) const {
    if (at + 16 > bytes_.size()) return Damage{"TruncatedFile", "a section 0", "the end of the file"};
    const int edition = static_cast<unsigned char>(bytes_[at + 7]);
    if (edition == 2) {
      length = big_endian(bytes_, at + 8, 8);
      return possible(length, kShortestGrib2);
    }
    if (edition != 1) return Damage{"BadMessage", "edition 1 or 2", fmt::format("edition {}", edition)};
    length = big_endian(bytes_, at + 4, 3);
    if (length & 0x800000) return scaled_length(at, length);
    return possible(length, kShortestGrib1);
  }

  static std::optional<Damage> possible(uint64_t length, uint64_t shortest) {
    if (length >= shortest && length <= kLongest) return std::nullopt;
    return Damage{"BadMessage", "a possible length", fmt::format("length {}", length)};
  }

  /// ECMWF's rule for GRIB1 above 8 MiB: the length counts 120 bytes, section 4 holds the correction.
  std::optional<Damage> scaled_length(uint64_t at, uint64_t& length) const {
    uint64_t p = at + 8;
    const auto section = [&](bool present) {
      if (present && p + 3 <= bytes_.size()) p += big_endian(bytes_, p, 3);
    };
    if (p + 28 > bytes_.size()) return Damage{"TruncatedFile", "a section 1", "the end of the file"};
    const int flags = static_cast<unsigned char>(bytes_[p + 7]);
    section(true);
    section(flags & 0x80);
    section(flags & 0x40);
    if (p + 3 > bytes_.size()) return Damage{"TruncatedFile", "a section 4", "the end of the file"};
    const uint64_t section4 = big_endian(bytes_, p, 3);
    length &= 0x7fffff;
    if (section4 < 120) length = length * 120 + 4 - section4;  // a length of 0 wraps, and is refused here
    return possible(length, kShortestGrib1);
  }

  Damage too_long(uint64_t at, uint64_t length) const {
    const bool another = bytes_.find("GRIB", at + 4) != std::string_view::npos;
    return {another ? "BadMessage" : "TruncatedFile", fmt::format("{} bytes", length),
            fmt::format("{} bytes up to the end of the file", bytes_.size() - at)};
  }

  std::optional<Damage> bad_end(uint64_t at, uint64_t length) const {
    const std::string_view end = bytes_.substr(at + length - 4, 4);
    if (end == "7777") return std::nullopt;
    return Damage{"BadMessage", fmt::format("7777 at the end of {} bytes", length), "other bytes"};
  }

  /// Sections 1 to 4 must fit between head and tail. Section 4 of a scaled length holds a correction, not its size.
  std::optional<Damage> grib1_sections(uint64_t at, uint64_t length) const {
    const int flags = static_cast<unsigned char>(bytes_[at + 8 + 7]);
    const std::array<std::pair<bool, uint64_t>, 4> sections = {
        {{true, 28}, {(flags & 0x80) != 0, 32}, {(flags & 0x40) != 0, 6}, {true, 11}}};
    uint64_t p = at + 8;
    const uint64_t end = at + length - 4;
    for (size_t k = 0; k < sections.size(); ++k) {
      if (!sections[k].first) continue;
      if (p + 3 > end) return Damage{"BadMessage", fmt::format("a section {}", k + 1), "the end of the message"};
      const uint64_t size = big_endian(bytes_, p, 3);
      if (k == 3 && size < 120 && length > 0x7fffff) return std::nullopt;
      if (size < sections[k].second || size > end - p)
        return Damage{"BadMessage", fmt::format("a section {} inside the message", k + 1),
                      fmt::format("{} bytes at byte {}", size, p)};
      p += size;
    }
    return std::nullopt;
  }

  /// Collects a field at every section 7; sections stay in force until they are given again.
  std::optional<Damage> grib2_fields(uint64_t at, uint64_t length, std::vector<GribField>& fields) const {
    std::array<std::optional<GribField::Range>, 8> sections;
    std::optional<GribField::Range> bitmap;  // the last bitmap that was given in full
    uint64_t p = at + 16;
    const uint64_t end = at + length - 4;
    while (p < end) {
      if (p + 5 > end) return Damage{"BadMessage", "a section header", "the end of the message"};
      const uint64_t size = big_endian(bytes_, p, 4);
      const int number = static_cast<unsigned char>(bytes_[p + 4]);
      if (size < 5 || size > end - p || number < 1 || number > 7)
        return Damage{"BadMessage", "a section 1 to 7 inside the message",
                      fmt::format("section {} of {} bytes at byte {}", number, size, p)};
      sections[static_cast<size_t>(number)] = GribField::Range{p, size};
      if (number == 6) {
        const int indicator = size > 5 ? static_cast<unsigned char>(bytes_[p + 5]) : 255;
        if (indicator == 0) bitmap = sections[6];
        if (indicator == 254) {  // "as before": the field alone needs the bitmap itself
          if (!bitmap) return Damage{"BadMessage", "a bitmap before one that refers to it", "none"};
          sections[6] = bitmap;
        }
      }
      if (number == 7) {
        GribField f{at, length, 2, num_messages_, fields.size(), {}};
        for (int s : {1, 2, 3, 4, 5, 6, 7}) {
          const auto& range = sections[static_cast<size_t>(s)];
          if (range)
            f.sections.push_back(*range);
          else if (s != 2)
            return Damage{"BadMessage", fmt::format("a section {} before section 7", s), "none"};
        }
        fields.push_back(std::move(f));
      }
      p += size;
    }
    if (fields.empty()) return Damage{"BadMessage", "a section 7", "none"};
    return std::nullopt;
  }

  void report(uint64_t at, const Damage& damage) {
    const std::string what = fmt::format("{}, message {} at byte {}", path_.string(), num_messages_ - 1, at);
    if (!skip_bad_)
      throw DataError(damage.code, "io.grib",
                      {.what = what,
                       .expected = damage.expected,
                       .found = damage.found,
                       .hint = "fetch the file again, or skip damaged messages with io.skip_bad=true"});
    index_.problems.push_back(
        fmt::format("{} {}: expected {}, found {}", damage.code, what, damage.expected, damage.found));
  }

  const std::filesystem::path& path_;
  std::string_view bytes_;
  bool skip_bad_;
  GribIndex index_;
  size_t num_messages_ = 0;
};

}  // namespace

GribIndex index_grib(const std::filesystem::path& path, bool skip_bad) {
  const MappedFile file(path);
  return Walker(path, file.bytes(), skip_bad).run();
}

std::string grib_bytes(const std::filesystem::path& path, const GribField& field) {
  std::string bytes;
  uint64_t size = 0;
  for (const auto& range : field.sections) size += range.length;
  if (field.edition == 2) {
    bytes.resize(16);
    size += 16 + 4;
  }
  bytes.reserve(size);
  std::ifstream in(path, std::ios::binary);
  for (const auto& range : field.sections) {
    const size_t at = bytes.size();
    bytes.resize(at + range.length);
    in.seekg(static_cast<std::streamoff>(range.offset));
    in.read(bytes.data() + at, static_cast<std::streamsize>(range.length));
  }
  if (field.edition == 2) {
    in.seekg(static_cast<std::streamoff>(field.offset));
    in.read(bytes.data(), 8);
    for (int i = 0; i < 8; ++i) bytes[8 + static_cast<size_t>(i)] = static_cast<char>(size >> (56 - 8 * i));
    bytes += "7777";
  }
  if (!in)
    throw DataError("ReadFailed", "io.grib",
                    {.what = fmt::format("{}, message {} at byte {}", path.string(), field.message, field.offset),
                     .hint = "the file changed after it was opened"});
  return bytes;
}

}  // namespace pear::io

// GRIB messages of every form, written with ecCodes for tests; nothing of pear::io is used.
#pragma once

#include <eccodes.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace pear::io::layouts {

class GribBuilder {
 public:
  explicit GribBuilder(int edition)
      : handle_(codes_grib_handle_new_from_samples(nullptr, edition == 1 ? "GRIB1" : "GRIB2")) {
    EXPECT_NE(handle_, nullptr);
  }
  GribBuilder(const GribBuilder&) = delete;
  GribBuilder& operator=(const GribBuilder&) = delete;
  ~GribBuilder() { codes_handle_delete(handle_); }

  GribBuilder& set(const char* key, long value) { return ok(codes_set_long(handle_, key, value), key); }
  GribBuilder& set(const char* key, int value) { return set(key, static_cast<long>(value)); }
  GribBuilder& set(const char* key, double value) { return ok(codes_set_double(handle_, key, value), key); }
  GribBuilder& set(const char* key, const char* text) {
    size_t length = std::char_traits<char>::length(text);
    return ok(codes_set_string(handle_, key, text, &length), key);
  }
  /// False if this build of ecCodes has no such packing, which is no failure.
  bool pack(const char* packing, const std::vector<double>& values) {
    size_t length = std::char_traits<char>::length(packing);
    if (codes_set_string(handle_, "packingType", packing, &length) != CODES_SUCCESS) return false;
    const int status = codes_set_double_array(handle_, "values", values.data(), values.size());
    if (status == CODES_FUNCTIONALITY_NOT_ENABLED || status == CODES_NOT_IMPLEMENTED) return false;
    ok(status, packing);
    return true;
  }
  GribBuilder& values(const std::vector<double>& v) {
    return ok(codes_set_double_array(handle_, "values", v.data(), v.size()), "values");
  }
  std::string text(const char* key) const {
    char buffer[64] = {};
    size_t length = sizeof buffer;
    EXPECT_EQ(codes_get_string(handle_, key, buffer, &length), CODES_SUCCESS) << key;
    return buffer;
  }
  std::string bytes() const {
    const void* message = nullptr;
    size_t size = 0;
    EXPECT_EQ(codes_get_message(handle_, &message, &size), CODES_SUCCESS);
    return {static_cast<const char*>(message), size};
  }

 private:
  GribBuilder& ok(int status, const char* key) {
    EXPECT_EQ(status, CODES_SUCCESS) << key << ": " << codes_get_error_message(status);
    return *this;
  }
  codes_handle* handle_;
};

/// Sections of a GRIB2 message, index = number; 0 and 8 are left out.
inline std::vector<std::string> sections_of(const std::string& message) {
  std::vector<std::string> all(8);
  size_t at = 16;
  while (at + 5 <= message.size() && message.compare(at, 4, "7777") != 0) {
    size_t size = 0;
    for (size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(message[at + i]);
    all.at(static_cast<unsigned char>(message[at + 4])) = message.substr(at, size);
    at += size;
  }
  return all;
}

/// A message from the head of another and any sections.
inline std::string assemble(const std::string& message, const std::string& sections) {
  std::string all = message.substr(0, 8);
  const uint64_t size = 16 + sections.size() + 4;
  for (int i = 7; i >= 0; --i) all += static_cast<char>(size >> (8 * i));
  return all + sections + "7777";
}

inline std::filesystem::path put_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  return path;
}

}  // namespace pear::io::layouts

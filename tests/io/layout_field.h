// One synthetic field that every packing holds exactly: multiples of 1/64 K around 250 K, on 10 degrees with poles.
#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/reader.h"

namespace pear::io::layouts {

constexpr int kRows = 19, kCols = 36;
constexpr double kScale = 1.0 / 64, kOffset = 250.0;

/// Packed value of canonical row j (north first) and column i (from 0 degrees): -1000 to 1000. No symmetry, so that a
/// wrong row, column, level or time is seen.
inline int packed(int time, int level, int j, int i) {
  return static_cast<int>(
      (j * int64_t{7919} + i * int64_t{104729} + time * int64_t{1299709} + level * int64_t{15485863}) % 2001 - 1000);
}
inline float expected(int time, int level, int j, int i) {
  return static_cast<float>(packed(time, level, j, i) * kScale + kOffset);
}
inline std::vector<float> expected_field(int time, int level) {
  std::vector<float> all;
  for (int j = 0; j < kRows; ++j)
    for (int i = 0; i < kCols; ++i) all.push_back(expected(time, level, j, i));
  return all;
}

/// Code of the error that opening and reading everything raises; "" if none. `message`: its text.
inline std::string refusal(const std::filesystem::path& path, std::string* message = nullptr,
                           const ReadOptions& options = {}) {
  try {
    const auto reader = open_fields(path, options);
    for (size_t i = 0; i < reader->fields().size(); ++i) reader->read(i);
  } catch (const Error& e) {
    if (message) *message = e.what();
    return e.code();
  }
  return "";
}

inline std::vector<float> values_of(const Field& f) { return {f.values.data(), f.values.data() + f.values.size()}; }

}  // namespace pear::io::layouts

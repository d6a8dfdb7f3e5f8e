// What one fuzz target consists of. Who drives it: libfuzzer.cpp (`make fuzz`) or replay.cpp (ordinary tests).
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace pear::fuzz {

/// Sound inputs to start from, made by the program's own writers. Each target defines it.
std::vector<std::string> seeds();

/// Feeds the decoder. Each target defines it. pear::Error means "refused"; any other way out is a bug.
void decode(std::string_view input);

inline void decode_or_refuse(std::string_view input) {
  try {
    decode(input);
  } catch (const Error&) {
  }
}

/// A property that decoded values must have, whatever the bytes were.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "property violated: %s\n", what);
  std::abort();
}

/// Folder for decoders that want files; in $TMPDIR, gone when the program ends.
inline const std::filesystem::path& scratch_folder() {
  struct Folder {
    Folder() {
      std::string pattern = (std::filesystem::temp_directory_path() / "pear_fuzz_XXXXXX").string();
      if (mkdtemp(pattern.data()) == nullptr) std::abort();
      path = pattern;
    }
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
    std::filesystem::path path;
  };
  static const Folder folder;
  return folder.path;
}

inline std::filesystem::path put(const std::string& name, std::string_view bytes) {
  const auto path = scratch_folder() / name;
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

}  // namespace pear::fuzz

// Where the GRIB fields of a file lie: lengths and sections only, no library, nothing decoded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pear::io {

/// One field. A GRIB2 message may hold several: sections 2-7, 3-7 or 4-7 repeat, and GFS puts v behind u that way.
struct GribField {
  uint64_t offset = 0;  ///< of its message in the file
  uint64_t length = 0;  ///< of its message
  int edition = 0;
  size_t message = 0;  ///< counted over the file, from 0
  size_t field = 0;    ///< counted in the message, from 0
  /// Byte ranges in the file that make the field alone, in order (GRIB2: sections 1 to 7; GRIB1: the message).
  struct Range {
    uint64_t offset, length;
  };
  std::vector<Range> sections;
};

struct GribIndex {
  std::vector<GribField> fields;
  std::vector<std::string> problems;  ///< damaged messages that were skipped, one line each
  uint64_t junk_bytes = 0;            ///< bytes between messages
};

/// Walks the messages of a file. Bytes between messages are skipped and counted.
///
/// Errors:  DataError `BadMessage` (no 7777 where the length says, impossible section) with the byte offset,
///          `TruncatedFile` if the last message runs past the end; with `skip_bad` both become lines in `problems`.
///          `FileNotFound`, `ReadFailed`.
GribIndex index_grib(const std::filesystem::path& path, bool skip_bad);

/// The field alone as a complete GRIB message.
/// Errors:  DataError `ReadFailed`.
std::string grib_bytes(const std::filesystem::path& path, const GribField& field);

}  // namespace pear::io

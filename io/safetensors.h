// Tensors by name in the safetensors format: 8-byte header length, JSON header, raw little-endian data.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace pear::io {

struct SafetensorsFile {
  std::map<std::string, std::string> metadata;
  std::map<std::string, torch::Tensor> tensors;
};

/// Where a tensor lies in the file.
struct SafetensorsEntry {
  std::string dtype;  ///< F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  ///< bytes after the header
};
struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::map<std::string, SafetensorsEntry> tensors;
  uint64_t data_start = 0;  ///< position of byte 0 of the data in the file
};

/// Replaces `path` in one step. Tensors may live on any device and have any strides; they are stored contiguous.
///
/// Errors:  DataError `WriteFailed`, `UnsupportedType`.
void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file);

/// Checks the whole header before any data is read: length, JSON, names, dtypes, shapes, offsets that neither overlap
/// nor leave gaps nor pass the end of the file.
///
/// Errors:  DataError `FileNotFound`, `TruncatedFile`, `BadSafetensors`.
SafetensorsHeader read_safetensors_header(const std::filesystem::path& path);

/// Shapes:  as stored; tensors are contiguous on the CPU and own their memory.
/// Errors:  as read_safetensors_header.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

}  // namespace pear::io

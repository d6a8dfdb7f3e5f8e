#include "io/safetensors.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/files.h"

namespace pear::io {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// The reference implementation refuses longer headers; so do we, before memory is taken.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr int kDeepestHeader = 8;  // three levels in a sound one; printing a value recurses once per level
constexpr const char* kMetadata = "__metadata__";

struct Dtype {
  const char* name;
  torch::ScalarType type;
  uint64_t bytes;
};
constexpr std::array kDtypes = {
    Dtype{"F64", torch::kFloat64, 8},   Dtype{"F32", torch::kFloat32, 4}, Dtype{"F16", torch::kFloat16, 2},
    Dtype{"BF16", torch::kBFloat16, 2}, Dtype{"I64", torch::kInt64, 8},   Dtype{"I32", torch::kInt32, 4},
    Dtype{"I16", torch::kInt16, 2},     Dtype{"I8", torch::kInt8, 1},     Dtype{"U8", torch::kUInt8, 1},
    Dtype{"BOOL", torch::kBool, 1},
};

[[noreturn]] void bad(const fs::path& path, const std::string& expected, const std::string& found) {
  throw DataError("BadSafetensors", "io.safetensors",
                  {.what = path.string() + " is not a sound safetensors file", .expected = expected, .found = found});
}

[[noreturn]] void truncated(const fs::path& path, uint64_t expected, uint64_t found) {
  throw DataError("TruncatedFile", "io.safetensors",
                  {.what = path.string() + " is cut off",
                   .expected = fmt::format("{} bytes", expected),
                   .found = fmt::format("{} bytes", found),
                   .hint = "copy the file again, or take another checkpoint"});
}

const Dtype& dtype_of(const fs::path& path, const std::string& tensor, const std::string& name) {
  for (const auto& d : kDtypes)
    if (name == d.name) return d;
  bad(path, "dtype F64 F32 F16 BF16 I64 I32 I16 I8 U8 or BOOL", fmt::format("dtype '{}' of tensor {}", name, tensor));
}

/// The library would silently keep the last of two equal names; a checkpoint must not be ambiguous.
json parse_strict(const fs::path& path, const std::string& text) {
  std::vector<std::set<std::string>> open_objects;
  const auto callback = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > kDeepestHeader) bad(path, "a header of three levels", "deeper nesting");
    if (event == json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == json::parse_event_t::object_end) open_objects.pop_back();
    if (event == json::parse_event_t::key && !open_objects.back().insert(value.get<std::string>()).second)
      bad(path, "every name once", "two entries for '" + value.get<std::string>() + "'");
    return true;
  };
  try {
    return json::parse(text, callback);
  } catch (const json::exception& e) {
    bad(path, "a JSON header", e.what());
  }
}

SafetensorsEntry entry_from(const fs::path& path, const std::string& name, const json& j) {
  if (!j.is_object() || j.size() != 3 || !j.contains("dtype") || !j["dtype"].is_string() || !j.contains("shape") ||
      !j["shape"].is_array() || !j.contains("data_offsets") || !j["data_offsets"].is_array() ||
      j["data_offsets"].size() != 2)
    bad(path, "dtype, shape and data_offsets for every tensor", "other keys for tensor " + name);
  SafetensorsEntry entry;
  entry.dtype = j["dtype"].get<std::string>();
  uint64_t bytes = dtype_of(path, name, entry.dtype).bytes;
  uint64_t span = bytes;  // as if no extent were 0: strides must not overflow either
  for (const json& extent : j["shape"]) {
    if (!extent.is_number_unsigned() || extent.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))
      bad(path, "non-negative whole extents", fmt::format("shape {} of tensor {}", j["shape"].dump(), name));
    const auto n = extent.get<uint64_t>();
    bytes *= n;
    if (__builtin_mul_overflow(span, std::max<uint64_t>(n, 1), &span) || span > static_cast<uint64_t>(INT64_MAX))
      bad(path, "a size below 2^63 bytes", fmt::format("shape {} of tensor {}", j["shape"].dump(), name));
    entry.shape.push_back(static_cast<int64_t>(n));
  }
  const json& offsets = j["data_offsets"];
  if (!offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
    bad(path, "whole offsets", fmt::format("data_offsets {} of tensor {}", offsets.dump(), name));
  entry.begin = offsets[0].get<uint64_t>();
  entry.end = offsets[1].get<uint64_t>();
  if (entry.end < entry.begin || entry.end - entry.begin != bytes)
    bad(path, fmt::format("{} bytes for {} {}", bytes, entry.dtype, j["shape"].dump()),
        fmt::format("data_offsets {} of tensor {}", offsets.dump(), name));
  return entry;
}

/// No overlap, no gap, nothing beyond the end.
void check_coverage(const fs::path& path, const SafetensorsHeader& header, uint64_t file_size) {
  std::vector<std::pair<const SafetensorsEntry*, std::string>> order;
  for (const auto& [name, entry] : header.tensors) order.emplace_back(&entry, name);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first->begin, a.first->end) < std::pair(b.first->begin, b.first->end);
  });
  uint64_t position = 0;
  for (const auto& [entry, name] : order) {
    if (entry->begin != position)
      bad(path, fmt::format("tensor {} to start at byte {} of the data", name, position),
          fmt::format("byte {} ({})", entry->begin, entry->begin < position ? "overlap" : "gap"));
    position = entry->end;
  }
  const uint64_t available = file_size - header.data_start;
  if (available < position) truncated(path, header.data_start + position, file_size);
  if (available > position)
    bad(path, fmt::format("{} bytes after the header", position), fmt::format("{} bytes", available));
}

std::ifstream open_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in || !fs::is_regular_file(path))
    throw DataError("FileNotFound", "io.safetensors", {.what = path.string() + " cannot be opened"});
  return in;
}

uint64_t little_endian(const std::array<char, 8>& bytes) {
  uint64_t value = 0;
  for (size_t i = 8; i-- > 0;) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  return value;
}

SafetensorsHeader read_header(const fs::path& path, std::istream& in) {
  const uint64_t file_size = fs::file_size(path);
  std::array<char, 8> prefix{};
  if (file_size < prefix.size()) truncated(path, prefix.size(), file_size);
  in.read(prefix.data(), prefix.size());
  const uint64_t length = little_endian(prefix);
  if (length > kMaxHeaderBytes)
    bad(path, fmt::format("a header of at most {} bytes", kMaxHeaderBytes), fmt::format("{} bytes", length));
  if (length > file_size - prefix.size()) truncated(path, prefix.size() + length, file_size);
  std::string text(length, '\0');
  in.read(text.data(), static_cast<std::streamsize>(length));
  if (!in) throw DataError("ReadFailed", "io.safetensors", {.what = "cannot read the header of " + path.string()});
  if (text.empty() || text[0] != '{') bad(path, "a header that starts with {", "another character");
  SafetensorsHeader header;
  header.data_start = prefix.size() + length;
  const json content = parse_strict(path, text);
  for (const auto& [name, value] : content.items()) {
    if (name != kMetadata) {
      header.tensors.emplace(name, entry_from(path, name, value));
      continue;
    }
    if (!value.is_object()) bad(path, "__metadata__ with text values", value.type_name());
    for (const auto& [key, item] : value.items()) {
      if (!item.is_string())
        bad(path, "__metadata__ with text values", fmt::format("{} for '{}'", item.type_name(), key));
      header.metadata.emplace(key, item.get<std::string>());
    }
  }
  check_coverage(path, header, file_size);
  return header;
}

const Dtype& dtype_of(const std::string& name, const torch::Tensor& tensor) {
  for (const auto& d : kDtypes)
    if (tensor.scalar_type() == d.type) return d;
  throw DataError("UnsupportedType", "io.safetensors",
                  {.what = "tensor " + name,
                   .expected = "a real number, integer or bool type",
                   .found = c10::toString(tensor.scalar_type())});
}

/// Header padded with spaces, so that the data start at a multiple of 8 bytes.
std::string header_text(const SafetensorsFile& file) {
  json j = json::object();
  if (!file.metadata.empty()) j[kMetadata] = file.metadata;
  uint64_t position = 0;
  for (const auto& [name, tensor] : file.tensors) {
    const Dtype& dtype = dtype_of(name, tensor);
    const uint64_t end = position + static_cast<uint64_t>(tensor.numel()) * dtype.bytes;
    j[name] = {{"dtype", dtype.name}, {"shape", tensor.sizes().vec()}, {"data_offsets", {position, end}}};
    position = end;
  }
  std::string text = j.dump(-1, ' ', false, json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

void write_all(std::ostream& out, const SafetensorsFile& file) {
  const std::string header = header_text(file);
  std::array<char, 8> prefix{};
  for (size_t i = 0; i < 8; ++i) prefix[i] = static_cast<char>((header.size() >> (8 * i)) & 0xFF);
  out.write(prefix.data(), prefix.size());
  out.write(header.data(), static_cast<std::streamsize>(header.size()));
  for (const auto& [name, tensor] : file.tensors) {
    const torch::Tensor data = tensor.detach().to(torch::kCPU).contiguous();
    out.write(static_cast<const char*>(data.const_data_ptr()), static_cast<std::streamsize>(data.nbytes()));
  }
}

}  // namespace

void write_safetensors(const fs::path& path, const SafetensorsFile& file) {
  AtomicFile atomic(path);
  std::ofstream out(atomic.temporary(), std::ios::binary);
  if (out) write_all(out, file);
  out.close();
  if (!out)
    throw DataError("WriteFailed", "io.safetensors",
                    {.what = "cannot write " + path.string(),
                     .expected = "room on the disk and a writable folder",
                     .found = fmt::format("{} ({} bytes free)", std::strerror(errno), free_space(path))});
  atomic.commit();
}

SafetensorsHeader read_safetensors_header(const fs::path& path) {
  std::ifstream in = open_file(path);
  return read_header(path, in);
}

SafetensorsFile read_safetensors(const fs::path& path) {
  std::ifstream in = open_file(path);
  SafetensorsHeader header = read_header(path, in);
  SafetensorsFile file{.metadata = std::move(header.metadata), .tensors = {}};
  for (const auto& [name, entry] : header.tensors) {
    torch::Tensor tensor = at::empty(entry.shape, at::TensorOptions().dtype(dtype_of(path, name, entry.dtype).type));
    in.seekg(static_cast<std::streamoff>(header.data_start + entry.begin));
    in.read(static_cast<char*>(tensor.data_ptr()), static_cast<std::streamsize>(entry.end - entry.begin));
    if (!in)
      throw DataError("ReadFailed", "io.safetensors",
                      {.what = fmt::format("cannot read tensor {} of {}", name, path.string())});
    file.tensors.emplace(name, std::move(tensor));
  }
  return file;
}

}  // namespace pear::io

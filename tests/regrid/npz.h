// Arrays of .npz files: just what the recorded results of other programs need (one float64 array, deflated or stored).
#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace pear::regrid::testing {

inline uint32_t little_endian(const std::string& bytes, size_t at, int count) {
  uint32_t value = 0;
  for (int k = count - 1; k >= 0; --k)
    value = value << 8 | static_cast<unsigned char>(bytes.at(at + static_cast<size_t>(k)));
  return value;
}

inline std::string inflate_raw(const std::string& packed, size_t size) {
  std::string out(size, '\0');
  z_stream z{};
  inflateInit2(&z, -MAX_WBITS);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(size);
  const int status = inflate(&z, Z_FINISH);
  inflateEnd(&z);
  if (status != Z_STREAM_END) throw std::runtime_error("npz: deflate stream");
  return out;
}

/// The first array, flat in C order. Sizes come from the central directory: local headers may leave them out.
inline std::vector<double> read_npz(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const size_t entry = bytes.find("PK\x01\x02");
  if (entry == std::string::npos) throw std::runtime_error("npz: no central directory");
  const uint32_t method = little_endian(bytes, entry + 10, 2), packed = little_endian(bytes, entry + 20, 4);
  const uint32_t size = little_endian(bytes, entry + 24, 4), local = little_endian(bytes, entry + 42, 4);
  const size_t data = local + 30 + little_endian(bytes, local + 26, 2) + little_endian(bytes, local + 28, 2);
  std::string npy = bytes.substr(data, packed);
  if (method == 8) npy = inflate_raw(npy, size);
  const size_t header = 10 + little_endian(npy, 8, 2);
  const std::string text = npy.substr(10, header - 10);
  if (text.find("'<f8'") == std::string::npos || text.find("'fortran_order': False") == std::string::npos)
    throw std::runtime_error("npz: not float64 in C order: " + text);
  std::vector<double> out((npy.size() - header) / sizeof(double));
  std::memcpy(out.data(), npy.data() + header, out.size() * sizeof(double));
  return out;
}

}  // namespace pear::regrid::testing

// Is a NetCDF file as long as its header says?
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "io/mapped_file.h"
#include "io/netcdf_reader.h"

namespace pear::io {

namespace {

/// Thrown inside this file when the header itself is cut.
struct Cut {};

/// Reads the header of the classic formats (NetCDF user's guide, appendix B).
class ClassicHeader {
 public:
  explicit ClassicHeader(std::string_view bytes) : bytes_(bytes), version_(bytes[3]) { at_ = 4; }

  uint64_t expected_size() {
    const uint64_t unset = version_ == 5 ? ~uint64_t{0} : 0xffffffffu;
    num_records_ = count();
    if (num_records_ == unset) num_records_ = 0;  // written as a stream: the length says nothing
    list([&] {
      name();
      lengths_.push_back(count());
    });
    attributes();
    list([&] { variable(); });
    uint64_t end = at_, record = 0;
    for (const Variable& v : variables_)
      if (v.is_record) record += num_record_variables_ > 1 ? (v.size + 3) / 4 * 4 : v.size;
    for (const Variable& v : variables_) {
      if (v.is_record && num_records_ == 0) continue;
      const uint64_t last = v.is_record ? (num_records_ - 1) * record : 0;
      if (v.size > 0) end = std::max(end, v.begin + last + v.size);
    }
    return end;
  }

 private:
  struct Variable {
    uint64_t begin = 0, size = 0;
    bool is_record = false;
  };

  uint64_t number(int width) {
    if (at_ + static_cast<uint64_t>(width) > bytes_.size()) throw Cut{};
    uint64_t value = 0;
    for (int i = 0; i < width; ++i) value = value << 8 | static_cast<unsigned char>(bytes_[at_++]);
    return value;
  }
  uint64_t count() { return number(version_ == 5 ? 8 : 4); }
  void skip(uint64_t n) {
    const uint64_t padded = (n + 3) / 4 * 4;
    if (padded > bytes_.size() - at_) throw Cut{};
    at_ += padded;
  }
  void name() { skip(count()); }
  template <class Item>
  void list(const Item& item) {
    number(4);
    const uint64_t n = count();
    if (n > bytes_.size()) throw Cut{};
    for (uint64_t i = 0; i < n; ++i) item();
  }
  uint64_t type_size() {
    static constexpr uint64_t kSizes[] = {0, 1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8};
    const uint64_t type = number(4);
    return type < std::size(kSizes) ? kSizes[type] : 0;
  }
  void attributes() {
    list([&] {
      name();
      const uint64_t size = type_size();
      const uint64_t n = count();
      if (n > bytes_.size()) throw Cut{};
      skip(size * n);
    });
  }
  void variable() {
    Variable v;
    name();
    const uint64_t rank = count();
    if (rank > bytes_.size()) throw Cut{};
    uint64_t elements = 1;
    for (uint64_t i = 0; i < rank; ++i) {
      const uint64_t dim = count();
      const uint64_t length = dim < lengths_.size() ? lengths_[dim] : 0;
      if (i == 0 && length == 0)
        v.is_record = true;
      else
        elements *= length;
    }
    attributes();
    v.size = elements * type_size();
    count();
    v.begin = number(version_ == 1 ? 4 : 8);
    num_record_variables_ += v.is_record ? 1 : 0;
    variables_.push_back(v);
  }

  std::string_view bytes_;
  int version_;
  uint64_t at_ = 0, num_records_ = 0, num_record_variables_ = 0;
  std::vector<uint64_t> lengths_;
  std::vector<Variable> variables_;
};

/// End-of-file address in the superblock (HDF5 file format, section II.A); 0 if it is of a form not known here.
uint64_t hdf5_size(std::string_view bytes) {
  if (bytes.size() < 48) throw Cut{};
  const int version = bytes[8];
  const size_t offset_size = static_cast<unsigned char>(bytes[version < 2 ? 13 : 9]);
  if (version > 3 || offset_size != 8) return 0;
  const size_t at = version == 0 ? 40 : version == 1 ? 44 : 28;
  if (at + 8 > bytes.size()) throw Cut{};
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, 8);  // little endian, as every machine this program runs on
  return value;
}

}  // namespace

void check_netcdf_complete(const std::filesystem::path& path) {
  const MappedFile file(path);
  const std::string_view bytes = file.bytes();
  uint64_t expected = 0;
  try {
    if (bytes.starts_with("CDF") && bytes.size() >= 4)
      expected = ClassicHeader(bytes).expected_size();
    else if (bytes.starts_with("\x89HDF"))
      expected = hdf5_size(bytes);
  } catch (const Cut&) {
    throw DataError("TruncatedFile", "io.netcdf",
                    {.what = path.string(),
                     .expected = "a whole header",
                     .found = fmt::format("the end of the file after {} bytes", bytes.size()),
                     .hint = "fetch the file again"});
  }
  if (expected > bytes.size())
    throw DataError("TruncatedFile", "io.netcdf",
                    {.what = path.string(),
                     .expected = fmt::format("{} bytes, as its header says", expected),
                     .found = fmt::format("{} bytes", bytes.size()),
                     .hint = "fetch the file again"});
}

}  // namespace pear::io

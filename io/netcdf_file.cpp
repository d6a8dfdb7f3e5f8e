#include "io/netcdf_file.h"

#include <fmt/format.h>
#include <hdf5.h>

#include <numeric>
#include <utility>

#include "base/error.h"

namespace pear::io {

namespace {

constexpr size_t kMaxValues = size_t{1} << 30;  // four times a 1 km globe; more is a damaged header

using Lock = std::lock_guard<std::recursive_mutex>;
using Index = std::vector<size_t>;

/// A pointer for the library: it must not be null even for a scalar.
const size_t* pointer(const Index& index) {
  static const size_t zero = 0;
  return index.empty() ? &zero : index.data();
}

void check_count(const Index& count, size_t available, const std::string& what) {
  size_t needed = 1;
  for (size_t c : count) needed *= c;
  if (needed != available)
    throw ShapeError(
        "SizeMismatch", "io.netcdf",
        {.what = what, .expected = fmt::format("{} values", needed), .found = fmt::format("{} values", available)});
}

}  // namespace

void switch_off_hdf5_exit_handler() { H5dont_atexit(); }

std::recursive_mutex& netcdf_lock() {
  static std::recursive_mutex lock;
  return lock;
}

void check_netcdf(int status, const std::string& what) {
  if (status == NC_NOERR) return;
  throw DataError("NetcdfError", "io.netcdf", {.what = what, .found = nc_strerror(status)});
}

size_t NetcdfVariable::size() const {
  return std::accumulate(shape.begin(), shape.end(), size_t{1}, std::multiplies<>());
}

NetcdfFile NetcdfFile::open(const std::filesystem::path& path) {
  Lock lock(netcdf_lock());
  if (!std::filesystem::exists(path))
    throw DataError("FileNotFound", "io.netcdf",
                    {.what = fmt::format("file {}", path.string()), .found = "no such file"});
  int id = -1;
  check_netcdf(nc_open(path.c_str(), NC_NOWRITE, &id), fmt::format("open {}", path.string()));
  return NetcdfFile(path, id);
}

NetcdfFile NetcdfFile::open_for_writing(const std::filesystem::path& path) {
  Lock lock(netcdf_lock());
  int id = -1;
  check_netcdf(nc_open(path.c_str(), NC_WRITE, &id), fmt::format("open {} for writing", path.string()));
  return NetcdfFile(path, id);
}

NetcdfFile NetcdfFile::create(const std::filesystem::path& path, int mode) {
  Lock lock(netcdf_lock());
  int id = -1;
  check_netcdf(nc_create(path.c_str(), mode, &id), fmt::format("create {}", path.string()));
  return NetcdfFile(path, id);
}

NetcdfFile::NetcdfFile(NetcdfFile&& other) noexcept
    : path_(std::move(other.path_)), id_(std::exchange(other.id_, -1)) {}

NetcdfFile& NetcdfFile::operator=(NetcdfFile&& other) noexcept {
  if (this != &other) {
    std::swap(path_, other.path_);
    std::swap(id_, other.id_);
  }
  return *this;
}

NetcdfFile::~NetcdfFile() {
  if (id_ < 0) return;
  Lock lock(netcdf_lock());
  nc_close(id_);
}

void NetcdfFile::close() {
  if (id_ < 0) return;
  Lock lock(netcdf_lock());
  check_netcdf(nc_close(std::exchange(id_, -1)), place("close"));
}

std::string NetcdfFile::place(const std::string& detail) const {
  return fmt::format("{} ({})", path_.string(), detail);
}

std::string NetcdfFile::format() const {
  Lock lock(netcdf_lock());
  int format = 0;
  check_netcdf(nc_inq_format(id_, &format), place("format"));
  switch (format) {
    case NC_FORMAT_CLASSIC:
      return "netcdf3";
    case NC_FORMAT_64BIT_OFFSET:
      return "netcdf3-64bit-offset";
    case NC_FORMAT_64BIT_DATA:
      return "netcdf3-64bit-data";
    case NC_FORMAT_NETCDF4_CLASSIC:
      return "netcdf4-classic";
    default:
      return "netcdf4";
  }
}

NetcdfDimension NetcdfFile::dimension(int dim_id) const {
  Lock lock(netcdf_lock());
  char name[NC_MAX_NAME + 1] = {};
  NetcdfDimension d;
  check_netcdf(nc_inq_dim(id_, dim_id, name, &d.length), place(fmt::format("dimension {}", dim_id)));
  d.name = name;
  int num_unlimited = 0;
  check_netcdf(nc_inq_unlimdims(id_, &num_unlimited, nullptr), place("unlimited dimensions"));
  std::vector<int> ids(static_cast<size_t>(num_unlimited));
  check_netcdf(nc_inq_unlimdims(id_, &num_unlimited, ids.data()), place("unlimited dimensions"));
  for (int unlimited : ids) d.unlimited = d.unlimited || unlimited == dim_id;
  return d;
}

std::vector<NetcdfDimension> NetcdfFile::dimensions() const {
  Lock lock(netcdf_lock());
  int count = 0;
  check_netcdf(nc_inq_ndims(id_, &count), place("dimensions"));
  std::vector<NetcdfDimension> all;
  for (int i = 0; i < count; ++i) all.push_back(dimension(i));
  return all;
}

std::optional<int> NetcdfFile::find_dimension(const std::string& name) const {
  Lock lock(netcdf_lock());
  int dim_id = -1;
  const int status = nc_inq_dimid(id_, name.c_str(), &dim_id);
  if (status == NC_EBADDIM) return std::nullopt;
  check_netcdf(status, place("dimension " + name));
  return dim_id;
}

NetcdfVariable NetcdfFile::variable(int var_id) const {
  Lock lock(netcdf_lock());
  NetcdfVariable v;
  v.id = var_id;
  char name[NC_MAX_NAME + 1] = {};
  int num_dims = 0;
  check_netcdf(nc_inq_varndims(id_, var_id, &num_dims), place(fmt::format("variable {}", var_id)));
  v.dim_ids.resize(static_cast<size_t>(num_dims));
  check_netcdf(nc_inq_var(id_, var_id, name, &v.type, nullptr, v.dim_ids.data(), nullptr),
               place(fmt::format("variable {}", var_id)));
  v.name = name;
  for (int d : v.dim_ids) {
    size_t length = 0;
    check_netcdf(nc_inq_dimlen(id_, d, &length), place(v.name));
    v.shape.push_back(length);
  }
  return v;
}

std::vector<NetcdfVariable> NetcdfFile::variables() const {
  Lock lock(netcdf_lock());
  int count = 0;
  check_netcdf(nc_inq_nvars(id_, &count), place("variables"));
  std::vector<NetcdfVariable> all;
  for (int i = 0; i < count; ++i) all.push_back(variable(i));
  return all;
}

std::optional<NetcdfVariable> NetcdfFile::find_variable(const std::string& name) const {
  Lock lock(netcdf_lock());
  int var_id = -1;
  const int status = nc_inq_varid(id_, name.c_str(), &var_id);
  if (status == NC_ENOTVAR) return std::nullopt;
  check_netcdf(status, place("variable " + name));
  return variable(var_id);
}

bool NetcdfFile::has_attribute(int var_id, const std::string& name) const {
  Lock lock(netcdf_lock());
  const int status = nc_inq_atttype(id_, var_id, name.c_str(), nullptr);
  if (status == NC_ENOTATT) return false;
  check_netcdf(status, place("attribute " + name));
  return true;
}

nc_type NetcdfFile::attribute_type(int var_id, const std::string& name) const {
  Lock lock(netcdf_lock());
  nc_type type = NC_NAT;
  check_netcdf(nc_inq_atttype(id_, var_id, name.c_str(), &type), place("attribute " + name));
  return type;
}

std::optional<std::string> NetcdfFile::text_attribute(int var_id, const std::string& name) const {
  Lock lock(netcdf_lock());
  if (!has_attribute(var_id, name)) return std::nullopt;
  nc_type type = NC_NAT;
  size_t length = 0;
  check_netcdf(nc_inq_att(id_, var_id, name.c_str(), &type, &length), place("attribute " + name));
  if (type == NC_CHAR) {
    std::string text(length, '\0');
    if (length > 0) check_netcdf(nc_get_att_text(id_, var_id, name.c_str(), text.data()), place("attribute " + name));
    while (!text.empty() && text.back() == '\0') text.pop_back();
    return text;
  }
  if (type == NC_STRING && length >= 1) {
    std::vector<char*> pieces(length, nullptr);
    check_netcdf(nc_get_att_string(id_, var_id, name.c_str(), pieces.data()), place("attribute " + name));
    std::string text = pieces[0] ? pieces[0] : "";
    nc_free_string(length, pieces.data());
    return text;
  }
  return std::nullopt;
}

std::vector<double> NetcdfFile::number_attribute(int var_id, const std::string& name) const {
  Lock lock(netcdf_lock());
  if (!has_attribute(var_id, name)) return {};
  nc_type type = NC_NAT;
  size_t length = 0;
  check_netcdf(nc_inq_att(id_, var_id, name.c_str(), &type, &length), place("attribute " + name));
  if (type == NC_CHAR || type >= NC_STRING) return {};
  std::vector<double> values(length);
  if (length > 0) check_netcdf(nc_get_att_double(id_, var_id, name.c_str(), values.data()), place("attribute " + name));
  return values;
}

void NetcdfFile::put_attribute(int var_id, const std::string& name, const std::string& text) {
  Lock lock(netcdf_lock());
  check_netcdf(nc_put_att_text(id_, var_id, name.c_str(), text.size(), text.c_str()), place("attribute " + name));
}
void NetcdfFile::put_attribute(int var_id, const std::string& name, double value) {
  Lock lock(netcdf_lock());
  check_netcdf(nc_put_att_double(id_, var_id, name.c_str(), NC_DOUBLE, 1, &value), place("attribute " + name));
}
void NetcdfFile::put_attribute(int var_id, const std::string& name, float value) {
  Lock lock(netcdf_lock());
  check_netcdf(nc_put_att_float(id_, var_id, name.c_str(), NC_FLOAT, 1, &value), place("attribute " + name));
}
void NetcdfFile::put_attribute(int var_id, const std::string& name, int value) {
  Lock lock(netcdf_lock());
  check_netcdf(nc_put_att_int(id_, var_id, name.c_str(), NC_INT, 1, &value), place("attribute " + name));
}

std::vector<double> NetcdfFile::read_doubles(const NetcdfVariable& v, const Index& start, const Index& count) const {
  Lock lock(netcdf_lock());
  const Index from = start.empty() ? Index(v.shape.size(), 0) : start;
  const Index many = count.empty() ? v.shape : count;
  size_t size = 1;
  for (size_t c : many) {
    if (c > kMaxValues || (c > 0 && size > kMaxValues / c))
      throw DataError("NetcdfError", "io.netcdf",
                      {.what = place(v.name),
                       .expected = fmt::format("at most {} values at a time", kMaxValues),
                       .found = "more",
                       .hint = "the file is probably damaged"});
    size *= c;
  }
  std::vector<double> values(size);
  if (size > 0) check_netcdf(nc_get_vara_double(id_, v.id, pointer(from), pointer(many), values.data()), place(v.name));
  return values;
}

std::vector<std::string> NetcdfFile::read_strings(const NetcdfVariable& v) const {
  Lock lock(netcdf_lock());
  std::vector<std::string> texts;
  if (v.size() == 0) return texts;
  if (v.type == NC_STRING) {
    std::vector<char*> pieces(v.size(), nullptr);
    check_netcdf(nc_get_var_string(id_, v.id, pieces.data()), place(v.name));
    for (const char* p : pieces) texts.emplace_back(p ? p : "");
    nc_free_string(pieces.size(), pieces.data());
  } else if (v.type == NC_CHAR) {
    const size_t width = v.shape.empty() ? 1 : v.shape.back();
    std::string all(v.size(), '\0');
    check_netcdf(nc_get_var_text(id_, v.id, all.data()), place(v.name));
    for (size_t i = 0; i + width <= all.size(); i += width) {
      std::string row = all.substr(i, width);
      while (!row.empty() && (row.back() == '\0' || row.back() == ' ')) row.pop_back();
      texts.push_back(std::move(row));
    }
  }
  return texts;
}

void NetcdfFile::read(const NetcdfVariable& v, const Index& start, const Index& count, std::span<float> out) const {
  Lock lock(netcdf_lock());
  check_count(count, out.size(), place(v.name));
  if (!out.empty())
    check_netcdf(nc_get_vara_float(id_, v.id, pointer(start), pointer(count), out.data()), place(v.name));
}

void NetcdfFile::read(const NetcdfVariable& v, const Index& start, const Index& count, std::span<int64_t> out) const {
  Lock lock(netcdf_lock());
  check_count(count, out.size(), place(v.name));
  static_assert(sizeof(long long) == sizeof(int64_t));
  if (!out.empty())
    check_netcdf(
        nc_get_vara_longlong(id_, v.id, pointer(start), pointer(count), reinterpret_cast<long long*>(out.data())),
        place(v.name));
}

}  // namespace pear::io

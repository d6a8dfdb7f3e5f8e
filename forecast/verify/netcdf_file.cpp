#include "forecast/verify/netcdf_file.h"

#include <netcdf.h>

#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include "base/error.h"

namespace pear::forecast {
namespace {

int nc_type_of(NetcdfFile::Type type) {
  switch (type) {
    case NetcdfFile::Type::Float:
      return NC_FLOAT;
    case NetcdfFile::Type::Double:
      return NC_DOUBLE;
    case NetcdfFile::Type::Int64:
      return NC_INT64;
    case NetcdfFile::Type::String:
      return NC_STRING;
  }
  return NC_NAT;
}

size_t product(const std::vector<size_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), size_t{1}, std::multiplies<>());
}

}  // namespace

void NetcdfFile::check(int status, const std::string& action) const {
  if (status != NC_NOERR)
    throw DataError("NetcdfFailed", "forecast.verify",
                    {.what = path_.string() + ": " + action, .found = nc_strerror(status)});
}

NetcdfFile NetcdfFile::create(const std::filesystem::path& path) {
  NetcdfFile file(path, -1);
  file.check(nc_create(path.c_str(), NC_NETCDF4 | NC_CLOBBER, &file.id_), "create");
  return file;
}

NetcdfFile NetcdfFile::open(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path))
    throw DataError("FileNotFound", "forecast.verify", {.what = path.string() + " does not exist"});
  NetcdfFile file(path, -1);
  file.check(nc_open(path.c_str(), NC_NOWRITE, &file.id_), "open");
  return file;
}

NetcdfFile::NetcdfFile(NetcdfFile&& other) noexcept
    : path_(std::move(other.path_)), id_(std::exchange(other.id_, -1)) {}

NetcdfFile::~NetcdfFile() {
  if (id_ >= 0) nc_close(id_);
}

void NetcdfFile::close() {
  if (id_ >= 0) check(nc_close(std::exchange(id_, -1)), "close");
}

int NetcdfFile::var(const std::string& name) const {
  int id = -1;
  check(nc_inq_varid(id_, name.c_str(), &id), "find variable " + name);
  return id;
}

void NetcdfFile::define_dim(const std::string& name, size_t size) {
  int id = -1;
  check(nc_def_dim(id_, name.c_str(), size, &id), "define dimension " + name);
}

void NetcdfFile::define(const std::string& name, Type type, const std::vector<std::string>& dims,
                        const TextAttributes& attributes) {
  std::vector<int> ids(dims.size());
  for (size_t i = 0; i < dims.size(); ++i)
    check(nc_inq_dimid(id_, dims[i].c_str(), &ids[i]), "find dimension " + dims[i]);
  int id = -1;
  check(nc_def_var(id_, name.c_str(), nc_type_of(type), static_cast<int>(ids.size()), ids.data(), &id),
        "define " + name);
  constexpr float kMissingFloat = std::numeric_limits<float>::quiet_NaN();
  constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
  if (type == Type::Float) check(nc_put_att_float(id_, id, "_FillValue", NC_FLOAT, 1, &kMissingFloat), "fill value");
  if (type == Type::Double) check(nc_put_att_double(id_, id, "_FillValue", NC_DOUBLE, 1, &kMissing), "fill value");
  for (const auto& [key, text] : attributes)
    check(nc_put_att_text(id_, id, key.c_str(), text.size(), text.c_str()), "attribute " + name + ":" + key);
}

void NetcdfFile::set_attribute(const std::string& name, const std::string& text) {
  check(nc_put_att_text(id_, NC_GLOBAL, name.c_str(), text.size(), text.c_str()), "attribute " + name);
}

void NetcdfFile::put(const std::string& name, std::span<const double> values) {
  PEAR_ASSERT(values.size() == product(shape(name)));
  check(nc_put_var_double(id_, var(name), values.data()), "write " + name);
}

void NetcdfFile::put(const std::string& name, std::span<const int64_t> values) {
  PEAR_ASSERT(values.size() == product(shape(name)));
  const std::vector<long long> copy(values.begin(), values.end());
  check(nc_put_var_longlong(id_, var(name), copy.data()), "write " + name);
}

void NetcdfFile::put(const std::string& name, const std::vector<std::string>& values) {
  PEAR_ASSERT(values.size() == product(shape(name)));
  std::vector<const char*> pointers;
  for (const auto& text : values) pointers.push_back(text.c_str());
  check(nc_put_var_string(id_, var(name), pointers.data()), "write " + name);
}

std::vector<size_t> NetcdfFile::slab_count(const std::string& name, std::vector<size_t>& start, size_t size) const {
  std::vector<size_t> count = shape(name);
  PEAR_ASSERT(start.size() <= count.size());
  for (size_t i = 0; i < start.size(); ++i) count[i] = 1;
  start.resize(count.size(), 0);
  PEAR_ASSERT(size == product(count));
  return count;
}

void NetcdfFile::put_slab(const std::string& name, const std::vector<size_t>& start, std::span<const float> values) {
  std::vector<size_t> from = start;
  const auto count = slab_count(name, from, values.size());
  check(nc_put_vara_float(id_, var(name), from.data(), count.data(), values.data()), "write " + name);
}

void NetcdfFile::get_slab(const std::string& name, const std::vector<size_t>& start, std::span<float> values) const {
  std::vector<size_t> from = start;
  const auto count = slab_count(name, from, values.size());
  check(nc_get_vara_float(id_, var(name), from.data(), count.data(), values.data()), "read " + name);
}

bool NetcdfFile::has(const std::string& name) const {
  int id = -1;
  return nc_inq_varid(id_, name.c_str(), &id) == NC_NOERR;
}

std::vector<size_t> NetcdfFile::shape(const std::string& name) const {
  const int id = var(name);
  int rank = 0;
  check(nc_inq_varndims(id_, id, &rank), "dimensions of " + name);
  std::vector<int> dims(static_cast<size_t>(rank));
  check(nc_inq_vardimid(id_, id, dims.data()), "dimensions of " + name);
  std::vector<size_t> sizes(dims.size());
  for (size_t i = 0; i < dims.size(); ++i) check(nc_inq_dimlen(id_, dims[i], &sizes[i]), "dimensions of " + name);
  return sizes;
}

std::vector<double> NetcdfFile::get(const std::string& name) const {
  std::vector<double> values(product(shape(name)));
  check(nc_get_var_double(id_, var(name), values.data()), "read " + name);
  return values;
}

std::vector<std::string> NetcdfFile::get_strings(const std::string& name) const {
  std::vector<char*> pointers(product(shape(name)), nullptr);
  check(nc_get_var_string(id_, var(name), pointers.data()), "read " + name);
  std::vector<std::string> values;
  for (const char* text : pointers) values.emplace_back(text ? text : "");
  nc_free_string(pointers.size(), pointers.data());
  return values;
}

std::string NetcdfFile::attribute(const std::string& name, const std::string& variable) const {
  const int id = variable.empty() ? NC_GLOBAL : var(variable);
  size_t length = 0;
  if (nc_inq_attlen(id_, id, name.c_str(), &length) != NC_NOERR) return "";
  std::string text(length, '\0');
  check(nc_get_att_text(id_, id, name.c_str(), text.data()), "attribute " + name);
  return text;
}

}  // namespace pear::forecast

#include "forecast/verify/table_file.h"

#include <limits>
#include <utility>

#include "base/error.h"

namespace pear::forecast {
namespace {

nc_type nc_type_of(TableFile::Type type) {
  switch (type) {
    case TableFile::Type::Float:
      return NC_FLOAT;
    case TableFile::Type::Double:
      return NC_DOUBLE;
    case TableFile::Type::Int64:
      return NC_INT64;
    case TableFile::Type::String:
      return NC_STRING;
  }
  return NC_NAT;
}

/// Start and count of a slab that fixes the leading dims.
std::pair<std::vector<size_t>, std::vector<size_t>> slab_range(const io::NetcdfVariable& v, std::vector<size_t> start) {
  PEAR_ASSERT(start.size() <= v.shape.size());
  std::vector<size_t> count = v.shape;
  for (size_t i = 0; i < start.size(); ++i) count[i] = 1;
  start.resize(count.size(), 0);
  return {std::move(start), std::move(count)};
}

/// Position of element `i` in a row-major array.
std::vector<size_t> index_of(size_t i, const std::vector<size_t>& shape) {
  std::vector<size_t> index(shape.size());
  for (size_t d = shape.size(); d > 0; --d) {
    index[d - 1] = i % shape[d - 1];
    i /= shape[d - 1];
  }
  return index;
}

}  // namespace

io::NetcdfVariable TableFile::var(const std::string& name) const {
  auto found = file_.find_variable(name);
  if (!found)
    throw DataError("MissingVariable", "forecast.verify",
                    {.what = file_.path().string() + " has no variable " + name, .expected = name});
  return *std::move(found);
}

void TableFile::define_dim(const std::string& name, size_t size) { file_.define_dimension(name, size); }

void TableFile::define(const std::string& name, Type type, const std::vector<std::string>& dims,
                       const TextAttributes& attributes) {
  std::vector<int> ids;
  for (const auto& dim : dims) {
    const auto id = file_.find_dimension(dim);
    PEAR_ASSERT(id.has_value());
    ids.push_back(*id);
  }
  const int variable = file_.define_variable(name, nc_type_of(type), ids);
  if (type == Type::Float) file_.put_attribute(variable, "_FillValue", std::numeric_limits<float>::quiet_NaN());
  if (type == Type::Double) file_.put_attribute(variable, "_FillValue", std::numeric_limits<double>::quiet_NaN());
  for (const auto& [key, text] : attributes) file_.put_attribute(variable, key, text);
}

void TableFile::set_attribute(const std::string& name, const std::string& text) {
  file_.put_attribute(NC_GLOBAL, name, text);
}

void TableFile::put(const std::string& name, std::span<const double> values) {
  const auto v = var(name);
  file_.write(v.id, std::vector<size_t>(v.shape.size(), 0), v.shape, values);
}

void TableFile::put(const std::string& name, std::span<const int64_t> values) {
  const auto v = var(name);
  file_.write(v.id, std::vector<size_t>(v.shape.size(), 0), v.shape, values);
}

void TableFile::put(const std::string& name, const std::vector<std::string>& values) {
  const auto v = var(name);
  PEAR_ASSERT(values.size() == v.size());
  for (size_t i = 0; i < values.size(); ++i) file_.write_string(v.id, index_of(i, v.shape), values[i]);
}

void TableFile::put_slab(const std::string& name, const std::vector<size_t>& start, std::span<const float> values) {
  const auto v = var(name);
  const auto [from, count] = slab_range(v, start);
  file_.write(v.id, from, count, values);
}

void TableFile::get_slab(const std::string& name, const std::vector<size_t>& start, std::span<float> values) const {
  const auto v = var(name);
  const auto [from, count] = slab_range(v, start);
  file_.read(v, from, count, values);
}

std::string TableFile::attribute(const std::string& name, const std::string& variable) const {
  return file_.text_attribute(variable.empty() ? NC_GLOBAL : var(variable).id, name).value_or("");
}

}  // namespace pear::forecast

// Writing members of NetcdfFile.
#include "base/error.h"
#include "io/netcdf_file.h"

namespace pear::io {

namespace {

using Lock = std::lock_guard<std::recursive_mutex>;
using Index = std::vector<size_t>;

const size_t* pointer(const Index& index) {
  static const size_t zero = 0;
  return index.empty() ? &zero : index.data();
}

void check_size(const Index& count, size_t available, const std::string& what) {
  size_t needed = 1;
  for (size_t c : count) needed *= c;
  if (needed != available)
    throw ShapeError("SizeMismatch", "io.netcdf",
                     {.what = "write " + what,
                      .expected = std::to_string(needed) + " values",
                      .found = std::to_string(available) + " values"});
}

}  // namespace

int NetcdfFile::define_dimension(const std::string& name, size_t length) {
  Lock lock(netcdf_lock());
  int dim_id = -1;
  check_netcdf(nc_def_dim(id_, name.c_str(), length, &dim_id), place("define dimension " + name));
  return dim_id;
}

int NetcdfFile::define_variable(const std::string& name, nc_type type, const std::vector<int>& dim_ids) {
  Lock lock(netcdf_lock());
  int var_id = -1;
  check_netcdf(nc_def_var(id_, name.c_str(), type, static_cast<int>(dim_ids.size()), dim_ids.data(), &var_id),
               place("define variable " + name));
  return var_id;
}

void NetcdfFile::define_chunking(int var_id, const std::vector<size_t>& chunks) {
  Lock lock(netcdf_lock());
  check_netcdf(nc_def_var_chunking(id_, var_id, NC_CHUNKED, chunks.data()),
               place("chunks of " + variable(var_id).name));
}

void NetcdfFile::define_deflate(int var_id, bool shuffle, int level) {
  Lock lock(netcdf_lock());
  check_netcdf(nc_def_var_deflate(id_, var_id, shuffle ? 1 : 0, level > 0 ? 1 : 0, level),
               place("compression of " + variable(var_id).name));
}

void NetcdfFile::end_definitions() {
  Lock lock(netcdf_lock());
  check_netcdf(nc_enddef(id_), place("end of definitions"));
}

void NetcdfFile::write(int var_id, const Index& start, const Index& count, std::span<const float> values) {
  Lock lock(netcdf_lock());
  check_size(count, values.size(), path_.string());
  check_netcdf(nc_put_vara_float(id_, var_id, pointer(start), pointer(count), values.data()), place("write values"));
}
void NetcdfFile::write(int var_id, const Index& start, const Index& count, std::span<const double> values) {
  Lock lock(netcdf_lock());
  check_size(count, values.size(), path_.string());
  check_netcdf(nc_put_vara_double(id_, var_id, pointer(start), pointer(count), values.data()), place("write values"));
}
void NetcdfFile::write(int var_id, const Index& start, const Index& count, std::span<const int64_t> values) {
  Lock lock(netcdf_lock());
  check_size(count, values.size(), path_.string());
  check_netcdf(nc_put_vara_longlong(id_, var_id, pointer(start), pointer(count),
                                    reinterpret_cast<const long long*>(values.data())),
               place("write values"));
}
void NetcdfFile::write(int var_id, const Index& start, const Index& count, std::span<const int> values) {
  Lock lock(netcdf_lock());
  check_size(count, values.size(), path_.string());
  check_netcdf(nc_put_vara_int(id_, var_id, pointer(start), pointer(count), values.data()), place("write values"));
}
void NetcdfFile::write(int var_id, const Index& start, const Index& count, std::span<const int16_t> values) {
  Lock lock(netcdf_lock());
  check_size(count, values.size(), path_.string());
  check_netcdf(nc_put_vara_short(id_, var_id, pointer(start), pointer(count), values.data()), place("write values"));
}

void NetcdfFile::write_string(int var_id, const Index& index, const std::string& value) {
  Lock lock(netcdf_lock());
  const char* text = value.c_str();
  check_netcdf(nc_put_var1_string(id_, var_id, pointer(index), &text), place("write text"));
}

void NetcdfFile::sync() {
  Lock lock(netcdf_lock());
  check_netcdf(nc_sync(id_), place("sync"));
}

}  // namespace pear::io

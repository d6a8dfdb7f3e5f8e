// A few lines around NetCDF-C for tests that write files of every layout; nothing of pear::io is used.
#pragma once

#include <gtest/gtest.h>
#include <netcdf.h>

#include <filesystem>
#include <string>
#include <type_traits>
#include <vector>

namespace pear::io::layouts {

class NetcdfBuilder {
 public:
  explicit NetcdfBuilder(const std::filesystem::path& path, int mode = NC_NETCDF4) {
    ok(nc_create(path.c_str(), mode | NC_CLOBBER, &id_));
  }
  NetcdfBuilder(const NetcdfBuilder&) = delete;
  NetcdfBuilder& operator=(const NetcdfBuilder&) = delete;
  ~NetcdfBuilder() { ok(nc_close(id_)); }

  int dimension(const std::string& name, size_t length) {
    int dim = -1;
    ok(nc_def_dim(id_, name.c_str(), length, &dim));
    return dim;
  }
  int variable(const std::string& name, nc_type type, const std::vector<int>& dims) {
    int var = -1;
    ok(nc_def_var(id_, name.c_str(), type, static_cast<int>(dims.size()), dims.data(), &var));
    return var;
  }
  void text(int var, const char* name, const std::string& value) {
    ok(nc_put_att_text(id_, var, name, value.size(), value.c_str()));
  }
  void number(int var, const char* name, nc_type type, const std::vector<double>& values) {
    ok(nc_put_att_double(id_, var, name, type, values.size(), values.data()));
  }
  void end() { ok(nc_enddef(id_)); }
  /// The library converts to the variable's type; all values used here fit.
  void put(int var, const std::vector<double>& values) { ok(nc_put_var_double(id_, var, values.data())); }
  void put_texts(int var, std::vector<const char*> values) { ok(nc_put_var_string(id_, var, values.data())); }
  /// A one-dimensional coordinate with its dimension; returns the dimension. Values wait until `fill`.
  int coordinate(const std::string& name, nc_type type, const std::vector<double>& values, const std::string& units) {
    const int dim = dimension(name, values.size());
    const int var = variable(name, type, {dim});
    if (!units.empty()) text(var, "units", units);
    later_.push_back({var, values});
    return dim;
  }
  void scalar(const std::string& name, nc_type type, double value, const std::string& units) {
    const int var = variable(name, type, {});
    if (!units.empty()) text(var, "units", units);
    later_.push_back({var, {value}});
  }
  void fill() {
    end();
    for (const auto& [var, values] : later_) put(var, values);
  }

 private:
  static void ok(int status) { ASSERT_EQ(status, NC_NOERR) << nc_strerror(status); }
  struct Later {
    int var;
    std::vector<double> values;
  };
  int id_ = -1;
  std::vector<Later> later_;
};

}  // namespace pear::io::layouts

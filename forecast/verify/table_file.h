// Named arrays in NetCDF-4: what sums, scores and climatologies need of io::NetcdfFile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/netcdf_file.h"

namespace pear::forecast {

using TextAttributes = std::map<std::string, std::string>;

/// Arrays and text attributes by name.
///
/// Shapes:  whole variables are row-major over their dims; slabs fix the leading dims and span the others.
/// Errors:  DataError as io::NetcdfFile; `MissingVariable` for an unknown name; ShapeError `SizeMismatch`.
class TableFile {
 public:
  enum class Type { Float, Double, Int64, String };

  static TableFile create(const std::filesystem::path& path) { return TableFile(io::NetcdfFile::create(path)); }
  static TableFile open(const std::filesystem::path& path) { return TableFile(io::NetcdfFile::open(path)); }
  /// Closes with error check; call after writing.
  void close() { file_.close(); }

  void define_dim(const std::string& name, size_t size);
  /// Floating variables get NaN as `_FillValue`.
  void define(const std::string& name, Type type, const std::vector<std::string>& dims,
              const TextAttributes& attributes = {});
  void set_attribute(const std::string& name, const std::string& text);

  void put(const std::string& name, std::span<const double> values);
  void put(const std::string& name, std::span<const int64_t> values);
  void put(const std::string& name, const std::vector<std::string>& values);
  void put_slab(const std::string& name, const std::vector<size_t>& start, std::span<const float> values);

  bool has(const std::string& name) const { return file_.find_variable(name).has_value(); }
  std::vector<double> get(const std::string& name) const { return file_.read_doubles(var(name)); }
  std::vector<std::string> get_strings(const std::string& name) const { return file_.read_strings(var(name)); }
  void get_slab(const std::string& name, const std::vector<size_t>& start, std::span<float> values) const;
  /// Global attribute (variable empty) or attribute of a variable; empty text if absent.
  std::string attribute(const std::string& name, const std::string& variable = "") const;

 private:
  explicit TableFile(io::NetcdfFile file) : file_(std::move(file)) {}
  io::NetcdfVariable var(const std::string& name) const;

  io::NetcdfFile file_;
};

}  // namespace pear::forecast

// The small part of NetCDF-4 that sums, scores and climatologies need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace pear::forecast {

using TextAttributes = std::map<std::string, std::string>;

/// An open NetCDF-4 file; closed by the destructor. Not thread-safe (the library is not).
///
/// Shapes:  whole variables are row-major over their dims; slabs are [.., trailing dims] at a start index.
/// Errors:  DataError `FileNotFound`, `NetcdfFailed` with file, action and the library's message.
class NetcdfFile {
 public:
  enum class Type { Float, Double, Int64, String };

  static NetcdfFile create(const std::filesystem::path& path);
  static NetcdfFile open(const std::filesystem::path& path);
  NetcdfFile(NetcdfFile&& other) noexcept;
  NetcdfFile& operator=(NetcdfFile&&) = delete;
  ~NetcdfFile();
  /// Closes with error check; call after writing.
  void close();

  void define_dim(const std::string& name, size_t size);
  /// Floating variables get NaN as `_FillValue`.
  void define(const std::string& name, Type type, const std::vector<std::string>& dims,
              const TextAttributes& attributes = {});
  void set_attribute(const std::string& name, const std::string& text);

  void put(const std::string& name, std::span<const double> values);
  void put(const std::string& name, std::span<const int64_t> values);
  void put(const std::string& name, const std::vector<std::string>& values);
  /// One slab: `start` fixes the leading dims, the slab spans the others.
  void put_slab(const std::string& name, const std::vector<size_t>& start, std::span<const float> values);

  bool has(const std::string& name) const;
  std::vector<size_t> shape(const std::string& name) const;
  std::vector<double> get(const std::string& name) const;
  std::vector<std::string> get_strings(const std::string& name) const;
  void get_slab(const std::string& name, const std::vector<size_t>& start, std::span<float> values) const;
  /// Global attribute (variable empty) or attribute of a variable; empty text if absent.
  std::string attribute(const std::string& name, const std::string& variable = "") const;

 private:
  NetcdfFile(std::filesystem::path path, int id) : path_(std::move(path)), id_(id) {}
  void check(int status, const std::string& action) const;
  int var(const std::string& name) const;
  std::vector<size_t> slab_count(const std::string& name, std::vector<size_t>& start, size_t size) const;

  std::filesystem::path path_;
  int id_ = -1;
};

}  // namespace pear::forecast

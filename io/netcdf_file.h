// RAII over the NetCDF-C library: one throwing checker, one process-wide lock around every call.
#pragma once

#include <netcdf.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pear::io {

/// The lock around every NetCDF-C and HDF5 call of the process: neither library is thread-safe as packaged, and
/// decompression runs inside it. Recursive, so that a caller may hold it over several calls.
std::recursive_mutex& netcdf_lock();

/// To be called before anything else touches HDF5. Its exit handler crashes on a file whose closing has failed (disk
/// full, HDF5 1.10), and there is nothing left for it to do: whoever opens a file closes it.
void switch_off_hdf5_exit_handler();

/// Errors: DataError `NetcdfError` with the library's own text if `status` is not NC_NOERR.
void check_netcdf(int status, const std::string& what);

/// One dimension or variable as the file describes it.
struct NetcdfDimension {
  std::string name;
  size_t length = 0;
  bool unlimited = false;
};
struct NetcdfVariable {
  int id = -1;
  std::string name;
  nc_type type = NC_NAT;
  std::vector<int> dim_ids;
  std::vector<size_t> shape;
  size_t size() const;
};

/// An open file; move-only, closed by the destructor (errors of that close are lost: call `close()` after writing).
///
/// Errors:  DataError `NetcdfError` naming the file, the variable and the library's reason; `FileNotFound`.
/// Threads: every member takes netcdf_lock().
class NetcdfFile {
 public:
  static NetcdfFile open(const std::filesystem::path& path);
  /// Opens an existing file for changes.
  static NetcdfFile open_for_writing(const std::filesystem::path& path);
  /// Creates a new file, replacing what is there. Default: NetCDF-4.
  static NetcdfFile create(const std::filesystem::path& path, int mode = NC_NETCDF4 | NC_CLOBBER);
  NetcdfFile(NetcdfFile&& other) noexcept;
  NetcdfFile& operator=(NetcdfFile&& other) noexcept;
  NetcdfFile(const NetcdfFile&) = delete;
  NetcdfFile& operator=(const NetcdfFile&) = delete;
  ~NetcdfFile();
  void close();

  int id() const { return id_; }
  const std::filesystem::path& path() const { return path_; }
  /// "netcdf3", "netcdf3-64bit-offset", "netcdf3-64bit-data", "netcdf4", "netcdf4-classic"
  std::string format() const;

  // --- what is in the file ---
  std::vector<NetcdfDimension> dimensions() const;  ///< index = dimension id
  NetcdfDimension dimension(int dim_id) const;
  std::optional<int> find_dimension(const std::string& name) const;
  std::vector<NetcdfVariable> variables() const;
  NetcdfVariable variable(int var_id) const;
  std::optional<NetcdfVariable> find_variable(const std::string& name) const;

  // --- attributes; variable id NC_GLOBAL for those of the file ---
  bool has_attribute(int var_id, const std::string& name) const;
  /// Text of a char or string attribute; empty optional if absent or not text.
  std::optional<std::string> text_attribute(int var_id, const std::string& name) const;
  /// Numbers of a numeric attribute; empty if absent or text.
  std::vector<double> number_attribute(int var_id, const std::string& name) const;
  nc_type attribute_type(int var_id, const std::string& name) const;
  void put_attribute(int var_id, const std::string& name, const std::string& text);
  void put_attribute(int var_id, const std::string& name, double value);
  void put_attribute(int var_id, const std::string& name, float value);
  void put_attribute(int var_id, const std::string& name, int value);

  // --- values; `start` and `count` empty mean the whole variable. Shapes: data [product of count] ---
  std::vector<double> read_doubles(const NetcdfVariable& v, const std::vector<size_t>& start = {},
                                   const std::vector<size_t>& count = {}) const;
  std::vector<std::string> read_strings(const NetcdfVariable& v) const;  ///< NC_STRING or NC_CHAR rows
  void read(const NetcdfVariable& v, const std::vector<size_t>& start, const std::vector<size_t>& count,
            std::span<float> out) const;
  void read(const NetcdfVariable& v, const std::vector<size_t>& start, const std::vector<size_t>& count,
            std::span<int64_t> out) const;

  // --- writing ---
  int define_dimension(const std::string& name, size_t length);  ///< NC_UNLIMITED for the growing one
  int define_variable(const std::string& name, nc_type type, const std::vector<int>& dim_ids);
  void define_chunking(int var_id, const std::vector<size_t>& chunks);
  void define_deflate(int var_id, bool shuffle, int level);  ///< level 0: no compression
  void end_definitions();
  void write(int var_id, const std::vector<size_t>& start, const std::vector<size_t>& count,
             std::span<const float> values);
  void write(int var_id, const std::vector<size_t>& start, const std::vector<size_t>& count,
             std::span<const double> values);
  void write(int var_id, const std::vector<size_t>& start, const std::vector<size_t>& count,
             std::span<const int64_t> values);
  void write(int var_id, const std::vector<size_t>& start, const std::vector<size_t>& count,
             std::span<const int> values);
  void write(int var_id, const std::vector<size_t>& start, const std::vector<size_t>& count,
             std::span<const int16_t> values);
  void write_string(int var_id, const std::vector<size_t>& index, const std::string& value);
  void sync();

 private:
  NetcdfFile(std::filesystem::path path, int id) : path_(std::move(path)), id_(id) {}
  std::string place(const std::string& detail) const;
  std::filesystem::path path_;
  int id_ = -1;
};

}  // namespace pear::io

#include "io/hdf5_chunks.h"

#include <hdf5.h>

#include <array>
#include <mutex>

#include "base/error.h"
#include "io/netcdf_file.h"

namespace pear::io {
namespace {

/// An HDF5 identifier with its closing function.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  hid_t id() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// HDF5 prints its error stack by itself; ours is an exception.
class QuietErrors {
 public:
  QuietErrors() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

void require(bool ok, const std::filesystem::path& path, const std::string& what) {
  if (!ok)
    throw DataError("NetcdfError", "io.store",
                    {.what = path.string() + ": " + what, .expected = "a chunk on disk", .found = "HDF5 finds none"});
}

}  // namespace

std::vector<std::pair<uint64_t, uint64_t>> first_chunks(const std::filesystem::path& path,
                                                        const std::vector<std::string>& variables) {
  std::lock_guard<std::recursive_mutex> lock(netcdf_lock());
  QuietErrors quiet;
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), &H5Fclose);
  require(file.id() >= 0, path, "open");
  std::vector<std::pair<uint64_t, uint64_t>> places;
  for (const std::string& name : variables) {
    const Handle dataset(H5Dopen2(file.id(), name.c_str(), H5P_DEFAULT), &H5Dclose);
    require(dataset.id() >= 0, path, "variable " + name);
    const std::array<hsize_t, H5S_MAX_RANK> origin{};
    unsigned filters = 0;
    haddr_t address = HADDR_UNDEF;
    hsize_t size = 0;
    const herr_t status = H5Dget_chunk_info_by_coord(dataset.id(), origin.data(), &filters, &address, &size);
    require(status >= 0 && address != HADDR_UNDEF && size > 0, path, "chunk of variable " + name);
    places.emplace_back(address, size);
  }
  return places;
}

}  // namespace pear::io

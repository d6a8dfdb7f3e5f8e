// Where unfiltered chunks lie in a NetCDF-4 file, so that they can be read with pread outside HDF5's lock.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace pear::io {

/// File offset and stored size of the first chunk of every named variable.
///
/// Errors: DataError `NetcdfError` naming file and variable if it is absent, not chunked or not written.
std::vector<std::pair<uint64_t, uint64_t>> first_chunks(const std::filesystem::path& path,
                                                        const std::vector<std::string>& variables);

}  // namespace pear::io

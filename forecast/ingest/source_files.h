// Sources as written in the configuration -> list of files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pear::forecast {

/// A file stands for itself, a folder for all files below it (hidden ones left out), a pattern with `*`, `?` or `[..]`
/// in any component for what matches. Sorted by name, each file once.
///
/// Errors:  DataError `FileNotFound` naming the source that matches nothing.
std::vector<std::filesystem::path> expand_sources(const std::vector<std::string>& sources);

}  // namespace pear::forecast

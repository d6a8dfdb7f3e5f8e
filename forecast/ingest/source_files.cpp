#include "forecast/ingest/source_files.h"

#include <fnmatch.h>

#include <algorithm>

#include "base/error.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with("."); }

bool is_pattern(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

void add_folder(const fs::path& folder, std::vector<fs::path>& files) {
  for (auto it = fs::recursive_directory_iterator(folder); it != fs::recursive_directory_iterator(); ++it) {
    if (is_hidden(it->path())) {
      if (it->is_directory()) it.disable_recursion_pending();
    } else if (it->is_regular_file()) {
      files.push_back(it->path());
    }
  }
}

/// Paths that match `pattern`, component by component.
std::vector<fs::path> matches(const fs::path& pattern) {
  std::vector<fs::path> found = {pattern.is_absolute() ? pattern.root_path() : fs::path()};
  for (const fs::path& component : pattern.relative_path()) {
    std::vector<fs::path> next;
    for (const fs::path& parent : found) {
      if (!is_pattern(component.string())) {
        if (fs::exists(parent / component)) next.push_back(parent / component);
        continue;
      }
      const fs::path folder = parent.empty() ? fs::path(".") : parent;
      if (!fs::is_directory(folder)) continue;
      for (const auto& entry : fs::directory_iterator(folder))
        if (::fnmatch(component.c_str(), entry.path().filename().c_str(), FNM_PERIOD) == 0)
          next.push_back(parent / entry.path().filename());
    }
    found = std::move(next);
  }
  return found;
}

}  // namespace

std::vector<fs::path> expand_sources(const std::vector<std::string>& sources) {
  std::vector<fs::path> files;
  for (const std::string& source : sources) {
    const size_t before = files.size();
    const bool literal = fs::exists(source) || !is_pattern(source);
    for (const fs::path& path : literal ? std::vector<fs::path>{source} : matches(source)) {
      if (fs::is_directory(path))
        add_folder(path, files);
      else if (fs::exists(path))
        files.push_back(path);
    }
    if (files.size() == before)
      throw DataError("FileNotFound", "ingest.sources",
                      {.what = "no file for the source '" + source + "'",
                       .expected = "a file, a folder with files, or a pattern that matches",
                       .found = fs::exists(source) ? "an empty folder" : "nothing of that name",
                       .hint = "paths in data.sources start at the folder where pear runs, or use ${NAME}"});
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

}  // namespace pear::forecast

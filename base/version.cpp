#include "base/version.h"

#include <fmt/format.h>

#include "base/build_config.h"

namespace pear {

std::string Revision::short_text() const { return commit.substr(0, 12) + (dirty ? "-dirty" : ""); }

std::string version_text(const Revision& revision) {
  return fmt::format("{} ({}, {}, {})", kVersion, revision.short_text(), kBuildType, kCompiler);
}

}  // namespace pear

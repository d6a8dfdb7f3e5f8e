// Version of the program and of the code it was built from.
#pragma once

#include <string>

namespace pear {

struct Revision {
  std::string commit = "unknown";  ///< full git hash, or "unknown" outside a checkout
  bool dirty = false;              ///< tracked files differed from that commit
  /// `a1b2c3d4e5f6` or `a1b2c3d4e5f6-dirty`
  std::string short_text() const;
};

/// Revision at the time of the last build. Only in target pear::revision, which programs link.
Revision built_revision();

/// `0.1.0 (a1b2c3d4e5f6-dirty, Release, GNU 12.2.0)`
std::string version_text(const Revision& revision);

}  // namespace pear

#include <eccodes.h>
#include <fmt/format.h>

#include "cli/libraries.h"

namespace pear::cli {

std::string eccodes_version() {
  const long v = codes_get_api_version();
  return fmt::format("{}.{}.{}", v / 10000, v / 100 % 100, v % 100);
}

}  // namespace pear::cli

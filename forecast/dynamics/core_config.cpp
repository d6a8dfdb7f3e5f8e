#include "forecast/dynamics/core_config.h"

#include <charconv>

namespace pear::forecast {
namespace {

constexpr int64_t kMinTruncation = 5, kMaxTruncation = 511;

/// 0 if the text is not T<N>.
int64_t number_of(const std::string& truncation) {
  int64_t n = 0;
  const char* end = truncation.data() + truncation.size();
  if (truncation.size() < 2 || (truncation[0] != 'T' && truncation[0] != 't')) return 0;
  const auto [rest, error] = std::from_chars(truncation.data() + 1, end, n);
  return error == std::errc() && rest == end ? n : 0;
}

}  // namespace

int64_t CoreConfig::truncation_number() const { return number_of(truncation); }

int64_t CoreConfig::num_layers() const { return layers > 0 ? layers : truncation_number() <= 31 ? 8 : 10; }

void CoreConfig::validate(ConfigIssues& issues, const std::string& path) const {
  const int64_t n = truncation_number();
  if (n < kMinTruncation || n > kMaxTruncation)
    issues.add(path + ".truncation", "'" + truncation + "' is no truncation", "T5 to T511, e.g. T21, T31, T42, T63");
  if (layers < 0 || layers == 1 || layers > 200) issues.add(path + ".layers", "must be 0 or 2 to 200");
  if (time_step.seconds < 0 || (time_step.seconds > 0 && 21600 % time_step.seconds != 0))
    issues.add(path + ".time_step", "must divide 6 h, but is " + format_duration(time_step),
               "0 takes the step that the truncation needs");
  if (surface == "files" && orography.empty() && land_mask.empty())
    issues.add(path + ".surface", "files without a file", "set " + path + ".orography or " + path + ".land_mask");
  if (surface != "files" && (!orography.empty() || !land_mask.empty()))
    issues.add(path + ".surface", "is '" + surface + "', so the files would not be read",
               "set " + path + ".surface=files");
}

}  // namespace pear::forecast

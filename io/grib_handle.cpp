#include "io/grib_handle.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/log.h"

namespace pear::io {

namespace {

/// ecCodes writes to stderr on its own account; what matters comes back as a status.
void quiet_log(const codes_context*, int, const char* message) { log_debug("ecCodes: {}", message); }

}  // namespace

GribHandle::GribHandle(std::string bytes, std::string where) : bytes_(std::move(bytes)), where_(std::move(where)) {
  static const bool prepared = [] {
    codes_context_set_logging_proc(codes_context_get_default(), quiet_log);
    return true;
  }();
  static_cast<void>(prepared);
  handle_.reset(codes_handle_new_from_message(nullptr, bytes_.data(), bytes_.size()));
  if (!handle_)
    throw DataError("BadMessage", "io.grib",
                    {.what = where_, .found = "bytes that ecCodes does not take as a message"});
}

void GribHandle::check(int status, const char* key) const {
  if (status == CODES_SUCCESS) return;
  throw DataError("BadMessage", "io.grib",
                  {.what = fmt::format("{}: key {}", where_, key), .found = codes_get_error_message(status)});
}

long GribHandle::number(const char* key) const {
  long value = 0;
  check(codes_get_long(handle_.get(), key, &value), key);
  return value;
}

double GribHandle::real(const char* key) const {
  double value = 0;
  check(codes_get_double(handle_.get(), key, &value), key);
  return value;
}

std::string GribHandle::text(const char* key) const {
  char buffer[512] = {};
  size_t length = sizeof buffer;
  check(codes_get_string(handle_.get(), key, buffer, &length), key);
  return buffer;
}

std::optional<long> GribHandle::find_number(const char* key) const {
  int status = CODES_SUCCESS;
  if (codes_is_missing(handle_.get(), key, &status) != 0 || status != CODES_SUCCESS) return std::nullopt;
  long value = 0;
  if (codes_get_long(handle_.get(), key, &value) != CODES_SUCCESS) return std::nullopt;
  return value;
}

std::optional<std::string> GribHandle::find_text(const char* key) const {
  char buffer[512] = {};
  size_t length = sizeof buffer;
  if (codes_get_string(handle_.get(), key, buffer, &length) != CODES_SUCCESS) return std::nullopt;
  return buffer;
}

std::vector<long> GribHandle::numbers(const char* key) const {
  size_t size = 0;
  check(codes_get_size(handle_.get(), key, &size), key);
  std::vector<long> values(size);
  check(codes_get_long_array(handle_.get(), key, values.data(), &size), key);
  values.resize(size);
  return values;
}

std::vector<double> GribHandle::values(std::optional<size_t> expected) {
  constexpr double kMissing = -1.0e300;  // no packing reaches it
  codes_set_double(handle_.get(), "missingValue", kMissing);
  size_t size = 0;
  int status = codes_get_size(handle_.get(), "values", &size);
  if (status == CODES_SUCCESS && expected && size != *expected)
    throw DataError("BadMessage", "io.grib",
                    {.what = where_,
                     .expected = fmt::format("{} values, one for each point of the grid", *expected),
                     .found = fmt::format("{} values", size)});
  std::vector<double> values(status == CODES_SUCCESS ? size : 0);
  if (status == CODES_SUCCESS) status = codes_get_double_array(handle_.get(), "values", values.data(), &size);
  if (status == CODES_FUNCTIONALITY_NOT_ENABLED || status == CODES_NOT_IMPLEMENTED)
    throw DataError("UnsupportedPacking", "io.grib",
                    {.what = where_,
                     .expected = "a packing that this build of ecCodes decodes",
                     .found = find_text("packingType").value_or("unknown")});
  check(status, "values");
  values.resize(size);
  for (double& x : values)
    if (x == kMissing) x = std::numeric_limits<double>::quiet_NaN();
  return values;
}

}  // namespace pear::io

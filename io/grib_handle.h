// RAII over one ecCodes handle made from the bytes of one field.
#pragma once

#include <eccodes.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pear::io {

/// One field as ecCodes sees it. One thread at a time.
///
/// Errors:  DataError `BadMessage` naming `where` and the key, with ecCodes' own reason.
class GribHandle {
 public:
  /// Copies nothing: keeps `bytes`.
  GribHandle(std::string bytes, std::string where);

  long number(const char* key) const;
  double real(const char* key) const;
  std::string text(const char* key) const;
  std::optional<long> find_number(const char* key) const;  ///< empty if absent or marked missing
  std::optional<std::string> find_text(const char* key) const;
  std::vector<long> numbers(const char* key) const;
  /// Decoded values in stored order; missing ones are NaN.
  /// Errors:  DataError `UnsupportedPacking` if this build of ecCodes cannot decode them; `BadMessage` if there are
  ///          not `expected` of them, before any memory is taken.
  std::vector<double> values(std::optional<size_t> expected = std::nullopt);
  const std::string& where() const { return where_; }

 private:
  void check(int status, const char* key) const;
  struct Free {
    void operator()(codes_handle* h) const { codes_handle_delete(h); }
  };
  std::string bytes_, where_;
  std::unique_ptr<codes_handle, Free> handle_;
};

}  // namespace pear::io

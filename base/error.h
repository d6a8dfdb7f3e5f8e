// Typed errors with one message shape for the whole program.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace pear {

/// What a user needs to know about a failure. `what` is mandatory, the rest may be empty.
struct ErrorDetail {
  std::string what;      ///< what was done or is wrong, with file / variable / index
  std::string expected;  ///< what was expected
  std::string found;     ///< what was found
  std::string hint;      ///< what to do about it
};

/// Base of all errors that input, configuration, files or the environment can cause.
///
/// Message:  `[where] what: expected E, found F. Hint: H`
/// Codes:    stable identifiers such as `TruncatedFile`, shown by `--json`.
class Error : public std::runtime_error {
 public:
  Error(std::string kind, std::string code, std::string where, ErrorDetail detail);

  const std::string& kind() const { return kind_; }    ///< "DataError", …
  const std::string& code() const { return code_; }    ///< "TruncatedFile", …
  const std::string& where() const { return where_; }  ///< "io.grib", …
  const ErrorDetail& detail() const { return detail_; }

  /// Exit code of the program: 2 for wrong usage or configuration, else 1.
  int exit_code() const;

 private:
  std::string kind_, code_, where_;
  ErrorDetail detail_;
};

// One class per kind, so that callers can catch by type:
//   throw DataError("TruncatedFile", "io.grib", {.what = "...", .expected = "...", .found = "..."});
#define PEAR_DEFINE_ERROR(NAME)                                                 \
  class NAME : public Error {                                                   \
   public:                                                                      \
    NAME(std::string code, std::string where, ErrorDetail detail)               \
        : Error(#NAME, std::move(code), std::move(where), std::move(detail)) {} \
  };
PEAR_DEFINE_ERROR(ConfigError)  ///< wrong usage or configuration (exit code 2)
PEAR_DEFINE_ERROR(DataError)    ///< wrong, damaged or missing input
PEAR_DEFINE_ERROR(ShapeError)   ///< array extents that do not fit together
PEAR_DEFINE_ERROR(DeviceError)  ///< compute device missing, out of memory or unable
PEAR_DEFINE_ERROR(CommError)    ///< communication between processes failed or timed out
#undef PEAR_DEFINE_ERROR

/// The run was stopped by a signal after its state had been saved (exit code 3).
class StoppedBySignal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace pear

/// Our own mistake, never the user's: throws std::logic_error in every build.
#define PEAR_ASSERT(expr) ((expr) ? static_cast<void>(0) : ::pear::assertion_failed(#expr, __FILE__, __LINE__))

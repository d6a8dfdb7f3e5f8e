// The error that a call ends with.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"

namespace pear::testing {

/// A copy of the error, or one of kind `none` where nothing was thrown.
inline Error caught(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e;
  }
  return Error("none", "nothing thrown", "", ErrorDetail{});
}

/// Kind and code, e.g. `ConfigError BadWindow`.
inline std::string code_of_error(const std::function<void()>& f) {
  const Error e = caught(f);
  return e.kind() + " " + e.code();
}

}  // namespace pear::testing

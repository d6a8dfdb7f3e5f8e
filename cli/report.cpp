#include "cli/report.h"

#include <c10/util/Exception.h>

#include <new>

#include "base/error.h"
#include "base/log.h"
#include "base/provenance.h"

namespace pear::cli {
namespace {

nlohmann::json error_object(const std::string& code, const std::string& where, const ErrorDetail& detail) {
  return {{"code", code},          {"where", where},     {"what", detail.what}, {"expected", detail.expected},
          {"found", detail.found}, {"hint", detail.hint}};
}

Failure plain(const std::string& code, const std::string& where, const std::string& what,
              const std::string& hint = "") {
  const DataError shaped(code, where, {.what = what, .hint = hint});
  return {shaped.what(), "failed", 1, error_object(code, where, shaped.detail())};
}

nlohmann::json frame(const std::string& verb, const std::string& status, int exit_code) {
  return {{"verb", verb},
          {"status", status},
          {"exit_code", exit_code},
          {"outputs", nlohmann::json::array()},
          {"warnings", logged_warnings()},
          {"error", nullptr},
          {"result", nlohmann::json::object()},
          {"provenance", provenance_base()}};
}

}  // namespace

Failure describe(const std::exception& exception) {
  if (const auto* e = dynamic_cast<const Error*>(&exception))
    return {e->what(), e->exit_code() == 2 ? "usage" : "failed", e->exit_code(),
            error_object(e->code(), e->where(), e->detail())};
  if (const auto* e = dynamic_cast<const StoppedBySignal*>(&exception))
    return {
        e->what(), "stopped", 3,
        error_object("StoppedBySignal", "cli", {.what = e->what(), .hint = "run the same command again to continue"})};
  if (const auto* e = dynamic_cast<const c10::Error*>(&exception)) {
    const bool out_of_memory = dynamic_cast<const c10::OutOfMemoryError*>(e) != nullptr;
    return plain(out_of_memory ? "OutOfMemory" : "TensorLibrary", "torch", e->what_without_backtrace(),
                 out_of_memory ? "make train.batch or the network smaller" : "");
  }
  if (dynamic_cast<const std::bad_alloc*>(&exception) != nullptr)
    return plain("OutOfMemory", "cli", "the machine has no more memory for this");
  return plain("InternalError", "cli", exception.what());
}

nlohmann::json report(const std::string& verb, const CommandResult& result) {
  nlohmann::json out = frame(verb, result.exit_code == 0 ? "done" : "failed", result.exit_code);
  for (const auto& path : result.outputs) out["outputs"].push_back(path.string());
  for (const std::string& warning : result.warnings) out["warnings"].push_back(warning);
  out["result"] = result.result;
  return out;
}

nlohmann::json report(const std::string& verb, const Failure& failure) {
  nlohmann::json out = frame(verb, failure.status, failure.exit_code);
  out["error"] = failure.error;
  return out;
}

nlohmann::json parse_or_null(const std::string& text) {
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  return json.is_discarded() ? nlohmann::json(nullptr) : json;
}

}  // namespace pear::cli

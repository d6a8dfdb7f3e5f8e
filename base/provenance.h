// Where an output comes from: program, libraries, command, configuration.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/version.h"

namespace pear {

// `main` states these once; what was never stated is left out. Environment variables are never recorded.
void set_command_line(int argc, const char* const* argv);
void set_revision(const Revision& revision);
/// e.g. ("ecCodes", "2.50.0"); base links none of these libraries itself.
void register_library(const std::string& name, const std::string& version);
/// The resolved configuration and its SHA-256 (base/config/writer.h).
void set_provenance_config(const nlohmann::json& resolved, const std::string& sha256);
/// With `run.reproducible`: no times, so that outputs are comparable byte for byte.
void set_reproducible_provenance(bool reproducible);

/// {"pear": {version, git_revision, dirty, build_type, compiler}, "libraries": {…}, "command": "…",
///  "config": {…}, "config_sha256": "…", "started": "…"}
nlohmann::json provenance_base();

}  // namespace pear

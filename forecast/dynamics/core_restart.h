// The state of an integration on disk.
#pragma once

#include <filesystem>
#include <string>

#include "forecast/dynamics/spectral_core.h"

namespace pear::forecast {

struct CoreRestart {
  CoreState core;
  int64_t states = 0;      ///< states written before it was saved
  std::string definition;  ///< checksum of what the run is
};

/// Replaces the file in one step. Errors: DataError `WriteFailed`.
void write_restart(const std::filesystem::path& path, const CoreRestart& restart);

/// Errors:  DataError `RestartMismatch` naming what differs (truncation, layers, members, definition), `BadSafetensors`,
///          `TruncatedFile`.
CoreRestart read_restart(const std::filesystem::path& path, const SpectralCore& core, int64_t num_members,
                         const std::string& definition);

}  // namespace pear::forecast

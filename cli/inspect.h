// One function per kind of thing that `pear inspect` recognises.
#pragma once

#include <filesystem>
#include <optional>

#include "base/config/keys.h"
#include "cli/commands.h"

namespace pear::cli {

/// Every value with its origin, the grid, and the parameters of the network.
CommandResult inspect_config(const std::filesystem::path& path, const std::vector<std::string>& overrides);
/// True if the file has a section `vision`. Errors: ConfigError `BadYaml`.
bool is_vision_config(const std::filesystem::path& path);
/// Keys of such a file.
std::vector<KeyInfo> vision_keys();
/// Every value with its origin, and the parameters of the network.
CommandResult inspect_vision_config(const std::filesystem::path& path, const std::vector<std::string>& overrides);
/// Folder of a store, finalised or half built.
CommandResult inspect_store(const std::filesystem::path& folder, bool verify);
/// Run folder, checkpoints folder, one checkpoint, or a pointer file (last.json, best.json).
CommandResult inspect_checkpoint(const std::filesystem::path& path, bool verify);
CommandResult inspect_safetensors(const std::filesystem::path& path);
/// Writes the weights of a checkpoint (any name `inspect` takes for it, or its model.safetensors or ema.safetensors)
/// into one safetensors file. `names`: published or own. `out` empty: `<checkpoint>_<names>.safetensors` beside it.
/// Errors:  ConfigError `UnknownNames`; DataError `FileExists`, those of load_trained_model.
CommandResult export_weights(const std::filesystem::path& path, const std::string& names, std::filesystem::path out);
/// GRIB and NetCDF fields, with minimum, mean and maximum of every variable.
CommandResult inspect_fields(const std::filesystem::path& path, bool verify);
/// Empty if the file is no climatology.
std::optional<CommandResult> inspect_climatology(const std::filesystem::path& path);
/// scores.json, scores.csv or sums.nc.
CommandResult inspect_scores(const std::filesystem::path& path);
/// Regridding weights.
CommandResult inspect_weights(const std::filesystem::path& path);
/// One forecast: initial time, leads, variables with minimum, mean and maximum. Empty if the file is something else.
std::optional<CommandResult> inspect_forecast(const std::filesystem::path& path);

}  // namespace pear::cli

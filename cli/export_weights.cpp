#include <fmt/format.h>

#include "base/error.h"
#include "base/provenance.h"
#include "cli/inspect.h"
#include "forecast/model/published_names.h"
#include "forecast/train/checkpoint.h"
#include "forecast/train/trained_model.h"
#include "io/safetensors.h"

namespace pear::cli {
namespace fs = std::filesystem;
namespace {

struct Source {
  fs::path folder;
  forecast::WeightsKind kind = forecast::WeightsKind::Auto;
};

/// A file of weights stands for the checkpoint around it, which knows the network.
Source source_of(const fs::path& path) {
  if (path.extension() != ".safetensors") return {forecast::resolve_checkpoint(path)};
  const fs::path folder = path.parent_path();
  if (!fs::exists(folder / "state.json"))
    throw DataError("NoNetwork", "inspect.export",
                    {.what = path.string() + " says nothing about the network it belongs to",
                     .expected = "a checkpoint, or model.safetensors or ema.safetensors inside one",
                     .hint = "name the run folder or the checkpoint folder"});
  return {forecast::resolve_checkpoint(folder),
          path.filename() == "ema.safetensors" ? forecast::WeightsKind::Ema : forecast::WeightsKind::Raw};
}

std::map<std::string, torch::Tensor> own_tensors(const forecast::Network& network) {
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& item : network.named_parameters()) tensors[item.key()] = item.value().detach();
  return tensors;
}

}  // namespace

CommandResult export_weights(const fs::path& path, const std::string& names, fs::path out) {
  if (names != "published" && names != "own")
    throw ConfigError("UnknownNames", "inspect.export",
                      {.what = "--export-names", .expected = "published or own", .found = names});
  const Source source = source_of(path);
  const std::string name = source.folder.filename().string();
  if (out.empty()) out = source.folder.parent_path() / fmt::format("{}_{}.safetensors", name, names);
  if (fs::exists(out))
    throw DataError(
        "FileExists", "inspect.export",
        {.what = out.string() + " exists and is not overwritten", .hint = "remove it or name another file with --out"});
  const auto model = forecast::load_trained_model(source.folder, torch::kCPU, source.kind);
  const auto tensors =
      names == "published" ? forecast::export_published(model->network()) : own_tensors(model->network());
  const auto state = forecast::read_checkpoint_state(source.folder);
  io::write_safetensors(out, {.metadata = {{"format", "pt"},
                                           {"names", names},
                                           {"checkpoint", name},
                                           {"model", state.at("model").dump()},
                                           {"layout", state.at("layout").dump()},
                                           {"pear_provenance", provenance_base().dump()}},
                              .tensors = tensors});
  CommandResult result{.outputs = {out}};
  result.text = fmt::format("wrote {} tensors of {} under {} names to {}\n", tensors.size(), name, names, out.string());
  result.result = {{"kind", "export"}, {"file", out.string()}, {"names", names}, {"tensors", tensors.size()}};
  return result;
}

}  // namespace pear::cli

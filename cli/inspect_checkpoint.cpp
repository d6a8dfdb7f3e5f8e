#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/inspect.h"
#include "cli/requests.h"
#include "forecast/train/checkpoint.h"
#include "forecast/train/trained_model.h"
#include "io/safetensors.h"

namespace pear::cli {
namespace fs = std::filesystem;
namespace {

/// Names, types and shapes; tensors may number hundreds, so the text shows totals first.
void describe_tensors(const fs::path& path, CommandResult& out, bool list_all) {
  const io::SafetensorsHeader header = io::read_safetensors_header(path);
  nlohmann::json tensors = nlohmann::json::array();
  int64_t total = 0;
  std::string lines;
  for (const auto& [name, tensor] : header.tensors) {
    int64_t n = 1;
    for (int64_t extent : tensor.shape) n *= extent;
    total += n;
    tensors.push_back({{"name", name}, {"dtype", tensor.dtype}, {"shape", tensor.shape}});
    lines += fmt::format("  {:<60} {:<5} [{}]\n", name, tensor.dtype, fmt::join(tensor.shape, ", "));
  }
  out.text += fmt::format("{}: {} tensors, {} values\n", path.filename().string(), header.tensors.size(), total);
  if (list_all) out.text += lines;
  out.result["tensors"] = tensors;
  out.result["parameters"] = total;
  out.result["metadata"] = header.metadata;
}

}  // namespace

CommandResult inspect_safetensors(const fs::path& path) {
  CommandResult out;
  out.result["kind"] = "safetensors";
  describe_tensors(path, out, true);
  return out;
}

CommandResult inspect_checkpoint(const fs::path& path, bool verify) {
  const fs::path folder = forecast::resolve_checkpoint(path);
  const nlohmann::json state = forecast::read_checkpoint_state(folder);
  CommandResult out;
  out.text = fmt::format("checkpoint {}\n", folder.string());
  out.result = {{"kind", "checkpoint"}, {"folder", folder.string()}, {"step", state.at("step")}};
  for (const char* key : {"run", "seed", "best_metric", "layout", "model", "config", "data_fingerprint", "parent",
                          "progress", "provenance"})
    if (state.contains(key)) out.result[key] = state[key];
  out.text += fmt::format("run             {}\nstep            {}\n", state.value("run", "?"), state.at("step").dump());
  if (state.contains("layout")) out.text += fmt::format("layout          {}\n", state["layout"].dump());
  if (state.contains("data_fingerprint"))
    out.text += fmt::format("store           {}\n", state["data_fingerprint"].get<std::string>());
  describe_tensors(folder / "model.safetensors", out, false);
  // The manifest's checksums were compared when the folder was resolved.
  if (verify) out.text += "checksums agree with the manifest\n";
  out.result["verified"] = true;
  return out;
}

}  // namespace pear::cli

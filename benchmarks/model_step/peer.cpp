#include "benchmarks/model_step/peer.h"

#include <chrono>
#include <fstream>

#include "base/error.h"
#include "base/process.h"
#include "io/safetensors.h"

namespace pear::benchmarks {
namespace {

namespace fs = std::filesystem;

/// Cells as the peer sees them: rows and columns, or one axis.
torch::Tensor in_cell_shape(const torch::Tensor& t, const std::vector<int64_t>& cell_shape) {
  if (cell_shape.empty()) return t;
  auto shape = t.sizes().vec();
  shape.pop_back();
  shape.insert(shape.end(), cell_shape.begin(), cell_shape.end());
  return t.reshape(shape);
}

}  // namespace

void write_exchange(const fs::path& folder, const Subject& subject, const std::vector<torch::Tensor>& output) {
  std::ofstream(folder / "task.json") << nlohmann::json{{"config", subject.config}, {"loss", subject.loss}};
  io::write_safetensors(folder / "weights.safetensors", {.metadata = {}, .tensors = subject.published_weights()});
  io::SafetensorsFile fields;
  const auto add = [&](const char* kind, const std::vector<torch::Tensor>& tensors) {
    for (size_t i = 0; i < tensors.size(); ++i)
      fields.tensors[std::string(kind) + "." + std::to_string(i)] = in_cell_shape(tensors[i], subject.cell_shape);
  };
  add("input", subject.input);
  add("target", subject.target);
  add("output", output);
  for (const auto& [name, tensor] : subject.windows) fields.tensors["windows." + name] = tensor;
  io::write_safetensors(folder / "fields.safetensors", fields);
}

std::optional<nlohmann::json> run_peer(const fs::path& folder, const PeerOptions& options) {
  std::vector<std::string> words{options.python,
                                 fs::path(PEAR_BENCHMARK_PEERS) / options.program,
                                 folder,
                                 "--threads",
                                 std::to_string(options.threads),
                                 "--repeats",
                                 std::to_string(options.repeats)};
  if (options.compiled) words.emplace_back("--compile");
  if (options.uses_cpu_time) words.emplace_back("--cpu-time");
  nlohmann::json report;
  try {
    const ProcessResult result = run_process(words, std::chrono::hours(2));
    std::ofstream(folder / "peer.log") << result.error;
    if (result.exit_code != 0) return {};
    report = nlohmann::json::parse(result.output, nullptr, /*allow_exceptions=*/false);
  } catch (const DataError& e) {
    std::ofstream(folder / "peer.log") << e.what();
    return {};
  }
  if (report.is_discarded()) return {};
  return report;
}

std::string last_words(const fs::path& folder) {
  std::ifstream in(folder / "peer.log");
  std::string last;
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) last = line;
  return last;
}

}  // namespace pear::benchmarks

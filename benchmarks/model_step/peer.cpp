#include "benchmarks/model_step/peer.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <fstream>

#include "io/safetensors.h"

extern char** environ;

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
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const fs::path answer = folder / "peer.json";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, answer.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_addopen(&actions, 2, (folder / "peer.log").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, options.python.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (failed != 0 || waitpid(child, &status, 0) != child || status != 0) return {};
  std::ifstream in(answer);
  auto report = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
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

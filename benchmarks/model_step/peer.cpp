#include "benchmarks/model_step/peer.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <fstream>

#include "forecast/model/published_names.h"
#include "io/safetensors.h"
#include "sphere/window/nested_windows.h"

extern char** environ;

namespace pear::benchmarks {
namespace {

namespace fs = std::filesystem;

void write_raw(const fs::path& file, const torch::Tensor& t) {
  const auto values = t.contiguous();
  std::ofstream out(file, std::ios::binary);
  out.write(static_cast<const char*>(values.const_data_ptr()), static_cast<std::streamsize>(values.nbytes()));
}

void write_shift(const fs::path& folder, const std::string& name, const std::string& spec) {
  const auto partition = sphere::partition_from_spec(spec, 8);
  const auto& lists = partition->lists();
  write_raw(folder / (name + "_source.i64"), lists.pixel_source);
  write_raw(folder / (name + "_pixel_label.i32"), lists.pixel_label);
  write_raw(folder / (name + "_stack_label.i32"), lists.stack_label);
}

}  // namespace

void write_exchange(const fs::path& folder, const forecast::Network& network, const forecast::State& input,
                    const forecast::State& output) {
  io::SafetensorsFile weights;
  weights.tensors = forecast::export_published(network);
  for (auto& [name, tensor] : weights.tensors) tensor = tensor.detach().contiguous();
  io::write_safetensors(folder / "weights.safetensors", weights);
  write_raw(folder / "surface.f32", input.surface);
  write_raw(folder / "upper.f32", input.upper);
  write_raw(folder / "output_surface.f32", output.surface);
  write_raw(folder / "output_upper.f32", output.upper);
  write_shift(folder, "fine", "nested:n16:2x64:spiral+4:published");
  write_shift(folder, "coarse", "nested:n8:2x64:spiral+4:published");
}

std::optional<nlohmann::json> run_peer(const fs::path& folder, const PeerOptions& options) {
  std::vector<std::string> words{options.python,
                                 fs::path(PEAR_BENCHMARK_PEERS) / "pear_torch.py",
                                 folder,
                                 "--threads",
                                 std::to_string(options.threads),
                                 "--repeats",
                                 std::to_string(options.repeats)};
  if (options.compiled) words.emplace_back("--compile");
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

}  // namespace pear::benchmarks

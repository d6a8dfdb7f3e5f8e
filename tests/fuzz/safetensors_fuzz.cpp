// Checkpoint tensors (io/safetensors): header and data.
#include <ATen/ops/ones.h>

#include "base/files.h"
#include "io/safetensors.h"
#include "tests/fuzz/target.h"

namespace pear::fuzz {

std::vector<std::string> seeds() {
  std::vector<std::string> all;
  const auto add = [&](const io::SafetensorsFile& file) {
    const auto path = scratch_folder() / "seed.safetensors";
    io::write_safetensors(path, file);
    all.push_back(read_text(path));
  };
  add({.metadata = {}, .tensors = {}});
  add({.metadata = {{"format", "pt"}}, .tensors = {{"a", at::ones({2, 3})}, {"b", at::ones({0, 5}, torch::kInt64)}}});
  add({.metadata = {}, .tensors = {{"h", at::ones({2}, torch::kBFloat16)}, {"s", at::ones({}, torch::kBool)}}});
  return all;
}

void decode(std::string_view input) {
  const io::SafetensorsFile file = io::read_safetensors(put("file.safetensors", input));
  size_t bytes = 0;
  for (const auto& [name, tensor] : file.tensors) bytes += tensor.nbytes();
  require(bytes <= input.size(), "no more data than the file holds");
  const auto copy = scratch_folder() / "copy.safetensors";
  io::write_safetensors(copy, file);
  require(io::read_safetensors(copy).tensors.size() == file.tensors.size(), "a file survives being written");
}

}  // namespace pear::fuzz

#include "forecast/dynamics/core_restart.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "base/error.h"
#include "io/safetensors.h"

namespace pear::forecast {
namespace {

[[noreturn]] void mismatch(const std::filesystem::path& path, const std::string& what, const std::string& expected,
                           const std::string& found) {
  throw DataError("RestartMismatch", "dynamics.restart",
                  {.what = path.string() + ": " + what,
                   .expected = expected,
                   .found = found,
                   .hint = "the file belongs to another simulation; take another folder, or set run.overwrite=true"});
}

template <class T>
T number(const std::filesystem::path& path, const std::map<std::string, std::string>& metadata, const std::string& key) {
  const auto it = metadata.find(key);
  T value{};
  const std::string text = it == metadata.end() ? "" : it->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) mismatch(path, key, "a number", "'" + text + "'");
  return value;
}

torch::Tensor tensor(const std::filesystem::path& path, const io::SafetensorsFile& file, const std::string& name,
                     std::vector<int64_t> shape, torch::Dtype dtype) {
  const auto it = file.tensors.find(name);
  if (it == file.tensors.end()) mismatch(path, "tensor " + name, "present", "absent");
  if (it->second.sizes() != at::IntArrayRef(shape) || it->second.scalar_type() != dtype)
    mismatch(path, "tensor " + name + ", [orders, 2, fields, members, layers, degrees]",
             fmt::format("[{}] {}", fmt::join(shape, ", "), toString(dtype)),
             fmt::format("[{}] {}", fmt::join(it->second.sizes(), ", "), toString(it->second.scalar_type())));
  return it->second;
}

}  // namespace

void write_restart(const std::filesystem::path& path, const CoreRestart& r) {
  io::SafetensorsFile file;
  const CoreState& c = r.core;
  file.metadata = {{"definition", r.definition},
                   {"states", fmt::format("{}", r.states)},
                   {"step", fmt::format("{}", c.step)},
                   {"start_days", fmt::format("{}", c.start_days)}};
  file.tensors = {{"now.upper", c.now.upper}, {"now.log_pressure", c.now.log_pressure}, {"mass", c.mass}};
  if (c.previous.upper.defined()) {
    file.tensors["previous.upper"] = c.previous.upper;
    file.tensors["previous.log_pressure"] = c.previous.log_pressure;
  }
  if (c.physics.defined()) file.tensors["physics"] = c.physics;
  io::write_safetensors(path, file);
}

CoreRestart read_restart(const std::filesystem::path& path, const SpectralCore& core, int64_t num_members,
                         const std::string& definition) {
  const io::SafetensorsFile file = io::read_safetensors(path);
  CoreRestart r;
  r.states = number<int64_t>(path, file.metadata, "states");
  r.core.step = number<int64_t>(path, file.metadata, "step");
  r.core.start_days = number<double>(path, file.metadata, "start_days");
  if (r.states < 0 || r.core.step < 0) mismatch(path, "counters", "not negative", "negative");
  const auto found = file.tensors.find("now.upper");
  const int64_t fields = found == file.tensors.end() || found->second.dim() != 6 ? 0 : found->second.size(2);
  if (fields != 3 && fields != 4) mismatch(path, "prognostic fields", "3 or 4", fmt::format("{}", fields));
  const auto& t = core.transform();
  const int64_t layers = core.equations().sigma().num_layers();
  const std::vector<int64_t> upper{t.num_orders(), 2, fields, num_members, layers, t.num_degrees()};
  const std::vector<int64_t> pressure{t.num_orders(), 2, num_members, t.num_degrees()};
  const auto dtype = t.options().dtype;
  r.core.now = {tensor(path, file, "now.upper", upper, dtype), tensor(path, file, "now.log_pressure", pressure, dtype)};
  if (r.core.step > 0)
    r.core.previous = {tensor(path, file, "previous.upper", upper, dtype),
                       tensor(path, file, "previous.log_pressure", pressure, dtype)};
  if (file.tensors.contains("physics"))
    r.core.physics = tensor(
        path, file, "physics",
        {fields, num_members, layers, 2, t.num_hemisphere_rows(), t.options().num_columns}, dtype);
  r.core.mass = tensor(path, file, "mass", {num_members}, torch::kFloat64);
  const auto id = file.metadata.find("definition");
  if (id == file.metadata.end() || id->second != definition)
    mismatch(path, "checksum of the definition", definition.substr(0, 12),
             id == file.metadata.end() ? "none" : id->second.substr(0, 12));
  r.definition = definition;
  return r;
}

}  // namespace pear::forecast

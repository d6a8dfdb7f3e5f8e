#include "forecast/train/checkpoint_shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <regex>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "io/safetensors.h"

namespace pear::forecast {
namespace fs = std::filesystem;
namespace {

constexpr const char* kShapes = "shapes";
constexpr char kAt = '@';

/// `NAME@FIRST`, or `NAME` of a whole tensor.
struct PieceName {
  std::string name;
  std::optional<int64_t> first;
};

PieceName split_name(const std::string& text) {
  const auto at = text.rfind(kAt);
  if (at == std::string::npos) return {text, std::nullopt};
  int64_t first = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data() + at + 1, end, first);
  if (failed != std::errc{} || stop != end || first < 0) return {text, std::nullopt};
  return {text.substr(0, at), first};
}

/// Shape of the parameter whose state is called so: names of states end in the parameter's.
std::vector<int64_t> shape_of(const nlohmann::json& shapes, const std::string& state_name) {
  for (const char* prefix : {"", kFirstMoment, kSecondMoment}) {
    if (!state_name.starts_with(prefix)) continue;
    const auto shape = shapes.find(state_name.substr(std::string_view(prefix).size()));
    if (shape != shapes.end() && shape->is_array()) return shape->get<std::vector<int64_t>>();
  }
  return {0};
}

/// Takes pieces of one flat buffer and knows what is still missing.
class FlatLoader {
 public:
  FlatLoader(const FlatParameters& parameters, const std::vector<FlatRange>& ranges, torch::Tensor state)
      : ranges_(ranges), state_(std::move(state)) {
    for (const auto& entry : parameters.entries()) entries_[entry.name] = &entry;
  }

  /// Where a piece lies in the buffer; empty for another network, of which `problem` then tells.
  std::optional<FlatRange> place(const PieceName& piece, const std::vector<int64_t>& shape,
                                 std::string& problem) const {
    const auto it = entries_.find(piece.name);
    if (it == entries_.end()) return problem = "unexpected " + piece.name, std::nullopt;
    const auto& entry = *it->second;
    if (!piece.first) {
      if (shape != entry.shape) return problem = "another shape of " + piece.name, std::nullopt;
      return FlatRange{entry.offset, entry.size};
    }
    if (shape.size() != 1 || *piece.first > entry.size || shape[0] > entry.size - *piece.first)
      return problem = "another shape of " + piece.name, std::nullopt;
    return FlatRange{entry.offset + *piece.first, shape[0]};
  }

  bool wants(const FlatRange& place) const {
    return std::any_of(ranges_.begin(), ranges_.end(), [&](const FlatRange& r) {
      return std::max(r.first, place.first) < std::min(r.end(), place.end());
    });
  }

  void add(const FlatRange& place, const torch::Tensor& values) {
    const auto flat = values.reshape({-1});
    int64_t offset = 0;
    for (const auto& range : ranges_) {
      const int64_t first = std::max(range.first, place.first), end = std::min(range.end(), place.end());
      if (first < end) {
        state_.narrow(0, offset + first - range.first, end - first)
            .copy_(flat.narrow(0, first - place.first, end - first));
        filled_.push_back({first, end - first});
      }
      offset += range.length;
    }
  }

  /// `exp_avg.NAME, value 17`: the first value that is missing or there twice; empty if all is well.
  std::string gap(const std::string& prefix) {
    std::sort(filled_.begin(), filled_.end(), [](auto& a, auto& b) { return a.first < b.first; });
    std::vector<FlatRange> wanted;
    for (const auto& [name, entry] : entries_)
      for (const auto& range : ranges_) {
        const int64_t first = std::max(range.first, entry->offset);
        const int64_t end = std::min(range.end(), entry->offset + entry->size);
        if (first < end) wanted.push_back({first, end - first});
      }
    std::sort(wanted.begin(), wanted.end(), [](auto& a, auto& b) { return a.first < b.first; });
    auto piece = filled_.begin();
    for (const auto& stretch : wanted)
      for (int64_t position = stretch.first; position < stretch.end(); ++piece) {
        if (piece == filled_.end() || piece->first != position) return prefix + name_of(position);
        position = piece->end();
      }
    return piece == filled_.end() ? "" : prefix + name_of(piece->first);
  }

 private:
  std::string name_of(int64_t position) const {
    for (const auto& [name, entry] : entries_)
      if (position >= entry->offset && position < entry->offset + entry->size)
        return fmt::format("{}, value {}", name, position - entry->offset);
    return "padding";
  }

  std::vector<FlatRange> ranges_;
  torch::Tensor state_;
  std::map<std::string, const FlatParameters::Entry*> entries_;
  std::vector<FlatRange> filled_;
};

/// Files with whole tensors, or shards.
std::vector<std::string> files_of(const fs::path& folder, const std::string& kind) {
  auto files = shard_files(folder, kind);
  const std::string whole = kind + ".safetensors";
  if (files.empty() && checkpoint_files(folder).contains(whole)) files.push_back(whole);
  return files;
}

}  // namespace

bool is_shard(const std::string& file_name) {
  static const std::regex pattern(R"((optimizer|ema)-\d{5,}-of-\d{5,}\.safetensors)");
  return std::regex_match(file_name, pattern);
}

std::vector<std::string> shard_files(const fs::path& folder, const std::string& kind) {
  std::vector<std::string> files;
  for (const auto& [name, checksum] : checkpoint_files(folder))
    if (is_shard(name) && name.starts_with(kind + "-")) files.push_back(name);
  return files;
}

bool has_state(const fs::path& folder, const std::string& kind) { return !files_of(folder, kind).empty(); }

CheckpointFile shard_file(const std::string& kind, int64_t rank, int64_t num_ranks, const FlatParameters& parameters,
                          const std::vector<FlatRange>& ranges, const FlatState& state) {
  CheckpointFile file{
      .name = fmt::format("{}-{:05}-of-{:05}.safetensors", kind, rank + 1, num_ranks), .tensors = {}, .metadata = {}};
  nlohmann::json shapes = nlohmann::json::object();
  int64_t offset = 0;
  for (const auto& range : ranges) {
    for (const auto& entry : parameters.entries()) {
      const int64_t first = std::max(range.first, entry.offset);
      const int64_t end = std::min(range.end(), entry.offset + entry.size);
      if (first >= end) continue;
      shapes[entry.name] = entry.shape;
      for (const auto& [prefix, values] : state)
        file.tensors[fmt::format("{}{}{}{}", prefix, entry.name, kAt, first - entry.offset)] =
            values.narrow(0, offset + first - range.first, end - first);
    }
    offset += range.length;
  }
  file.metadata[kShapes] = shapes.dump();
  return file;
}

CheckpointFile whole_file(const std::string& kind, const FlatParameters& parameters, const FlatState& state) {
  CheckpointFile file{.name = kind + ".safetensors", .tensors = {}, .metadata = {}};
  for (const auto& [prefix, values] : state)
    for (const auto& entry : parameters.entries())
      file.tensors[prefix + entry.name] = FlatParameters::view_of(values, entry);
  return file;
}

TensorMap joined_shards(const fs::path& folder, const std::vector<std::string>& files) {
  struct Stretches {
    torch::Tensor whole;
    std::map<int64_t, int64_t> lengths;
  };
  std::map<std::string, Stretches> found;
  for (const auto& file_name : files) {
    const auto file = io::read_safetensors(folder / file_name);
    const auto shapes = parse_json(file.metadata.contains(kShapes) ? file.metadata.at(kShapes) : "");
    for (const auto& [key, values] : file.tensors) {
      const auto piece = split_name(key);
      auto& stretches = found[piece.name];
      if (!stretches.whole.defined()) stretches.whole = torch::empty(shape_of(shapes, piece.name), values.options());
      const auto flat = stretches.whole.view({-1});
      const int64_t first = piece.first.value_or(-1);
      const bool fits = first >= 0 && values.dim() == 1 && values.numel() <= flat.numel() - first &&
                        stretches.lengths.emplace(first, values.numel()).second;
      if (!fits) throw_bad_checkpoint(folder, file_name + " holds a part of no tensor: " + key);
      flat.narrow(0, first, values.numel()).copy_(values);
    }
  }
  TensorMap whole;
  for (auto& [name, stretches] : found) {
    int64_t position = 0;
    for (const auto& [first, length] : stretches.lengths) position = first == position ? first + length : -1;
    if (position != stretches.whole.numel()) throw_bad_checkpoint(folder, name + " is not whole in its files");
    whole[name] = stretches.whole;
  }
  return whole;
}

void load_state(const fs::path& folder, const std::string& kind, const FlatParameters& parameters,
                const std::vector<FlatRange>& ranges, const FlatState& state) {
  const torch::NoGradGuard no_grad;
  std::map<std::string, FlatLoader> loaders;
  for (const auto& [prefix, buffer] : state) loaders.emplace(prefix, FlatLoader(parameters, ranges, buffer));
  const auto loader_of = [&](const std::string& key) {
    return std::find_if(loaders.begin(), loaders.end(), [&](auto& item) { return key.starts_with(item.first); });
  };
  const auto checksums = checkpoint_files(folder);
  std::string problems;
  for (const auto& file_name : files_of(folder, kind)) {
    std::map<std::string, FlatRange> wanted;
    for (const auto& [key, tensor] : io::read_safetensors_header(folder / file_name).tensors) {
      const auto loader = loader_of(key);
      std::string problem = "unexpected " + key;
      const auto place = loader == loaders.end() ? std::nullopt
                                                 : loader->second.place(split_name(key.substr(loader->first.size())),
                                                                        tensor.shape, problem);
      if (!place)
        problems += (problems.empty() ? "" : "; ") + problem;
      else if (loader->second.wants(*place))
        wanted[key] = *place;
    }
    if (wanted.empty()) continue;
    // Other readers may have compared it, but with what they saw.
    if (is_shard(file_name) && sha256_file(folder / file_name) != checksums.at(file_name))
      throw_bad_checkpoint(folder, file_name + " does not match its checksum");
    const auto tensors = io::read_safetensors(folder / file_name).tensors;
    for (const auto& [key, place] : wanted) loader_of(key)->second.add(place, tensors.at(key));
  }
  if (problems.empty())
    for (auto& [prefix, loader] : loaders)
      if (const auto gap = loader.gap(prefix); !gap.empty() && problems.empty()) problems = "missing or twice: " + gap;
  if (!problems.empty())
    throw DataError("WeightMismatch", "train.checkpoint",
                    {.what = kind + " state of " + folder.string() + " does not fit the network", .found = problems});
}

}  // namespace pear::forecast

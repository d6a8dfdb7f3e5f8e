#include "io/store_build.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "io/crc32c.h"
#include "io/hdf5_chunks.h"
#include "io/store_part.h"

namespace pear::io {
namespace {

namespace fs = std::filesystem;

std::string reason_in(const fs::path& path) {
  const auto j = nlohmann::json::parse(read_text(path), nullptr, false);
  return j.is_object() && j.contains("reason") && j["reason"].is_string() ? j["reason"].get<std::string>()
                                                                          : "no reason given";
}

PartRecord describe_part(const fs::path& directory, const StoreIndex& index, Time t, const PartContent& content,
                         const std::vector<std::string>& names) {
  const fs::path path = directory / part_file_name(t);
  PartRecord part{
      .time = t, .file = part_file_name(t), .size = fs::file_size(path), .sha256 = sha256_file(path), .chunks = {}};
  const auto places = first_chunks(path, names);
  for (size_t v = 0; v < names.size(); ++v)
    part.chunks.push_back({.offset = places[v].first, .size = places[v].second, .crc = content.crc[v]});
  const auto cells = static_cast<size_t>(index.layout.grid.num_cells());
  for (size_t v = 0; v < names.size(); ++v) {
    std::vector<float> values(static_cast<size_t>(index.layout.variables[v].num_levels()) * cells);
    read_chunk(directory, index, part, v, values);
    check_chunk(directory, index, part, v, values);
  }
  return part;
}

/// Transposes [date][variable][level] and merges over the dates.
VariableMoments merge_dates(const StoreLayout& layout, const std::vector<VariableMoments>& dates) {
  VariableMoments merged;
  std::vector<Moments> column(dates.size());
  for (size_t v = 0; v < layout.variables.size(); ++v) {
    std::vector<Moments> levels;
    for (size_t l = 0; l < static_cast<size_t>(layout.variables[v].num_levels()); ++l) {
      for (size_t d = 0; d < dates.size(); ++d) column[d] = dates[d][v][l];
      levels.push_back(merge_tree(column));
    }
    merged.push_back(std::move(levels));
  }
  return merged;
}

const PartRecord* find_part(const StoreIndex& index, Time t) {
  const auto it = std::lower_bound(index.parts.begin(), index.parts.end(), t,
                                   [](const PartRecord& part, Time time) { return part.time < time; });
  return it != index.parts.end() && it->time == t ? &*it : nullptr;
}

VariableMoments difference_moments(const fs::path& directory, const StoreIndex& index, const PartRecord& a,
                                   const PartRecord& b, std::span<const double> weights) {
  const auto cells = static_cast<size_t>(index.layout.grid.num_cells());
  VariableMoments moments;
  for (size_t v = 0; v < index.layout.variables.size(); ++v) {
    const auto levels = static_cast<size_t>(index.layout.variables[v].num_levels());
    std::vector<float> before(levels * cells), after(levels * cells);
    read_chunk(directory, index, a, v, before);
    read_chunk(directory, index, b, v, after);
    std::vector<Moments> row;
    for (size_t l = 0; l < levels; ++l)
      row.push_back(moments_of_difference(std::span<const float>(before).subspan(l * cells, cells),
                                          std::span<const float>(after).subspan(l * cells, cells), weights));
    moments.push_back(std::move(row));
  }
  return moments;
}

bool in_statistics(const StoreIndex& index, Time t) {
  const auto& period = index.options.statistics_period;
  return !period || period->contains(t);
}

TendencyRecord tendency(const fs::path& directory, const StoreIndex& index, Duration lag,
                        std::span<const double> weights) {
  TendencyRecord record{.lag = lag, .pairs = 0, .left_out = 0, .moments = {}};
  std::vector<VariableMoments> dates;
  Progress progress("tendencies over " + format_duration(lag), static_cast<int64_t>(index.layout.times.size()),
                    "dates");
  for (const Time t : index.layout.times) {
    if (!std::binary_search(index.layout.times.begin(), index.layout.times.end(), t + lag)) continue;
    if (!in_statistics(index, t) || !in_statistics(index, t + lag)) continue;
    const PartRecord* a = find_part(index, t);
    const PartRecord* b = find_part(index, t + lag);
    if (a == nullptr || b == nullptr) {
      ++record.left_out;
      continue;
    }
    dates.push_back(difference_moments(directory, index, *a, *b, weights));
    progress.update(++record.pairs);
  }
  progress.finish();
  record.moments = merge_dates(index.layout, dates);
  return record;
}

void read_bytes(const fs::path& path, uint64_t offset, std::span<std::byte> out) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto failed = [&](const std::string& found) {
    throw DataError("ReadFailed", "io.store", {.what = "cannot read " + path.string(), .found = found});
  };
  if (file.get() < 0) failed(std::strerror(errno));
  while (!out.empty()) {
    const ssize_t n = ::pread(file.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) failed(std::strerror(errno));
    if (n == 0) failed(fmt::format("the file ends before byte {}", offset + out.size()));
    out = out.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
}

}  // namespace

StoreProgress store_progress(const fs::path& directory, const StoreIndex& index) {
  StoreProgress progress;
  if (index.finalised) {
    for (const auto& part : index.parts) progress.present.push_back(part.time);
    progress.missing = index.missing;
    return progress;
  }
  for (const Time t : index.layout.times) {
    if (fs::exists(directory / part_file_name(t)))
      progress.present.push_back(t);
    else if (fs::exists(directory / missing_file_name(t)))
      progress.missing.emplace_back(t, reason_in(directory / missing_file_name(t)));
    else
      progress.pending.push_back(t);
  }
  return progress;
}

void finalise_index(const fs::path& directory, StoreIndex& index, const StoreProgress& progress,
                    std::span<const double> weights) {
  index.parts.clear();
  index.tendencies.clear();
  index.missing = progress.missing;
  std::vector<std::string> names;
  for (const auto& v : index.layout.variables) names.push_back(v.name);
  std::vector<VariableMoments> dates;
  Progress bar("checksums", static_cast<int64_t>(progress.present.size()), "dates");
  for (const Time t : progress.present) {
    PartContent content = read_part_content(directory / part_file_name(t), index, t);
    index.parts.push_back(describe_part(directory, index, t, content, names));
    if (in_statistics(index, t)) dates.push_back(std::move(content.moments));
    bar.update(static_cast<int64_t>(index.parts.size()));
  }
  bar.finish();
  if (dates.empty())
    throw DataError("StoreIncomplete", "io.store",
                    {.what = "no date of " + directory.string() + " enters the statistics",
                     .expected = fmt::format("a date from {} to {}", format_time(index.options.statistics_period->start),
                                             format_time(index.options.statistics_period->end)),
                     .found = fmt::format("{} dates from {} to {}", progress.present.size(),
                                          format_time(progress.present.front()), format_time(progress.present.back())),
                     .hint = "correct data.train, or set ingest.statistics=all"});
  index.moments = merge_dates(index.layout, dates);
  for (const Duration lag : index.options.tendency_lags)
    index.tendencies.push_back(tendency(directory, index, lag, weights));
  index.finalised = true;
}

void read_chunk(const fs::path& directory, const StoreIndex& index, const PartRecord& part, size_t variable,
                std::span<float> out) {
  const fs::path path = directory / part.file;
  if (index.options.compress)
    read_part_values(path, index.layout.variables[variable], out);
  else if (part.chunks[variable].size != out.size_bytes())
    throw DataError("StoreMismatch", "io.store",
                    {.what = fmt::format("{}: chunk of {}", path.string(), index.layout.variables[variable].name),
                     .expected = fmt::format("{} bytes", out.size_bytes()),
                     .found = fmt::format("{} bytes", part.chunks[variable].size)});
  else
    read_bytes(path, part.chunks[variable].offset, std::as_writable_bytes(out));
}

void check_chunk(const fs::path& directory, const StoreIndex& index, const PartRecord& part, size_t variable,
                 std::span<const float> values) {
  const uint32_t found = crc32c(values);
  if (found == part.chunks[variable].crc) return;
  throw DataError("ChecksumMismatch", "io.store",
                  {.what = fmt::format("{}: variable {} of {}", (directory / part.file).string(),
                                       index.layout.variables[variable].name, format_time(part.time)),
                   .expected = fmt::format("CRC-32C {:08x}", part.chunks[variable].crc),
                   .found = fmt::format("{:08x}", found),
                   .hint = "the file was damaged: remove the store and ingest again"});
}

}  // namespace pear::io

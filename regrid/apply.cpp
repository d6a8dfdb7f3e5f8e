#include "regrid/apply.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "regrid/apply_kernel.h"

namespace pear::regrid {
namespace {

void check_sizes(const Weights& w, size_t in, size_t out, int64_t fields) {
  const auto check = [&](const char* side, const sphere::Grid& g, size_t found) {
    const int64_t expected = fields * g.num_cells();
    if (static_cast<int64_t>(found) != expected)
      throw ShapeError("SizeMismatch", "regrid.apply",
                       {.what = std::string(side) + " of " + std::to_string(fields) + " fields",
                        .expected = std::to_string(expected) + " values (" + g.spec() + ")",
                        .found = std::to_string(found),
                        .hint = "fields outermost: [fields, cells]"});
  };
  check("input", w.source, in);
  check("output", w.target, out);
}

/// Fields that hold missing values. Errors: NonFiniteInput.
template <class T>
std::vector<char> find_missing(const Weights& w, std::span<const T> in, int64_t fields, const ApplyOptions& options) {
  const int64_t cells = w.source.num_cells();
  std::vector<char> missing(static_cast<size_t>(fields), 0);
  std::vector<int64_t> bad(static_cast<size_t>(fields), -1);
#pragma omp parallel for schedule(static)
  for (int64_t f = 0; f < fields; ++f) {
    const T* x = in.data() + f * cells;
    for (int64_t s = 0; s < cells; ++s) {
      if (std::isfinite(x[s])) continue;
      missing[static_cast<size_t>(f)] = 1;
      if (!options.missing || std::isinf(x[s])) {
        bad[static_cast<size_t>(f)] = s;
        break;
      }
    }
  }
  for (int64_t f = 0; f < fields; ++f)
    if (const int64_t s = bad[static_cast<size_t>(f)]; s >= 0)
      throw DataError("NonFiniteInput", "regrid.apply",
                      {.what = "field " + std::to_string(f) + " on " + w.source.spec() + ", cell " + std::to_string(s),
                       .expected = options.missing ? "a number or NaN" : "a number",
                       .found = std::to_string(in[static_cast<size_t>(f * cells + s)]),
                       .hint = options.missing ? "" : "set a policy for missing values: missing=if-heaviest"});
  return missing;
}

/// One target of one field with missing values.
template <class T>
T masked_value(const Weights& w, const T* x, int64_t begin, int64_t end, const ApplyOptions& options) {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  double sum = 0, valid = 0, total = 0, heaviest = -1;
  bool any_missing = false, heaviest_missing = true;
  for (int64_t l = begin; l < end; ++l) {
    const double weight = w.value[static_cast<size_t>(l)];
    const T value = x[w.column[static_cast<size_t>(l)]];
    const bool is_missing = std::isnan(value);
    total += weight;
    if (weight > heaviest) {
      heaviest = weight;
      heaviest_missing = is_missing;
    }
    any_missing = any_missing || is_missing;
    if (is_missing) continue;
    sum += weight * static_cast<double>(value);
    valid += weight;
  }
  if (!(valid > 0)) return nan;
  switch (*options.missing) {
    case MissingPolicy::IfAny:
      if (any_missing) return nan;
      break;
    case MissingPolicy::IfAll:
      break;
    case MissingPolicy::IfHeaviest:
      if (heaviest_missing) return nan;
      break;
    case MissingPolicy::ValidFraction:
      if (valid < options.valid_fraction * total) return nan;
      break;
  }
  if (!any_missing) return static_cast<T>(sum);
  return static_cast<T>(options.normalisation == Normalisation::FracArea ? sum / valid : sum);
}

template <class T>
void apply_masked(const Weights& w, const T* x, T* y, const ApplyOptions& options) {
  const int64_t targets = w.target.num_cells();
#pragma omp parallel for schedule(static)
  for (int64_t t = 0; t < targets; ++t)
    y[t] = masked_value(w, x, w.row_start[static_cast<size_t>(t)], w.row_start[static_cast<size_t>(t) + 1], options);
}

/// Target ranges with equally many links, one per thread.
std::vector<int64_t> balanced_ranges(const Weights& w, int64_t count) {
  std::vector<int64_t> first{0};
  for (int64_t k = 1; k < count; ++k) {
    const auto it = std::lower_bound(w.row_start.begin(), w.row_start.end() - 1, w.num_links() * k / count);
    first.push_back(std::max(first.back(), static_cast<int64_t>(it - w.row_start.begin())));
  }
  first.push_back(w.target.num_cells());
  return first;
}

template <class Work>
void for_balanced_rows(const Weights& w, const Work& work) {
  const int64_t threads = omp_get_max_threads();
  const std::vector<int64_t> range = balanced_ranges(w, threads);
#pragma omp parallel for schedule(static, 1)
  for (int64_t k = 0; k < threads; ++k) work(range[static_cast<size_t>(k)], range[static_cast<size_t>(k) + 1]);
}

/// Field-major rows of some fields -> cell-major, padded with zeros. Sixteen streams at a time: a line of each stays in
/// the first cache until all its cells are taken, and every write fills a line.
void gather_fields(const std::vector<const float*>& fields, int64_t cells, int64_t width, float* out) {
  constexpr int64_t kTile = 512;
  const auto count = static_cast<int64_t>(fields.size());
#pragma omp parallel for schedule(static)
  for (int64_t first = 0; first < cells; first += kTile) {
    const int64_t last = std::min(cells, first + kTile);
    for (int64_t group = 0; group < width; group += kLanes) {
      const int64_t used = std::clamp<int64_t>(count - group, 0, kLanes);
      const float* x[kLanes];
      for (int64_t f = 0; f < used; ++f) x[f] = fields[static_cast<size_t>(group + f)];
      for (int64_t s = first; s < last; ++s) {
        float* to = out + s * width + group;
        for (int64_t f = 0; f < used; ++f) to[f] = x[f][s];
        for (int64_t f = used; f < kLanes; ++f) to[f] = 0;
      }
    }
  }
}

void scatter_fields(const float* in, int64_t cells, int64_t width, const std::vector<float*>& fields) {
  constexpr int64_t kTile = 256;
#pragma omp parallel for schedule(static)
  for (int64_t first = 0; first < cells; first += kTile) {
    const int64_t last = std::min(cells, first + kTile);
    for (size_t f = 0; f < fields.size(); ++f)
      for (int64_t t = first; t < last; ++t) fields[f][t] = in[t * width + static_cast<int64_t>(f)];
  }
}

void apply_whole(const Weights& w, const std::vector<const float*>& in, const std::vector<float*>& out) {
  constexpr size_t kFewFields = 4;  // below this padding to 16 lanes costs more than it saves
  if (in.size() < kFewFields) {
    for (size_t f = 0; f < in.size(); ++f)
      for_balanced_rows(w, [&](int64_t first, int64_t last) { apply_single(w, in[f], out[f], first, last); });
    return;
  }
  const int64_t sources = w.source.num_cells(), targets = w.target.num_cells();
  const int64_t widest =
      std::min<int64_t>(kBlockFields, (static_cast<int64_t>(in.size()) + kLanes - 1) / kLanes * kLanes);
  Buffer<float> x(static_cast<size_t>(sources * widest)), y(static_cast<size_t>(targets * widest));
  for (size_t f = 0; f < in.size(); f += kBlockFields) {
    const size_t end = std::min(in.size(), f + kBlockFields);
    const int64_t width = (static_cast<int64_t>(end - f) + kLanes - 1) / kLanes * kLanes;
    const auto from = static_cast<std::ptrdiff_t>(f), to = static_cast<std::ptrdiff_t>(end);
    gather_fields({in.begin() + from, in.begin() + to}, sources, width, x.data());
    for_balanced_rows(w, [&](int64_t first, int64_t last) { apply_block(w, x.data(), y.data(), width, first, last); });
    scatter_fields(y.data(), targets, width, {out.begin() + from, out.begin() + to});
  }
}

void apply_whole(const Weights& w, const std::vector<const double*>& in, const std::vector<double*>& out) {
  const int64_t targets = w.target.num_cells();
  for (size_t f = 0; f < in.size(); ++f) {
#pragma omp parallel for schedule(static)
    for (int64_t t = 0; t < targets; ++t) {
      const auto begin = static_cast<size_t>(w.row_start[static_cast<size_t>(t)]);
      const auto end = static_cast<size_t>(w.row_start[static_cast<size_t>(t) + 1]);
      double sum = begin == end ? std::numeric_limits<double>::quiet_NaN() : 0.0;
      for (size_t l = begin; l < end; ++l) sum += w.value[l] * in[f][w.column[l]];
      out[f][t] = sum;
    }
  }
}

template <class T>
void apply_any(const Weights& w, std::span<const T> in, std::span<T> out, int64_t fields, const ApplyOptions& options) {
  check_sizes(w, in.size(), out.size(), fields);
  const std::vector<char> missing = find_missing(w, in, fields, options);
  const int64_t sources = w.source.num_cells(), targets = w.target.num_cells();
  std::vector<const T*> whole_in;
  std::vector<T*> whole_out;
  for (int64_t f = 0; f < fields; ++f) {
    const T* x = in.data() + f * sources;
    T* y = out.data() + f * targets;
    if (missing[static_cast<size_t>(f)]) {
      apply_masked(w, x, y, options);
    } else {
      whole_in.push_back(x);
      whole_out.push_back(y);
    }
  }
  if (!whole_in.empty()) apply_whole(w, whole_in, whole_out);
}

}  // namespace

MissingPolicy missing_policy_from_string(std::string_view name) {
  if (name == "if-any") return MissingPolicy::IfAny;
  if (name == "if-all") return MissingPolicy::IfAll;
  if (name == "if-heaviest") return MissingPolicy::IfHeaviest;
  if (name == "valid-fraction") return MissingPolicy::ValidFraction;
  throw ConfigError("UnknownPolicy", "regrid.apply",
                    {.what = "policy for missing values",
                     .expected = "if-any, if-all, if-heaviest or valid-fraction",
                     .found = std::string(name)});
}

void apply_weights(const Weights& w, std::span<const float> in, std::span<float> out, int64_t num_fields,
                   const ApplyOptions& options) {
  apply_any(w, in, out, num_fields, options);
}

void apply_weights(const Weights& w, std::span<const double> in, std::span<double> out, int64_t num_fields,
                   const ApplyOptions& options) {
  apply_any(w, in, out, num_fields, options);
}

}  // namespace pear::regrid

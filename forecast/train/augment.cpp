#include "forecast/train/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "base/error.h"
#include "base/random.h"

namespace pear::forecast {
namespace {

constexpr std::array<std::string_view, 4> kOddUnderMirror{"v", "v10", "v100", "vo"};
constexpr double kRowTolerance = 1e-6;  // degrees

[[noreturn]] void refuse(const std::string& name, const sphere::Grid& grid, const std::string& needs) {
  throw ConfigError("AugmentNeedsSymmetry", "train.augment",
                    {.what = "train.augment: " + name, .expected = needs, .found = "grid " + grid.spec()});
}

bool is_nested(const sphere::Grid& grid) {
  return grid.is_healpix() && grid.healpix().order == sphere::PixelOrder::Nested;
}

/// Every second bit of a nested index: x (bits 0, 2, ...) or, after a shift by one, y.
int64_t compact_bits(int64_t index) {
  int64_t value = 0;
  for (int bit = 0; bit < 31; ++bit) value |= ((index >> (2 * bit)) & 1) << bit;
  return value;
}

int64_t spread_bits(int64_t value) {
  int64_t index = 0;
  for (int bit = 0; bit < 31; ++bit) index |= ((value >> bit) & 1) << (2 * bit);
  return index;
}

}  // namespace

// Base faces 0-3 lie north, 4-7 on the equator, 8-11 south, each row in eastward order 90 degrees apart (Gorski et al.
// 2005), so a quarter turn exchanges faces and nothing inside them.
std::vector<int64_t> quarter_turn_sources(const sphere::Grid& grid) {
  std::vector<int64_t> sources(static_cast<size_t>(grid.num_cells()));
  if (is_nested(grid)) {
    const int64_t face_size = grid.healpix().nside * grid.healpix().nside;
    for (int64_t p = 0; p < grid.num_cells(); ++p) {
      const int64_t face = p / face_size;
      const int64_t from = face / 4 * 4 + (face + 3) % 4;
      sources[static_cast<size_t>(p)] = from * face_size + p % face_size;
    }
    return sources;
  }
  const int64_t columns = grid.is_latlon() ? static_cast<int64_t>(grid.latlon().lon_deg.size()) : 0;
  if (!grid.is_latlon() || !grid.is_global() || columns % 4 != 0)
    refuse("quarter_turn", grid, "a nested HEALPix grid, or rows of a multiple of 4 columns");
  for (int64_t p = 0; p < grid.num_cells(); ++p)
    sources[static_cast<size_t>(p)] = p / columns * columns + (p % columns + 3 * columns / 4) % columns;
  return sources;
}

// Inside a face x runs north-east and y north-west, so the mirror is (x, y) -> (n-1-y, n-1-x) with north and south rows
// of faces exchanged.
std::vector<int64_t> equator_mirror_sources(const sphere::Grid& grid) {
  std::vector<int64_t> sources(static_cast<size_t>(grid.num_cells()));
  if (is_nested(grid)) {
    const int64_t n = grid.healpix().nside, face_size = n * n;
    for (int64_t p = 0; p < grid.num_cells(); ++p) {
      const int64_t face = p / face_size, inside = p % face_size;
      const int64_t x = compact_bits(inside), y = compact_bits(inside >> 1);
      const int64_t from = (2 - face / 4) * 4 + face % 4;
      sources[static_cast<size_t>(p)] = from * face_size + spread_bits(n - 1 - y) + 2 * spread_bits(n - 1 - x);
    }
    return sources;
  }
  if (!grid.is_latlon()) refuse("equator_mirror", grid, "a nested HEALPix grid, or symmetric rows");
  const auto& rows = grid.latlon().lat_deg;
  for (size_t j = 0; j < rows.size(); ++j)
    if (std::abs(rows[j] + rows[rows.size() - 1 - j]) > kRowTolerance)
      refuse("equator_mirror", grid, "a nested HEALPix grid, or symmetric rows");
  const int64_t columns = static_cast<int64_t>(grid.latlon().lon_deg.size());
  const int64_t last = static_cast<int64_t>(rows.size()) - 1;
  for (int64_t p = 0; p < grid.num_cells(); ++p)
    sources[static_cast<size_t>(p)] = (last - p / columns) * columns + p % columns;
  return sources;
}

Augmentation::Augmentation(const std::vector<std::string>& names, const StateLayout& layout, uint64_t seed)
    : layout_(layout), seed_(seed) {
  turn_ = std::find(names.begin(), names.end(), "quarter_turn") != names.end();
  mirror_ = std::find(names.begin(), names.end(), "equator_mirror") != names.end();
  if (turn_) turned_ = torch::tensor(quarter_turn_sources(layout.grid), torch::kInt64);
  if (!mirror_) return;
  mirrored_ = torch::tensor(equator_mirror_sources(layout.grid), torch::kInt64);
  const auto sign_of = [](const std::string& name) {
    return std::find(kOddUnderMirror.begin(), kOddUnderMirror.end(), name) == kOddUnderMirror.end() ? 1.0f : -1.0f;
  };
  std::vector<float> signs;
  for (const auto& name : layout.surface) signs.push_back(sign_of(name));
  for (const auto& name : layout.upper) signs.insert(signs.end(), layout.levels_hpa.size(), sign_of(name));
  signs_ = torch::tensor(signs).unsqueeze(1);
}

torch::Tensor Augmentation::transform(const torch::Tensor& channels, int64_t quarters, bool mirrored) const {
  auto result = channels;
  for (int64_t k = 0; k < quarters; ++k) result = result.index_select(-1, turned_);
  if (mirrored) result = result.index_select(-1, mirrored_) * signs_;
  return result;
}

void Augmentation::apply(Batch& batch, int64_t first_sample) const {
  if (!is_on()) return;
  const auto transform_all = [&](State& state) {
    const auto channels = state.channels();
    std::vector<torch::Tensor> turned;
    for (int64_t b = 0; b < channels.size(0); ++b) {
      const uint64_t draw = random_u64(seed_, "augment", static_cast<uint64_t>(first_sample + b));
      const int64_t quarters = turn_ ? static_cast<int64_t>(draw & 3) : 0;
      turned.push_back(transform(channels[b], quarters, mirror_ && ((draw >> 2) & 1) != 0));
    }
    state = State::from_channels(torch::stack(turned), layout_);
  };
  transform_all(batch.input);
  transform_all(batch.target);
  for (auto& state : batch.later) transform_all(state);
}

}  // namespace pear::forecast

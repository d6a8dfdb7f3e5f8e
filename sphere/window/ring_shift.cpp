#include "sphere/window/ring_shift.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>

#include "base/error.h"
#include "sphere/grid/healpix.h"

namespace pear::sphere {
namespace {

int64_t wrap(int64_t i, int64_t n) { return ((i % n) + n) % n; }

void check_shift(int64_t shift, int64_t window_pixels) {
  if (shift == 0 || std::abs(shift) >= window_pixels)
    throw ShapeError("BadShift", "sphere.window",
                     {.what = fmt::format("shift {}", shift),
                      .expected = fmt::format("between 1 and {} in size", window_pixels - 1)});
}

void check_faces(int64_t faces, RingMask mask) {
  if (faces != 8 && faces != 12)
    throw ShapeError("BadPartition", "sphere.window",
                     {.what = fmt::format("ring shift on {} faces", faces), .expected = "8 or 12"});
  if (faces == 12 && mask == RingMask::Refill)
    throw ShapeError("BadShift", "sphere.window",
                     {.what = "ring shift with refilled slots on 12 faces",
                      .expected = "8 faces: with 12 no source is missing",
                      .hint = "mask the slots that wrap around the poles (wrap_only)"});
}

/// Regions of the three segments [0, P - window), [P - window, P - shift), [P - shift, P).
int32_t segment(int64_t position, int64_t total, int64_t window, int64_t shift) {
  return position >= total - shift ? 2 : (position >= total - window ? 1 : 0);
}

std::vector<int32_t> ring_labels(int64_t nside, int64_t window, int64_t shift, RingMask mask) {
  const int64_t total = num_pixels(nside);
  std::vector<int32_t> label(static_cast<size_t>(total));
  for (int64_t p = 0; p < total; ++p) {
    const int64_t r = ring_from_nested(nside, p);
    const bool wrapped = shift > 0 ? r >= total - shift : r < -shift;
    const bool mirrored = mask == RingMask::Published;
    label[static_cast<size_t>(p)] = mirrored ? segment(r, total, window, std::abs(shift)) : (wrapped ? 1 : 0);
  }
  return label;
}

/// Fills the slots whose source lies on the missing faces 8-11 with pixels that nobody reads.
void refill_eight_faces(int64_t nside, PixelShift& map) {
  const int64_t face_pixels = nside * nside, total = 8 * face_pixels;
  std::vector<bool> read(static_cast<size_t>(total), false);
  std::array<std::vector<int64_t>, 8> missing, lost;
  map.label.assign(static_cast<size_t>(total), 0);
  for (int64_t p = 0; p < total; ++p) {
    const int64_t source = map.source[static_cast<size_t>(p)];
    if (source < total) {
      read[static_cast<size_t>(source)] = true;
    } else {
      missing[static_cast<size_t>(p / face_pixels)].push_back(p);
      map.label[static_cast<size_t>(p)] = static_cast<int32_t>(p / face_pixels + 1);
    }
  }
  for (int64_t p = 0; p < total; ++p)
    if (!read[static_cast<size_t>(p)]) lost[static_cast<size_t>(p / face_pixels)].push_back(p);
  constexpr size_t kDonor[4] = {7, 4, 5, 6};  // western neighbour of faces 4..7
  std::vector<int64_t> pool;
  for (size_t f = 4; f < 8; ++f) {
    const auto& donor = lost[kDonor[f - 4]];
    PEAR_ASSERT(donor.size() >= missing[f].size());
    for (size_t i = 0; i < missing[f].size(); ++i) map.source[static_cast<size_t>(missing[f][i])] = donor[i];
    pool.insert(pool.end(), donor.begin() + static_cast<std::ptrdiff_t>(missing[f].size()), donor.end());
  }
  size_t next = 0;
  for (size_t f = 0; f < 4; ++f)
    for (int64_t p : missing[f]) map.source[static_cast<size_t>(p)] = pool.at(next++);
}

}  // namespace

PixelShift spiral_shift(int64_t nside, int64_t faces, int64_t window_pixels, int64_t shift, RingMask mask) {
  check_shift(shift, window_pixels);
  check_faces(faces, mask);
  const int64_t total = num_pixels(nside), kept = faces * nside * nside;
  PixelShift map;
  map.source.resize(static_cast<size_t>(kept));
  for (int64_t p = 0; p < kept; ++p)
    map.source[static_cast<size_t>(p)] = nested_from_ring(nside, wrap(ring_from_nested(nside, p) + shift, total));
  if (faces == 8)
    refill_eight_faces(nside, map);
  else
    map.label = ring_labels(nside, window_pixels, shift, mask);
  return map;
}

PixelShift per_ring_shift(int64_t nside, int64_t shift) {
  PixelShift map;
  for (int64_t p = 0; p < num_pixels(nside); ++p) {
    const RingPosition at = ring_position(nside, ring_from_nested(nside, p));
    const int64_t moved = wrap(at.position + shift, ring_length(nside, at.ring));
    map.source.push_back(nested_from_ring(nside, ring_start(nside, at.ring) + moved));
  }
  return map;
}

PixelShift nest_roll(int64_t nside, int64_t faces, int64_t window_pixels, int64_t shift) {
  check_shift(shift, window_pixels);
  const int64_t total = faces * nside * nside;
  PixelShift map;
  for (int64_t p = 0; p < total; ++p) {
    map.source.push_back(wrap(p + shift, total));
    map.label.push_back(segment(p, total, window_pixels, std::abs(shift)));
  }
  return map;
}

}  // namespace pear::sphere

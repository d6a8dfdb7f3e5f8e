#include "sphere/window/grid_shift.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "sphere/grid/healpix.h"

namespace pear::sphere {
namespace {

constexpr int64_t kHole = -1;

/// Face read by a slot of face f that crosses the x border, the y border or both.
int64_t crossed_face(int64_t faces, int64_t f, bool x, bool y) {
  if (!x && !y) return f;
  const int64_t east = (f + 1) % 4, west = (f + 3) % 4;
  if (f < 4) {
    if (x && y) return faces == 8 ? f : f + 8;
    return x ? f + 4 : 4 + east;
  }
  if (faces == 8) return x && y ? 4 + east : f - 4;
  if (f < 8) return x && y ? kHole : (x ? 8 + west : f + 4);
  return kHole;
}

int32_t eight_face_label(int64_t f, bool x, bool y) {
  if (f >= 4) return x ? 2 : (y ? 1 : 0);
  return x && y ? 1 : 0;
}

int64_t quarter_turn(int64_t nside, int64_t pixel, int64_t turns) {
  const int64_t area = nside * nside, f = pixel / area;
  return (4 * (f / 4) + (f + turns) % 4) * area + pixel % area;
}

std::vector<int64_t> unread(const std::vector<int64_t>& source) {
  std::vector<bool> read(source.size(), false);
  for (int64_t s : source)
    if (s != kHole) read[static_cast<size_t>(s)] = true;
  std::vector<int64_t> lost;
  for (size_t p = 0; p < read.size(); ++p)
    if (!read[p]) lost.push_back(static_cast<int64_t>(p));
  return lost;
}

void fill_holes(int64_t nside, HoleFill fill, PixelShift& map) {
  const auto lost = unread(map.source);
  std::vector<int64_t> holes;
  for (size_t p = 0; p < map.source.size(); ++p)
    if (map.source[p] == kHole) holes.push_back(static_cast<int64_t>(p));
  PEAR_ASSERT(holes.size() == lost.size());
  for (size_t k = 0; k < holes.size(); ++k) map.label[static_cast<size_t>(holes[k])] = static_cast<int32_t>(k + 1);
  if (fill == HoleFill::Ascending) {
    for (size_t k = 0; k < holes.size(); ++k) map.source[static_cast<size_t>(holes[k])] = lost[k];
    return;
  }
  const auto on_first_faces = [nside](const std::vector<int64_t>& pixels) {
    std::vector<int64_t> kept;
    for (int64_t p : pixels)
      if (p / (nside * nside) % 4 == 0) kept.push_back(p);
    return kept;
  };
  const auto first_holes = on_first_faces(holes), first_lost = on_first_faces(lost);
  PEAR_ASSERT(first_holes.size() == first_lost.size() && first_holes.size() * 4 == holes.size());
  for (size_t k = 0; k < first_holes.size(); ++k)
    for (int64_t turn = 0; turn < 4; ++turn)
      map.source[static_cast<size_t>(quarter_turn(nside, first_holes[k], turn))] =
          quarter_turn(nside, first_lost[k], turn);
}

}  // namespace

PixelShift grid_shift(int64_t nside, int64_t faces, int64_t window_pixels, HoleFill fill) {
  const auto side = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(window_pixels))));
  const int64_t d = side / 2;
  if (d < 1 || d > nside || side * side != window_pixels)
    throw ShapeError(
        "BadShift", "sphere.window",
        {.what = fmt::format("grid shift of half a window of {} pixels at token nside {}", window_pixels, nside)});
  const HealpixGrid nested{nside, PixelOrder::Nested};
  PixelShift map;
  const int64_t total = faces * nside * nside;
  map.source.resize(static_cast<size_t>(total));
  map.label.assign(static_cast<size_t>(total), 0);
  for (int64_t p = 0; p < total; ++p) {
    const FaceXy to = face_xy_from_pixel(nested, p);
    const bool x = to.x < d, y = to.y < d;
    const int64_t face = crossed_face(faces, to.face, x, y);
    map.source[static_cast<size_t>(p)] =
        face == kHole ? kHole
                      : pixel_from_face_xy(nested, {face, (to.x - d + nside) % nside, (to.y - d + nside) % nside});
    if (faces == 8) map.label[static_cast<size_t>(p)] = eight_face_label(to.face, x, y);
  }
  if (faces == 12) fill_holes(nside, fill, map);
  return map;
}

}  // namespace pear::sphere

#include "sphere/grid/reduced_rows.h"

#include <fmt/format.h>

#include <charconv>

namespace pear::sphere {
namespace {

struct ClassicRows {
  int64_t n;
  const char* half;  // pole to equator
};

// The lists of the reduced Gaussian GRIB sample files of ecCodes 2.28 (`pl`), run lengths.
// clang-format off
constexpr ClassicRows kClassic[] = {
    {32,
     "20/27/36/40/45/50/60/64/72/75/80/90x2/96/100/108x2/120x3/128x12"},
    {48,
     "20/25/36/40/45/50/60x2/72/75/80/90/96/100/108/120x3/128/135/144x2/160x5/180x5/192x16"},
    {64,
     "20/30/40/48/54/64/72/80/90x2/100/108/120x2/128/144x3/150/160x2/180x3/192x3/200x2/216x3/240x7/250x4/"
     "256x21"},
    {80,
     "18/25/36/40/45/54/60/64/72x2/80/90/96/100/108/120x2/128/135/144x2/150/160x2/180x3/192x2/200x2/216x3/"
     "225x2/240x3/256x4/288x9/300x4/320x24"},
    {96,
     "18/25/36/40/45/50/60/64/72x2/80/90/96/100/108/120x2/125/135/144x2/150/160x2/180x3/192x2/200x2/216x2/"
     "225x2/240x3/250x2/256/270x3/288x4/300x3/320x5/324/360x11/375x7/384x21"},
    {128,
     "18/25/36/40/45/50/60/64/72x2/80/90x2/100/108/120x2/125/128/144x2/150/160x2/180x3/192x2/200/216x3/225/"
     "240x3/250x2/256/270x2/288x3/300x2/320x4/324/360x7/375x4/384x2/400x4/405/432x7/450x5/480x10/486x3/500x7/"
     "512x26"},
    {160,
     "18/25/36/40/45/50/60/64/72x2/80/90x2/96/108/120x2/125/128/135/144/150/160x2/180x3/192x2/200/216x2/225x2/"
     "240x2/243/250/256/270x2/288x3/300x2/320x4/324/360x6/375x3/384x2/400x3/405/432x5/450x4/480x7/500x5/512x2/"
     "540x8/576x10/600x9/640x44"},
    {200,
     "18/25/36/40/45/50/60/64/72x2/75/81/90/96/100/108/120/125/128/135/144/150/160x2/180x3/192x2/200/216x2/"
     "225x2/240x2/243/250/256/270x2/288x3/300x2/320x4/360x6/375x3/384/400x4/432x5/450x3/480x6/486/500x3/512x3/"
     "540x5/576x8/600x5/640x10/648x2/675x7/720x14/729x3/750x8/768x8/800x45"},
    {256,
     "18/25/32/40/45/50/60/64/72x2/75/81/90/96/100/108/120x2/125/135/144/150/160x2/180x3/192x2/200/216x3/225/"
     "240x2/243/250/256/270x2/288x3/300x2/320x3/324/360x6/375x2/384x2/400x3/432x5/450x3/480x5/486/500x3/512x2/"
     "540x5/576x6/600x5/640x8/648/675x6/720x9/729x2/750x5/768x4/800x8/810x2/864x14/900x11/960x22/972x5/"
     "1000x16/1024x45"},
    {320,
     "18/25/36/40/45/50/60/64/72x2/75/81/90/96/100/108/120x2/125/135/144x2/150/160/180x3/192x2/200/216x3/225/"
     "240x3/250/256/270x2/288x3/300x2/320x3/324/360x6/375x2/384x2/400x2/405/432x4/450x3/480x5/486/500x3/512x2/"
     "540x5/576x6/600x4/640x7/648x2/675x4/720x9/729/750x4/768x4/800x6/810x2/864x11/900x8/960x14/972x2/1000x8/"
     "1024x6/1080x14/1125x14/1152x9/1200x18/1215x7/1280x74"},
    {400,
     "18/25/32/40/45/50/60x2/72x2/75/81/90/96/100/108/120x2/125/128/144x2/150/160x2/180x2/192x2/200x2/216x2/"
     "225/240x3/250x2/256/270/288x3/300x2/320x3/324/360x6/375x2/384/400x3/405/432x4/450x3/480x5/486/500x2/"
     "512x2/540x5/576x6/600x4/640x7/648/675x5/720x7/729x2/750x4/768x3/800x6/810/864x10/900x7/960x12/972x2/"
     "1000x6/1024x5/1080x11/1125x9/1152x6/1200x11/1215x4/1280x16/1296x4/1350x15/1440x28/1458x7/1500x17/"
     "1536x16/1600x83"},
    {512,
     "18/25/32/40/45/50/60x2/72x2/75/81/90/96x2/100/108/120/125/128/135/144/150/160x2/180x3/192x2/200/216x2/"
     "225x2/240x2/243/250/256/270x2/288x3/300/320x4/360x6/375x2/384x2/400x3/432x4/450x3/480x5/486/500x2/512x2/"
     "540x5/576x6/600x3/640x7/648/675x5/720x7/729x2/750x3/768x3/800x6/810/864x10/900x6/960x11/972x2/1000x5/"
     "1024x4/1080x10/1125x9/1152x5/1200x9/1215x3/1280x13/1296x3/1350x11/1440x19/1458x4/1500x10/1536x8/1600x16/"
     "1620x4/1728x30/1800x22/1875x26/1920x18/1944x11/2000x32/2025x18/2048x64"},
    {640,
     "18/25/32/40/45/50/60x2/72x2/75/81/90x2/96/100/108/120x2/125/135/144/150/160x2/180x3/192x2/200/216x3/225/"
     "240x2/243/250/256/270x2/288x3/300x2/320x3/360x6/375x2/384x2/400x3/432x4/450x3/480x5/486/500x2/512x2/"
     "540x5/576x5/600x4/640x7/648/675x4/720x8/729/750x4/768x3/800x5/810x2/864x8/900x6/960x11/972x2/1000x5/"
     "1024x4/1080x9/1125x8/1152x5/1200x8/1215x3/1280x12/1296x2/1350x10/1440x17/1458x4/1500x8/1536x7/1600x13/"
     "1620x3/1728x23/1800x15/1875x17/1920x11/1944x5/2000x14/2025x6/2048x7/2160x30/2187x8/2250x20/2304x18/"
     "2400x37/2430x14/2500x41/2560x100"},
    {1024,
     "18/25/32/40/45/50/60/64/72x2/75/81/90/96x2/108x2/120x2/125x2/135/144/150/160x2/180x3/192x2/200/216x2/"
     "225x2/240x2/243/250/256/270x2/288x3/300x2/320x3/360x6/375x2/384x2/400x2/405/432x4/450x3/480x5/486/500x2/"
     "512x2/540x4/576x6/600x4/625x4/640x2/648/675x5/720x7/729/750x4/768x2/800x6/810/864x9/900x6/960x9/972x2/"
     "1000x5/1024x4/1080x9/1125x7/1152x5/1200x7/1215x3/1250x6/1280x5/1296x2/1350x9/1440x15/1458x3/1500x8/"
     "1536x6/1600x11/1620x3/1728x19/1800x12/1875x13/1920x8/1944x5/2000x10/2025x4/2048x5/2160x20/2187x5/"
     "2250x12/2304x10/2400x19/2430x5/2500x15/2560x12/2592x6/2700x22/2880x39/2916x8/3000x19/3072x17/3125x13/"
     "3200x18/3240x10/3375x36/3456x23/3600x44/3645x15/3750x39/3840x37/3888x22/4000x65/4050x39/4096x116"},
    {1280,
     "18/25/32/40/45/50/60/64/72x2/75/81/90/96x2/108x2/120x3/125/135x2/144x2/160x2/180x3/192/200x2/216x2/225/"
     "240x3/250x2/256/270/288x3/300x2/320x3/324/360x5/375x3/384/400x3/432x5/450x2/480x5/486/500x2/512x2/540x5/"
     "576x5/600x4/625x4/640x3/648/675x4/720x7/729x2/750x3/768x3/800x5/810/864x9/900x6/960x9/972x2/1000x5/"
     "1024x4/1080x9/1125x7/1152x4/1200x8/1215x2/1250x6/1280x5/1296x3/1350x8/1440x15/1458x3/1500x7/1536x6/"
     "1600x11/1620x3/1728x18/1800x12/1875x13/1920x7/1944x4/2000x10/2025x4/2048x4/2160x20/2187x4/2250x11/"
     "2304x10/2400x17/2430x5/2500x13/2560x11/2592x6/2700x20/2880x34/2916x6/3000x17/3072x14/3125x10/3200x16/"
     "3240x7/3375x28/3456x18/3600x31/3645x10/3750x24/3840x21/3888x11/4000x29/4050x12/4096x12/4320x62/4374x16/"
     "4500x39/4608x37/4800x77/4860x28/5000x82/5120x190"},
};
// clang-format on

constexpr int64_t kLongestRow = 1000000;

std::optional<int64_t> positive(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::vector<int64_t>> row_lengths_from_text(std::string_view text, int64_t n) {
  std::vector<int64_t> lengths;
  while (true) {
    const std::string_view run = text.substr(0, text.find('/'));
    const size_t times = run.find('x');
    const auto length = positive(run.substr(0, times));
    const auto count = times == std::string_view::npos ? std::optional<int64_t>(1) : positive(run.substr(times + 1));
    if (!length || *length > kLongestRow || !count || *count > n - static_cast<int64_t>(lengths.size()))
      return std::nullopt;
    lengths.insert(lengths.end(), static_cast<size_t>(*count), *length);
    if (run.size() == text.size()) break;
    text.remove_prefix(run.size() + 1);
  }
  if (static_cast<int64_t>(lengths.size()) != n) return std::nullopt;
  for (int64_t j = n - 1; j >= 0; --j) lengths.push_back(lengths[static_cast<size_t>(j)]);
  return lengths;
}

std::string text_from_row_lengths(std::span<const int64_t> lengths) {
  std::string text;
  for (size_t first = 0, half = lengths.size() / 2; first < half;) {
    size_t end = first;
    while (end < half && lengths[end] == lengths[first]) ++end;
    text += fmt::format("{}{}", text.empty() ? "" : "/", lengths[first]);
    if (end - first > 1) text += fmt::format("x{}", end - first);
    first = end;
  }
  return text;
}

std::optional<std::vector<int64_t>> classic_row_lengths(int64_t n) {
  for (const ClassicRows& rows : kClassic)
    if (rows.n == n) return row_lengths_from_text(rows.half, n);
  return std::nullopt;
}

std::string known_classic_grids() {
  std::string names;
  for (const ClassicRows& rows : kClassic) names += fmt::format("{}N{}", names.empty() ? "" : ", ", rows.n);
  return names;
}

std::vector<int64_t> octahedral_row_lengths(int64_t n) {
  std::vector<int64_t> lengths;
  for (int64_t j = 0; j < 2 * n; ++j) lengths.push_back(4 * (std::min(j, 2 * n - 1 - j) + 1) + 16);
  return lengths;
}

}  // namespace pear::sphere

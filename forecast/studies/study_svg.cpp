#include "forecast/studies/study_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr double kWidth = 560, kHeight = 340, kLeft = 70, kRight = 16, kTop = 34, kBottom = 50, kBar = 70;
/// Okabe and Ito 2008: told apart without colour vision too.
constexpr std::array<const char*, 5> kColours{"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000"};

struct Scale {
  double low = 0, high = 1, from = 0, to = 1;
  bool log = false;
  double at(double v) const {
    const auto f = [&](double x) { return log ? std::log10(x) : x; };
    return from + (f(v) - f(low)) / (f(high) - f(low)) * (to - from);
  }
  /// Round positions: decades, or steps of 1, 2, 5.
  std::vector<double> ticks() const {
    std::vector<double> out;
    if (log) {
      for (double p = std::floor(std::log10(low)); p <= std::log10(high) + 1e-9; ++p)
        if (std::pow(10, p) >= low * (1 - 1e-9)) out.push_back(std::pow(10, p));
      return out;
    }
    const double a = std::min(low, high), b = std::max(low, high), rough = (b - a) / 6;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    double step = 10 * power;
    for (const double factor : {5.0, 2.0, 1.0})
      if (factor * power >= rough) step = factor * power;
    for (double v = std::ceil(a / step - 1e-9) * step; v <= b + 1e-9 * step; v += step)
      out.push_back(std::abs(v) < step * 1e-6 ? 0 : v);
    return out;
  }
};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

std::string text(double x, double y, const char* anchor, const std::string& words, int size = 12) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\">{}</text>\n", x, y, anchor,
                     size, escaped(words));
}

std::string line(double x1, double y1, double x2, double y2, const char* colour) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n", x1, y1, x2, y2,
                     colour);
}

std::string open(double width) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" font-family=\"sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, kHeight);
}

std::string frame(const StudyAxes& axes, const Scale& x, const Scale& y, bool grid) {
  std::string out = text(kLeft, 20, "start", axes.title, 14);
  const double bottom = kHeight - kBottom, right = std::max(x.from, x.to);
  for (const double v : x.ticks())
    out += line(x.at(v), bottom, x.at(v), bottom + 4, "#444") +
           text(x.at(v), bottom + 17, "middle", fmt::format("{:g}", v));
  for (const double v : y.ticks()) {
    if (grid) out += line(kLeft, y.at(v), right, y.at(v), "#ddd");
    out +=
        line(kLeft - 4, y.at(v), kLeft, y.at(v), "#444") + text(kLeft - 7, y.at(v) + 4, "end", fmt::format("{:g}", v));
  }
  out += line(kLeft, bottom, right, bottom, "#444") + line(kLeft, kTop, kLeft, bottom, "#444");
  out += text((kLeft + right) / 2, kHeight - 12, "middle", axes.x_label);
  out += fmt::format(
      "<text transform=\"translate(16 {:.1f}) rotate(-90)\" text-anchor=\"middle\" font-size=\"12\">{}</text>\n",
      (kTop + bottom) / 2, escaped(axes.y_label));
  return out;
}

[[noreturn]] void mismatch(const std::string& what, size_t expected, size_t found) {
  throw ShapeError("SizeMismatch", "studies.svg",
                   {.what = what, .expected = fmt::format("{} values", expected), .found = fmt::format("{}", found)});
}

/// Position 0 … 1 on a ramp: blue - white - red, or dark blue to yellow in even steps for the eye (after viridis).
std::string colour(double share, bool diverging) {
  using Rgb = std::array<double, 3>;
  static constexpr std::array<Rgb, 5> kEven{
      {{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}}};
  static constexpr std::array<Rgb, 5> kSigned{
      {{5, 48, 97}, {103, 169, 207}, {247, 247, 247}, {239, 138, 98}, {103, 0, 31}}};
  const auto& ramp = diverging ? kSigned : kEven;
  const double place = std::clamp(share, 0.0, 1.0) * 4;
  const auto i = std::min<size_t>(3, static_cast<size_t>(place));
  std::array<int, 3> c{};
  for (size_t k = 0; k < 3; ++k)
    c[k] = static_cast<int>(std::lround(ramp[i][k] + (place - static_cast<double>(i)) * (ramp[i + 1][k] - ramp[i][k])));
  return fmt::format("#{:02x}{:02x}{:02x}", c[0], c[1], c[2]);
}

/// Class limits of a section: 10 to 20 round steps.
struct Classes {
  double first = 0, step = 1;
  int count = 1;
  int of(double v) const { return std::clamp(static_cast<int>(std::floor((v - first) / step)), 0, count - 1); }
  std::string colour_of(int i, bool diverging) const {
    const double middle = first + (i + 0.5) * step, most = std::max(std::abs(first), std::abs(first + count * step));
    return diverging ? colour(0.5 + middle / (2 * most), true) : colour((i + 0.5) / count, false);
  }
};

Classes classes_of(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double rough = std::max((*high - *low) / 20, 1e-12), power = std::pow(10, std::floor(std::log10(rough)));
  Classes c;
  c.step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0})
    if (factor * power >= rough) c.step = factor * power;
  c.first = std::floor(*low / c.step) * c.step;
  c.count = std::max(1, static_cast<int>(std::ceil((*high - c.first) / c.step)));
  return c;
}

}  // namespace

std::string draw_lines(const StudyAxes& axes, const std::vector<StudyCurve>& curves) {
  constexpr double kNo = std::numeric_limits<double>::infinity();
  double x_low = kNo, x_high = -kNo, y_low = kNo, y_high = -kNo;
  for (const StudyCurve& c : curves) {
    if (c.x.size() != c.y.size()) mismatch("curve " + c.name, c.x.size(), c.y.size());
    for (size_t i = 0; i < c.x.size(); ++i) {
      if (!std::isfinite(c.y[i]) || (axes.log_y && c.y[i] <= 0)) continue;
      x_low = std::min(x_low, c.x[i]), x_high = std::max(x_high, c.x[i]);
      y_low = std::min(y_low, c.y[i]), y_high = std::max(y_high, c.y[i]);
    }
  }
  if (!(x_high > x_low)) x_low = x_low < kNo ? x_low - 0.5 : 0, x_high = x_low + 1;
  if (!(y_low < kNo)) y_low = axes.log_y ? 0.1 : 0, y_high = 1;
  const double room = axes.log_y ? 0 : std::max(0.04 * (y_high - y_low), 1e-12 + 1e-3 * std::abs(y_high));
  if (axes.log_y) y_low /= 1.3, y_high *= 1.3;
  const Scale x{x_low, x_high, kLeft, kWidth - kRight},
      y{y_low - room, y_high + room, kHeight - kBottom, kTop, axes.log_y};
  std::string out = open(kWidth) + frame(axes, x, y, true);
  // The legend goes where the first curve does not start.
  const bool starts_high = !curves.empty() && !curves[0].y.empty() && y.at(curves[0].y[0]) < kHeight / 2;
  const double legend = starts_high ? kHeight - kBottom - 16 * static_cast<double>(curves.size()) : kTop + 14;
  for (size_t k = 0; k < curves.size(); ++k) {
    const char* hue = kColours[k % kColours.size()];
    std::string path;
    bool pen = false;
    for (size_t i = 0; i < curves[k].x.size(); ++i) {
      const double v = curves[k].y[i];
      const bool good = std::isfinite(v) && (!axes.log_y || v > 0);
      if (good) path += fmt::format("{}{:.1f} {:.1f} ", pen ? "L" : "M", x.at(curves[k].x[i]), y.at(v));
      pen = good;
    }
    out += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", path, hue);
    const double row = legend + 16 * static_cast<double>(k);
    out += line(kLeft + 12, row - 4, kLeft + 34, row - 4, hue) + text(kLeft + 40, row, "start", curves[k].name);
  }
  return out + "</svg>\n";
}

std::string draw_section(const StudyAxes& axes, const StudySection& s) {
  const size_t columns = s.x_edges.size() - 1, rows = s.y_edges.size() - 1;
  if (s.x_edges.size() < 2 || s.y_edges.size() < 2 || s.values.size() != columns * rows)
    mismatch("a section", columns * rows, s.values.size());
  const double right = kWidth - kRight;
  const Scale x{s.x_edges.front(), s.x_edges.back(), kLeft, right},
      y{s.y_edges.front(), s.y_edges.back(), kTop, kHeight - kBottom};
  const Classes classes = classes_of(s.values);
  std::string out = open(kWidth + kBar);
  for (size_t j = 0; j < rows; ++j)
    for (size_t i = 0; i < columns;) {  // cells of one class in a row are one rectangle
      size_t end = i + 1;
      const int c = classes.of(s.values[j * columns + i]);
      while (end < columns && classes.of(s.values[j * columns + end]) == c) ++end;
      out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>\n",
                         x.at(s.x_edges[i]), y.at(s.y_edges[j]), x.at(s.x_edges[end]) - x.at(s.x_edges[i]) + 0.3,
                         y.at(s.y_edges[j + 1]) - y.at(s.y_edges[j]) + 0.3, classes.colour_of(c, s.around_zero));
      i = end;
    }
  out += frame(axes, x, y, false);
  const double tall = (kHeight - kBottom - kTop) / classes.count;
  for (int c = 0; c < classes.count; ++c) {
    const double top = kHeight - kBottom - (c + 1) * tall;
    out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"14\" height=\"{:.1f}\" fill=\"{}\"/>\n", right + 14,
                       top, tall + 0.3, classes.colour_of(c, s.around_zero));
    if (c % 2 == 0)
      out += text(right + 32, top + tall + 4, "start", fmt::format("{:g}", classes.first + c * classes.step), 11);
  }
  return out + text(right + 14, kTop - 8, "start", s.unit, 11) + "</svg>\n";
}

}  // namespace pear::forecast

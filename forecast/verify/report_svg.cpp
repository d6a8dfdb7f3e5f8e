#include "forecast/verify/report_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "forecast/verify/report_text.h"

namespace pear::forecast {
namespace {

constexpr double kWidth = 440, kPlotHeight = 210, kLeft = 62, kRight = 14, kTitle = 26, kLegendRow = 18, kBottom = 44;
constexpr double kHoursPerDay = 24, kLongestInHours = 72, kLetter = 7.0;
constexpr size_t kMostMarkers = 14;  // more of them hide the dashes

struct Frame {
  double top = 0;
  Ticks x, y;
  double days = 1;  ///< hours in a unit of the lead axis
  double px(double lead_h) const {
    return kLeft + (lead_h / days - x.first) / (x.last() - x.first) * (kWidth - kLeft - kRight);
  }
  double py(double value) const { return top + kPlotHeight - (value - y.first) / (y.last() - y.first) * kPlotHeight; }
};

std::string line(double x1, double y1, double x2, double y2, std::string_view css) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2, y2,
                     css);
}

std::string label(double x, double y, std::string_view anchor, std::string_view text, std::string_view css = "tick") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n", x, y, anchor, css,
                     escape_html(text));
}

std::string marker(const CurveStyle& style, double x, double y) {
  const auto shape = [&](std::string_view points) {
    return fmt::format("<path transform=\"translate({:.1f} {:.1f})\" d=\"{}\" fill=\"{}\" stroke=\"none\"/>\n", x, y,
                       points, style.colour);
  };
  if (style.marker == "square") return shape("M-3.2-3.2h6.4v6.4h-6.4z");
  if (style.marker == "triangle") return shape("M0-4.2L4 3H-4z");
  if (style.marker == "diamond") return shape("M0-4.4L4.4 0L0 4.4L-4.4 0z");
  if (style.marker == "cross") return shape("M-4-1h3v-3h2v3h3v2h-3v3h-2v-3h-3z");
  return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.4\" fill=\"{}\"/>\n", x, y, style.colour);
}

/// Width of a name in the legend, from its number of characters (not bytes).
double legend_width(const std::string& name) {
  const auto letters = std::count_if(name.begin(), name.end(), [](char c) { return (c & 0xC0) != 0x80; });
  return 44 + kLetter * static_cast<double>(letters);
}

std::string draw_legend(const CurveFigure& figure, double& top) {
  std::string out;
  double x = kLeft;
  for (size_t i = 0; i < figure.curves.size(); ++i) {
    const CurveStyle& style = figure.styles[i];
    const double width = legend_width(figure.curves[i].model);
    if (x > kLeft && x + width > kWidth) {
      x = kLeft;
      top += kLegendRow;
    }
    out += fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"2\"{}/>\n", x,
        top + 8, x + 26, top + 8, style.colour,
        style.dash.empty() ? "" : fmt::format(" stroke-dasharray=\"{}\"", style.dash));
    out += marker(style, x + 13, top + 8) + label(x + 32, top + 12, "start", figure.curves[i].model, "legend");
    x += width;
  }
  top += kLegendRow + 8;
  return out;
}

Frame make_frame(const CurveFigure& figure, double top) {
  double low = std::numeric_limits<double>::infinity(), high = -low, longest = 0;
  for (const Curve& curve : figure.curves)
    for (const CurvePoint& p : curve.points) {
      longest = std::max(longest, p.lead_h);
      for (const double v : {p.value, p.low, p.high})
        if (std::isfinite(v)) {
          low = std::min(low, v);
          high = std::max(high, v);
        }
    }
  if (figure.from_zero || figure.around_zero) {
    low = std::min(low, 0.0);
    high = std::max(high, 0.0);
  }
  Frame frame{.top = top, .y = round_ticks(low, high, 6)};
  frame.days = longest > kLongestInHours ? kHoursPerDay : 1;
  if (frame.days == 1) {
    const double step = longest > 48 ? 12 : longest > 12 ? 6 : longest > 6 ? 3 : 1;
    frame.x = {0, step, std::max(2, static_cast<int>(std::ceil(longest / step - 1e-9)) + 1)};
  } else {
    frame.x = round_ticks(0, longest / kHoursPerDay, 10);
  }
  return frame;
}

std::string draw_axes(const CurveFigure& figure, const Frame& f) {
  const double bottom = f.top + kPlotHeight;
  std::string out;
  for (int i = 0; i < f.y.count; ++i) {
    const double y = f.py(f.y.at(i));
    out += line(kLeft, y, kWidth - kRight, y, "grid");
    std::string text = fmt::format("{:.{}f}", std::abs(f.y.at(i)), f.y.decimals());
    if (f.y.at(i) < -f.y.step / 2) text = "\xE2\x88\x92" + text;
    out += label(kLeft - 6, y + 4, "end", text);
  }
  for (int i = 0; i < f.x.count; ++i) {
    const double x = f.px(f.x.at(i) * f.days);
    out += line(x, bottom, x, bottom + 4, "axis") +
           label(x, bottom + 17, "middle", fmt::format("{:.{}f}", f.x.at(i), f.x.decimals()));
  }
  out += line(kLeft, bottom, kWidth - kRight, bottom, "axis") + line(kLeft, f.top, kLeft, bottom, "axis");
  if (f.y.first < 0 && f.y.last() > 0) out += line(kLeft, f.py(0), kWidth - kRight, f.py(0), "zero");
  out += label((kLeft + kWidth - kRight) / 2, bottom + 35, "middle", f.days == 1 ? "lead time [h]" : "lead time [d]",
               "label");
  out += fmt::format(
      "<text transform=\"translate(14 {:.1f}) rotate(-90)\" text-anchor=\"middle\" class=\"label\">{}</text>\n",
      f.top + kPlotHeight / 2, escape_html(figure.value_label));
  return out;
}

std::string draw_band(const Curve& curve, const CurveStyle& style, const Frame& f) {
  std::string there, back;
  int count = 0;
  for (const CurvePoint& p : curve.points) {
    if (!std::isfinite(p.low) || !std::isfinite(p.high)) continue;
    there += fmt::format("{:.1f},{:.1f} ", f.px(p.lead_h), f.py(p.high));
    back = fmt::format("{:.1f},{:.1f} ", f.px(p.lead_h), f.py(p.low)) + back;
    ++count;
  }
  if (count < 2) return "";
  return fmt::format("<polygon points=\"{}{}\" fill=\"{}\" fill-opacity=\"0.16\" stroke=\"none\"/>\n", there, back,
                     style.colour);
}

std::string draw_curve(const Curve& curve, const CurveStyle& style, const Frame& f) {
  std::string points, markers;
  const size_t stride = (curve.points.size() + kMostMarkers - 1) / kMostMarkers;
  for (size_t i = 0; i < curve.points.size(); ++i) {
    const CurvePoint& p = curve.points[i];
    points += fmt::format("{:.1f},{:.1f} ", f.px(p.lead_h), f.py(p.value));
    if ((i + 1) % stride != 0) continue;
    markers += fmt::format("<g>{}<title>{}: {} at {:g} h, {} initial times</title></g>\n",
                           marker(style, f.px(p.lead_h), f.py(p.value)), escape_html(curve.model),
                           pretty_number(p.value), p.lead_h, p.num_init);
  }
  return fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{}/>\n", points,
                     style.colour, style.dash.empty() ? "" : fmt::format(" stroke-dasharray=\"{}\"", style.dash)) +
         markers;
}

}  // namespace

CurveStyle style_of(const std::string& model, size_t position) {
  static constexpr std::array<CurveStyle, 5> kModels{{{"#0072B2", "", "circle"},
                                                      {"#CC79A7", "", "diamond"},
                                                      {"#56B4E9", "10 3", "cross"},
                                                      {"#000000", "10 3 2 3", "circle"},
                                                      {"#E69F00", "", "square"}}};
  if (model == "persistence") return {"#D55E00", "7 4", "square"};
  if (model == "climatology") return {"#009E73", "2 3", "triangle"};
  return kModels[position % kModels.size()];
}

int Ticks::decimals() const { return std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9))); }

Ticks round_ticks(double low, double high, int wanted) {
  PEAR_ASSERT(wanted > 0);
  if (!std::isfinite(low) || !std::isfinite(high)) return {};
  if (!(high - low > 1e-9 * std::max(std::abs(low), std::abs(high)))) {
    const double half = low == 0 ? 1 : 0.05 * std::abs(low);
    high = low + half;
    low -= half;
  }
  const double rough = (high - low) / wanted, power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  const double first = std::floor(low / step + 1e-9), last = std::ceil(high / step - 1e-9);
  return {first * step, step, std::max(2, static_cast<int>(last - first) + 1)};
}

std::string draw_curves(const CurveFigure& figure) {
  PEAR_ASSERT(figure.styles.size() == figure.curves.size());
  double top = kTitle;
  const std::string legend = draw_legend(figure, top);
  const Frame frame = make_frame(figure, top);
  const double height = top + kPlotHeight + kBottom;
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "role=\"img\" aria-label=\"{2}\">\n",
      kWidth, height, escape_html(figure.title));
  out += label(kLeft, 17, "start", figure.title, "title") + legend + draw_axes(figure, frame);
  for (size_t i = figure.curves.size(); i-- > 0;) out += draw_band(figure.curves[i], figure.styles[i], frame);
  for (size_t i = figure.curves.size(); i-- > 0;) out += draw_curve(figure.curves[i], figure.styles[i], frame);
  return out + "</svg>\n";
}

}  // namespace pear::forecast

#include "fornax/train/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <span>
#include <string_view>

#include "fornax/io/atomic_file.h"
#include "train/markup.h"
#include "train/svg.h"

namespace fornax::train {
namespace {

// Pixels.
constexpr double header = 44;
constexpr double margin_left = 64, margin_right = 20, margin_top = 56, margin_bottom = 48;

constexpr std::size_t colours = 6;
constexpr std::size_t most_points = 400;  ///< of a line; more cannot be seen
constexpr std::size_t most_markers = 40;  ///< a line of so few points shows each of them

using Out = std::back_insert_iterator<std::string>;

/// Finite, and far from where differences would overflow.
bool drawable(const Point& point) { return std::abs(point.x) < 1e100 && std::abs(point.y) < 1e100; }

/// At most most_points points: means of neighbours, of those that can be drawn.
std::vector<Point> thinned(std::span<const Point> points) {
  const std::size_t group = (points.size() + most_points - 1) / most_points;
  if (group <= 1) return {points.begin(), points.end()};
  std::vector<Point> means;
  for (; !points.empty(); points = points.subspan(std::min(group, points.size()))) {
    Point sum;
    int count = 0;
    for (const Point& point : points.first(std::min(group, points.size()))) {
      if (!drawable(point)) continue;
      sum.x += point.x;
      sum.y += point.y;
      ++count;
    }
    means.push_back({sum.x / count, sum.y / count});  // not a number, thus a gap, where none could be drawn
  }
  return means;
}

/// An axis of values from `low` to `high` with a tick at each multiple of `step`.
struct Axis {
  double low = std::numeric_limits<double>::infinity(), high = -low, step = 1;

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  /// Chooses the ticks, about `wanted`; `widen` moves the ends out to ticks.
  void finish(int wanted, bool widen) {
    if (low > high) low = 0, high = 1;
    const double least = std::max({std::abs(low), std::abs(high), 1e-6}) * 1e-6;
    if (high - low < least) {
      const double half = std::max(std::abs(low) * 0.5, 0.5);
      low -= half;
      high += half;
    }
    const double rough = (high - low) / wanted, magnitude = std::pow(10, std::floor(std::log10(rough)));
    step = magnitude * (rough <= magnitude       ? 1
                        : rough <= 2 * magnitude ? 2
                        : rough <= 5 * magnitude ? 5
                                                 : 10);
    if (!widen) return;
    low = std::floor(low / step) * step;
    high = std::ceil(high / step) * step;
  }
  std::vector<double> ticks() const {
    std::vector<double> at;
    const double slack = 1e-9;
    const double first = std::ceil(low / step - slack);
    const int count = static_cast<int>(std::floor(high / step + slack) - first) + 1;
    at.reserve(static_cast<std::size_t>(std::max(count, 0)));
    for (int i = 0; i < count; ++i) at.push_back((first + i) * step);
    return at;
  }
  std::string label(double value) const {
    if (std::abs(value) < step / 2) return "0";
    const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
    const double largest = std::max(std::abs(low), std::abs(high));
    return largest >= 1e6 || decimals > 5 ? fmt::format("{:.3g}", value)
                                          : fmt::format("{:.{}f}", value, decimals);
  }
  double place(double value, double from, double to) const {
    return from + (value - low) / (high - low) * (to - from);
  }
};

void draw_grid(Out out, const Axis& x, const Axis& y, const std::string& x_label, double left, double top) {
  const double right = left + panel_width - margin_left - margin_right;
  const double bottom = top + panel_height - margin_top - margin_bottom;
  for (const double tick : y.ticks()) {
    const double at = y.place(tick, bottom, top);
    fmt::format_to(out, "<line class=\"grid\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
                   left, at, right, at);
    fmt::format_to(out, "<text class=\"tick\" text-anchor=\"end\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
                   left - 8, at + 4, y.label(tick));
  }
  for (const double tick : x.ticks()) {
    const double at = x.place(tick, left, right);
    fmt::format_to(out, "<line class=\"axis\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
                   at, bottom, at, bottom + 5);
    fmt::format_to(out, "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
                   at, bottom + 19, x.label(tick));
  }
  fmt::format_to(out, "<path class=\"axis\" d=\"M{0:.1f},{1:.1f}V{2:.1f}H{3:.1f}\"/>\n", left, top, bottom,
                 right);
  fmt::format_to(out, "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
                 (left + right) / 2, bottom + 38, escaped(x_label));
}

void draw_curve(Out out, std::span<const Point> points, std::size_t colour, const Axis& x, const Axis& y,
                double left, double top) {
  const double right = left + panel_width - margin_left - margin_right;
  const double bottom = top + panel_height - margin_top - margin_bottom;
  std::string path, markers;
  bool broken = true;
  for (const Point& point : points) {
    if (!drawable(point)) {
      broken = true;
      continue;
    }
    const double px = x.place(point.x, left, right), py = y.place(point.y, bottom, top);
    fmt::format_to(std::back_inserter(path), "{}{:.1f},{:.1f}", broken ? 'M' : 'L', px, py);
    if (points.size() <= most_markers)
      fmt::format_to(
          std::back_inserter(markers),
          "<circle class=\"marker c{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"><title>{:.6g}: {:.6g}</title>"
          "</circle>\n",
          colour, px, py, point.x, point.y);
    broken = false;
  }
  if (!path.empty()) fmt::format_to(out, "<path class=\"curve c{}\" d=\"{}\"/>\n{}", colour, path, markers);
}

}  // namespace

std::string panel_svg(const Panel& panel, const std::string& x_label, double x0, double y0) {
  std::string svg;
  const Out out = std::back_inserter(svg);
  const double left = x0 + margin_left, top = y0 + margin_top;
  fmt::format_to(out, "<text class=\"name\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", left, y0 + 16,
                 escaped(panel.title));

  Axis x, y;
  std::vector<std::vector<Point>> lines;
  for (const Curve& curve : panel.curves) {
    lines.push_back(thinned(curve.points));
    for (const Point& point : lines.back()) {
      if (!drawable(point)) continue;
      x.include(point.x);
      y.include(point.y);
    }
  }
  x.finish(6, false);
  y.finish(5, true);
  draw_grid(out, x, y, x_label, left, top);

  double legend = left;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    const std::size_t colour = i % colours;
    const std::string& name = panel.curves[i].name;
    draw_curve(out, lines[i], colour, x, y, left, top);
    fmt::format_to(out, "<path class=\"curve c{}\" d=\"M{:.1f},{:.1f}h18\"/>\n", colour, legend, y0 + 33);
    fmt::format_to(out, "<text class=\"tick\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", legend + 24, y0 + 37,
                   escaped(name));
    legend += 24 + 7.0 * static_cast<double>(name.size()) + 20;
  }
  return svg;
}

std::string to_svg(const Plot& plot) {
  const double width = panel_width * static_cast<double>(plot.panels.size()) + 20,
               height = header + panel_height;
  std::string svg;
  const Out out = std::back_inserter(svg);
  fmt::format_to(out, R"(<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{0:.0f}" height="{1:.0f}" viewBox="0 0 {0:.0f} {1:.0f}" font-family="Helvetica, Arial, sans-serif">
<style>
.title {{ font-size: 17px; font-weight: bold; fill: #111827; }}
.name {{ font-size: 14px; font-weight: bold; fill: #374151; }}
.tick {{ font-size: 12px; fill: #4b5563; }}
.grid {{ stroke: #e5e7eb; stroke-width: 1; }}
.axis {{ stroke: #9ca3af; stroke-width: 1; fill: none; }}
.curve {{ stroke: currentColor; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; fill: none; }}
.marker {{ fill: currentColor; }}
.c0 {{ color: #2563eb; }} .c1 {{ color: #ea580c; }} .c2 {{ color: #16a34a; }}
.c3 {{ color: #9333ea; }} .c4 {{ color: #dc2626; }} .c5 {{ color: #0891b2; }}
</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text class="title" x="{2:.1f}" y="28">{3}</text>
)",
                 width, height, margin_left, escaped(plot.title));
  for (std::size_t i = 0; i < plot.panels.size(); ++i)
    svg += panel_svg(plot.panels[i], plot.x_label, panel_width * static_cast<double>(i), header);
  svg += "</svg>\n";
  return svg;
}

void write_svg(const std::string& path, const Plot& plot) {
  io::AtomicFile file(path);
  file.write(to_svg(plot));
  file.commit();
}

}  // namespace fornax::train

#pragma once

#include <string>
#include <vector>

#include "fornax/base/export.h"

/// Pictures of a run's curves, as SVG that any browser shows.
namespace fornax::train {

struct Point {
  double x = 0, y = 0;
};

/// One line. A point that is not finite is left out and breaks the line.
struct Curve {
  std::string name;           ///< for the legend
  std::vector<Point> points;  ///< by ascending x; where there are very many, neighbours are averaged
};

/// One pair of axes, scaled to what its curves hold.
struct Panel {
  std::string title;
  std::vector<Curve> curves;
};

struct Plot {
  std::string title, x_label;
  std::vector<Panel> panels;  ///< side by side
};

/// The plot as an SVG document. Texts are UTF-8.
FORNAX_API std::string to_svg(const Plot& plot);
/// Writes it, replacing the file at `path` as a whole. Throws IoError.
FORNAX_API void write_svg(const std::string& path, const Plot& plot);

}  // namespace fornax::train

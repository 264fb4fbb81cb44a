#pragma once

#include <string>

#include "fornax/train/plot.h"

namespace fornax::train {

// Pixels.
inline constexpr double panel_width = 520, panel_height = 360;

/// The elements of a panel whose upper left corner is at (x, y), for a document that styles their classes:
/// name (the title), tick (texts), grid, axis, curve and marker (a point, whose tooltip says its values),
/// these two with one of c0 to c5 for the colour.
std::string panel_svg(const Panel& panel, const std::string& x_label, double x = 0, double y = 0);

}  // namespace fornax::train

#include "fornax/train/history.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "fornax/base/error.h"

namespace fornax::train {
namespace {

std::string name_of(const Panel& panel, std::size_t curve) {
  return fmt::format("{}.{}", panel.title, curve == 0 ? "train" : "test");
}

}  // namespace

History::History(std::vector<std::string> names) {
  for (std::string& name : names)
    panels_.push_back({.title = std::move(name), .curves = {{"training batch", {}}, {"test set", {}}}});
}

void History::add(std::size_t curve, std::int64_t step, const Numbers& numbers) {
  for (Panel& panel : panels_) {
    const auto found = std::ranges::find(numbers, panel.title, &Numbers::value_type::first);
    if (found != numbers.end())
      panel.curves[curve].points.push_back({static_cast<double>(step), found->second});
  }
}

State History::state() const {
  State state;
  for (const Panel& panel : panels_)
    for (std::size_t i = 0; i < panel.curves.size(); ++i) {
      std::vector<double> values;
      for (const Point& point : panel.curves[i].points) values.insert(values.end(), {point.x, point.y});
      const auto points = static_cast<std::int64_t>(values.size() / 2);
      state.add(name_of(panel, i), from_span<double>(values, {points, 2}));
    }
  return state;
}

void History::load_state(const State& state) {
  std::vector<Panel> panels = panels_;
  for (Panel& panel : panels)
    for (std::size_t i = 0; i < panel.curves.size(); ++i) {
      const Tensor& saved = state.at(name_of(panel, i));
      if (saved.rank() != 2 || saved.size(1) != 2)
        throw ShapeError("history", fmt::format("expected points [n,2], got {}", to_string(saved.shape())));
      const std::vector<double> values = saved.to_vector<double>();
      panel.curves[i].points.clear();
      for (std::size_t j = 0; j < values.size(); j += 2)
        panel.curves[i].points.push_back({values[j], values[j + 1]});
    }
  panels_ = std::move(panels);
}

}  // namespace fornax::train

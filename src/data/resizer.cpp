#include "data/resizer.h"

#include <algorithm>
#include <cmath>

namespace fornax::data {
namespace {

/// As Pillow rounds, which is towards 0 below it.
std::int64_t rounded(double value) {
  return static_cast<std::int64_t>(value + 0.5);  // NOLINT(bugprone-incorrect-roundings)
}

}  // namespace

// Names and steps are those of any resampling by a filter; each rounding is where Pillow rounds, so that the
// integers are the same.
AxisWeights::AxisWeights(const ResizeAxis& axis, int eighths) {
  const double box_begin = static_cast<double>(axis.begin * eighths) / 8,
               box_end = static_cast<double>((axis.begin + axis.length) * eighths) / 8;
  const double origin = std::floor(box_begin);
  const auto available = static_cast<std::int64_t>(std::ceil(box_end) - origin);
  const double in_begin = box_begin - origin, in_end = box_end - origin;
  const double step = (in_end - in_begin) / static_cast<double>(axis.size), support = std::max(step, 1.);

  const auto count = static_cast<std::size_t>(axis.count);
  most_ = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
  firsts_.resize(count);
  lengths_.resize(count);
  weights_.resize(count * static_cast<std::size_t>(most_));
  std::vector<double> exact(static_cast<std::size_t>(most_));
  for (std::size_t i = 0; i < count; ++i) {
    const double center = in_begin + (static_cast<double>(axis.first) + static_cast<double>(i) + 0.5) * step;
    const auto first = std::max(rounded(center - support), std::int64_t{0});
    const auto last = std::min(rounded(center + support), available);
    const auto length = static_cast<std::size_t>(last - first);
    double sum = 0;
    for (std::size_t j = 0; j < length; ++j) {
      const double distance =
          std::abs((static_cast<double>(j) + static_cast<double>(first) - center + 0.5) * (1 / support));
      sum += exact[j] = distance < 1 ? 1 - distance : 0;
    }
    std::int32_t* const weights = weights_.data() + i * static_cast<std::size_t>(most_);
    for (std::size_t j = 0; j < length; ++j)
      weights[j] = static_cast<std::int32_t>(rounded(exact[j] / sum * (1 << 22)));
    firsts_[i] = static_cast<std::int32_t>(first);
    lengths_[i] = static_cast<std::int32_t>(length);
    longest_ = std::max(longest_, lengths_[i]);
  }

  const std::int32_t first = firsts_.front();
  begin_ = static_cast<std::int64_t>(origin) + first;
  length_ = firsts_.back() + lengths_.back() - first;
  for (std::int32_t& at : firsts_) at -= first;
}

cpu::ResampleAxis AxisWeights::view() const {
  return {.count = static_cast<std::int64_t>(firsts_.size()),
          .firsts = firsts_.data(),
          .lengths = lengths_.data(),
          .weights = weights_.data(),
          .most = most_,
          .longest = longest_};
}

Resizer::Resizer(const ResizeView& view, std::int64_t channels, int eighths)
    : kernels_(cpu::resample_kernels()),
      rows_(view.rows, eighths),
      columns_(view.columns, eighths),
      mirrored_(view.mirrored),
      channels_(channels),
      width_(view.columns.count * channels),
      across_(cpu::Scratch::of<std::uint8_t>(rows_.length() * width_)) {}

void Resizer::add(const std::uint8_t* row) {
  kernels_.across(row, columns_.length(), channels_, columns_.view(), mirrored_,
                  across_.as<std::uint8_t>() + added_++ * width_);
}

void Resizer::write(std::uint8_t* pixels) const {
  kernels_.down(across_.as<std::uint8_t>(), width_, rows_.view(), pixels);
}

int fewest_eighths(const ResizeView& view) {
  for (const int eighths : {1, 2, 4})
    if (view.rows.length * eighths >= view.rows.size * 8 &&
        view.columns.length * eighths >= view.columns.size * 8)
      return eighths;
  return 8;
}

}  // namespace fornax::data

#include "fornax/tensor/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <vector>

#include "tensor/host_elements.h"

namespace fornax {
namespace {

/// How all numbers of one tensor are written: chosen once, so that they line up.
class NumberFormat {
 public:
  NumberFormat(const std::vector<double>& values, bool floating, int precision)
      : floating_(floating), precision_(precision) {
    double largest = 0, smallest = HUGE_VAL;
    for (const double value : values) {
      if (!std::isfinite(value)) continue;
      whole_ &= std::trunc(value) == value;
      if (value == 0) continue;
      largest = std::max(largest, std::abs(value));
      smallest = std::min(smallest, std::abs(value));
    }
    scientific_ = floating && largest > 0 &&
                  (largest >= 1e8 || (!whole_ && (smallest < 1e-4 || largest / smallest > 1000)));
    for (const double value : values) width_ = std::max(width_, bare(value).size());
  }

  std::string operator()(double value) const { return fmt::format("{:>{}}", bare(value), width_); }
  std::size_t width() const { return width_; }

 private:
  std::string bare(double value) const {
    if (!floating_) return fmt::format("{:.0f}", value);
    if (!std::isfinite(value)) return fmt::format("{}", value);
    if (scientific_) return fmt::format("{:.{}e}", value, precision_);
    return whole_ ? fmt::format("{:.0f}.", value) : fmt::format("{:.{}f}", value, precision_);
  }

  bool floating_, whole_ = true, scientific_ = false;
  int precision_;
  std::size_t width_ = 1;
};

class Printer {
 public:
  Printer(const Tensor& tensor, const PrintOptions& options)
      : host_(host_elements(tensor)),
        view_(host_),
        options_(options),
        edge_(view_.numel() > options.threshold ? options.edge_items
                                                : std::numeric_limits<std::int64_t>::max() / 2) {
    each_shown(0, 0, [this](std::int64_t offset) { shown_.push_back(value_at(offset)); });
  }

  std::string print() {
    const NumberFormat format(shown_, is_floating(view_.dtype), options_.precision);
    return block(format, 0, 0);
  }

 private:
  static constexpr std::string_view opening = "tensor(";

  double value_at(std::int64_t offset) const {
    return visit_dtype(view_.dtype, [&]<class T>(std::type_identity<T>) {
      return static_cast<double>(view_.ptr<const T>()[offset]);
    });
  }

  bool is_cut(int axis) const { return view_.size(axis) > 2 * edge_; }
  /// Calls `f(index)` for the indices of an axis that are shown, and `gap()` where some are left out.
  template <class F, class Gap>
  void each_index(int axis, F&& f, Gap&& gap) const {
    const std::int64_t size = view_.size(axis);
    for (std::int64_t i = 0; i < size; ++i) {
      if (is_cut(axis) && i == edge_) {
        gap();
        i = size - edge_;
      }
      f(i);
    }
  }
  template <class F>
  void each_shown(int axis, std::int64_t offset, F&& f) const {
    if (axis == view_.rank()) return f(offset);
    each_index(
        axis, [&](std::int64_t i) { each_shown(axis + 1, offset + i * view_.stride(axis), f); }, [] {});
  }

  std::string element(const NumberFormat& format, std::int64_t offset) const {
    if (view_.dtype == boolean) return value_at(offset) != 0 ? " true" : "false";
    // Beyond 2^53 a double is not exact.
    if (view_.dtype == i64)
      return fmt::format("{:>{}}", view_.ptr<const std::int64_t>()[offset], format.width());
    return format(value_at(offset));
  }

  std::string row(const NumberFormat& format, int axis, std::int64_t offset, std::size_t indent) const {
    const std::size_t room = static_cast<std::size_t>(options_.line_width), width = format.width() + 2;
    const std::size_t per_line = std::max<std::size_t>(room > indent ? (room - indent) / width : 0, 1);
    std::string text;
    std::size_t count = 0;
    const auto add = [&](std::string_view item) {
      if (count > 0) text += count % per_line == 0 ? ",\n" + std::string(indent, ' ') : ", ";
      text += item;
      ++count;
    };
    each_index(
        axis, [&](std::int64_t i) { add(element(format, offset + i * view_.stride(axis))); },
        [&] { add("..."); });
    return text;
  }

  std::string block(const NumberFormat& format, int axis, std::int64_t offset) const {
    if (axis == view_.rank()) return element(format, offset);
    const std::size_t indent = opening.size() + static_cast<std::size_t>(axis) + 1;
    if (axis == view_.rank() - 1) return "[" + row(format, axis, offset, indent) + "]";
    const std::string separator =
        "," + std::string(static_cast<std::size_t>(view_.rank() - 1 - axis), '\n') + std::string(indent, ' ');
    std::string text;
    const auto add = [&](std::string_view item) { (text += text.empty() ? "" : separator) += item; };
    each_index(
        axis, [&](std::int64_t i) { add(block(format, axis + 1, offset + i * view_.stride(axis))); },
        [&] { add("..."); });
    return "[" + text + "]";
  }

  Tensor host_;
  TensorView view_;
  PrintOptions options_;
  std::int64_t edge_;
  std::vector<double> shown_;
};

}  // namespace

std::string to_string(const Tensor& tensor, const PrintOptions& options) {
  if (!tensor.defined()) return "tensor(undefined)";
  return fmt::format("tensor({}, {})", Printer(tensor, options).print(), describe(tensor));
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) { return out << to_string(tensor); }

}  // namespace fornax

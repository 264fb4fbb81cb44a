#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>

namespace fornax {

/// A number that stands beside a tensor in an expression: an integer or a real, as it was written.
class Scalar {
 public:
  template <std::integral I>
  constexpr Scalar(I value) : integer_(static_cast<std::int64_t>(value)), is_integer_(true) {}
  template <std::floating_point F>
  constexpr Scalar(F value) : real_(static_cast<double>(value)) {}

  constexpr double real() const { return is_integer_ ? static_cast<double>(integer_) : real_; }
  /// True if no fraction is lost in an integer dtype.
  bool is_integral() const { return is_integer_ || std::trunc(real_) == real_; }
  /// True if T, an integer type or bool, holds exactly this number.
  template <std::integral T>
  bool fits() const {
    using Limits = std::numeric_limits<T>;
    if (is_integer_)
      return integer_ >= 0 ? static_cast<std::uint64_t>(integer_) <= static_cast<std::uint64_t>(Limits::max())
                           : integer_ >= static_cast<std::int64_t>(Limits::min());
    return is_integral() && real_ >= static_cast<double>(Limits::min()) &&
           real_ <= static_cast<double>(Limits::max()) && real_ < 0x1p63;
  }
  template <class T>
  T to() const {
    if constexpr (std::integral<T>)
      return is_integer_ ? static_cast<T>(integer_) : static_cast<T>(real_);
    else
      return static_cast<T>(static_cast<std::conditional_t<std::same_as<T, double>, double, float>>(real()));
  }

 private:
  double real_ = 0;
  std::int64_t integer_ = 0;
  bool is_integer_ = false;
};

}  // namespace fornax

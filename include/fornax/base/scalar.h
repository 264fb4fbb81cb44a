#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>

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

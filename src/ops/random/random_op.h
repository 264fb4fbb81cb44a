#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "fornax/base/scalar.h"
#include "fornax/dispatch/op.h"
#include "ops/random/draw.h"

namespace fornax::ops {

enum class RandomKind : std::uint8_t { uniform, normal, bernoulli, integers };

/// y[i] = a number of the draw, where i is the row-major index; any strides. With the words
/// W(w) = philox(seed, w / 4, offset)[w % 4] of the draw, and u a word's upper bits as a fraction of 1 in the
/// precision of y's dtype:
///   uniform    a + (b - a) * u(W(i)), for f64 u(W(2i), W(2i + 1))
///   normal     a + b * z, where elements 2k and 2k + 1 are sqrt(-2 log(1 - u1)) times the cosine and sine of
///              2 pi u2, with u1, u2 = u(W(2k)), u(W(2k + 1)) in 24 bits, for f64 from W(4k) .. W(4k + 3)
///   bernoulli  1 where u(W(i)) in 24 bits is below a, else 0; any dtype
///   integers   a + floor((b - a) * (W(2i), W(2i + 1)) / 2^64); any dtype but bool
struct Random {
  static constexpr std::string_view op_name = "random";
  TensorView y;
  RandomKind kind = RandomKind::uniform;
  DrawView draw;
  Scalar a = 0, b = 1;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"draw", &draw.replayed}};
  }
};

/// y = the indices 0..n-1 in the order of the keys (W(2i), W(2i + 1)), equal keys by index; y is i64 of
/// rank 1.
struct RandomPermutation {
  static constexpr std::string_view op_name = "random_permutation";
  TensorView y;
  DrawView draw;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"draw", &draw.replayed}};
  }
};

extern const dispatch::Kernel<Random> random_cpu, random_cuda;
extern const dispatch::Row<Random> random_row;
extern const dispatch::Kernel<RandomPermutation> random_permutation_cpu, random_permutation_cuda;
extern const dispatch::Row<RandomPermutation> random_permutation_row;

}  // namespace fornax::ops

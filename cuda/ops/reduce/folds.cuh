#pragma once

#include <cmath>
#include <limits>

#include "device/convert.cuh"
#include "device/reduce.cuh"

// How elements become partial results (`add`) and partial results one (`Merge`): the ReduceKinds without
// their endings. A is the type in which partial results travel.
namespace fornax::cuda {

/// Integer extremes fit in 32 bits but for i64; their sums are i64.
template <class X, bool IsSum>
struct Accumulator {
  using type = compute_t<X>;
};
template <class X, bool IsSum>
requires std::is_integral_v<X>
struct Accumulator<X, IsSum> {
  using type = std::conditional_t<IsSum || sizeof(X) == 8, std::int64_t, std::int32_t>;
};

struct FoldSum {
  using Merge = Sum;
  static constexpr bool is_sum = true;
  template <class A>
  static constexpr A identity = A(0);
  template <class A>
  static __device__ A add(A total, A x, A) {
    return total + x;
  }
};
struct FoldSumAbs : FoldSum {
  template <class A>
  static __device__ A add(A total, A x, A) {
    return total + std::abs(x);
  }
};
struct FoldSumSquares : FoldSum {
  template <class A>
  static __device__ A add(A total, A x, A center) {
    return total + (x - center) * (x - center);
  }
};
struct FoldSumExp : FoldSum {
  template <class A>
  static __device__ A add(A total, A x, A center) {
    return total + std::exp(x - center);
  }
};

template <class A>
inline constexpr A most_of = std::numeric_limits<A>::has_infinity ? std::numeric_limits<A>::infinity()
                                                                  : std::numeric_limits<A>::max();
template <class A>
inline constexpr A least_of = std::numeric_limits<A>::has_infinity ? -std::numeric_limits<A>::infinity()
                                                                   : std::numeric_limits<A>::lowest();

struct FoldMax {
  using Merge = Max;
  static constexpr bool is_sum = false;
  template <class A>
  static constexpr A identity = least_of<A>;
  template <class A>
  static __device__ A add(A total, A x, A) {
    return Max{}(total, x);
  }
};
struct FoldMaxAbs : FoldMax {
  template <class A>
  static constexpr A identity = A(0);
  template <class A>
  static __device__ A add(A total, A x, A) {
    return Max{}(total, std::abs(x));
  }
};
struct FoldMin {
  using Merge = Min;
  static constexpr bool is_sum = false;
  template <class A>
  static constexpr A identity = most_of<A>;
  template <class A>
  static __device__ A add(A total, A x, A) {
    return Min{}(total, x);
  }
};

/// The fold of partial results that a first stage left.
template <class Fold>
using SecondFold =
    std::conditional_t<std::is_same_v<typename Fold::Merge, Sum>, FoldSum,
                       std::conditional_t<std::is_same_v<typename Fold::Merge, Max>, FoldMax, FoldMin>>;

}  // namespace fornax::cuda

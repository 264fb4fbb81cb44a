#pragma once

#include <cmath>
#include <limits>

#include "ops/common/team.cuh"

namespace fornax::cuda {

/// The maximum of a row and the sum of exp(x - maximum), in one pass over the row; A is float or double.
/// NaN in a row makes the sum NaN; of nothing but -infinity it is 0.
template <class A>
struct OnlineSum {
  A most = -std::numeric_limits<A>::infinity();
  A sum = 0;

  /// What is subtracted where `most` is the maximum: not an infinity below all elements, of which the
  /// difference were NaN.
  __device__ static A shift(A most) { return most == -std::numeric_limits<A>::infinity() ? A(0) : most; }

  template <int V>
  __device__ void add(const A (&x)[V]) {
    A top = most;
#pragma unroll
    for (int j = 0; j < V; ++j) top = Max{}(top, x[j]);
    const A zero = shift(top);
    sum *= std::exp(most - zero);
#pragma unroll
    for (int j = 0; j < V; ++j) sum += std::exp(x[j] - zero);
    most = top;
  }
  /// Over the whole team, in every lane.
  __device__ void combine(const Team& team) {
    const A top = team_reduce(team, most, -std::numeric_limits<A>::infinity(), Max{});
    sum = team_reduce(team, sum * std::exp(most - shift(top)), A(0), Sum{});
    most = top;
  }
};

}  // namespace fornax::cuda

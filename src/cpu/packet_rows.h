#pragma once

#include "cpu/packet.h"

/// Loops over rows of adjacent elements for *.isa.cpp files. A step takes the index of its first lane and how
/// many lanes count: all of them (then `count` is a constant to the compiler), or fewer at the end of the
/// row.
namespace fornax::cpu::FORNAX_ISA {

/// T is the type of the lanes, `from` and `to` may be 16-bit.
template <class T>
inline Packet<T> load_some(const auto* from, std::int64_t count) {
  return count == lanes<T> ? load(from) : load_first<T>(from, count);
}
template <class T>
inline void store_some(auto* to, const Packet<T>& value, std::int64_t count) {
  count == lanes<T> ? store(to, value) : store_first<T>(to, value, count);
}

/// Calls step(i, count) along `length` elements.
template <class T, class Step>
inline void for_packets(std::int64_t length, Step&& step) {
  constexpr std::int64_t V = lanes<T>;
  std::int64_t i = 0;
  for (; i + V <= length; i += V) step(i, V);
  if (i < length) step(i, length - i);
}

/// The sum of all lanes.
template <class T>
inline double sum_lanes(const Packet<T>& value, std::int64_t count = lanes<T>) {
  T lane[lanes<T>];
  store(lane, value);
  double total = 0;
  for (std::int64_t i = 0; i < count; ++i) total += static_cast<double>(lane[i]);
  return total;
}

/// The sum over `length` elements of step(i, count), a register of terms. Blocks are summed in registers,
/// and the blocks' sums in double.
template <class T, class Step>
inline double sum_packets(std::int64_t length, Step&& step) {
  constexpr std::int64_t V = lanes<T>, block = 1024;
  double total = 0;
  std::int64_t i = 0;
  while (i + V <= length) {
    const std::int64_t end = length - i < block ? length : i + block;
    Packet<T> sum[2] = {broadcast(T(0)), broadcast(T(0))};
    for (; i + 2 * V <= end; i += 2 * V) {
      sum[0] = add(sum[0], step(i, V));
      sum[1] = add(sum[1], step(i + V, V));
    }
    if (i + V <= end) {
      sum[0] = add(sum[0], step(i, V));
      i += V;
    }
    total += sum_lanes<T>(add(sum[0], sum[1]));
  }
  if (i < length) total += sum_lanes<T>(step(i, length - i), length - i);
  return total;
}

/// The largest of `length` elements; NaN if there is one, -infinity if there are none.
template <class T>
inline T max_of(const T* x, std::int64_t length) {
  constexpr std::int64_t V = lanes<T>;
  Packet<T> most[2] = {broadcast(-static_cast<T>(__builtin_inf())),
                       broadcast(-static_cast<T>(__builtin_inf()))};
  std::int64_t i = 0;
  for (; i + 2 * V <= length; i += 2 * V) {
    most[0] = max(most[0], load(x + i));
    most[1] = max(most[1], load(x + i + V));
  }
  for (; i + V <= length; i += V) most[0] = max(most[0], load(x + i));
  T lane[V];
  store(lane, max(most[0], most[1]));
  T result = lane[0];
  const auto take = [&result](T value) {
    result = result > value || __builtin_isnan(result) ? result : value;
  };
  for (std::int64_t k = 1; k < V; ++k) take(lane[k]);
  for (; i < length; ++i) take(x[i]);
  return result;
}

}  // namespace fornax::cpu::FORNAX_ISA

#include "cpu/packet.h"
#include "ops/batch_norm/batch_norm_kernels.h"

// Sums: at most `tile_depth` values are added in the compute type, all else in double. Statistics are of
// deviations from the mean of all tiles before (of the first tile: of its first quarter), and tiles are
// merged by Chan's formula. So a mean far larger than the deviation costs no digits, in one pass over memory:
// where a tile lies far from the mean before it, and its sums lose digits by that, the same distance has gone
// into the variance.
namespace fornax::cpu::FORNAX_ISA {
// Arguments are taken by value in the loops: a store of a register may alias anything, so that what is behind
// a reference would be loaded again after each.
namespace {

using Index = std::int64_t;

constexpr Index tile_depth = 64;
/// How far a sum over single lines prefetches.
template <class S>
constexpr Index ahead = 1024 / sizeof(S);

/// Calls body(i, R) for lines first to last, R = 4 or 1 at a time. Four share the loads and stores of the
/// sums, but the processor must still see streams and prefetch them: that takes lines that follow close, or
/// that are a page apart.
template <class S>
inline void for_lines(const NormLines<S>& b, Index first, Index last, auto&& body) {
  const Index bytes = b.line_stride * static_cast<Index>(sizeof(S));
  Index i = first;
  if (bytes <= 256 || bytes >= 4096)
    for (; i + 4 <= last; i += 4) body.template operator()<4>(i);
  for (; i < last; ++i) body.template operator()<1>(i);
}

/// Per-channel values of the elements from j on. They are padded to whole registers.
template <class T, bool Planar>
inline Packet<T> channel(const T* values, Index j) {
  if constexpr (Planar)
    return broadcast(*values);
  else
    return load(values + j);
}

/// The bits of `count` elements from j on, at most those of a register.
template <class T>
inline std::uint32_t bits_at(const std::uint8_t* bits, Index j, Index count) {
  constexpr int V = lanes<T>;
  bits += j / 8;
  if constexpr (V > 8)
    return count > 8 ? bits[0] | static_cast<std::uint32_t>(bits[1]) << 8 : bits[0];
  else
    return static_cast<std::uint32_t>(bits[0]) >> (j % 8);
}

/// x - mean
template <class S, bool Planar, bool Whole>
inline Packet<accumulate_t<S>> deviation_at(const NormLines<S>& b, Index i, Index j, Index count) {
  using T = accumulate_t<S>;
  return subtract(load_some<T, Whole>(b.x + i * b.line_stride + j, count), channel<T, Planar>(b.mean, j));
}

/// The one form of the normalised value: the bits of forward and of Gate::recompute must agree.
template <class S, bool Planar, class T = accumulate_t<S>>
inline Packet<T> normalised(const NormLines<S>& b, const Packet<T>& deviation, Index j) {
  return multiply_add(deviation, channel<T, Planar>(b.scale, j), channel<T, Planar>(b.bias, j));
}

/// Calls body(j, count, Whole) for the registers of a line.
template <class T>
inline void for_packets(Index length, auto&& body) {
  constexpr int V = lanes<T>;
  Index j = 0;
  for (; j + V <= length; j += V) body.template operator()<true>(j, Index(V));
  if (j < length) body.template operator()<false>(j, length - j);
}

template <class T>
double sum_of_lanes(const Packet<T>& packet) {
  T values[lanes<T>];
  store(values, packet);
  double sum = 0;
  for (int i = 0; i < lanes<T>; ++i) sum += static_cast<double>(values[i]);
  return sum;
}

/// Adds a tile of `count` values to the mean and m2 of `before` others: its values have the sum s1 and the
/// sum of squares s2 as deviations from `shift`.
inline void merge(double shift, double s1, double s2, double before, double count, double weight,
                  double& mean, double& m2) {
  const double delta = shift + s1 / count - mean;
  m2 += s2 - s1 * s1 / count + delta * delta * before * weight;
  mean += delta * weight;
}

// --- statistics

/// Adds the deviations of R lines, and their squares, to s1 and s2.
template <class S, int R>
void add_deviations(NormLines<S> b, Index line, const accumulate_t<S>* shift, accumulate_t<S>* s1,
                    accumulate_t<S>* s2) {
  using T = accumulate_t<S>;
  const S* x = b.x + line * b.line_stride;
  for_packets<T>(b.length, [&]<bool Whole>(Index j, Index count) {
    const Packet<T> from = load(shift + j);
    Packet<T> sum = load(s1 + j), squares = load(s2 + j);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      if constexpr (R == 1) __builtin_prefetch(x + j + ahead<S>);
      const Packet<T> d = subtract(load_some<T, Whole>(x + r * b.line_stride + j, count), from);
      sum = add(sum, d);
      squares = multiply_add(d, d, squares);
    }
    store(s1 + j, sum);
    store(s2 + j, squares);
  });
}

template <class S>
void statistics_channels_last(const NormLines<S>& args, double* mean, double* m2) {
  const NormLines<S> b = args;
  using T = accumulate_t<S>;
  T shift[most_channels] = {}, s1[most_channels] = {}, s2[most_channels] = {};
  const Index some = b.lines < tile_depth / 4 ? b.lines : tile_depth / 4;
  for (Index i = 0; i < some; ++i) add_deviations<S, 1>(b, i, shift, s1, s2);
  for (Index j = 0; j < b.length; ++j) {
    mean[j] = s1[j] / static_cast<double>(some);
    m2[j] = 0;
  }
  for (Index first = 0; first < b.lines; first += tile_depth) {
    const Index last = b.lines - first < tile_depth ? b.lines : first + tile_depth;
    for (Index j = 0; j < b.length; ++j) {
      shift[j] = static_cast<T>(mean[j]);
      s1[j] = s2[j] = 0;
    }
    for_lines(b, first, last, [&]<int R>(Index i) { add_deviations<S, R>(b, i, shift, s1, s2); });
    const double before = static_cast<double>(first), count = static_cast<double>(last - first);
    const double weight = count / static_cast<double>(last);
    for (Index j = 0; j < b.length; ++j) merge(shift[j], s1[j], s2[j], before, count, weight, mean[j], m2[j]);
  }
}

template <class S>
void statistics_planar(const NormLines<S>& args, double* mean, double* m2) {
  const NormLines<S> b = args;
  using T = accumulate_t<S>;
  constexpr Index V = lanes<T>, tile = tile_depth * V;
  *mean = *m2 = 0;
  Index before = 0;
  for (Index i = 0; i < b.lines; ++i)
    for (Index first = 0; first < b.length; first += tile) {
      const Index count = b.length - first < tile ? b.length - first : tile;
      const S* x = b.x + i * b.line_stride + first;
      Packet<T> sum = broadcast(T(0)), s1 = sum, s2 = sum;
      for_packets<T>(count, [&]<bool Whole>(Index j, Index width) {
        sum = add(sum, load_some<T, Whole>(x + j, width));
      });
      const T shift = static_cast<T>(sum_of_lanes<T>(sum) / static_cast<double>(count));
      for_packets<T>(count, [&]<bool Whole>(Index j, Index width) {
        Packet<T> d = subtract(load_some<T, Whole>(x + j, width), broadcast(shift));
        if constexpr (!Whole) d = where_bits<T>(d, (1u << width) - 1);
        s1 = add(s1, d);
        s2 = multiply_add(d, d, s2);
      });
      const double weight = static_cast<double>(count) / static_cast<double>(before + count);
      merge(shift, sum_of_lanes<T>(s1), sum_of_lanes<T>(s2), static_cast<double>(before),
            static_cast<double>(count), weight, *mean, *m2);
      before += count;
    }
}

// --- forward

template <class S, bool Planar, bool Residual, bool Relu, bool Bits>
void apply_lines(NormLines<S> b) {
  using T = accumulate_t<S>;
  constexpr Index V = lanes<T>, unit = V < 8 ? 8 : V;  // a unit of elements fills whole bytes of bits
  for (Index i = 0; i < b.lines; ++i) {
    const Index line = i * b.line_stride;
    const auto packet = [&]<bool Whole>(Index j, Index count) -> Packet<T> {
      const Packet<T> deviation = deviation_at<S, Planar, Whole>(b, i, j, count);
      Packet<T> value = normalised<S, Planar>(b, deviation, j);
      if constexpr (Residual) value = add(value, load_some<T, Whole>(b.residual + line + j, count));
      if constexpr (Relu)
        store_some<T, Whole>(b.y + line + j, relu<T>(value), count);
      else
        store_some<T, Whole>(b.y + line + j, value, count);
      return value;
    };
    if constexpr (!Bits) {
      for_packets<T>(b.length, packet);
    } else {
      std::uint8_t* to = b.bits + i * b.bits_stride;
      Index j = 0;
      for (; j + unit <= b.length; j += unit, to += unit / 8) {
        std::uint32_t bits = 0;
#pragma GCC unroll 4
        for (Index p = 0; p < unit; p += V)
          bits |= active_bits<T>(packet.template operator()<true>(j + p, V)) << p;
        __builtin_memcpy(to, &bits, unit / 8);
      }
      if (j < b.length) {
        std::uint32_t bits = 0;
        const Index rest = b.length - j;
        for (Index p = 0; p < rest; p += V)
          bits |= active_bits<T>(packet.template operator()<false>(j + p, rest - p < V ? rest - p : V)) << p;
        __builtin_memcpy(to, &bits, static_cast<std::size_t>(rest + 7) / 8);
      }
    }
  }
}

template <class S, bool Planar>
void apply(const NormLines<S>& b) {
  if (b.bits)
    b.residual ? apply_lines<S, Planar, true, true, true>(b) : apply_lines<S, Planar, false, true, true>(b);
  else if (b.relu)
    b.residual ? apply_lines<S, Planar, true, true, false>(b) : apply_lines<S, Planar, false, true, false>(b);
  else
    b.residual ? apply_lines<S, Planar, true, false, false>(b)
               : apply_lines<S, Planar, false, false, false>(b);
}

// --- backward

/// dy * activation'
template <class S, bool Planar, Gate G, class T = accumulate_t<S>>
inline Packet<T> gated(const NormLines<S>& b, const Packet<T>& dy, Index i, Index j, Index count,
                       const Packet<T>& deviation) {
  if constexpr (G == Gate::recompute) return where_active<T>(dy, normalised<S, Planar>(b, deviation, j));
  if constexpr (G == Gate::bits) return where_bits<T>(dy, bits_at<T>(b.bits + i * b.bits_stride, j, count));
  return dy;
}

/// g = (dy + more) * activation', and writes it where it is kept.
template <class S, bool Planar, Gate G, bool Whole, class T = accumulate_t<S>>
inline Packet<T> summed(const NormLines<S>& b, Index i, Index j, Index count, const Packet<T>& deviation) {
  const Index at = i * b.line_stride + j;
  Packet<T> dy = load_some<T, Whole>(b.dy + at, count);
  if (b.more) dy = add(dy, load_some<T, Whole>(b.more + at, count));
  const Packet<T> g = gated<S, Planar, G>(b, dy, i, j, count, deviation);
  if (b.g) store_some<T, Whole>(b.g + at, g, count);
  return g;
}

/// Adds g and g * (x - mean) of R lines to s1 and s2.
template <class S, Gate G, int R>
void add_gradients(NormLines<S> b, Index line, accumulate_t<S>* s1, accumulate_t<S>* s2) {
  using T = accumulate_t<S>;
  for_packets<T>(b.length, [&]<bool Whole>(Index j, Index count) {
    Packet<T> sum = load(s1 + j), products = load(s2 + j);
#pragma GCC unroll 4
    for (Index i = line; i < line + R; ++i) {
      if constexpr (R == 1) {
        __builtin_prefetch(b.x + i * b.line_stride + j + ahead<S>);
        __builtin_prefetch(b.dy + i * b.line_stride + j + ahead<S>);
      }
      const Packet<T> d = deviation_at<S, false, Whole>(b, i, j, count);
      const Packet<T> g = summed<S, false, G, Whole>(b, i, j, count, d);
      sum = add(sum, g);
      products = multiply_add(g, d, products);
    }
    store(s1 + j, sum);
    store(s2 + j, products);
  });
}

template <class S, Gate G>
void grad_sums_channels_last(NormLines<S> b, double* g, double* gx) {
  using T = accumulate_t<S>;
  for (Index j = 0; j < b.length; ++j) g[j] = gx[j] = 0;
  for (Index first = 0; first < b.lines; first += tile_depth) {
    const Index last = b.lines - first < tile_depth ? b.lines : first + tile_depth;
    T s1[most_channels] = {}, s2[most_channels] = {};
    for_lines(b, first, last, [&]<int R>(Index i) { add_gradients<S, G, R>(b, i, s1, s2); });
    for (Index j = 0; j < b.length; ++j) {
      g[j] += static_cast<double>(s1[j]);
      gx[j] += static_cast<double>(s2[j]);
    }
  }
}

template <class S, Gate G>
void grad_sums_planar(NormLines<S> b, double* g, double* gx) {
  using T = accumulate_t<S>;
  constexpr Index tile = tile_depth * lanes<T>;
  *g = *gx = 0;
  for (Index i = 0; i < b.lines; ++i)
    for (Index first = 0; first < b.length; first += tile) {
      Packet<T> s1 = broadcast(T(0)), s2 = s1;
      for_packets<T>(b.length - first < tile ? b.length - first : tile,
                     [&]<bool Whole>(Index j, Index count) {
                       const Packet<T> d = deviation_at<S, true, Whole>(b, i, first + j, count);
                       const Packet<T> dy = summed<S, true, G, Whole>(b, i, first + j, count, d);
                       s1 = add(s1, dy);
                       s2 = multiply_add(dy, d, s2);
                     });
      *g += sum_of_lanes<T>(s1);
      *gx += sum_of_lanes<T>(s2);
    }
}

template <class S, bool Planar, Gate G>
void grad_sums_gated(const NormLines<S>& b, double* g, double* gx) {
  if constexpr (Planar)
    grad_sums_planar<S, G>(b, g, gx);
  else
    grad_sums_channels_last<S, G>(b, g, gx);
}

template <class S, bool Planar>
void grad_sums(const NormLines<S>& b, double* g, double* gx) {
  switch (b.gate) {
    case Gate::open: return grad_sums_gated<S, Planar, Gate::open>(b, g, gx);
    case Gate::bits: return grad_sums_gated<S, Planar, Gate::bits>(b, g, gx);
    case Gate::recompute: return grad_sums_gated<S, Planar, Gate::recompute>(b, g, gx);
  }
}

template <class S, bool Planar, Gate G, bool Batch>
void grad_input_lines(NormLines<S> b) {
  using T = accumulate_t<S>;
  for (Index i = 0; i < b.lines; ++i) {
    const Index line = i * b.line_stride;
    for_packets<T>(b.length, [&]<bool Whole>(Index j, Index count) {
      Packet<T> d = broadcast(T(0));
      if constexpr (Batch || G == Gate::recompute) d = deviation_at<S, Planar, Whole>(b, i, j, count);
      const Packet<T> dy = load_some<T, Whole>(b.dy + line + j, count);
      const Packet<T> g = gated<S, Planar, G>(b, dy, i, j, count, d);
      Packet<T> dx = multiply(g, channel<T, Planar>(b.scale, j));
      if constexpr (Batch)
        dx = add(dx, multiply_add(d, channel<T, Planar>(b.slope, j), channel<T, Planar>(b.offset, j)));
      if (b.dresidual) store_some<T, Whole>(b.dresidual + line + j, g, count);
      store_some<T, Whole>(b.dx + line + j, dx, count);
    });
  }
}

template <class S, bool Planar, Gate G>
void grad_input_gated(const NormLines<S>& b) {
  b.slope ? grad_input_lines<S, Planar, G, true>(b) : grad_input_lines<S, Planar, G, false>(b);
}

template <class S, bool Planar>
void grad_input(const NormLines<S>& b) {
  switch (b.gate) {
    case Gate::open: return grad_input_gated<S, Planar, Gate::open>(b);
    case Gate::bits: return grad_input_gated<S, Planar, Gate::bits>(b);
    case Gate::recompute: return grad_input_gated<S, Planar, Gate::recompute>(b);
  }
}

template <class S>
constexpr NormTable<S> table = {
    .channels_last = {statistics_channels_last<S>, apply<S, false>, grad_sums<S, false>,
                      grad_input<S, false>},
    .planar = {statistics_planar<S>, apply<S, true>, grad_sums<S, true>, grad_input<S, true>},
};

}  // namespace

extern const NormTable<double> norm_f64 = table<double>;
extern const NormTable<float> norm_f32 = table<float>;
extern const NormTable<Half> norm_f16 = table<Half>;
extern const NormTable<BFloat16> norm_bf16 = table<BFloat16>;

}  // namespace fornax::cpu::FORNAX_ISA

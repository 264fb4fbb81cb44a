#include "cpu/conv_depthwise.h"

#include "cpu/packet.h"

namespace fornax::cpu::FORNAX_ISA {
namespace {

using Index = std::int64_t;

/// Calls f(channel, count of channels) register by register.
template <class T, class F>
void for_registers(Index channels, F&& f) {
  Index c = 0;
  for (; c + lanes<T> <= channels; c += lanes<T>) f(c, Index{lanes<T>});
  if (c < channels) f(c, channels - c);
}
template <class T>
Packet<T> load_some(const T* from, Index count) {
  return count == lanes<T> ? load(from) : load_first<T>(from, count);
}
template <class T>
void store_some(T* to, const Packet<T>& value, Index count) {
  if (count == lanes<T>)
    store(to, value);
  else
    store_first<T>(to, value, count);
}

template <class T>
void pixel(const T* from, const Index* offsets, Index taps, const T* weights, const ConvEpilogue<T>& epilogue,
           T* to, Index channels) {
  for_registers<T>(channels, [&](Index c, Index count) {
    Packet<T> sum = epilogue.bias ? load_some(epilogue.bias + c, count) : broadcast(T(0));
    if (epilogue.residual) sum = add(sum, load_some(epilogue.residual + c, count));
    for (Index t = 0; t < taps; ++t) {
      sum = multiply_add(load_some(from + offsets[t] + c, count),
                         load_some(weights + t * channels + c, count), sum);
    }
    store_some(to + c, epilogue.relu ? relu<T>(sum) : sum, count);
  });
}

template <class T>
void add_products(const T* a, Index a_step, const T* b, Index b_step, Index pixels, T* sums, Index channels) {
  for_registers<T>(channels, [&](Index c, Index count) {
    Packet<T> sum = load_some(sums + c, count);
    for (Index p = 0; p < pixels; ++p) {
      sum = multiply_add(load_some(a + p * a_step + c, count), load_some(b + p * b_step + c, count), sum);
    }
    store_some(sums + c, sum, count);
  });
}

}  // namespace

extern const DepthwiseKernels<float> depthwise_f32 = {pixel<float>, add_products<float>};
extern const DepthwiseKernels<double> depthwise_f64 = {pixel<double>, add_products<double>};

}  // namespace fornax::cpu::FORNAX_ISA

#include "cpu/packet_rows.h"
#include "ops/layer_norm/layer_norm_kernels.h"

namespace fornax::cpu::FORNAX_ISA {
namespace {

using Index = std::int64_t;

template <class T>
LayerNormRow<T> forward(const T* x, const T* weight, const T* bias, double eps, T* y, Index length) {
  const auto size = static_cast<double>(length);
  const T mean = static_cast<T>(
      sum_packets<T>(length, [=](Index i, Index count) { return load_some<T>(x + i, count); }) / size);
  const Packet<T> center = broadcast(mean);
  const double variance = sum_packets<T>(length,
                                         [=](Index i, Index count) {
                                           const Packet<T> distance =
                                               subtract(load_some<T>(x + i, count), center);
                                           return multiply(distance, distance);
                                         }) /
                          size;
  const T rstd = static_cast<T>(1 / __builtin_sqrt(variance + eps));
  const Packet<T> scale = broadcast(rstd), one = broadcast(T(1)), zero = broadcast(T(0));
  for_packets<T>(length, [=](Index i, Index count) {
    const Packet<T> normal = multiply(subtract(load_some<T>(x + i, count), center), scale);
    const Packet<T> w = weight ? load_some<T>(weight + i, count) : one;
    store_some<T>(y + i, multiply_add(normal, w, bias ? load_some<T>(bias + i, count) : zero), count);
  });
  return {mean, rstd};
}

template <class T>
void grad_input(const T* dy, const T* x, const T* weight, LayerNormRow<T> row, T* dx, Index length) {
  const Packet<T> center = broadcast(row.mean), scale = broadcast(row.rstd), one = broadcast(T(1));
  const auto slope = [=](Index i, Index count) {
    return multiply(load_some<T>(dy + i, count), weight ? load_some<T>(weight + i, count) : one);
  };
  const auto normal = [=](Index i, Index count) {
    return multiply(subtract(load_some<T>(x + i, count), center), scale);
  };
  const auto size = static_cast<double>(length);
  const Packet<T> mean_slope = broadcast(static_cast<T>(sum_packets<T>(length, slope) / size));
  const Packet<T> mean_product = broadcast(static_cast<T>(
      sum_packets<T>(length,
                     [=](Index i, Index count) { return multiply(slope(i, count), normal(i, count)); }) /
      size));
  for_packets<T>(length, [=](Index i, Index count) {
    const Packet<T> rest =
        subtract(subtract(slope(i, count), mean_slope), multiply(normal(i, count), mean_product));
    store_some<T>(dx + i, multiply(scale, rest), count);
  });
}

template <class T>
void grad_affine(const T* dy, const T* x, LayerNormRow<T> row, T* dweight, T* dbias, Index length) {
  const Packet<T> center = broadcast(row.mean), scale = broadcast(row.rstd);
  for_packets<T>(length, [=](Index i, Index count) {
    const Packet<T> slope = load_some<T>(dy + i, count);
    const Packet<T> normal = multiply(subtract(load_some<T>(x + i, count), center), scale);
    store_some<T>(dweight + i, multiply_add(slope, normal, load_some<T>(dweight + i, count)), count);
    store_some<T>(dbias + i, add(slope, load_some<T>(dbias + i, count)), count);
  });
}

}  // namespace

extern const LayerNormKernels<float> layer_norm_kernels_f32 = {forward<float>, grad_input<float>,
                                                               grad_affine<float>};
extern const LayerNormKernels<double> layer_norm_kernels_f64 = {forward<double>, grad_input<double>,
                                                                grad_affine<double>};

}  // namespace fornax::cpu::FORNAX_ISA

#include "cpu/packet_rows.h"
#include "ops/softmax/softmax_kernels.h"

namespace fornax::cpu::FORNAX_ISA {
namespace {

using Index = std::int64_t;

template <class T>
void softmax(const T* x, T* y, Index length) {
  const Packet<T> most = broadcast(max_of(x, length));
  const double total = sum_packets<T>(length, [=](Index i, Index count) {
    const Packet<T> value = exp<T>(subtract(load_some<T>(x + i, count), most));
    store_some<T>(y + i, value, count);
    return value;
  });
  const Packet<T> scale = broadcast(static_cast<T>(1 / total));
  for_packets<T>(length, [=](Index i, Index count) {
    store_some<T>(y + i, multiply(load_some<T>(y + i, count), scale), count);
  });
}

template <class T>
double logsumexp(const T* x, Index length) {
  const T most = max_of(x, length);
  const Packet<T> shift = broadcast(most);
  const double total = sum_packets<T>(
      length, [=](Index i, Index count) { return exp<T>(subtract(load_some<T>(x + i, count), shift)); });
  return static_cast<double>(most) + __builtin_log(total);
}

template <class T>
void log_softmax(const T* x, T* y, Index length) {
  const Packet<T> shift = broadcast(static_cast<T>(logsumexp(x, length)));
  for_packets<T>(length, [=](Index i, Index count) {
    store_some<T>(y + i, subtract(load_some<T>(x + i, count), shift), count);
  });
}

template <class T>
void softmax_grad(const T* dy, const T* y, T* dx, Index length) {
  const double total = sum_packets<T>(length, [=](Index i, Index count) {
    return multiply(load_some<T>(dy + i, count), load_some<T>(y + i, count));
  });
  const Packet<T> mean = broadcast(static_cast<T>(total));
  for_packets<T>(length, [=](Index i, Index count) {
    const Packet<T> distance = subtract(load_some<T>(dy + i, count), mean);
    store_some<T>(dx + i, multiply(load_some<T>(y + i, count), distance), count);
  });
}

template <class T>
void log_softmax_grad(const T* dy, const T* y, T* dx, Index length) {
  const double total =
      sum_packets<T>(length, [=](Index i, Index count) { return load_some<T>(dy + i, count); });
  const Packet<T> minus_sum = broadcast(static_cast<T>(-total));
  for_packets<T>(length, [=](Index i, Index count) {
    const Packet<T> probability = exp<T>(load_some<T>(y + i, count));
    store_some<T>(dx + i, multiply_add(probability, minus_sum, load_some<T>(dy + i, count)), count);
  });
}

template <class T>
double weighted_sum(const T* x, const T* w, Index length) {
  if (!w) return sum_packets<T>(length, [=](Index i, Index count) { return load_some<T>(x + i, count); });
  return sum_packets<T>(length, [=](Index i, Index count) {
    return multiply(load_some<T>(x + i, count), load_some<T>(w + i, count));
  });
}

template <class T>
void scaled_exp(const T* x, T shift_, T a, const T* w, T b, T* dx, Index length) {
  const Packet<T> shift = broadcast(shift_), scale = broadcast(a), minus_b = broadcast(-b);
  for_packets<T>(length, [=](Index i, Index count) {
    const Packet<T> value = exp<T>(subtract(load_some<T>(x + i, count), shift));
    const Packet<T> rest = w ? multiply(minus_b, load_some<T>(w + i, count)) : minus_b;
    store_some<T>(dx + i, multiply_add(value, scale, rest), count);
  });
}

template <class T>
constexpr SoftmaxKernels<T> kernels = {
    .softmax = softmax<T>,
    .log_softmax = log_softmax<T>,
    .softmax_grad = softmax_grad<T>,
    .log_softmax_grad = log_softmax_grad<T>,
    .logsumexp = logsumexp<T>,
    .weighted_sum = weighted_sum<T>,
    .scaled_exp = scaled_exp<T>,
};

}  // namespace

extern const SoftmaxKernels<float> softmax_kernels_f32 = kernels<float>;
extern const SoftmaxKernels<double> softmax_kernels_f64 = kernels<double>;

}  // namespace fornax::cpu::FORNAX_ISA

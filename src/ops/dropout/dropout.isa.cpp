#include "cpu/packet.h"
#include "ops/dropout/dropout_rows.h"

namespace fornax::cpu::FORNAX_ISA {
namespace {

/// S is the type in memory, T that of the registers.
template <class S, class T>
void row(void* y_, const void* x_, const std::uint32_t* words, std::uint32_t threshold, double scale_,
         std::int64_t count) {
  constexpr std::int64_t V = lanes<T>;
  S* y = static_cast<S*>(y_);
  const S* x = static_cast<const S*>(x_);
  const T scale = static_cast<T>(scale_);
  for (std::int64_t i = 0; i < count; i += V) {
    const std::int64_t length = count - i < V ? count - i : V;
    T factors[V] = {};
    for (std::int64_t l = 0; l < length; ++l) factors[l] = words[i + l] >> 8 < threshold ? T(0) : scale;
    // A dropped infinity or NaN is 0 too.
    const Packet<T> factor = load(factors), zero = broadcast(T(0));
    const Packet<T> value = length == V ? load(x + i) : load_first<T>(x + i, length);
    const Packet<T> kept = factor == zero ? zero : value * factor;
    if (length == V)
      store(y + i, kept);
    else
      store_first<T>(y + i, kept, length);
  }
}

}  // namespace

extern const DropoutKernels dropout_kernels = {row<double, double>, row<float, float>, row<Half, float>,
                                               row<BFloat16, float>};

}  // namespace fornax::cpu::FORNAX_ISA

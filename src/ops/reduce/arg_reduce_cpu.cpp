// Policy: outputs that are neighbours are searched side by side, a block at a time, so that x is read in its
// memory order whichever axis is searched.
#include <algorithm>
#include <cmath>

#include "ops/common/loop.h"
#include "ops/reduce/arg_reduce_op.h"

namespace fornax::ops {
namespace {

/// `view` at index 0 of `axis`, without it.
TensorView first_along(TensorView view, int axis) {
  view.shape.erase(axis);
  view.strides.erase(axis);
  return view;
}

template <class T>
T& at(std::byte* data, std::int64_t offset) {
  return *reinterpret_cast<T*>(data + offset);
}

template <class A>
bool is_nan(A a) {
  if constexpr (std::is_floating_point_v<A>) return std::isnan(a);
  return false;
}

template <class T, bool Largest>
void search(const ArgReduce& args) {
  using A = std::conditional_t<std::is_integral_v<T>, T, accumulate_t<T>>;
  const auto beats = [](A a, A b) { return (Largest ? a > b : a < b) || (is_nan(a) && !is_nan(b)); };
  const std::int64_t length = args.x.shape[args.axis],
                     along = args.x.strides[args.axis] * static_cast<std::int64_t>(sizeof(T));
  const TensorView x = first_along(args.x, args.axis), indices = first_along(args.indices, args.axis),
                   values = args.values.defined() ? first_along(args.values, args.axis) : indices;
  const auto rows = [&](const auto& data, const auto& steps, std::int64_t count) {
    constexpr std::int64_t width = 64;
    const std::int64_t block = std::abs(along) > steps[0] ? width : 1;
    for (std::int64_t first = 0; first < count; first += block) {
      const std::int64_t here = std::min(block, count - first);
      A best[width];
      std::int64_t index[width];
      std::byte* from = data[0] + first * steps[0];
      for (std::int64_t r = 0; r < here; ++r) {
        best[r] = at<const T>(from, r * steps[0]);
        index[r] = 0;
      }
      for (std::int64_t i = 1; i < length; ++i) {
        for (std::int64_t r = 0; r < here; ++r) {
          const A value = at<const T>(from, r * steps[0] + i * along);
          const bool better = beats(value, best[r]);
          best[r] = better ? value : best[r];
          index[r] = better ? i : index[r];
        }
      }
      for (std::int64_t r = 0; r < here; ++r) {
        at<std::int64_t>(data[1], (first + r) * steps[1]) = index[r];
        if (args.values.defined())
          at<T>(data[2], (first + r) * steps[2]) = at<const T>(from, r * steps[0] + index[r] * along);
      }
    }
  };
  cpu::run_loop(cpu::make_loop(std::array{&x, &indices, &values}), rows,
                1 + cpu::elementwise_grain / (length + 1));
}

void run(const ArgReduce& args) {
  visit_dtype(args.x.dtype, [&]<class T>(std::type_identity<T>) {
    args.largest ? search<T, true>(args) : search<T, false>(args);
  });
}

void scatter(const Scatter& args) {
  const TensorView y = first_along(args.y, args.axis);
  visit_dtype(args.y.dtype, [&]<class T>(std::type_identity<T>) {
    const std::int64_t along = args.y.strides[args.axis] * static_cast<std::int64_t>(sizeof(T));
    cpu::for_each_row(
        [along](const auto& data, const auto& steps, std::int64_t count) {
          for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t index = at<const std::int64_t>(data[2], i * steps[2]);
            at<T>(data[0], i * steps[0] + index * along) = at<const T>(data[1], i * steps[1]);
          }
        },
        y, first_along(args.x, args.axis), first_along(args.index, args.axis));
  });
}

}  // namespace

constinit const dispatch::Kernel<ArgReduce> arg_reduce_cpu{
    {"search", DeviceType::cpu, number_dtypes}, [](const ArgReduce&) { return dispatch::accepts; }, run};
constinit const dispatch::Kernel<Scatter> scatter_cpu{
    {"strided", DeviceType::cpu, floating_dtypes}, [](const Scatter&) { return dispatch::accepts; }, scatter};

}  // namespace fornax::ops

// Policy: each output is summed by one thread in the row-major order of its inputs, so the bits do not depend
// on the number of threads.
#include "fornax/base/parallel.h"
#include "ops/reduce/reduce_op.h"

namespace fornax::ops {
namespace {

template <class T, class Y>
void sum(const Reduce& args) {
  using A = std::conditional_t<std::is_integral_v<T>, std::int64_t, accumulate_t<T>>;
  const TensorView &x = args.x, &y = args.y;
  Dims kept, reduced;
  for (int axis = 0; axis < x.rank(); ++axis) (y.shape[axis] == 1 ? reduced : kept).push_back(axis);
  std::int64_t per_output = 1;
  for (const std::int64_t axis : reduced) per_output *= x.shape[static_cast<int>(axis)];
  parallel_for(0, y.numel(), std::max<std::int64_t>(1, 32768 / std::max<std::int64_t>(per_output, 1)),
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t i = first; i < last; ++i) {
                   std::int64_t rest = i, from = 0, to = 0;
                   for (int k = kept.rank() - 1; k >= 0; --k) {
                     const int axis = static_cast<int>(kept[k]);
                     const std::int64_t index = rest % x.shape[axis];
                     rest /= x.shape[axis];
                     from += index * x.strides[axis];
                     to += index * y.strides[axis];
                   }
                   A total = 0;
                   for (std::int64_t j = 0; j < per_output; ++j) {
                     std::int64_t at = from, left = j;
                     for (int k = reduced.rank() - 1; k >= 0; --k) {
                       const int axis = static_cast<int>(reduced[k]);
                       at += left % x.shape[axis] * x.strides[axis];
                       left /= x.shape[axis];
                     }
                     total += static_cast<A>(x.ptr<const T>()[at]);
                   }
                   y.ptr<Y>()[to] = Y(total);
                 }
               });
}

void run(const Reduce& args) {
  visit_dtype(args.x.dtype, [&]<class T>(std::type_identity<T>) {
    if constexpr (std::is_integral_v<T>)
      sum<T, std::int64_t>(args);
    else
      sum<T, T>(args);
  });
}

}  // namespace

constinit const dispatch::Kernel<Reduce> reduce_cpu{
    {"strided", DeviceType::cpu, floating_dtypes | DTypeSet{i64}}, [](const Reduce&) { return dispatch::accepts; }, run};

}  // namespace fornax::ops

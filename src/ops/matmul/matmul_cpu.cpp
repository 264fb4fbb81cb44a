// Policy: cpu::gemm sums in f32 (f64 for f64). A batch whose b repeats is one tall product where a's rows
// allow it; other batches of small products are shared out among the threads, large products run one after
// the other on all. gelu_tanh is a pass of its own.
#include <algorithm>

#include "cpu/gemm.h"
#include "fornax/base/parallel.h"
#include "ops/matmul/matmul_op.h"
#include "ops/unary/unary_op.h"

namespace fornax::ops {
namespace {

void run(const Matmul& args) {
  const TensorView &y = args.y, &a = args.a, &b = args.b;
  const int row = y.rank() - 2, column = y.rank() - 1;
  cpu::Gemm product{.dtype = y.dtype,
                    .m = y.shape[row],
                    .n = y.shape[column],
                    .k = a.shape[column],
                    .a_row = a.strides[row],
                    .a_column = a.strides[column],
                    .b_row = b.strides[row],
                    .b_column = b.strides[column],
                    .c_row = y.shape[column],
                    .bias = args.bias.data,
                    .relu = args.activation == Activation::relu};
  int batch_rank = row;
  while (batch_rank > 0 && b.strides[batch_rank - 1] == 0 &&
         a.strides[batch_rank - 1] == product.m * product.a_row) {
    product.m *= y.shape[--batch_rank];
  }
  std::int64_t count = 1;
  for (int axis = 0; axis < batch_rank; ++axis) count *= y.shape[axis];
  const auto element = static_cast<std::int64_t>(size_of(y.dtype));
  const auto one = [&](std::int64_t i) {
    cpu::Gemm own = product;
    std::int64_t at_a = 0, at_b = 0, rest = i;
    for (int axis = batch_rank - 1; axis >= 0; --axis) {
      at_a += rest % y.shape[axis] * a.strides[axis];
      at_b += rest % y.shape[axis] * b.strides[axis];
      rest /= y.shape[axis];
    }
    own.a = a.ptr<const char>() + at_a * element;
    own.b = b.ptr<const char>() + at_b * element;
    own.c = y.ptr<char>() + i * product.m * product.n * element;
    cpu::gemm(own);
  };
  constexpr std::int64_t worth_sharing = 1 << 20;
  const std::int64_t cost = product.m * product.n * product.k + 1;
  if (count == 1 || (cost > worth_sharing && count < 4 * num_threads())) {
    for (std::int64_t i = 0; i < count; ++i) one(i);
  } else {
    parallel_for(0, count, std::max<std::int64_t>(1, worth_sharing / 16 / cost),
                 [&](std::int64_t first, std::int64_t last) {
                   for (std::int64_t i = first; i < last; ++i) one(i);
                 });
  }
  if (args.activation == Activation::gelu_tanh)
    dispatch::run(unary_row, Unary{.y = y, .x = y, .kind = UnaryKind::gelu_tanh});
}

}  // namespace

constinit const dispatch::Kernel<Matmul> matmul_gemm{
    {"gemm", DeviceType::cpu, floating_dtypes}, [](const Matmul&) { return dispatch::accepts; }, run};

}  // namespace fornax::ops

// Policy: elements are chosen as bits of their size, whatever their dtype (ops/common/elementwise.cuh).
#include "ops/common/elementwise.cuh"
#include "ops/where/where_op.h"

namespace fornax::ops {
namespace {

using cuda::Input;

template <class Word>
struct Choose {
  __device__ Word operator()(bool condition, Word a, Word b) const { return condition ? a : b; }
};

void run(const Where& args) {
  cuda::visit_word(args.y.dtype, [&]<class Word>(std::type_identity<Word>) {
    const Word scalar = cuda::bits_of<Word>(args.y.dtype, args.scalar);
    cuda::elementwise<Word>(Choose<Word>{}, args.y, Input<bool>{args.condition}, Input<Word>{args.a, scalar},
                            Input<Word>{args.b, scalar});
  });
}

}  // namespace

constinit const dispatch::Kernel<Where> where_cuda{
    {"elementwise", DeviceType::cuda, all_dtypes}, [](const Where&) { return dispatch::accepts; }, run};

}  // namespace fornax::ops

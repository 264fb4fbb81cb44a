// Policy: elements are written as bits of their size, whatever their dtype (ops/common/elementwise.cuh).
#include "ops/common/elementwise.cuh"
#include "ops/fill/fill_op.h"

namespace fornax::ops {
namespace {

template <class Word>
struct Always {
  Word word;
  __device__ Word operator()() const { return word; }
};

void run(const Fill& args) {
  cuda::visit_word(args.y.dtype, [&]<class Word>(std::type_identity<Word>) {
    cuda::elementwise<Word>(Always<Word>{cuda::bits_of<Word>(args.y.dtype, args.value)}, args.y);
  });
}

}  // namespace

constinit const dispatch::Kernel<Fill> fill_cuda{
    {"elementwise", DeviceType::cuda, all_dtypes}, [](const Fill&) { return dispatch::accepts; }, run};

}  // namespace fornax::ops

// Policy: a row at a time, three passes in cache: the maximum, the exponentials and their sum, the quotient.
#include "ops/common/rows.h"
#include "ops/softmax/softmax_kernels.h"
#include "ops/softmax/softmax_op.h"

namespace fornax::ops {
namespace {

template <class T>
void softmax(const Softmax& args) {
  const cpu::SoftmaxKernels<T>& kernels = cpu::softmax_kernels<T>();
  const auto kernel = args.log ? kernels.log_softmax : kernels.softmax;
  cpu::for_rows<T, 1, 1, 0>(args.axis, {args.y}, {args.x}, {},
                            [&](const auto& row) { kernel(row.in[0], row.out[0], row.length); });
}

template <class T>
void softmax_grad(const SoftmaxGrad& args) {
  const cpu::SoftmaxKernels<T>& kernels = cpu::softmax_kernels<T>();
  const auto kernel = args.log ? kernels.log_softmax_grad : kernels.softmax_grad;
  cpu::for_rows<T, 1, 2, 0>(args.axis, {args.dx}, {args.dy, args.y}, {},
                            [&](const auto& row) { kernel(row.in[0], row.in[1], row.out[0], row.length); });
}

}  // namespace

constinit const dispatch::Kernel<Softmax> softmax_cpu{
    {"rows", DeviceType::cpu, floating_dtypes},
    [](const Softmax&) { return dispatch::accepts; },
    [](const Softmax& args) { args.x.dtype == f64 ? softmax<double>(args) : softmax<float>(args); }};
constinit const dispatch::Kernel<SoftmaxGrad> softmax_grad_cpu{
    {"rows", DeviceType::cpu, floating_dtypes},
    [](const SoftmaxGrad&) { return dispatch::accepts; },
    [](const SoftmaxGrad& args) {
      args.y.dtype == f64 ? softmax_grad<double>(args) : softmax_grad<float>(args);
    }};

}  // namespace fornax::ops

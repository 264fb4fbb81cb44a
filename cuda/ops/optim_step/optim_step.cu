// Policy: all parameters of one dtype in one launch, or a few (ops/optim_step/multi_tensor.cuh); one pass
// over memory; 16-bit elements are computed in f32, f64 in f64. What the rates come to is computed on the
// host in f64.
#include <cmath>

#include "ops/optim_step/multi_tensor.cuh"
#include "ops/optim_step/optim_step_op.h"

namespace fornax::ops {
namespace {

using namespace cuda;

/// Without momentum. Operands: parameter, gradient.
template <class T>
struct PlainSgd {
  using Element = T;
  using Extra = Nothing;
  using A = compute_t<T>;
  static constexpr int operands = 2;
  A lr, decay;

  __device__ bool begin() { return true; }
  __device__ static bool reads(int, const Extra&) { return true; }
  __device__ static constexpr bool writes(int k) { return k == 0; }
  __device__ void operator()(A* values, const Extra&) const {
    values[0] = values[0] - lr * (values[1] + decay * values[0]);
  }
};

/// Operands: parameter, gradient, buffer.
template <class T>
struct MomentumSgd {
  using Element = T;
  using Extra = bool;  // first: b = d, whatever the memory holds
  using A = compute_t<T>;
  static constexpr int operands = 3;
  A lr, decay, keep, take, direct, through;

  __device__ bool begin() { return true; }
  __device__ static bool reads(int k, bool first) { return k < 2 || !first; }
  __device__ static constexpr bool writes(int k) { return k != 1; }
  __device__ void operator()(A* values, bool first) const {
    const A d = values[1] + decay * values[0], buffer = first ? d : take * d + keep * values[2];
    values[2] = buffer;
    values[0] = values[0] - lr * (direct * d + through * buffer);
  }
};

void sgd(const SgdStep& args) {
  if (args.entries.empty()) return;
  const cudaStream_t stream = stream_for(args.entries[0].parameter);
  const SgdRates& r = args.rates;
  update_each_floating(SgdStep::op_name, [&]<class T>(std::type_identity<T>, int& launches) {
    using A = compute_t<T>;
    const A lr = A(r.lr), decay = A(r.weight_decay), momentum = A(r.momentum);
    Updater plain(PlainSgd<T>{lr, decay}, stream, launches);
    Updater with_momentum(MomentumSgd<T>{lr, decay, momentum, A(1 - r.dampening), A(r.nesterov ? 1 : 0),
                                         r.nesterov ? momentum : A(1)},
                          stream, launches);
    for (const SgdViews& entry : args.entries) {
      if (entry.parameter.dtype != dtype_of<T>) continue;
      if (entry.buffer.defined())
        with_momentum.add({&entry.parameter, &entry.gradient, &entry.buffer}, entry.first);
      else
        plain.add({&entry.parameter, &entry.gradient}, {});
    }
    plain.flush();
    with_momentum.flush();
  });
}

/// What depends on the step of an entry: lr / (1 - beta1^step) and the root of 1 - beta2^step.
template <class A>
struct Correction {
  A size, root;
};

/// Operands: parameter, gradient, and the two moments.
template <class T>
struct AdamW {
  using Element = T;
  using A = compute_t<T>;
  using Extra = Correction<A>;
  static constexpr int operands = 4;
  A shrink, beta1, rest1, beta2, rest2, eps;

  __device__ bool begin() { return true; }
  __device__ static bool reads(int, const Extra&) { return true; }
  __device__ static constexpr bool writes(int k) { return k != 1; }
  __device__ void operator()(A* values, const Extra& correction) const {
    const A gradient = values[1];
    const A mean = beta1 * values[2] + rest1 * gradient;
    const A square = beta2 * values[3] + rest2 * gradient * gradient;
    values[2] = mean;
    values[3] = square;
    values[0] = shrink * values[0] - correction.size * mean / (std::sqrt(square) / correction.root + eps);
  }
};

void adamw(const AdamWStep& args) {
  if (args.entries.empty()) return;
  const cudaStream_t stream = stream_for(args.entries[0].parameter);
  const AdamWRates& r = args.rates;
  update_each_floating(AdamWStep::op_name, [&]<class T>(std::type_identity<T>, int& launches) {
    using A = compute_t<T>;
    Updater updater(AdamW<T>{A(1 - r.lr * r.weight_decay), A(r.beta1), A(1 - r.beta1), A(r.beta2),
                             A(1 - r.beta2), A(r.eps)},
                    stream, launches);
    for (const AdamWViews& entry : args.entries) {
      if (entry.parameter.dtype != dtype_of<T>) continue;
      const auto step = static_cast<double>(entry.step);
      updater.add({&entry.parameter, &entry.gradient, &entry.exp_avg, &entry.exp_avg_sq},
                  {A(r.lr / (1 - std::pow(r.beta1, step))), A(std::sqrt(1 - std::pow(r.beta2, step)))});
    }
    updater.flush();
  });
}

}  // namespace

constinit const dispatch::Kernel<SgdStep> sgd_step_cuda{{"multi_tensor", DeviceType::cuda, floating_dtypes},
                                                        [](const SgdStep&) { return dispatch::accepts; },
                                                        sgd};
constinit const dispatch::Kernel<AdamWStep> adamw_step_cuda{
    {"multi_tensor", DeviceType::cuda, floating_dtypes},
    [](const AdamWStep&) { return dispatch::accepts; },
    adamw};

}  // namespace fornax::ops

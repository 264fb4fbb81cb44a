// Policy: all parameters of one dtype in one launch, or a few (ops/optim_step/multi_tensor.cuh); one pass
// over memory; 16-bit elements are computed in f32, f64 in f64. What the rates come to is computed on the
// host in f64 and travels in the arguments or, where the step is captured in a graph, in the device's memory.
#include <cmath>

#include "ops/optim_step/multi_tensor.cuh"
#include "ops/optim_step/optim_step_op.h"

namespace fornax::ops {
namespace {

using namespace cuda;

/// What all entries share, rounded to A.
template <class A>
struct Sgd {
  A lr, decay, keep, take, direct, through;
  const SgdFactors* replayed;

  Sgd(const SgdFactors& factors, const SgdFactors* in_memory) : replayed(in_memory) { take_over(factors); }
  __host__ __device__ void take_over(const SgdFactors& f) {
    lr = A(f.lr);
    decay = A(f.decay);
    keep = A(f.keep);
    take = A(f.take);
    direct = A(f.direct);
    through = A(f.through);
  }
  __device__ bool begin() {
    if (replayed) take_over(*replayed);
    return true;
  }
};

/// Without momentum. Operands: parameter, gradient.
template <class T>
struct PlainSgd {
  using Element = T;
  using Extra = Nothing;
  using A = compute_t<T>;
  static constexpr int operands = 2;
  Sgd<A> factors;

  __device__ bool begin(const Extra&) { return factors.begin(); }
  __device__ static bool reads(int, const Extra&) { return true; }
  __device__ static constexpr bool writes(int k) { return k == 0; }
  __device__ void operator()(A* values, const Extra&) const {
    values[0] = values[0] - factors.lr * (values[1] + factors.decay * values[0]);
  }
};

/// Operands: parameter, gradient, buffer.
template <class T>
struct MomentumSgd {
  using Element = T;
  using Extra = bool;  // first: b = d, whatever the memory holds
  using A = compute_t<T>;
  static constexpr int operands = 3;
  Sgd<A> factors;

  __device__ bool begin(bool) { return factors.begin(); }
  __device__ static bool reads(int k, bool first) { return k < 2 || !first; }
  __device__ static constexpr bool writes(int k) { return k != 1; }
  __device__ void operator()(A* values, bool first) const {
    const Sgd<A>& f = factors;
    const A d = values[1] + f.decay * values[0], buffer = first ? d : f.take * d + f.keep * values[2];
    values[2] = buffer;
    values[0] = values[0] - f.lr * (f.direct * d + f.through * buffer);
  }
};

void sgd(const SgdStep& args) {
  if (args.entries.empty()) return;
  const cudaStream_t stream = stream_for(args.entries[0].parameter);
  update_each_floating(SgdStep::op_name, [&]<class T>(std::type_identity<T>, int& launches) {
    const Sgd<compute_t<T>> factors(factors_of(args.rates), args.factors.ptr<const SgdFactors>());
    Updater plain(PlainSgd<T>{factors}, stream, launches);
    Updater with_momentum(MomentumSgd<T>{factors}, stream, launches);
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

/// An entry's AdamWCorrection rounded to A, or where it is.
template <class A>
union Correction {
  struct {
    A size, root;
  } value;
  const AdamWCorrection* replayed;
};

/// Operands: parameter, gradient, and the two moments.
template <class T>
struct AdamW {
  using Element = T;
  using A = compute_t<T>;
  using Extra = Correction<A>;
  static constexpr int operands = 4;
  A shrink, beta1, rest1, beta2, rest2, eps;
  const AdamWFactors* replayed;

  AdamW(const AdamWFactors& factors, const AdamWFactors* in_memory) : replayed(in_memory) {
    take_over(factors);
  }
  __host__ __device__ void take_over(const AdamWFactors& f) {
    shrink = A(f.shrink);
    beta1 = A(f.beta1);
    rest1 = A(f.rest1);
    beta2 = A(f.beta2);
    rest2 = A(f.rest2);
    eps = A(f.eps);
  }
  __device__ bool begin(Extra& correction) {
    if (replayed) {
      take_over(*replayed);
      correction.value = {A(correction.replayed->size), A(correction.replayed->root)};
    }
    return true;
  }
  __device__ static bool reads(int, const Extra&) { return true; }
  __device__ static constexpr bool writes(int k) { return k != 1; }
  __device__ void operator()(A* values, const Extra& correction) const {
    const A gradient = values[1];
    const A mean = beta1 * values[2] + rest1 * gradient;
    const A square = beta2 * values[3] + rest2 * gradient * gradient;
    values[2] = mean;
    values[3] = square;
    values[0] =
        shrink * values[0] - correction.value.size * mean / (std::sqrt(square) / correction.value.root + eps);
  }
};

void adamw(const AdamWStep& args) {
  if (args.entries.empty()) return;
  const cudaStream_t stream = stream_for(args.entries[0].parameter);
  const auto* const replayed = args.factors.ptr<const AdamWFactors>();
  update_each_floating(AdamWStep::op_name, [&]<class T>(std::type_identity<T>, int& launches) {
    using A = compute_t<T>;
    Updater updater(AdamW<T>(factors_of(args.rates), replayed), stream, launches);
    for (std::size_t i = 0; i < args.entries.size(); ++i) {
      const AdamWViews& entry = args.entries[i];
      if (entry.parameter.dtype != dtype_of<T>) continue;
      Correction<A> correction{};
      if (replayed) {
        correction.replayed = reinterpret_cast<const AdamWCorrection*>(replayed + 1) + i;
      } else {
        const AdamWCorrection value = correction_of(args.rates, entry.step);
        correction.value = {A(value.size), A(value.root)};
      }
      updater.add({&entry.parameter, &entry.gradient, &entry.exp_avg, &entry.exp_avg_sq}, correction);
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

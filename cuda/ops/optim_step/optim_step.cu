// Policy: all parameters of one dtype in one launch, or a few (ops/optim_step/multi_tensor.cuh); one pass
// over memory; 16-bit elements are computed in f32, f64 in f64. What the rates come to is computed on the
// host in f64 and travels in the arguments or, where the step is captured in a graph, in the device's memory.
// Of a step that may be skipped (found_inf) one block first counts the steps and computes what depends on
// them.
#include <cmath>

#include "ops/optim_step/multi_tensor.cuh"
#include "ops/optim_step/optim_step_op.h"

namespace fornax::ops {
namespace {

using namespace cuda;

__device__ inline bool is_skipped(const float* found_inf) { return found_inf && *found_inf != 0; }

using StepTable = TensorTable<1, Nothing>;

/// Counts the step of entry `i` unless it is skipped, and gives the steps of the entry.
__device__ inline std::int64_t count_step(const StepTable& table, int i, const float* found_inf) {
  auto& steps = *static_cast<std::int64_t*>(table.data[i][0]);
  if (!is_skipped(found_inf)) ++steps;
  return steps;
}

__global__ void count_steps(StepTable table, const float* found_inf) {
  for (int i = static_cast<int>(threadIdx.x); i < table.count; i += static_cast<int>(blockDim.x))
    count_step(table, i, found_inf);
}

/// Calls launch_one(table, number of its first entry) for the steps of all entries.
template <class Entry, class Launch>
void for_each_step_table(std::span<const Entry> entries, Launch&& launch_one) {
  StepTable table;
  for (std::size_t i = 0, first = 0; i < entries.size(); ++i) {
    table.add(std::array{&entries[i].steps}, {});
    if (!table.full() && i + 1 < entries.size()) continue;
    launch_one(table, first);
    table.count = 0;
    first = i + 1;
  }
}

/// What all entries share, rounded to A.
template <class A>
struct Sgd {
  A lr, decay, keep, take, direct, through;
  const SgdFactors* replayed;
  const float* found_inf;

  explicit Sgd(const SgdStep& args)
      : replayed(args.factors.ptr<const SgdFactors>()), found_inf(args.found_inf.ptr<const float>()) {
    take_over(factors_of(args.rates));
  }
  __host__ __device__ void take_over(const SgdFactors& f) {
    lr = A(f.lr);
    decay = A(f.decay);
    keep = A(f.keep);
    take = A(f.take);
    direct = A(f.direct);
    through = A(f.through);
  }
  __device__ bool begin() {
    if (is_skipped(found_inf)) return false;
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

/// Whether the buffer holds nothing yet (b = d then) or, where the device counts them, the steps with this
/// one.
union First {
  bool value;
  const std::int64_t* steps;
};

/// Operands: parameter, gradient, buffer.
template <class T>
struct MomentumSgd {
  using Element = T;
  using Extra = First;
  using A = compute_t<T>;
  static constexpr int operands = 3;
  Sgd<A> factors;

  __device__ bool begin(First& first) {
    if (factors.found_inf) first.value = *first.steps == 1;
    return factors.begin();
  }
  __device__ static bool reads(int k, First first) { return k < 2 || !first.value; }
  __device__ static constexpr bool writes(int k) { return k != 1; }
  __device__ void operator()(A* values, First first) const {
    const Sgd<A>& f = factors;
    const A d = values[1] + f.decay * values[0], buffer = first.value ? d : f.take * d + f.keep * values[2];
    values[2] = buffer;
    values[0] = values[0] - f.lr * (f.direct * d + f.through * buffer);
  }
};

void sgd(const SgdStep& args) {
  if (args.entries.empty()) return;
  const cudaStream_t stream = stream_for(args.entries[0].parameter);
  const bool counts = args.found_inf.defined();
  update_in_launches(SgdStep::op_name, [&](int& launches) {
    if (counts) {
      for_each_step_table(args.entries, [&](const StepTable& table, std::size_t) {
        launch(count_steps, 1, elementwise_block, 0, stream, table, args.found_inf.ptr<const float>());
        ++launches;
      });
    }
    for_each_floating([&]<class T>(std::type_identity<T>) {
      const Sgd<compute_t<T>> factors(args);
      Updater plain(PlainSgd<T>{factors}, stream, launches);
      Updater with_momentum(MomentumSgd<T>{factors}, stream, launches);
      for (const SgdViews& entry : args.entries) {
        if (entry.parameter.dtype != dtype_of<T>) continue;
        First first{entry.first};
        if (counts) first.steps = entry.steps.ptr<const std::int64_t>();
        if (entry.buffer.defined())
          with_momentum.add({&entry.parameter, &entry.gradient, &entry.buffer}, first);
        else
          plain.add({&entry.parameter, &entry.gradient}, {});
      }
      plain.flush();
      with_momentum.flush();
    });
  });
}

/// Counts the steps; to[0] = the factors, and behind it the corrections of the entries from `first` on.
__global__ void count_adamw_steps(StepTable table, const float* found_inf, AdamWFactors factors,
                                  const AdamWFactors* replayed, AdamWFactors* to, std::size_t first) {
  const AdamWFactors f = replayed ? *replayed : factors;
  if (threadIdx.x == 0 && first == 0) *to = f;
  auto* corrections = reinterpret_cast<AdamWCorrection*>(to + 1) + first;
  for (int i = static_cast<int>(threadIdx.x); i < table.count; i += static_cast<int>(blockDim.x)) {
    const auto t = static_cast<double>(count_step(table, i, found_inf));
    corrections[i] = {f.lr / (1 - std::pow(f.beta1, t)), std::sqrt(1 - std::pow(f.beta2, t))};
  }
}

/// An entry's AdamWCorrection rounded to A, or where it is.
template <class A>
union Correction {
  struct {
    A size, root;
  } value;
  const AdamWCorrection* in_memory;
};

/// Operands: parameter, gradient, and the two moments.
template <class T>
struct AdamW {
  using Element = T;
  using A = compute_t<T>;
  using Extra = Correction<A>;
  static constexpr int operands = 4;
  A shrink, beta1, rest1, beta2, rest2, eps;
  const AdamWFactors* in_memory;
  const float* found_inf;

  AdamW(const AdamWFactors& factors, const AdamWFactors* in_memory_, const float* found_inf_)
      : in_memory(in_memory_), found_inf(found_inf_) {
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
    if (is_skipped(found_inf)) return false;
    if (in_memory) {
      take_over(*in_memory);
      correction.value = {A(correction.in_memory->size), A(correction.in_memory->root)};
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
  const bool counts = args.found_inf.defined();
  const AdamWFactors factors = factors_of(args.rates);
  const auto* const replayed = args.factors.ptr<const AdamWFactors>();
  const auto* const found_inf = args.found_inf.ptr<const float>();
  const std::size_t bytes = sizeof(AdamWFactors) + args.entries.size() * sizeof(AdamWCorrection);
  const Scratch counted(counts ? bytes : 0, stream);
  const AdamWFactors* const in_memory = counts ? counted.as<AdamWFactors>() : replayed;
  update_in_launches(AdamWStep::op_name, [&](int& launches) {
    if (counts) {
      for_each_step_table(args.entries, [&](const StepTable& table, std::size_t first) {
        launch(count_adamw_steps, 1, elementwise_block, 0, stream, table, found_inf, factors, replayed,
               counted.as<AdamWFactors>(), first);
        ++launches;
      });
    }
    for_each_floating([&]<class T>(std::type_identity<T>) {
      using A = compute_t<T>;
      Updater updater(AdamW<T>(factors, in_memory, found_inf), stream, launches);
      for (std::size_t i = 0; i < args.entries.size(); ++i) {
        const AdamWViews& entry = args.entries[i];
        if (entry.parameter.dtype != dtype_of<T>) continue;
        Correction<A> correction{};
        if (in_memory) {
          correction.in_memory = reinterpret_cast<const AdamWCorrection*>(in_memory + 1) + i;
        } else {
          const AdamWCorrection value = correction_of(factors, entry.step);
          correction.value = {A(value.size), A(value.root)};
        }
        updater.add({&entry.parameter, &entry.gradient, &entry.exp_avg, &entry.exp_avg_sq}, correction);
      }
      updater.flush();
    });
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

// Policy: one pass over memory per parameter, all threads on each; 16-bit elements are computed in f32, f64
// in f64. The sum of squares is cut into blocks of a fixed number of elements, summed in f64 and added in
// order.
#include <algorithm>
#include <cmath>
#include <vector>

#include "fornax/base/parallel.h"
#include "ops/common/loop.h"
#include "ops/optim_step/optim_step_op.h"

namespace fornax::ops {
namespace {

template <class T>
T& at(std::byte* data, std::int64_t offset) {
  return *reinterpret_cast<T*>(data + offset);
}

/// Calls f(element&...) on each element of views of one shape and element type T.
template <class T, class F, class... View>
void for_each(F&& f, const View&... views) {
  cpu::for_each_row(
      [&](const auto& data, const auto& step, std::int64_t count) {
        constexpr auto each = std::make_index_sequence<sizeof...(View)>{};
        const auto visit = [&]<std::size_t... k>(std::index_sequence<k...>, const auto&... steps) {
          for (std::int64_t i = 0; i < count; ++i) f(at<T>(data[k], i * steps)...);
        };
        const bool adjacent = std::ranges::all_of(step, [](std::int64_t s) { return s == sizeof(T); });
        [&]<std::size_t... k>(std::index_sequence<k...> order) {
          if (adjacent)
            visit(order, ((void)k, std::integral_constant<std::int64_t, sizeof(T)>{})...);  // vectorised
          else
            visit(order, step[k]...);
        }
        (each);
      },
      views...);
}

bool skips(const TensorView& found_inf) { return found_inf.defined() && *found_inf.ptr<float>() != 0; }

void sgd(const SgdStep& args) {
  if (skips(args.found_inf)) return;
  for (const SgdViews& entry : args.entries) {
    const bool first = entry.steps.defined() ? ++*entry.steps.ptr<std::int64_t>() == 1 : entry.first;
    visit_floating(entry.parameter.dtype, [&]<class T>(std::type_identity<T>) {
      using A = accumulate_t<T>;
      const A lr = A(args.rates.lr), momentum = A(args.rates.momentum), decay = A(args.rates.weight_decay);
      if (!entry.buffer.defined()) {
        for_each<T>([=](T& p, const T& g) { p = T(A(p) - lr * (A(g) + decay * A(p))); }, entry.parameter,
                    entry.gradient);
        return;
      }
      // At first b = d, whatever the memory holds.
      const A keep = first ? A(0) : momentum, take = first ? A(1) : A(1 - args.rates.dampening);
      const A direct = args.rates.nesterov ? A(1) : A(0), through = args.rates.nesterov ? momentum : A(1);
      for_each<T>(
          [=](T& p, const T& g, T& b) {
            const A d = A(g) + decay * A(p), buffer = take * d + (first ? A(0) : keep * A(b));
            b = T(buffer);
            p = T(A(p) - lr * (direct * d + through * buffer));
          },
          entry.parameter, entry.gradient, entry.buffer);
    });
  }
}

void adamw(const AdamWStep& args) {
  if (skips(args.found_inf)) return;
  const AdamWFactors factors = factors_of(args.rates);
  for (const AdamWViews& entry : args.entries) {
    const std::int64_t step = entry.steps.defined() ? ++*entry.steps.ptr<std::int64_t>() : entry.step;
    const AdamWCorrection correction = correction_of(factors, step);
    visit_floating(entry.parameter.dtype, [&]<class T>(std::type_identity<T>) {
      using A = accumulate_t<T>;
      const A shrink = A(factors.shrink), eps = A(factors.eps);
      const A size = A(correction.size), root = A(correction.root);
      const A beta1 = A(factors.beta1), beta2 = A(factors.beta2);
      const A rest1 = A(factors.rest1), rest2 = A(factors.rest2);
      for_each<T>(
          [=](T& p, const T& g, T& m, T& v) {
            const A mean = beta1 * A(m) + rest1 * A(g), square = beta2 * A(v) + rest2 * A(g) * A(g);
            m = T(mean);
            v = T(square);
            p = T(shrink * A(p) - size * mean / (std::sqrt(square) / root + eps));
          },
          entry.parameter, entry.gradient, entry.exp_avg, entry.exp_avg_sq);
    });
  }
}

/// Sums of squares of blocks of a loop, in the order of memory.
template <class T>
double sum_of_squares(const TensorView& x) {
  constexpr std::int64_t block = 32768;
  const auto loop = cpu::make_loop(std::array<const TensorView*, 1>{&x});
  const std::int64_t total = loop.shape.product(), blocks = (total + block - 1) / block;
  std::vector<double> sums(static_cast<std::size_t>(blocks));
  parallel_for(0, blocks, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t b = first; b < last; ++b) {
      double sum = 0;
      cpu::walk(loop, b * block, std::min(total, (b + 1) * block),
                [&](const auto& data, const auto& step, std::int64_t count) {
                  double lanes[4] = {};  // independent sums, so that additions need not wait for each other
                  for (std::int64_t i = 0; i < count; ++i) {
                    const auto value = static_cast<double>(at<const T>(data[0], i * step[0]));
                    lanes[i % 4] += value * value;
                  }
                  sum += (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
                });
      sums[static_cast<std::size_t>(b)] = sum;
    }
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

void norm(const TotalNorm& args) {
  double sum = 0;
  for (const TensorView& x : args.x) {
    if (x.numel() == 0) continue;
    visit_floating(x.dtype, [&]<class T>(std::type_identity<T>) { sum += sum_of_squares<T>(x); });
  }
  *args.norm.ptr<double>() = std::sqrt(sum);
}

void clip(const ClipByNorm& args) {
  const double factor = args.max_norm / (*args.norm.ptr<double>() + 1e-6);
  if (factor >= 1) return;  // a NaN goes on, and is seen
  for (const TensorView& x : args.x) {
    visit_floating(x.dtype, [&]<class T>(std::type_identity<T>) {
      using A = accumulate_t<T>;
      for_each<T>([scale = A(factor)](T& value) { value = T(A(value) * scale); }, x);
    });
  }
}

}  // namespace

constinit const dispatch::Kernel<SgdStep> sgd_step_cpu{
    {"strided", DeviceType::cpu, floating_dtypes}, [](const SgdStep&) { return dispatch::accepts; }, sgd};
constinit const dispatch::Kernel<AdamWStep> adamw_step_cpu{
    {"strided", DeviceType::cpu, floating_dtypes}, [](const AdamWStep&) { return dispatch::accepts; }, adamw};
constinit const dispatch::Kernel<TotalNorm> total_norm_cpu{
    {"strided", DeviceType::cpu, floating_dtypes}, [](const TotalNorm&) { return dispatch::accepts; }, norm};
constinit const dispatch::Kernel<ClipByNorm> clip_by_norm_cpu{
    {"strided", DeviceType::cpu, floating_dtypes}, [](const ClipByNorm&) { return dispatch::accepts; }, clip};

}  // namespace fornax::ops

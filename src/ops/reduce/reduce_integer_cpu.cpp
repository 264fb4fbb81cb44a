// Policy: each output is reduced by one thread in its own type, sums in i64; no vectorisation beyond the
// compiler's, since these reductions count and compare little.
#include <limits>

#include "fornax/base/parallel.h"
#include "ops/reduce/reduce_op.h"
#include "ops/reduce/reduce_walk.h"

namespace fornax::ops {
namespace {

template <class Y, class X, class Merge>
void reduce(const Reduce& args, Y identity, Merge merge) {
  const ReducePlan plan = plan_reduce(args.x, args.y);
  const std::int64_t count = plan.reduced.numel();
  parallel_for(0, plan.kept.numel(), 1 + 32768 / (count + 1), [&](std::int64_t first, std::int64_t last) {
    cpu::ReduceWalk output(plan.kept, first);
    for (std::int64_t i = first; i < last; ++i, output.next()) {
      Y total = identity;
      cpu::ReduceWalk input(plan.reduced, 0);
      for (std::int64_t j = 0; j < count; ++j, input.next())
        total = merge(total, static_cast<Y>(args.x.ptr<const X>()[output.x + input.x]));
      args.y.ptr<Y>()[output.y] = total;
    }
  });
}

void run(const Reduce& args) {
  visit_dtype(args.x.dtype, [&]<class X>(std::type_identity<X>) {
    if constexpr (std::is_integral_v<X>) {
      using Limits = std::numeric_limits<X>;
      if (args.kind == ReduceKind::sum)
        reduce<std::int64_t, X>(args, 0, [](std::int64_t a, std::int64_t b) { return a + b; });
      else if (args.kind == ReduceKind::max)
        reduce<X, X>(args, Limits::lowest(), [](X a, X b) { return a > b ? a : b; });
      else
        reduce<X, X>(args, Limits::max(), [](X a, X b) { return a < b ? a : b; });
    }
  });
}

dispatch::Refusal can_run(const Reduce& args) {
  const bool counts =
      args.kind == ReduceKind::sum || args.kind == ReduceKind::max || args.kind == ReduceKind::min;
  if (is_floating(args.x.dtype)) return "x is floating";
  if (!counts || args.scale != 1) return "takes sum, max and min without scale";
  return dispatch::accepts;
}

}  // namespace

constinit const dispatch::Kernel<Reduce> reduce_integer_cpu{
    {"integer", DeviceType::cpu, integer_dtypes | DTypeSet{boolean}}, can_run, run};

}  // namespace fornax::ops

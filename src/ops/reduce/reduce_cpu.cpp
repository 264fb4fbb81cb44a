// Policy: if the axis that is innermost in memory is reduced, each output folds rows of neighbours; if it is
// kept, blocks of adjacent outputs fold rows side by side. Partial results are double and are merged in the
// order of memory. Few outputs over many elements are cut into chunks, whose number depends on shapes alone.
// Elements that are not adjacent or have 16 bits pass through a buffer.
#include <cmath>
#include <vector>

#include "cpu/copy.h"
#include "fornax/base/parallel.h"
#include "ops/reduce/reduce_kernels.h"
#include "ops/reduce/reduce_op.h"
#include "ops/reduce/reduce_walk.h"

namespace fornax::ops {
namespace {

using cpu::Fold;
using cpu::ReduceWalk;

Fold fold_of(ReduceKind kind) {
  switch (kind) {
    case ReduceKind::sum: return Fold::sum;
    case ReduceKind::sum_squares:
    case ReduceKind::norm2: return Fold::sum_squares;
    case ReduceKind::norm1: return Fold::sum_abs;
    case ReduceKind::norm_inf: return Fold::max_abs;
    case ReduceKind::logsumexp: return Fold::sum_exp;
    case ReduceKind::max: return Fold::max;
    case ReduceKind::min: break;
  }
  return Fold::min;
}

double identity_of(Fold fold) { return fold == Fold::max ? -INFINITY : fold == Fold::min ? INFINITY : 0.0; }

double merge(Fold fold, double a, double b) {
  if (fold == Fold::max || fold == Fold::max_abs) return a > b || std::isnan(a) ? a : b;
  if (fold == Fold::min) return a < b || std::isnan(a) ? a : b;
  return a + b;
}

double finish(const Reduce& args, double total, double center) {
  if (args.kind == ReduceKind::norm2) total = std::sqrt(total);
  if (args.kind == ReduceKind::logsumexp) total = center + std::log(total);
  return args.scale * total;
}

template <class T>
const cpu::FoldKernels<T>& fold_kernels() {
  if constexpr (sizeof(T) == 8)
    return cpu::fold_kernels_f64();
  else
    return cpu::fold_kernels_f32();
}

/// The work in units (blocks of outputs that are neighbours along the innermost kept axis) and, along the
/// reduced axes, steps (rows, or segments of them where the innermost axis in memory is reduced).
template <class T>
class Reduction {
 public:
  explicit Reduction(const Reduce& args)
      : args_(args), fold_(fold_of(args.kind)), plan_(plan_reduce(args.x, args.y, args.center)) {
    const auto take = [](ReduceAxes& axes) {
      return axes.count() > 0 ? axes.pop_back() : ReduceAxis{.size = 1, .x = 1, .y = 1, .center = 1};
    };
    inner_ = take(plan_.reduced);
    outputs_ = take(plan_.kept);
    width_ = std::min(outputs_.size, cpu::fold_column_count);
    per_inner_ = inner_.size;
    if (!plan_.innermost_is_kept) {
      per_inner_ = (inner_.size + cpu::fold_row_length - 1) / cpu::fold_row_length;
      const std::int64_t per_output = plan_.reduced.numel() * inner_.size;
      width_ = std::min(width_, 1 + unit_work / (per_output + 1));
    }
    blocks_ = width_ == 0 ? 0 : (outputs_.size + width_ - 1) / width_;
    units_ = plan_.kept.numel() * blocks_;
    steps_ = plan_.reduced.numel() * per_inner_;
  }

  void run() const {
    if (units_ == 0) return;
    const std::int64_t work = args_.x.numel();
    const std::int64_t chunks = std::max<std::int64_t>(
        1, std::min({work / (units_ * unit_work), (most_chunks + units_ - 1) / units_, steps_}));
    const std::int64_t tasks = units_ * chunks;
    std::vector<double> partial(static_cast<std::size_t>(chunks > 1 ? tasks * width_ : 0));
    parallel_for(0, tasks, 1 + 2 * unit_work * tasks / (work + 1),
                 [&](std::int64_t first, std::int64_t last) {
                   double block[cpu::fold_column_count];
                   for (std::int64_t task = first; task < last; ++task) {
                     const Unit unit = locate(task / chunks);
                     const std::int64_t chunk = task % chunks;
                     double* total = chunks > 1 ? partial.data() + task * width_ : block;
                     std::fill_n(total, unit.count, identity_of(fold_));
                     fold(unit, steps_ * chunk / chunks, steps_ * (chunk + 1) / chunks, total);
                     if (chunks == 1) write(unit, total);
                   }
                 });
    for (std::int64_t i = 0; chunks > 1 && i < units_; ++i) {
      const Unit unit = locate(i);
      double* total = partial.data() + i * chunks * width_;
      for (std::int64_t chunk = 1; chunk < chunks; ++chunk)
        for (std::int64_t c = 0; c < unit.count; ++c)
          total[c] = merge(fold_, total[c], total[chunk * width_ + c]);
      write(unit, total);
    }
  }

 private:
  /// A task should have about this many elements; a unit is cut into this many chunks at most.
  static constexpr std::int64_t unit_work = 16384, most_chunks = 64;

  /// Where a unit begins, and how many outputs it has.
  struct Unit {
    std::int64_t x, y, center, count;
  };
  Unit locate(std::int64_t unit) const {
    const ReduceWalk at(plan_.kept, unit / blocks_);
    const std::int64_t first = unit % blocks_ * width_;
    return {at.x + first * outputs_.x, at.y + first * outputs_.y, at.center + first * outputs_.center,
            std::min(width_, outputs_.size - first)};
  }

  void fold(const Unit& unit, std::int64_t first, std::int64_t last, double* total) const {
    if (first == last) return;
    T center[cpu::fold_column_count];
    if (args_.center.defined())
      for (std::int64_t i = 0; i < unit.count; ++i) center[i] = center_at(unit, i);
    const T* centers = args_.center.defined() ? center : nullptr;
    if (plan_.innermost_is_kept) return fold_columns(unit, centers, first, last, total);
    for (std::int64_t i = 0; i < unit.count; ++i)
      total[i] = fold_row(unit.x + i * outputs_.x, centers ? centers[i] : T(0), first, last, total[i]);
  }

  double fold_row(std::int64_t x, T center, std::int64_t first, std::int64_t last, double total) const {
    T buffer[cpu::fold_row_length];
    const auto kernel = kernels_.row[static_cast<int>(fold_)];
    ReduceWalk outer(plan_.reduced, first / per_inner_);
    std::int64_t segment = first % per_inner_;
    for (std::int64_t step = first; step < last; ++step) {
      const std::int64_t start = segment * cpu::fold_row_length,
                         count = std::min(cpu::fold_row_length, inner_.size - start);
      const T* row = dense(x + outer.x + start * inner_.x, 0, 1, inner_.x, count, buffer);
      total = merge(fold_, total, kernel(row, count, center));
      if (++segment == per_inner_) {
        segment = 0;
        outer.next();
      }
    }
    return total;
  }

  void fold_columns(const Unit& unit, const T* center, std::int64_t first, std::int64_t last,
                    double* total) const {
    constexpr std::int64_t buffer_size = 8192;
    T buffer[buffer_size];
    const bool in_place = is_dense(outputs_.x);
    const std::int64_t most_rows =
        in_place ? cpu::fold_row_count : std::min(cpu::fold_row_count, buffer_size / unit.count);
    const auto kernel = kernels_.columns[static_cast<int>(fold_)];
    ReduceWalk outer(plan_.reduced, first / per_inner_);
    std::int64_t row = first % per_inner_;
    for (std::int64_t step = first; step < last;) {
      const std::int64_t rows = std::min({last - step, per_inner_ - row, most_rows});
      const T* x = dense(unit.x + outer.x + row * inner_.x, inner_.x, rows, outputs_.x, unit.count, buffer);
      kernel(x, in_place ? inner_.x : unit.count, rows, unit.count, center, total);
      step += rows;
      row += rows;
      if (row == per_inner_) {
        row = 0;
        outer.next();
      }
    }
  }

  /// Rows of x as dense rows of T: in place if they are that, else in `buffer`.
  const T* dense(std::int64_t offset, std::int64_t row_stride, std::int64_t rows, std::int64_t stride,
                 std::int64_t count, T* buffer) const {
    if (is_dense(stride)) return args_.x.ptr<const T>() + offset;
    const auto bytes = static_cast<std::int64_t>(size_of(args_.x.dtype));
    copy_(args_.x.ptr<const std::byte>() + offset * bytes, row_stride, stride, buffer, count, rows, count);
    return buffer;
  }
  bool is_dense(std::int64_t stride) const { return stride == 1 && args_.x.dtype == dtype_of<T>; }

  T center_at(const Unit& unit, std::int64_t i) const {
    const T center = args_.center.ptr<const T>()[unit.center + i * outputs_.center];
    return args_.kind == ReduceKind::logsumexp && std::isinf(center) ? T(0) : center;
  }

  void write(const Unit& unit, const double* total) const {
    visit_floating(args_.y.dtype, [&]<class Y>(std::type_identity<Y>) {
      Y* y = args_.y.ptr<Y>() + unit.y;
      for (std::int64_t i = 0; i < unit.count; ++i) {
        const double center = args_.center.defined() ? static_cast<double>(center_at(unit, i)) : 0;
        y[i * outputs_.y] = Y(static_cast<accumulate_t<Y>>(finish(args_, total[i], center)));
      }
    });
  }

  const Reduce& args_;
  const cpu::FoldKernels<T>& kernels_ = fold_kernels<T>();
  const cpu::Copy copy_ = cpu::copy_to_compute(args_.x.dtype);
  Fold fold_;
  ReducePlan plan_;     // without the next two axes
  ReduceAxis inner_;    // the innermost reduced axis
  ReduceAxis outputs_;  // the innermost kept axis
  std::int64_t per_inner_, width_, blocks_, units_, steps_;
};

/// One output of a few adjacent elements, the end of most losses: no plan needed.
template <class T>
bool run_small(const Reduce& args) {
  const std::int64_t count = args.x.numel();
  const bool is_small = args.y.numel() == 1 && count <= cpu::fold_row_length && args.x.is_contiguous() &&
                        args.x.dtype == dtype_of<T> && args.y.dtype == args.x.dtype && !args.center.defined();
  if (!is_small) return false;
  const auto kernel = fold_kernels<T>().row[static_cast<int>(fold_of(args.kind))];
  *args.y.ptr<T>() = static_cast<T>(finish(args, kernel(args.x.ptr<const T>(), count, T(0)), 0));
  return true;
}

template <class T>
void run_as(const Reduce& args) {
  if (!run_small<T>(args)) Reduction<T>(args).run();
}

void run(const Reduce& args) {
  if (args.x.dtype == f64)
    run_as<double>(args);
  else
    run_as<float>(args);
}

}  // namespace

constinit const dispatch::Kernel<Reduce> reduce_simd_cpu{
    {"simd", DeviceType::cpu, floating_dtypes},
    [](const Reduce& args) { return is_floating(args.x.dtype) ? dispatch::accepts : "x is not floating"; },
    run};

}  // namespace fornax::ops

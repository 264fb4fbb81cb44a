// Policy: rows are copied whole. The gradient sorts the uses by row (stably, by counting), so that each row
// is summed by one thread in the order of its uses.
#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "fornax/base/error.h"
#include "fornax/base/parallel.h"
#include "ops/common/packed_row.h"
#include "ops/embedding/embedding_op.h"

namespace fornax::ops {
namespace {

std::int64_t rows_grain(std::int64_t width) {
  return cpu::elementwise_grain / std::max<std::int64_t>(width, 1) + 1;
}

template <class F>
void visit_index_type(DType dtype, F&& f) {
  if (dtype == i64)
    f(std::type_identity<std::int64_t>{});
  else
    f(std::type_identity<std::int32_t>{});
}

template <class Index>
void check_indices(const Embedding& args) {
  const Index* indices = args.indices.ptr<const Index>();
  const std::int64_t count = args.indices.numel(), rows = args.weight.size(0);
  for (std::int64_t i = 0; i < count; ++i) {
    if (indices[i] >= 0 && indices[i] < rows) continue;
    throw IndexError("embedding", fmt::format("expected indices from 0 to {}, got {} at position {}; {}",
                                              rows - 1, indices[i], i, dispatch::describe(args.operands())));
  }
}

void run(const Embedding& args) {
  const std::int64_t width = args.y.size(1), count = args.y.size(0);
  const auto size = static_cast<std::int64_t>(size_of(args.y.dtype));
  visit_index_type(args.indices.dtype, [&]<class Index>(std::type_identity<Index>) {
    check_indices<Index>(args);
    const Index* indices = args.indices.ptr<const Index>();
    parallel_for(0, count, rows_grain(width), [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        cpu::copy_strided(args.y.ptr<std::byte>() + i * width * size, size,
                          args.weight.ptr<std::byte>() + indices[i] * args.weight.stride(0) * size,
                          args.weight.stride(1) * size, size, width);
      }
    });
  });
}

dispatch::Refusal can_run(const Embedding& args) {
  return args.y.is_contiguous() && args.indices.is_contiguous() ? dispatch::accepts
                                                                : "y and indices must be row-major";
}

/// The uses of row v are uses[start[v]] .. uses[start[v + 1]] in their order.
struct Uses {
  std::vector<std::int64_t> start, uses;

  template <class Index>
  Uses(const Index* indices, std::int64_t count, std::int64_t rows)
      : start(static_cast<std::size_t>(rows + 1)), uses(static_cast<std::size_t>(count)) {
    for (std::int64_t i = 0; i < count; ++i) ++start[static_cast<std::size_t>(indices[i]) + 1];
    for (std::size_t v = 1; v < start.size(); ++v) start[v] += start[v - 1];
    std::vector<std::int64_t> next(start.begin(), start.end() - 1);
    for (std::int64_t i = 0; i < count; ++i)
      uses[static_cast<std::size_t>(next[static_cast<std::size_t>(indices[i])]++)] = i;
  }
};

template <class T>
void sum_rows(const EmbeddingGrad& args, const Uses& uses) {
  using A = accumulate_t<T>;
  const std::int64_t rows = args.dweight.size(0), width = args.dweight.size(1);
  const T* dy = args.dy.ptr<const T>();
  T* dweight = args.dweight.ptr<T>();
  parallel_for(0, rows, rows_grain(width), [&](std::int64_t first, std::int64_t last) {
    std::vector<A> sum(static_cast<std::size_t>(width));
    for (std::int64_t v = first; v < last; ++v) {
      std::fill(sum.begin(), sum.end(), A(0));
      for (std::int64_t k = uses.start[static_cast<std::size_t>(v)];
           k < uses.start[static_cast<std::size_t>(v) + 1]; ++k) {
        const T* row = dy + uses.uses[static_cast<std::size_t>(k)] * width;
        for (std::int64_t j = 0; j < width; ++j) sum[static_cast<std::size_t>(j)] += static_cast<A>(row[j]);
      }
      std::transform(sum.begin(), sum.end(), dweight + v * width, [](A value) { return T(value); });
    }
  });
}

void run_grad(const EmbeddingGrad& args) {
  visit_index_type(args.indices.dtype, [&]<class Index>(std::type_identity<Index>) {
    const Uses uses(args.indices.ptr<const Index>(), args.indices.numel(), args.dweight.size(0));
    visit_floating(args.dweight.dtype, [&]<class T>(std::type_identity<T>) { sum_rows<T>(args, uses); });
  });
}

dispatch::Refusal can_run_grad(const EmbeddingGrad& args) {
  return args.dweight.is_contiguous() && args.dy.is_contiguous() && args.indices.is_contiguous()
             ? dispatch::accepts
             : "all operands must be row-major";
}

}  // namespace

constinit const dispatch::Kernel<Embedding> embedding_cpu{
    {"rows", DeviceType::cpu, floating_dtypes}, can_run, run};
constinit const dispatch::Kernel<EmbeddingGrad> embedding_grad_cpu{
    {"sorted", DeviceType::cpu, floating_dtypes}, can_run_grad, run_grad};

}  // namespace fornax::ops

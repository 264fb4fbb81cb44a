// Policy: a row at a time; mean and variance in two passes in cache, sums of blocks in double. Gradients of
// weight and bias are summed over chunks of rows, whose number depends on shapes alone: short runs in the
// compute type, these in double, chunks in their order.
#include <algorithm>
#include <utility>
#include <vector>

#include "ops/common/rows.h"
#include "ops/layer_norm/layer_norm_kernels.h"
#include "ops/layer_norm/layer_norm_op.h"

namespace fornax::ops {
namespace {

template <class T>
const cpu::LayerNormKernels<T>& kernels() {
  if constexpr (sizeof(T) == sizeof(double))
    return cpu::layer_norm_kernels_f64();
  else
    return cpu::layer_norm_kernels_f32();
}

/// A vector operand in T; null if it is undefined.
template <class T>
class Factors {
 public:
  explicit Factors(const TensorView& view)
      : scratch_(cpu::Scratch::of<T>(view.defined() ? view.numel() : 0)) {
    if (!view.defined()) return;
    cpu::copy_to_compute(view.dtype)(view.data, 0, view.strides[0], scratch_.template as<T>(), 0, 1,
                                     view.numel());
    data_ = scratch_.template as<T>();
  }
  const T* data() const { return data_; }

 private:
  cpu::Scratch scratch_;
  const T* data_ = nullptr;
};

template <class T>
T& at(std::byte* data) {
  return *reinterpret_cast<T*>(data);
}

template <class T>
void forward(const LayerNorm& args) {
  const Factors<T> weight(args.weight), bias(args.bias);
  const auto kernel = kernels<T>().forward;
  cpu::for_rows<T, 1, 1, 2>(1, {args.y}, {args.x}, {args.mean, args.rstd}, [&](const auto& row) {
    const auto [mean, rstd] = kernel(row.in[0], weight.data(), bias.data(), args.eps, row.out[0], row.length);
    at<T>(row.scalar[0]) = mean;
    at<T>(row.scalar[1]) = rstd;
  });
}

template <class T>
void grad_input(const LayerNormGrad& args) {
  const Factors<T> weight(args.weight);
  const auto kernel = kernels<T>().grad_input;
  cpu::for_rows<T, 1, 2, 2>(1, {args.dx}, {args.dy, args.x}, {args.mean, args.rstd}, [&](const auto& row) {
    kernel(row.in[0], row.in[1], weight.data(), {at<T>(row.scalar[0]), at<T>(row.scalar[1])}, row.out[0],
           row.length);
  });
}

/// Rows of a matrix as dense rows of T: where they begin, and their distance.
template <class T>
std::pair<const T*, std::int64_t> fetch(const cpu::RowOperand<T>& matrix, std::int64_t first,
                                        std::int64_t count, T* buffer) {
  const std::int64_t distance = matrix.firsts.strides[0];
  const auto size = static_cast<std::int64_t>(size_of(matrix.firsts.dtype));
  const auto* from = matrix.firsts.template ptr<const std::byte>() + first * distance * size;
  if (matrix.in_place()) return {reinterpret_cast<const T*>(from), distance};
  matrix.load(from, distance, count, buffer);
  return {buffer, matrix.length};
}

void write(const TensorView& y, const double* values) {
  if (!y.defined()) return;
  visit_floating(y.dtype, [&]<class Y>(std::type_identity<Y>) {
    for (std::int64_t i = 0; i < y.numel(); ++i) y.ptr<Y>()[i] = Y(static_cast<accumulate_t<Y>>(values[i]));
  });
}

template <class T>
void grad_affine(const LayerNormGrad& args) {
  constexpr std::int64_t chunk_work = 32768, most_chunks = 64, run = 32;
  const std::int64_t rows = args.x.shape[0], length = args.x.shape[1];
  const std::int64_t chunks = std::clamp<std::int64_t>(rows * length / chunk_work, 1, most_chunks);
  const cpu::RowOperand<T> dy(args.dy, 1), x(args.x, 1);
  const auto kernel = kernels<T>().grad_affine;
  std::vector<double> totals(static_cast<std::size_t>(chunks * 2 * length));  // per chunk: dweight, dbias
  parallel_for(0, chunks, 1, [&](std::int64_t first_chunk, std::int64_t last_chunk) {
    const cpu::Scratch scratch = cpu::Scratch::of<T>((2 + 2 * run) * length);
    T *sums = scratch.as<T>(), *dy_buffer = sums + 2 * length, *x_buffer = dy_buffer + run * length;
    for (std::int64_t chunk = first_chunk; chunk < last_chunk; ++chunk) {
      const std::int64_t end = rows * (chunk + 1) / chunks;
      double* total = totals.data() + chunk * 2 * length;
      for (std::int64_t first = rows * chunk / chunks; first < end; first += run) {
        const std::int64_t count = std::min(run, end - first);
        const auto [dys, dy_distance] = fetch(dy, first, count, dy_buffer);
        const auto [xs, x_distance] = fetch(x, first, count, x_buffer);
        std::fill_n(sums, 2 * length, T(0));
        for (std::int64_t r = 0; r < count; ++r) {
          const cpu::LayerNormRow<T> row{args.mean.ptr<const T>()[first + r],
                                         args.rstd.ptr<const T>()[first + r]};
          kernel(dys + r * dy_distance, xs + r * x_distance, row, sums, sums + length, length);
        }
        for (std::int64_t i = 0; i < 2 * length; ++i) total[i] += static_cast<double>(sums[i]);
      }
    }
  });
  for (std::int64_t chunk = 1; chunk < chunks; ++chunk)
    for (std::int64_t i = 0; i < 2 * length; ++i)
      totals[static_cast<std::size_t>(i)] += totals[static_cast<std::size_t>(chunk * 2 * length + i)];
  write(args.dweight, totals.data());
  write(args.dbias, totals.data() + length);
}

template <class T>
void backward(const LayerNormGrad& args) {
  if (args.dx.defined()) grad_input<T>(args);
  if (args.dweight.defined() || args.dbias.defined()) grad_affine<T>(args);
}

}  // namespace

constinit const dispatch::Kernel<LayerNorm> layer_norm_cpu{
    {"rows", DeviceType::cpu, floating_dtypes},
    [](const LayerNorm&) { return dispatch::accepts; },
    [](const LayerNorm& args) { args.x.dtype == f64 ? forward<double>(args) : forward<float>(args); }};
constinit const dispatch::Kernel<LayerNormGrad> layer_norm_grad_cpu{
    {"rows", DeviceType::cpu, floating_dtypes},
    [](const LayerNormGrad&) { return dispatch::accepts; },
    [](const LayerNormGrad& args) { args.x.dtype == f64 ? backward<double>(args) : backward<float>(args); }};

}  // namespace fornax::ops

// Policy: a block for each row, which it reads twice. Sums are f32 (f64 of f64) and added in an order that
// depends on n alone: the same bits in every run.
//
// This is CUDA, but for the three words of device/cuda.cuh: nvcc compiles it for a GPU, and the C++ compiler
// for the simulated device, which finds a barrier that is missing, a race, a read beyond the row.
#include "device/cuda.cuh"
#include "rms_norm_op.h"
#include "runtime/launch.h"

namespace {

namespace fx = fornax;

constexpr int block = 128;

template <class T>
__global__ void normalize_rows(T* y, T* scales, const T* x, const T* weight, int size, T eps) {
  FORNAX_SHARED(T, sums, [block]);
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t start = static_cast<std::int64_t>(blockIdx.x) * size;
  T sum = 0;
  for (int i = thread; i < size; i += block) sum += x[start + i] * x[start + i];
  sums[thread] = sum;
  __syncthreads();
  for (int half = block / 2; half > 0; half /= 2) {
    if (thread < half) sums[thread] += sums[thread + half];
    __syncthreads();
  }
  const T scale = 1 / sqrt(sums[0] / static_cast<T>(size) + eps);
  for (int i = thread; i < size; i += block) y[start + i] = x[start + i] * scale * weight[i];
  if (thread == 0) scales[blockIdx.x] = scale;
}

template <class T>
void run_on(const RmsNorm& op) {
  // The current stream of the operands' device, after whatever still happens to them: dispatch has seen to
  // that.
  fx::cuda::launch(normalize_rows<T>, static_cast<unsigned>(op.scale.numel()), block, 0,
                   fx::cuda::stream_for(op.y), op.y.ptr<T>(), op.scale.ptr<T>(), op.x.ptr<const T>(),
                   op.weight.ptr<const T>(), static_cast<int>(op.weight.numel()), static_cast<T>(op.eps));
}

}  // namespace

constinit const fx::dispatch::Kernel<RmsNorm> rms_norm_cuda{
    {"rows", fx::DeviceType::cuda, {fx::f32, fx::f64}},
    [](const RmsNorm& op) -> fx::dispatch::Refusal {
      const bool fits = op.weight.numel() <= 0x7fffffff && op.scale.numel() <= 0x7fffffff;
      return fits ? fx::dispatch::accepts : "rows and their size are counted in 31 bits";
    },
    [](const RmsNorm& op) {
      if (op.y.numel() == 0) return;
      if (op.y.dtype == fx::f64)
        run_on<double>(op);
      else
        run_on<float>(op);
    }};

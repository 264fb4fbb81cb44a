// The op's function, its gradient and its kernel for the CPU.
#include "rms_norm.h"

#include <cmath>

#include "fornax/fornax.h"
#include "rms_norm_op.h"

namespace fx = fornax;

namespace {

// Best first; the first that is for the device of y and takes its dtype runs.
constexpr const fx::dispatch::Kernel<RmsNorm>* kernels[] = {&rms_norm_cuda, &rms_norm_cpu};
constinit const fx::dispatch::Row<RmsNorm> row{kernels};

// With r = scale and u = x r, the normalised x: dx = r (g - u mean(g u)), where g = dy weight. In public ops,
// so it runs wherever they do.
struct RmsNormGrad final : fx::autograd::Node {
  fx::autograd::Saved x, weight, scale;

  std::string_view name() const override { return "rms_norm"; }
  fx::Grads backward(const fx::Tensor& dy) override {
    const fx::Tensor r = scale.get(*this), normal = x.get(*this) * r;
    fx::Tensor dx, dweight;
    if (needs(0)) {
      const fx::Tensor g = dy * weight.get(*this);
      dx = (g - normal * fx::mean(g * normal, {-1}, /*keepdim=*/true)) * r;
    }
    if (needs(1)) dweight = fx::sum((dy * normal).reshape({-1, dy.size(-1)}), {0});
    return {dx, dweight};
  }
};

}  // namespace

fx::Tensor rms_norm(const fx::Tensor& x, const fx::Tensor& weight, double eps) {
  const auto got = [&] { return ", got x=" + fx::describe(x) + " weight=" + fx::describe(weight); };
  if (x.rank() == 0 || weight.shape() != fx::Shape{x.size(-1)})
    throw fx::ShapeError("rms_norm", "expected x of [..., n] and weight of [n]" + got());
  if ((x.dtype() != fx::f32 && x.dtype() != fx::f64) || weight.dtype() != x.dtype())
    throw fx::DTypeError("rms_norm", "expected x and weight both in f32 or both in f64" + got());
  fx::Shape rows = x.shape();
  rows[x.rank() - 1] = 1;
  const fx::Tensor y = fx::empty(x.shape(), {.dtype = x.dtype(), .device = x.device()});
  const fx::Tensor scale = fx::empty(rows, {.dtype = x.dtype(), .device = x.device()});
  const fx::Tensor dense_x = x.contiguous(), dense_weight = weight.contiguous();
  fx::dispatch::run(row, RmsNorm{y, scale, dense_x, dense_weight, eps});
  fx::Tensor result = y;
  fx::autograd::record<RmsNormGrad>(result, {x, weight}, [&](RmsNormGrad& node) {
    node.x.save(dense_x);
    node.weight.save(dense_weight);
    node.scale.save(scale);
  });
  return result;
}

constinit const fx::dispatch::Kernel<RmsNorm> rms_norm_cpu{
    {"rows", fx::DeviceType::cpu, {fx::f32, fx::f64}},
    [](const RmsNorm&) { return fx::dispatch::accepts; },
    [](const RmsNorm& op) {
      const auto run = [&]<class T>(T) {
        const std::int64_t size = op.weight.numel(), rows = op.scale.numel();
        const T* const weight = op.weight.ptr<T>();
        fx::parallel_for(0, rows, 1 + 32768 / (size + 1), [&](std::int64_t first, std::int64_t last) {
          for (std::int64_t i = first; i < last; ++i) {
            const T* const x = op.x.ptr<T>() + i * size;
            T* const y = op.y.ptr<T>() + i * size;
            T sum = 0;
            for (std::int64_t k = 0; k < size; ++k) sum += x[k] * x[k];
            const T scale = 1 / std::sqrt(sum / static_cast<T>(size) + static_cast<T>(op.eps));
            for (std::int64_t k = 0; k < size; ++k) y[k] = x[k] * scale * weight[k];
            op.scale.ptr<T>()[i] = scale;
          }
        });
      };
      if (op.y.dtype == fx::f64)
        run(double{});
      else
        run(float{});
    }};

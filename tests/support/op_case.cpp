#include "support/op_case.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "fornax/autograd/grad_mode.h"
#include "fornax/device/backend.h"
#include "fornax/ops/create.h"

namespace fornax::test {
namespace {

/// Where the f64 elements are every other one of a larger tensor whose gaps hold NaN.
Tensor with_gaps(const Tensor& dense) {
  Shape wider = dense.shape();
  for (int axis = 0; axis < wider.rank(); ++axis) wider[axis] = 2 * wider[axis] + 1;
  Tensor inside = full(wider, is_floating(dense.dtype()) ? Scalar(NAN) : Scalar(0),
                       {.dtype = dense.dtype(), .device = dense.device()});
  for (int axis = 0; axis < wider.rank(); ++axis)
    inside = inside.slice(axis, 1, 2 * dense.shape()[axis] + 1, 2);
  inside.copy_(dense);
  return inside;
}

Tensor laid_out(const Tensor& x, Layout layout) {
  switch (layout) {
    case Layout::contiguous: return x.clone();
    case Layout::channels_last: return x.rank() == 4 ? x.clone().to(MemoryFormat::channels_last) : x.clone();
    case Layout::strided: break;
  }
  return x.rank() == 0 ? x.clone() : with_gaps(x);
}

/// `x` on `device` with its strides and gaps: bytes travel, no op runs.
Tensor as_it_lies(const Tensor& x, Device device) {
  if (!x.defined() || x.device() == device) return x;
  const Ref<Storage>& from = x.storage();
  const Device worker = device.is_cpu() ? x.device() : device;
  Ref<Storage> to = Storage::allocate(from->bytes(), device);
  from->ready_for(current_stream(worker));
  backend_of(worker.type).copy(to->data(), from->data(), from->bytes(), current_stream(worker));
  current_stream(worker).synchronize();
  const auto* data = static_cast<const std::byte*>(static_cast<TensorView>(x).data);
  const auto offset = static_cast<std::size_t>(data - static_cast<const std::byte*>(from->data()));
  return Tensor::from_storage(std::move(to), offset, x.dtype(), x.shape(), x.strides());
}

bool wants_grad(const OpCase& op_case, std::size_t i) {
  const Tensor& input = op_case.inputs[i];
  return input.defined() && is_floating(input.dtype()) &&
         (op_case.wants_grad.empty() || op_case.wants_grad[i]);
}

/// The dtype of input `i` when the case runs in `dtype`.
DType dtype_of_input(const OpCase& op_case, std::size_t i, DType dtype) {
  const DType own = op_case.inputs[i].dtype();
  if (!is_floating(own)) return own;
  return is_16bit(dtype) && !op_case.wide.empty() && op_case.wide[i] ? f32 : dtype;
}

OpResult run_on(const OpCase& op_case, std::vector<Tensor> inputs, const Tensor& dy) {
  bool differentiable = false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!wants_grad(op_case, i)) continue;
    inputs[i] = inputs[i].detach();
    inputs[i].set_requires_grad();
    differentiable = true;
  }
  OpResult result{op_case.run(inputs), {}};
  if (!differentiable) return result;
  EXPECT_TRUE(result.y.requires_grad()) << op_case.name << ": the output is not recorded";
  if (!result.y.requires_grad()) return result;
  result.y.backward(dy.to(result.y.dtype()));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool wanted = wants_grad(op_case, i);
    result.grads.push_back(wanted ? inputs[i].grad() : Tensor());
    if (wanted) inputs[i].set_grad({});
  }
  return result;
}

Tensor output_gradient(const OpCase& op_case, const Tensor& y) {
  return op_case.dy.defined() ? op_case.dy : hashed(y.shape(), 99);
}

Tensor shape_only(const OpCase& op_case, const std::vector<Tensor>& inputs) {
  const NoGrad no_grad;
  return op_case.run(inputs);
}

double tolerance(DType dtype) {
  switch (dtype) {
    case f64: return 1e-11;
    case f32: return 1e-5;
    case f16: return 4e-3;
    case bf16: return 3e-2;
    default: return 0;
  }
}

void expect_close_tensor(const Tensor& got, const Tensor& want, double allowed, const std::string& what) {
  ASSERT_EQ(got.defined(), want.defined()) << what;
  if (!got.defined()) return;
  ASSERT_EQ(got.shape(), want.shape()) << what;
  const std::vector<double> a = as_it_lies(got.detach(), Device::cpu()).to(f64).to_vector<double>(),
                            b = want.detach().to(f64).to_vector<double>();
  double scale = 0;
  for (const double value : b)
    if (std::isfinite(value)) scale = std::max(scale, std::abs(value));
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (a[i] == b[i]) continue;
    ASSERT_LE(std::abs(a[i] - b[i]), allowed * (scale + std::abs(b[i])))
        << what << " at entry " << i << ": got " << a[i] << ", want " << b[i];
  }
}

}  // namespace

Tensor hashed(const Shape& shape, std::uint64_t seed, double low, double high) {
  std::vector<double> values(static_cast<std::size_t>(shape.product()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint64_t z = (seed + 1) * 0x9e3779b97f4a7c15u + i * 0xbf58476d1ce4e5b9u;  // splitmix64's finaliser
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    values[i] = low + (high - low) * static_cast<double>(z >> 11) * 0x1p-53;
  }
  return from_span<double>(values, shape);
}

OpResult evaluate(const OpCase& op_case, DType dtype, Layout layout, Device device) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < op_case.inputs.size(); ++i) {
    const Tensor& input = op_case.inputs[i];
    inputs.push_back(input.defined()
                         ? as_it_lies(laid_out(input.to(dtype_of_input(op_case, i, dtype)), layout), device)
                         : Tensor());
  }
  const Tensor y = shape_only(op_case, inputs);
  const Tensor dy = output_gradient(op_case, y).to(is_floating(y.dtype()) ? y.dtype() : f64);
  return run_on(op_case, inputs, as_it_lies(laid_out(dy, layout), device));
}

OpResult reference(const OpCase& op_case, DType dtype) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < op_case.inputs.size(); ++i) {
    const Tensor& input = op_case.inputs[i];
    if (!input.defined() || !is_floating(input.dtype()))
      inputs.push_back(input);
    else
      inputs.push_back(input.to(dtype_of_input(op_case, i, dtype)).to(f64).clone());
  }
  const Tensor y = shape_only(op_case, inputs);
  const Tensor dy = output_gradient(op_case, y);
  return run_on(op_case, inputs, dy.to(is_floating(y.dtype()) ? dtype : f64).to(f64));
}

void expect_close(const OpResult& got, const OpResult& want, DType dtype, double slack,
                  const std::string& what) {
  const double allowed = tolerance(dtype) * slack;
  expect_close_tensor(got.y, want.y, is_floating(got.y.dtype()) ? allowed : 0, what + ": output");
  ASSERT_EQ(got.grads.size(), want.grads.size()) << what;
  for (std::size_t i = 0; i < got.grads.size(); ++i)
    expect_close_tensor(got.grads[i], want.grads[i], allowed,
                        fmt::format("{}: gradient of input {}", what, i));
}

}  // namespace fornax::test

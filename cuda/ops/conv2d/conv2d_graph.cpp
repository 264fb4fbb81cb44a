#include "ops/conv2d/conv2d_graph.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "fornax/cuda/math_mode.h"

namespace fornax::ops {
namespace {

using cuda::Descriptor;

std::array<std::int64_t, 4> four(const Dims& dims) { return {dims[0], dims[1], dims[2], dims[3]}; }

/// Strides of axes of size 1 mean nothing, but cuDNN tells layouts by them: those of a channels_last tensor
/// are written as such.
std::array<std::int64_t, 4> strides_of_images(const TensorView& x) {
  const MemoryFormat format = x.is_channels_last() ? MemoryFormat::channels_last : MemoryFormat::contiguous;
  return four(x.has_format(format) ? strides_of(x.shape, format) : x.strides);
}

std::int64_t alignment_of(const void* data) {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  return std::min<std::int64_t>(static_cast<std::int64_t>(address & -address), 16);
}

cudnnDataType_t type_of(DType dtype) {
  switch (dtype) {
    case DType::f64: return CUDNN_DATA_DOUBLE;
    case DType::f16: return CUDNN_DATA_HALF;
    case DType::bf16: return CUDNN_DATA_BFLOAT16;
    default: return CUDNN_DATA_FLOAT;
  }
}

Descriptor describe_window(const ConvolutionProblem& problem, cudnnDataType_t compute) {
  Descriptor window(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  window.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2})
      .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, compute)
      .set_raw(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode)
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, problem.padding)
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, problem.padding)
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, problem.stride)
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, problem.dilation)
      .finalize();
  return window;
}

/// The attributes of one direction's operation.
struct OperationNames {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t x, w, y, window, alpha, beta;
};
constexpr OperationNames names[] = {
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

Descriptor describe_operation(const ConvolutionProblem& problem, const Descriptor& x, const Descriptor& w,
                              const Descriptor& y, const Descriptor& window) {
  const OperationNames& name = names[problem.kind];
  Descriptor operation(name.type);
  operation.set(name.x, x).set(name.w, w).set(name.y, y).set(name.window, window);
  if (problem.dtype == static_cast<std::int64_t>(f64))
    operation.set(name.alpha, 1.0).set(name.beta, 0.0);
  else
    operation.set(name.alpha, 1.0f).set(name.beta, 0.0f);
  operation.finalize();
  return operation;
}

/// y = mode(x), or of x and `other`.
Descriptor describe_pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor* other,
                              const Descriptor& y, cudnnDataType_t compute) {
  Descriptor pointwise(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  pointwise.set_raw(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode)
      .set(CUDNN_ATTR_POINTWISE_MATH_PREC, compute)
      .finalize();
  Descriptor operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  if (other) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *other);
  operation.finalize();
  return operation;
}

Descriptor describe_statistics(const Descriptor& y, const Descriptor& sum, const Descriptor& square_sum) {
  const cudnnGenStatsMode_t mode = CUDNN_GENSTATS_SUM_SQSUM;
  Descriptor operation(CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR);
  operation.set_raw(CUDNN_ATTR_OPERATION_GENSTATS_MODE, CUDNN_TYPE_GENSTATS_MODE, 1, &mode)
      .set(CUDNN_ATTR_OPERATION_GENSTATS_MATH_PREC, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_OPERATION_GENSTATS_XDESC, y)
      .set(CUDNN_ATTR_OPERATION_GENSTATS_SUMDESC, sum)
      .set(CUDNN_ATTR_OPERATION_GENSTATS_SQSUMDESC, square_sum)
      .finalize();
  return operation;
}

}  // namespace

ConvolutionProblem convolution_problem(ConvolutionKind kind, const TensorView& x, const TensorView& w,
                                       const TensorView& y, const Conv2dParams& params,
                                       const ConvolutionEpilogue& epilogue) {
  ConvolutionProblem problem{};
  problem.kind = static_cast<std::int64_t>(kind);
  problem.dtype = static_cast<std::int64_t>(x.dtype);
  problem.has_bias = epilogue.bias.defined();
  problem.has_residual = epilogue.residual.defined();
  problem.relu = epilogue.relu;
  problem.statistics = epilogue.statistics;
  problem.x_sizes = four(x.shape);
  problem.w_sizes = four(w.shape);
  problem.y_sizes = four(y.shape);
  problem.x_strides = strides_of_images(x);
  problem.w_strides = strides_of_images(w);
  problem.y_strides = strides_of_images(y);
  problem.stride = {params.stride.h, params.stride.w};
  problem.padding = {params.padding.h, params.padding.w};
  problem.dilation = {params.dilation.h, params.dilation.w};
  problem.alignment = 16;
  for (const TensorView* view : {&x, &w, &y, &epilogue.bias, &epilogue.residual})
    if (view->defined()) problem.alignment = std::min(problem.alignment, alignment_of(view->data));
  problem.allow_tf32 = cuda::allow_tf32();
  problem.allow_nondeterministic = cuda::allow_nondeterministic();
  return problem;
}

std::vector<cuda::Plan> convolution_plans(const ConvolutionProblem& problem, cudnnHandle_t handle,
                                          const Descriptor* device, std::size_t wanted,
                                          std::string* refused) {
  const auto dtype = static_cast<DType>(problem.dtype);
  const cudnnDataType_t type = type_of(dtype), compute = dtype == f64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
  const auto parts = std::make_shared<cuda::GraphParts>();
  const auto keep = [&](Descriptor part) -> const Descriptor& {
    return parts->emplace_back(std::move(part));
  };
  const auto tensor = [&](std::int64_t id, const auto& sizes, const auto& strides) -> const Descriptor& {
    return keep(cuda::graph_tensor(id, type, sizes, strides, problem.alignment));
  };
  const std::int64_t channels = problem.y_sizes[1];
  const std::array<std::int64_t, 4> channel_sizes = {1, channels, 1, 1},
                                    channel_strides = {channels, 1, channels, channels};
  const Descriptor &x = tensor(id_x, problem.x_sizes, problem.x_strides),
                   &w = tensor(id_w, problem.w_sizes, problem.w_strides),
                   &y = tensor(id_y, problem.y_sizes, problem.y_strides),
                   &window = keep(describe_window(problem, compute));
  // Until the last step the sums stay in the type of the computation, and out of memory.
  std::int64_t steps = problem.has_bias + problem.has_residual + problem.relu, next_id = id_first_virtual;
  const auto result = [&]() -> const Descriptor& {
    return steps-- == 0 ? y
                        : keep(cuda::graph_tensor(next_id++, compute, problem.y_sizes, problem.y_strides,
                                                  problem.alignment, true));
  };
  std::vector<const Descriptor*> operations;
  const Descriptor* value = &result();
  operations.push_back(&keep(describe_operation(problem, x, w, *value, window)));
  const auto apply = [&](cudnnPointwiseMode_t mode, const Descriptor* other) {
    const Descriptor& from = *std::exchange(value, &result());
    operations.push_back(&keep(describe_pointwise(mode, from, other, *value, compute)));
  };
  // In the order of the fused engine that every device has.
  if (problem.has_residual)
    apply(CUDNN_POINTWISE_ADD, &tensor(id_residual, problem.y_sizes, problem.y_strides));
  if (problem.has_bias) apply(CUDNN_POINTWISE_ADD, &tensor(id_bias, channel_sizes, channel_strides));
  if (problem.relu) apply(CUDNN_POINTWISE_RELU_FWD, nullptr);
  if (problem.statistics) {
    const auto sums = [&](std::int64_t id) -> const Descriptor& {
      return keep(cuda::graph_tensor(id, CUDNN_DATA_FLOAT, channel_sizes, channel_strides, 16));
    };
    const Descriptor &sum = sums(id_sum), &square_sum = sums(id_square_sum);
    operations.push_back(&keep(describe_statistics(y, sum, square_sum)));
  }
  // The notes of engines for 16 bits name tensor cores too, where they round nothing.
  const cuda::PlanLimits limits{.allow_tf32 = problem.allow_tf32 != 0 || is_16bit(dtype),
                                .allow_nondeterministic = problem.allow_nondeterministic != 0};
  return cuda::find_plans(parts, operations, handle, device, limits, wanted, refused);
}

}  // namespace fornax::ops

// Policy: cuDNN's plan by its own heuristics, remembered for each problem and device; so is that it has none.
// f32 (and TF32 where allowed), f16 and bf16 accumulate in f32, f64 in f64. Plans are deterministic unless
// allowed otherwise. channels_last and row-major images and weights; groups are in the sizes. Runs on the
// current stream, workspace from the pool.
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "ops/conv2d/conv2d_graph.h"
#include "runtime/launch.h"

namespace fornax::ops {
namespace {

/// Null where cuDNN supports no plan.
using PlanPointer = std::shared_ptr<const cuda::Plan>;

PlanPointer plan_for(const ConvolutionProblem& problem, const TensorView& y) {
  static std::mutex& mutex = *new std::mutex;
  static auto& plans = *new std::map<std::pair<int, ConvolutionProblem>, PlanPointer>;
  const std::pair key{int{y.device.index}, problem};
  const std::lock_guard lock(mutex);
  const auto known = plans.find(key);
  if (known != plans.end()) return known->second;
  const cudnnHandle_t handle = cuda::cudnn_handle(y.device.index, cuda::stream_for(y));
  std::vector<cuda::Plan> found = convolution_plans(problem, handle, nullptr, 1);
  return plans[key] = found.empty() ? nullptr : std::make_shared<const cuda::Plan>(std::move(found[0]));
}

dispatch::Refusal judge(ConvolutionKind kind, const TensorView& x, const TensorView& w, const TensorView& y,
                        const TensorView& bias, const Conv2dParams& params) {
  if (!cuda::cudnn()) return "cuDNN cannot be opened";
  if (x.numel() == 0 || w.numel() == 0 || y.numel() == 0) return "is not for empty operands";
  for (const TensorView* view : {&x, &w, &y})
    if (!view->is_contiguous() && !view->is_channels_last())
      return "takes row-major and channels_last operands";
  if (!plan_for(convolution_problem(kind, x, w, y, bias, params), y))
    return "cuDNN supports no plan for this";
  return dispatch::accepts;
}

void run(ConvolutionKind kind, const TensorView& x, const TensorView& w, const TensorView& y,
         const TensorView& bias, const Conv2dParams& params) {
  const cudaStream_t stream = cuda::stream_for(y);
  const PlanPointer plan = plan_for(convolution_problem(kind, x, w, y, bias, params), y);
  const cuda::Scratch workspace(static_cast<std::size_t>(plan->workspace), stream);
  const std::int64_t ids[] = {id_x, id_w, id_y, id_bias};
  void* const data[] = {x.data, w.data, y.data, bias.data};
  const std::size_t count = bias.defined() ? 4 : 3;
  cuda::execute(cuda::cudnn_handle(y.device.index, stream), *plan, std::span(ids, count),
                std::span(data, count), workspace.as<void>());
}

}  // namespace

constinit const dispatch::Kernel<Conv2dForward> conv2d_cudnn{
    {"cudnn", DeviceType::cuda, floating_dtypes},
    [](const Conv2dForward& args) {
      return judge(ConvolutionKind::forward, args.x, args.w, args.y, args.bias, args.params);
    },
    [](const Conv2dForward& args) {
      run(ConvolutionKind::forward, args.x, args.w, args.y, args.bias, args.params);
    }};
constinit const dispatch::Kernel<Conv2dGradInput> conv2d_grad_input_cudnn{
    {"cudnn", DeviceType::cuda, floating_dtypes},
    [](const Conv2dGradInput& args) {
      return judge(ConvolutionKind::grad_input, args.dx, args.w, args.dy, {}, args.params);
    },
    [](const Conv2dGradInput& args) {
      run(ConvolutionKind::grad_input, args.dx, args.w, args.dy, {}, args.params);
    }};
constinit const dispatch::Kernel<Conv2dGradWeight> conv2d_grad_weight_cudnn{
    {"cudnn", DeviceType::cuda, floating_dtypes},
    [](const Conv2dGradWeight& args) {
      return judge(ConvolutionKind::grad_weight, args.x, args.dw, args.dy, {}, args.params);
    },
    [](const Conv2dGradWeight& args) {
      run(ConvolutionKind::grad_weight, args.x, args.dw, args.dy, {}, args.params);
    }};

}  // namespace fornax::ops

// Policy: cuDNN's plan by its own heuristics or, where that is asked for, the one that measures fastest,
// remembered for each problem and device; so is that there is none. f32 (and TF32 where allowed), f16 and
// bf16 accumulate in f32, f64 in f64. Plans are deterministic unless allowed otherwise. channels_last and
// row-major images and weights; groups are in the sizes. Runs on the current stream, workspace from the pool.
#include <fmt/format.h>

#include <array>
#include <bit>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "device/capture.h"
#include "fornax/base/error.h"
#include "fornax/cuda/math_mode.h"
#include "fornax/cuda/timer.h"
#include "ops/conv2d/conv2d_graph.h"
#include "ops/conv2d/conv2d_moments.h"
#include "runtime/device_state.h"
#include "runtime/launch.h"

namespace fornax::ops {
namespace {

/// How many of cuDNN's proposals are measured.
constexpr std::size_t proposals = 8;

/// Null where cuDNN supports no plan.
using PlanPointer = std::shared_ptr<const cuda::Plan>;

/// Plans by device and problem.
class PlanCache {
 public:
  /// `find` makes what is not there yet.
  template <class Find>
  PlanPointer get(Device device, const ConvolutionProblem& problem, Find&& find) {
    const std::lock_guard lock(mutex_);
    const auto [place, is_new] = plans_.try_emplace({int{device.index}, problem});
    if (is_new) {
      try {
        place->second = find();
      } catch (...) {
        plans_.erase(place);
        throw;
      }
    }
    return place->second;
  }
  /// Null if there is none yet.
  PlanPointer known(Device device, const ConvolutionProblem& problem) {
    const std::lock_guard lock(mutex_);
    const auto place = plans_.find({int{device.index}, problem});
    return place == plans_.end() ? nullptr : place->second;
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    plans_.clear();
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<int, ConvolutionProblem>, PlanPointer> plans_;
};

/// What is bound to a plan's tensors.
struct Bindings {
  std::array<std::int64_t, 7> ids;
  std::array<void*, 7> data;
  std::size_t count = 0;

  Bindings(const TensorView& x, const TensorView& w, const TensorView& y) {
    add(id_x, x.data);
    add(id_w, w.data);
    add(id_y, y.data);
  }
  void add(std::int64_t id, void* pointer) {
    ids[count] = id;
    data[count++] = pointer;
  }
};

std::vector<cuda::Plan> find_plans(const ConvolutionProblem& problem, const TensorView& y,
                                   std::size_t wanted) {
  return convolution_plans(problem, cuda::cudnn_handle(y.device.index, cuda::stream_for(y)), nullptr, wanted);
}

/// The plan that the heuristics prefer.
PlanPointer proposed_plan(const ConvolutionProblem& problem, const TensorView& y) {
  static auto& cache = *new PlanCache;
  return cache.get(y.device, problem, [&]() -> PlanPointer {
    std::vector<cuda::Plan> found = find_plans(problem, y, 1);
    return found.empty() ? nullptr : std::make_shared<const cuda::Plan>(std::move(found[0]));
  });
}

void execute(const cuda::Plan& plan, const TensorView& y, const Bindings& bound) {
  const cudaStream_t stream = cuda::stream_for(y);
  const cuda::Scratch workspace(static_cast<std::size_t>(plan.workspace), stream);
  cuda::execute(cuda::cudnn_handle(y.device.index, stream), plan, std::span(bound.ids.data(), bound.count),
                std::span(bound.data.data(), bound.count), workspace.as<void>());
}

/// What was measured, in this process or another.
struct Measured {
  PlanCache plans;
  std::mutex mutex;  // of what follows
  cuda::CudnnChoices choices;
};

Measured& measured() {
  static auto& all = *new Measured;
  return all;
}

/// The convolution's name in CudnnChoices.
std::string name_of(const ConvolutionProblem& problem, Device device) {
  const auto words = std::bit_cast<std::array<std::int64_t, sizeof problem / sizeof(std::int64_t)>>(problem);
  return fmt::format("{}: {}", cuda::device_state(device.index).model, fmt::join(words, " "));
}

/// The proposal that is known to be the fastest; null if none is.
PlanPointer chosen_plan(const std::string& name, const ConvolutionProblem& problem, const TensorView& y) {
  std::size_t place = 0;
  {
    const std::lock_guard lock(measured().mutex);
    const auto known = measured().choices.find(name);
    if (known == measured().choices.end()) return nullptr;
    place = static_cast<std::size_t>(known->second);
  }
  if (place >= proposals) return nullptr;
  std::vector<cuda::Plan> found = find_plans(problem, y, place + 1);
  return place < found.size() ? std::make_shared<const cuda::Plan>(std::move(found[place])) : nullptr;
}

/// The fastest of the first proposals on these operands. Waits for the device where it measures, which it
/// does not while work is recorded: that cannot be waited for.
PlanPointer measured_plan(const ConvolutionProblem& problem, const TensorView& y, const Bindings& bound) {
  constexpr int runs = 3;
  if (current_capture()) {
    const PlanPointer known = measured().plans.known(y.device, problem);
    return known ? known : proposed_plan(problem, y);
  }
  return measured().plans.get(y.device, problem, [&] {
    const std::string name = name_of(problem, y.device);
    if (PlanPointer chosen = chosen_plan(name, problem, y)) return chosen;
    std::vector<cuda::Plan> found = find_plans(problem, y, proposals);
    std::size_t fastest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < found.size(); ++i) {
      execute(found[i], y, bound);  // the first run may load code
      const cuda::StreamTimer timer(current_stream(y.device));
      for (int run = 0; run < runs; ++run) execute(found[i], y, bound);
      if (const double seconds = timer.seconds(); seconds < least) {
        least = seconds;
        fastest = i;
      }
    }
    const std::lock_guard lock(measured().mutex);
    measured().choices[name] = static_cast<std::int64_t>(fastest);
    return std::make_shared<const cuda::Plan>(std::move(found.at(fastest)));
  });
}

dispatch::Refusal judge(ConvolutionKind kind, const TensorView& x, const TensorView& w, const TensorView& y,
                        const Conv2dParams& params, const ConvolutionEpilogue& epilogue = {}) {
  if (!cuda::cudnn()) return "cuDNN cannot be opened";
  if (x.numel() == 0 || w.numel() == 0 || y.numel() == 0) return "is not for empty operands";
  for (const TensorView* view : {&x, &w, &y})
    if (!view->is_contiguous() && !view->is_channels_last())
      return "takes row-major and channels_last operands";
  if (!proposed_plan(convolution_problem(kind, x, w, y, params, epilogue), y))
    return "cuDNN supports no plan for this";
  return dispatch::accepts;
}

void run(const ConvolutionProblem& problem, const TensorView& y, const Bindings& bound) {
  const PlanPointer plan =
      cuda::cudnn_benchmark() ? measured_plan(problem, y, bound) : proposed_plan(problem, y);
  execute(*plan, y, bound);
}

void run(ConvolutionKind kind, const TensorView& x, const TensorView& w, const TensorView& y,
         const Conv2dParams& params) {
  run(convolution_problem(kind, x, w, y, params), y, Bindings(x, w, y));
}

ConvolutionEpilogue epilogue_of(const Conv2dForward& args) {
  return {.bias = args.bias, .residual = args.residual, .relu = args.activation == Activation::relu};
}

void run_forward(const Conv2dForward& args) {
  Bindings bound(args.x, args.w, args.y);
  if (args.bias.defined()) bound.add(id_bias, args.bias.data);
  if (args.residual.defined()) bound.add(id_residual, args.residual.data);
  run(convolution_problem(ConvolutionKind::forward, args.x, args.w, args.y, args.params, epilogue_of(args)),
      args.y, bound);
}

constexpr ConvolutionEpilogue with_statistics = {.statistics = true};

void run_statistics(const Conv2dStatistics& args) {
  const std::int64_t channels = args.y.shape[1];
  const cudaStream_t stream = cuda::stream_for(args.y);
  // cuDNN wants every operand at a multiple of 16 bytes.
  const std::int64_t pitch = (channels + 3) / 4 * 4;
  const cuda::Scratch sums(static_cast<std::size_t>(2 * pitch) * sizeof(float), stream);
  Bindings bound(args.x, args.w, args.y);
  bound.add(id_sum, sums.as<float>());
  bound.add(id_square_sum, sums.as<float>() + pitch);
  run(convolution_problem(ConvolutionKind::forward, args.x, args.w, args.y, args.params, with_statistics),
      args.y, bound);
  moments_of_sums({.sums = sums.as<float>(),
                   .square_sums = sums.as<float>() + pitch,
                   .mean = args.mean.ptr<float>(),
                   .var = args.var.ptr<float>(),
                   .channels = channels,
                   .count = args.y.numel() / channels},
                  stream);
}

}  // namespace

constinit const dispatch::Kernel<Conv2dForward> conv2d_cudnn{
    {"cudnn", DeviceType::cuda, floating_dtypes},
    [](const Conv2dForward& args) {
      return judge(ConvolutionKind::forward, args.x, args.w, args.y, args.params, epilogue_of(args));
    },
    run_forward};
constinit const dispatch::Kernel<Conv2dStatistics> conv2d_statistics_cudnn{
    {"cudnn", DeviceType::cuda, {f16}},
    [](const Conv2dStatistics& args) {
      return judge(ConvolutionKind::forward, args.x, args.w, args.y, args.params, with_statistics);
    },
    run_statistics};
constinit const dispatch::Kernel<Conv2dGradInput> conv2d_grad_input_cudnn{
    {"cudnn", DeviceType::cuda, floating_dtypes},
    [](const Conv2dGradInput& args) {
      return judge(ConvolutionKind::grad_input, args.dx, args.w, args.dy, args.params);
    },
    [](const Conv2dGradInput& args) {
      run(ConvolutionKind::grad_input, args.dx, args.w, args.dy, args.params);
    }};
constinit const dispatch::Kernel<Conv2dGradWeight> conv2d_grad_weight_cudnn{
    {"cudnn", DeviceType::cuda, floating_dtypes},
    [](const Conv2dGradWeight& args) {
      return judge(ConvolutionKind::grad_weight, args.x, args.dw, args.dy, args.params);
    },
    [](const Conv2dGradWeight& args) {
      run(ConvolutionKind::grad_weight, args.x, args.dw, args.dy, args.params);
    }};

}  // namespace fornax::ops

namespace fornax::cuda {

CudnnChoices cudnn_choices() {
  const std::lock_guard lock(ops::measured().mutex);
  return ops::measured().choices;
}

void set_cudnn_choices(CudnnChoices choices) {
  for (const auto& [name, place] : choices)
    if (place < 0)
      throw ValueError("set_cudnn_choices", fmt::format("expected places of 0 or more, got {}", place));
  {
    const std::lock_guard lock(ops::measured().mutex);
    ops::measured().choices = std::move(choices);
  }
  ops::measured().plans.clear();
}

}  // namespace fornax::cuda

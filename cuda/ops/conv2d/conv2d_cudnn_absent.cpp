// Stands in for conv2d_cudnn.cpp where cudnn.h was not there when the library was built.
#include "fornax/cuda/math_mode.h"
#include "ops/conv2d/conv2d_op.h"

namespace fornax::ops {
namespace {

constexpr const char* reason = "this build has no cuDNN";

}  // namespace

constinit const dispatch::Kernel<Conv2dForward> conv2d_cudnn{{"cudnn", DeviceType::cuda, {}},
                                                             [](const Conv2dForward&) { return reason; },
                                                             [](const Conv2dForward&) {}};
constinit const dispatch::Kernel<Conv2dStatistics> conv2d_statistics_cudnn{
    {"cudnn", DeviceType::cuda, {}},
    [](const Conv2dStatistics&) { return reason; },
    [](const Conv2dStatistics&) {}};
constinit const dispatch::Kernel<Conv2dGradInput> conv2d_grad_input_cudnn{
    {"cudnn", DeviceType::cuda, {}},
    [](const Conv2dGradInput&) { return reason; },
    [](const Conv2dGradInput&) {}};
constinit const dispatch::Kernel<Conv2dGradWeight> conv2d_grad_weight_cudnn{
    {"cudnn", DeviceType::cuda, {}},
    [](const Conv2dGradWeight&) { return reason; },
    [](const Conv2dGradWeight&) {}};

}  // namespace fornax::ops

namespace fornax::cuda {

CudnnChoices cudnn_choices() { return {}; }
void set_cudnn_choices(CudnnChoices) {}

}  // namespace fornax::cuda

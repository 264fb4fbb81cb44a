// Policy: the convolution and then the statistics, each by the best kernel of its row.
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/conv2d/conv2d_op.h"

namespace fornax::ops {
namespace {

dispatch::Refusal any(const Conv2dStatistics&) { return dispatch::accepts; }

void run(const Conv2dStatistics& args) {
  dispatch::run(conv2d_row, Conv2dForward{.y = args.y, .x = args.x, .w = args.w, .params = args.params});
  dispatch::run(batch_norm_statistics_row, BatchNormStatistics{args.y, args.mean, args.var});
}

}  // namespace

constinit const dispatch::Kernel<Conv2dStatistics> conv2d_statistics_separate_cpu{
    {"separate", DeviceType::cpu, floating_dtypes}, any, run};
constinit const dispatch::Kernel<Conv2dStatistics> conv2d_statistics_separate_cuda{
    {"separate", DeviceType::cuda, floating_dtypes}, any, run};

}  // namespace fornax::ops

// THE list of ops: a row per op, its kernels best first. The first whose can_run() agrees, runs. A kernel of
// a backend that is not built vanishes from its row. How to add an op: src/ops/README.md.
#include <array>

#include "ops/amp/amp_op.h"
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/binary/binary_op.h"
#include "ops/compare/compare_op.h"
#include "ops/conv2d/conv2d_op.h"
#include "ops/copy/copy_op.h"
#include "ops/cross_entropy/cross_entropy_op.h"
#include "ops/dropout/dropout_op.h"
#include "ops/embedding/embedding_op.h"
#include "ops/fill/fill_op.h"
#include "ops/grad_accumulate/grad_accumulate_op.h"
#include "ops/layer_norm/layer_norm_op.h"
#include "ops/matmul/matmul_op.h"
#include "ops/normalize_images/normalize_images_op.h"
#include "ops/optim_step/optim_step_op.h"
#include "ops/pool/pool_op.h"
#include "ops/random/random_op.h"
#include "ops/range/range_op.h"
#include "ops/reduce/arg_reduce_op.h"
#include "ops/reduce/reduce_op.h"
#include "ops/softmax/softmax_op.h"
#include "ops/unary/unary_op.h"
#include "ops/where/where_op.h"

#define FORNAX_ROW(row, Args, ...)                                                \
  static constexpr const dispatch::Kernel<Args>* row##_kernels[] = {__VA_ARGS__}; \
  constinit const dispatch::Row<Args> row { row##_kernels }
#define CPU(kernel) &kernel
#if defined(FORNAX_HAS_CUDA)
#define CUDA(kernel) &kernel,
#else
#define CUDA(kernel)
#endif

namespace fornax::autograd {

FORNAX_ROW(grad_accumulate_row, GradAccumulate,
           CUDA(ops::grad_accumulate_cuda) CPU(ops::grad_accumulate_cpu));
FORNAX_ROW(find_nonfinite_row, FindNonfinite, CUDA(ops::find_nonfinite_cuda) CPU(ops::find_nonfinite_cpu));

}  // namespace fornax::autograd

namespace fornax::ops {

FORNAX_ROW(batch_norm_statistics_row, BatchNormStatistics,
           CUDA(batch_norm_statistics_cuda) CPU(batch_norm_statistics_cpu));
FORNAX_ROW(batch_norm_apply_row, BatchNormApply, CUDA(batch_norm_apply_cuda) CPU(batch_norm_apply_cpu));
FORNAX_ROW(batch_norm_grad_parameters_row, BatchNormGradParameters,
           CUDA(batch_norm_grad_parameters_cuda) CPU(batch_norm_grad_parameters_cpu));
FORNAX_ROW(batch_norm_grad_input_row, BatchNormGradInput,
           CUDA(batch_norm_grad_input_cuda) CPU(batch_norm_grad_input_cpu));
FORNAX_ROW(arg_reduce_row, ArgReduce, CUDA(arg_reduce_cuda) CPU(arg_reduce_cpu));
FORNAX_ROW(binary_row, Binary, CUDA(binary_cuda) CPU(binary_cpu));
FORNAX_ROW(compare_row, Compare, CUDA(compare_cuda) CPU(compare_cpu));
FORNAX_ROW(conv2d_grad_input_row, Conv2dGradInput,
           CUDA(conv2d_grad_input_cudnn) CUDA(conv2d_grad_input_depthwise)
               CUDA(conv2d_grad_input_implicit_gemm) CPU(conv2d_grad_input_direct),
           CPU(conv2d_grad_input_im2col));
FORNAX_ROW(conv2d_grad_weight_row, Conv2dGradWeight,
           CUDA(conv2d_grad_weight_cudnn) CUDA(conv2d_grad_weight_depthwise)
               CUDA(conv2d_grad_weight_implicit_gemm) CPU(conv2d_grad_weight_direct),
           CPU(conv2d_grad_weight_im2col));
FORNAX_ROW(conv2d_row, Conv2dForward,
           CUDA(conv2d_cudnn) CUDA(conv2d_depthwise) CUDA(conv2d_implicit_gemm) CPU(conv2d_direct),
           CPU(conv2d_im2col));
FORNAX_ROW(conv2d_statistics_row, Conv2dStatistics,
           CUDA(conv2d_statistics_cudnn) CUDA(conv2d_statistics_separate_cuda)
               CPU(conv2d_statistics_separate_cpu));
FORNAX_ROW(copy_row, Copy, CUDA(copy_cuda) CPU(copy_cpu));
FORNAX_ROW(cross_entropy_grad_row, CrossEntropyGrad,
           CUDA(cross_entropy_grad_cuda) CPU(cross_entropy_grad_cpu));
FORNAX_ROW(dropout_row, Dropout, CUDA(dropout_cuda) CPU(dropout_cpu));
FORNAX_ROW(embedding_row, Embedding, CUDA(embedding_cuda) CPU(embedding_cpu));
FORNAX_ROW(embedding_grad_row, EmbeddingGrad, CUDA(embedding_grad_cuda) CPU(embedding_grad_cpu));
FORNAX_ROW(cross_entropy_row, CrossEntropy, CUDA(cross_entropy_cuda) CPU(cross_entropy_cpu));
FORNAX_ROW(fill_row, Fill, CUDA(fill_cuda) CPU(fill_cpu));
FORNAX_ROW(layer_norm_grad_row, LayerNormGrad, CUDA(layer_norm_grad_cuda) CPU(layer_norm_grad_cpu));
FORNAX_ROW(layer_norm_row, LayerNorm, CUDA(layer_norm_cuda) CPU(layer_norm_cpu));
FORNAX_ROW(matmul_row, Matmul, CUDA(matmul_cublas) CUDA(matmul_tiled) CPU(matmul_gemm));
FORNAX_ROW(normalize_images_row, NormalizeImages, CUDA(normalize_images_cuda) CPU(normalize_images_cpu));
FORNAX_ROW(max_pool2d_row, MaxPool2d, CUDA(max_pool2d_cuda) CPU(max_pool2d_cpu));
FORNAX_ROW(max_pool2d_grad_row, MaxPool2dGrad, CUDA(max_pool2d_grad_cuda) CPU(max_pool2d_grad_cpu));
FORNAX_ROW(avg_pool2d_row, AvgPool2d, CUDA(avg_pool2d_cuda) CPU(avg_pool2d_cpu));
FORNAX_ROW(avg_pool2d_grad_row, AvgPool2dGrad, CUDA(avg_pool2d_grad_cuda) CPU(avg_pool2d_grad_cpu));
FORNAX_ROW(random_row, Random, CUDA(random_cuda) CPU(random_cpu));
FORNAX_ROW(random_permutation_row, RandomPermutation,
           CUDA(random_permutation_cuda) CPU(random_permutation_cpu));
FORNAX_ROW(range_row, Range, CUDA(range_cuda) CPU(range_cpu));
FORNAX_ROW(reduce_row, Reduce, CUDA(reduce_cuda) CPU(reduce_simd_cpu), CPU(reduce_integer_cpu));
FORNAX_ROW(scatter_row, Scatter, CUDA(scatter_cuda) CPU(scatter_cpu));
FORNAX_ROW(softmax_grad_row, SoftmaxGrad, CUDA(softmax_grad_cuda) CPU(softmax_grad_cpu));
FORNAX_ROW(softmax_row, Softmax, CUDA(softmax_cuda) CPU(softmax_cpu));
FORNAX_ROW(unary_grad_row, UnaryGrad, CUDA(unary_grad_cuda) CPU(unary_grad_cpu));
FORNAX_ROW(unary_row, Unary, CUDA(unary_cuda) CPU(unary_cpu));
FORNAX_ROW(where_row, Where, CUDA(where_cuda) CPU(where_cpu));
FORNAX_ROW(adamw_step_row, AdamWStep, CUDA(adamw_step_cuda) CPU(adamw_step_cpu));
FORNAX_ROW(amp_unscale_row, AmpUnscale, CUDA(amp_unscale_cuda) CPU(amp_unscale_cpu));
FORNAX_ROW(amp_update_scale_row, AmpUpdateScale, CUDA(amp_update_scale_cuda) CPU(amp_update_scale_cpu));
FORNAX_ROW(clip_by_norm_row, ClipByNorm, CUDA(clip_by_norm_cuda) CPU(clip_by_norm_cpu));
FORNAX_ROW(sgd_step_row, SgdStep, CUDA(sgd_step_cuda) CPU(sgd_step_cpu));
FORNAX_ROW(total_norm_row, TotalNorm, CUDA(total_norm_cuda) CPU(total_norm_cpu));

}  // namespace fornax::ops

namespace fornax::dispatch {

std::span<const RowInfo* const> all_rows() {
  static constexpr std::array rows = std::to_array<const RowInfo*>({
      &autograd::grad_accumulate_row,
      &autograd::find_nonfinite_row,
      &ops::batch_norm_statistics_row,
      &ops::batch_norm_apply_row,
      &ops::batch_norm_grad_parameters_row,
      &ops::batch_norm_grad_input_row,
      &ops::arg_reduce_row,
      &ops::binary_row,
      &ops::compare_row,
      &ops::conv2d_grad_input_row,
      &ops::conv2d_grad_weight_row,
      &ops::conv2d_row,
      &ops::conv2d_statistics_row,
      &ops::copy_row,
      &ops::cross_entropy_grad_row,
      &ops::dropout_row,
      &ops::embedding_row,
      &ops::embedding_grad_row,
      &ops::cross_entropy_row,
      &ops::fill_row,
      &ops::layer_norm_grad_row,
      &ops::layer_norm_row,
      &ops::matmul_row,
      &ops::normalize_images_row,
      &ops::max_pool2d_row,
      &ops::max_pool2d_grad_row,
      &ops::avg_pool2d_row,
      &ops::avg_pool2d_grad_row,
      &ops::random_row,
      &ops::random_permutation_row,
      &ops::range_row,
      &ops::reduce_row,
      &ops::scatter_row,
      &ops::softmax_grad_row,
      &ops::softmax_row,
      &ops::unary_grad_row,
      &ops::unary_row,
      &ops::where_row,
      &ops::adamw_step_row,
      &ops::amp_unscale_row,
      &ops::amp_update_scale_row,
      &ops::clip_by_norm_row,
      &ops::sgd_step_row,
      &ops::total_norm_row,
  });
  return rows;
}

}  // namespace fornax::dispatch

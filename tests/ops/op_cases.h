#pragma once

#include <vector>

#include "support/op_case.h"

/// The providers of op cases. A new one is declared here and listed in op_cases.cpp.
namespace fornax::test {

std::vector<OpCase> amp_op_cases();
std::vector<OpCase> batch_norm_op_cases();
std::vector<OpCase> conv2d_op_cases();
std::vector<OpCase> core_op_cases();
std::vector<OpCase> elementwise_op_cases();
std::vector<OpCase> layer_norm_op_cases();
std::vector<OpCase> loss_op_cases();
std::vector<OpCase> matmul_op_cases();
std::vector<OpCase> normalize_images_op_cases();
std::vector<OpCase> pool_op_cases();
std::vector<OpCase> random_op_cases();
std::vector<OpCase> rearrange_op_cases();
std::vector<OpCase> optim_step_op_cases();
std::vector<OpCase> reduce_op_cases();
std::vector<OpCase> softmax_op_cases();

}  // namespace fornax::test

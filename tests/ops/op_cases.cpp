#include "ops/op_cases.h"

#include "support/op_case.h"

namespace fornax::test {

const std::vector<OpCase>& all_op_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    for (const auto provider : {
             amp_op_cases,
             batch_norm_op_cases,
             conv2d_op_cases,
             core_op_cases,
             elementwise_op_cases,
             layer_norm_op_cases,
             loss_op_cases,
             matmul_op_cases,
             normalize_images_op_cases,
             pool_op_cases,
             random_op_cases,
             rearrange_op_cases,
             optim_step_op_cases,
             reduce_op_cases,
             softmax_op_cases,
         }) {
      std::vector<OpCase> some = provider();
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return cases;
}

}  // namespace fornax::test

#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fornax/tensor/tensor.h"

/// One case of one op. It is run in every dtype it names, over several memory layouts, at every
/// instruction-set level, and once more by each kernel of each row it reaches, forced by name; forward and
/// backward each time.
///
/// The f64 run of the table's first choice is held against `expected` and `expected_grads` (numbers from
/// PyTorch or plain loops) and against finite differences. Every other run is held against an f64 run on the
/// same, rounded inputs.
namespace fornax::test {

struct OpCase {
  std::string name;
  /// Floating inputs in f64; others as they are.
  std::vector<Tensor> inputs;
  /// Calls the public op.
  std::function<Tensor(std::span<const Tensor>)> run;
  Tensor expected;
  /// Gradient of the output for `expected_grads`; hashed numbers if undefined.
  Tensor dy;
  /// Per input; empty or undefined: only finite differences.
  std::vector<Tensor> expected_grads;
  /// Inputs whose gradient is wanted; empty: all floating ones. All false: not differentiable.
  std::vector<bool> wants_grad;
  DTypeSet dtypes = floating_dtypes;
  /// Inputs that stay f32 where the others have 16 bits (parameters and statistics of normalisations).
  std::vector<bool> wide;
  /// Multiplies the tolerance of every dtype: for ops that sum many terms.
  double slack = 1;
  /// False where a kink or a tie within 1e-6 makes central differences meaningless.
  bool finite_differences = true;
};

enum class Layout { contiguous, channels_last, strided };

struct OpResult {
  Tensor y;
  std::vector<Tensor> grads;
};

/// Forward, and backward where `op_case` is differentiable, with the inputs in `dtype` and `layout` on
/// `device`.
OpResult evaluate(const OpCase& op_case, DType dtype, Layout layout, Device device = Device::cpu());
/// The same in f64 on inputs rounded to `dtype`.
OpResult reference(const OpCase& op_case, DType dtype);
/// Fails the running test where the results differ by more than the tolerance of `dtype`.
void expect_close(const OpResult& got, const OpResult& want, DType dtype, double slack,
                  const std::string& what);

/// A deterministic f64 tensor of values in [low, high).
Tensor hashed(const Shape& shape, std::uint64_t seed, double low = -1, double high = 1);

/// Every case of every provider; see tests/ops/op_cases.cpp.
const std::vector<OpCase>& all_op_cases();

}  // namespace fornax::test

#pragma once

#include <set>
#include <string>
#include <tuple>

#include "support/op_case.h"

/// Walks op cases over the kernels of the table.
namespace fornax::test {

inline constexpr DType float_types[] = {f64, f32, f16, bf16};
inline constexpr Layout layouts[] = {Layout::contiguous, Layout::channels_last, Layout::strided};

using Ran = std::set<std::tuple<std::string, std::string, DType>>;  // op, kernel, dtype

/// Runs the case on `device` by every kernel of every row it reaches, forced by name, holds each result
/// against the f64 reference of the CPU, and notes what ran.
void force_every_kernel(const OpCase& op_case, DType dtype, Layout layout, Device device, Ran& ran);

/// Fails the running test for each kernel of `device` that no op case runs in a dtype which it claims.
void expect_every_kernel_runs(Device device);

}  // namespace fornax::test

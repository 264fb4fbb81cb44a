#pragma once

#include <cstdint>
#include <vector>

#include "fornax/tensor/tensor.h"

/// For tests of ops that change lists of tensors.
namespace fornax::test {

/// The elements of all tensors, one after the other.
Tensor joined(const std::vector<Tensor>& tensors);
/// A tensor that an op may write, with the layout of `input`.
Tensor copy_of(const Tensor& input);
/// Sizes of so many tensors that a table of them needs more than one launch, an empty one, some of more than
/// one block's part; their starts are aligned in all ways.
std::vector<std::int64_t> many_sizes();
/// Pieces of a vector, of many_sizes().
std::vector<Tensor> pieces_of(const Tensor& whole);

}  // namespace fornax::test

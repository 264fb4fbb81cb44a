#include "support/tensor_lists.h"

#include "fornax/ops/create.h"

namespace fornax::test {

Tensor joined(const std::vector<Tensor>& tensors) {
  std::int64_t total = 0, at = 0;
  for (const Tensor& tensor : tensors) total += tensor.numel();
  Tensor all = empty({total}, {.dtype = tensors[0].dtype(), .device = tensors[0].device()});
  for (const Tensor& tensor : tensors) {
    all.narrow(0, at, tensor.numel()).copy_(tensor.reshape({-1}));
    at += tensor.numel();
  }
  return all;
}

Tensor copy_of(const Tensor& input) {
  const TensorOptions options{.dtype = input.dtype(), .device = input.device()};
  Tensor whole =
      input.is_contiguous()
          ? empty(input.shape(), options)
          : empty({2 * input.numel()}, options).slice(0, 0, 2 * input.numel(), 2).view(input.shape());
  return whole.copy_(input);
}

std::vector<std::int64_t> many_sizes() {
  std::vector<std::int64_t> sizes(600);
  for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] = 1 + static_cast<std::int64_t>(i % 3);
  sizes[1] = 0;
  sizes[7] = 9001;
  sizes[450] = 4096;
  return sizes;
}

std::vector<Tensor> pieces_of(const Tensor& whole) {
  std::vector<Tensor> pieces;
  std::int64_t at = 0;
  for (const std::int64_t size : many_sizes()) {
    pieces.push_back(whole.narrow(0, at, size));
    at += size;
  }
  return pieces;
}

}  // namespace fornax::test

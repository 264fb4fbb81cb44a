#pragma once

#include <cudnn.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// The arithmetic of the stand-in for cuDNN.
namespace fornax::sim {

struct GraphTensor {
  std::int64_t id = -1;  // negative: absent
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  std::vector<std::int64_t> sizes, strides;
  bool is_virtual = false;
};

struct GraphConvolution {
  enum Kind { none, forward, grad_input, grad_weight } kind = none;
  GraphTensor x, w, y;
  // What a forward does besides: y = relu(sum + bias + residual), and sums over y per channel.
  GraphTensor bias, residual, sum, square_sum;
  bool relu = false;
  std::vector<std::int64_t> stride, padding, dilation;
  cudnnDataType_t compute = CUDNN_DATA_FLOAT;  // what it sums in
};

/// Bytes that every plan asks for, so that a missing workspace shows.
inline constexpr std::int64_t convolution_workspace = 1024;

/// Why the graph is not supported; empty if it is.
std::string refusal_of(const GraphConvolution& conv);
/// Enqueues it with the tensors at `data`, by id. Engines compute the same; by the device's clock engine 1 is
/// faster than engine 0, which is the one proposed first.
cudaError_t enqueue(const GraphConvolution& conv, std::int64_t engine,
                    const std::map<std::int64_t, void*>& data, void* workspace, cudaStream_t stream);

}  // namespace fornax::sim

#include "sim/libraries/cudnn_content.h"

#include <span>

namespace fornax::sim {
namespace {

GraphTensor tensor_of(const Content& of, cudnnBackendAttributeName_t name) {
  const std::vector<ContentPtr> found = children(of, name);
  if (found.empty()) return {};
  GraphTensor tensor;
  tensor.id = value<std::int64_t>(*found[0], CUDNN_ATTR_TENSOR_UNIQUE_ID, -1);
  tensor.type = value(*found[0], CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_FLOAT);
  tensor.sizes = values<std::int64_t>(*found[0], CUDNN_ATTR_TENSOR_DIMENSIONS);
  tensor.strides = values<std::int64_t>(*found[0], CUDNN_ATTR_TENSOR_STRIDES);
  tensor.is_virtual = value(*found[0], CUDNN_ATTR_TENSOR_IS_VIRTUAL, false);
  return tensor;
}

/// Adds to a forward what an operation after it does with its result. False if it is something else.
bool add_operation(const Content& operation, GraphConvolution& conv) {
  if (operation.type == CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR) {
    conv.sum = tensor_of(operation, CUDNN_ATTR_OPERATION_GENSTATS_SUMDESC);
    conv.square_sum = tensor_of(operation, CUDNN_ATTR_OPERATION_GENSTATS_SQSUMDESC);
    return !conv.y.is_virtual && tensor_of(operation, CUDNN_ATTR_OPERATION_GENSTATS_XDESC).id == conv.y.id;
  }
  if (operation.type != CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR || !conv.y.is_virtual ||
      tensor_of(operation, CUDNN_ATTR_OPERATION_POINTWISE_XDESC).id != conv.y.id)
    return false;
  const Content& pointwise = *children(operation, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR).at(0);
  const auto mode = value(pointwise, CUDNN_ATTR_POINTWISE_MODE, CUDNN_POINTWISE_IDENTITY);
  const GraphTensor other = tensor_of(operation, CUDNN_ATTR_OPERATION_POINTWISE_BDESC);
  const bool is_add = mode == CUDNN_POINTWISE_ADD && other.id >= 0 && !conv.relu;
  if (is_add && other.sizes == conv.y.sizes && other.strides == conv.y.strides)
    conv.residual = other;
  else if (is_add && other.sizes == std::vector<std::int64_t>{1, conv.y.sizes.at(1), 1, 1})
    conv.bias = other;
  else if (mode == CUDNN_POINTWISE_RELU_FWD)
    conv.relu = true;
  else
    return false;
  conv.y = tensor_of(operation, CUDNN_ATTR_OPERATION_POINTWISE_YDESC);
  return true;
}

}  // namespace

GraphConvolution convolution_of(const Content& graph) {
  GraphConvolution conv;
  const std::vector<ContentPtr> operations = children(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS);
  if (operations.empty()) return {};
  const Content& first = *operations[0];
  std::vector<ContentPtr> window;
  switch (first.type) {
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
      conv.kind = GraphConvolution::forward;
      conv.x = tensor_of(first, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X);
      conv.w = tensor_of(first, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W);
      conv.y = tensor_of(first, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y);
      window = children(first, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC);
      break;
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
      conv.kind = GraphConvolution::grad_input;
      conv.x = tensor_of(first, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX);
      conv.w = tensor_of(first, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W);
      conv.y = tensor_of(first, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY);
      window = children(first, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC);
      break;
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
      conv.kind = GraphConvolution::grad_weight;
      conv.x = tensor_of(first, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X);
      conv.w = tensor_of(first, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW);
      conv.y = tensor_of(first, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY);
      window = children(first, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC);
      break;
    default: return {};
  }
  if (window.empty()) return {};
  conv.padding = values<std::int64_t>(*window[0], CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
  conv.stride = values<std::int64_t>(*window[0], CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES);
  conv.dilation = values<std::int64_t>(*window[0], CUDNN_ATTR_CONVOLUTION_DILATIONS);
  conv.compute = value(*window[0], CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  for (const ContentPtr& operation : std::span(operations).subspan(1))
    if (conv.kind != GraphConvolution::forward || !add_operation(*operation, conv)) return {};
  return conv;
}

}  // namespace fornax::sim

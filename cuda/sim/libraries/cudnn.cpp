// The stand-in for cuDNN's graph API on the simulated device: NVIDIA's own types and prototypes. It knows
// graphs of one convolution, with a bias added to the forward one, and refuses everything else as cuDNN does,
// when the graph is finalized. The arithmetic is in cudnn_convolution.cpp.
#include "libraries/cudnn.h"

#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/census.h"
#include "sim/libraries/cudnn_convolution.h"
#include "sim/libraries/failing.h"

namespace fornax::sim {
namespace {

struct Content;
using ContentPtr = std::shared_ptr<Content>;

struct Attribute {
  cudnnBackendAttributeType_t type;
  std::int64_t count;
  std::vector<std::byte> bytes;
  std::vector<ContentPtr> descriptors;  // instead of bytes
};

/// What a descriptor holds: handles share it, so that a child may be destroyed before its parent.
struct Content {
  cudnnBackendDescriptorType_t type;
  bool is_final = false;
  std::map<cudnnBackendAttributeName_t, Attribute> attributes;
};

struct Handle {
  cudaStream_t stream = nullptr;
};

thread_local std::string last_error;

cudnnStatus_t fail(cudnnStatus_t status, std::string message) {
  last_error = std::move(message);
  return status;
}

ContentPtr& content(cudnnBackendDescriptor_t descriptor) { return *static_cast<ContentPtr*>(descriptor); }

std::size_t size_of_type(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE: return 8;
    case CUDNN_TYPE_BOOLEAN:
    case CUDNN_TYPE_CHAR: return 1;
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_VOID_PTR: return sizeof(void*);
    default: return 4;
  }
}

/// The values of an attribute; empty if it was not set.
template <class T>
std::vector<T> values(const Content& of, cudnnBackendAttributeName_t name) {
  const auto found = of.attributes.find(name);
  if (found == of.attributes.end()) return {};
  std::vector<T> result(found->second.bytes.size() / sizeof(T));
  std::memcpy(result.data(), found->second.bytes.data(), result.size() * sizeof(T));
  return result;
}
/// The first of them.
template <class T>
T value(const Content& of, cudnnBackendAttributeName_t name, T missing) {
  const auto found = of.attributes.find(name);
  if (found == of.attributes.end() || found->second.bytes.size() < sizeof(T)) return missing;
  std::memcpy(&missing, found->second.bytes.data(), sizeof(T));
  return missing;
}
std::vector<ContentPtr> children(const Content& of, cudnnBackendAttributeName_t name) {
  const auto found = of.attributes.find(name);
  return found == of.attributes.end() ? std::vector<ContentPtr>{} : found->second.descriptors;
}

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

/// The convolution that a graph describes; kind none if it is something else.
GraphConvolution convolution_of(const Content& graph) {
  GraphConvolution conv;
  const std::vector<ContentPtr> operations = children(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS);
  if (operations.empty() || operations.size() > 2) return {};
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
  if (operations.size() == 2) {
    const Content& add = *operations[1];
    const GraphTensor sum = tensor_of(add, CUDNN_ATTR_OPERATION_POINTWISE_XDESC);
    if (add.type != CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR || conv.kind != GraphConvolution::forward ||
        !conv.y.is_virtual || sum.id != conv.y.id)
      return {};
    conv.bias = tensor_of(add, CUDNN_ATTR_OPERATION_POINTWISE_BDESC);
    conv.y = tensor_of(add, CUDNN_ATTR_OPERATION_POINTWISE_YDESC);
  }
  return conv;
}

const Content& graph_of_plan(const Content& plan) {
  const Content& config = *children(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG).at(0);
  const Content& engine = *children(config, CUDNN_ATTR_ENGINECFG_ENGINE).at(0);
  return *children(engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH).at(0);
}

cudnnStatus_t create(cudnnHandle_t* handle) {
  *handle = reinterpret_cast<cudnnHandle_t>(new Handle);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set_stream(cudnnHandle_t handle, cudaStream_t stream) {
  reinterpret_cast<Handle*>(handle)->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

const char* error_string(cudnnStatus_t status) {
  switch (status) {
    case CUDNN_STATUS_SUCCESS: return "CUDNN_STATUS_SUCCESS";
    case CUDNN_STATUS_BAD_PARAM: return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_NOT_SUPPORTED: return "CUDNN_STATUS_NOT_SUPPORTED";
    case CUDNN_STATUS_NOT_INITIALIZED: return "CUDNN_STATUS_NOT_INITIALIZED";
    case CUDNN_STATUS_INTERNAL_ERROR: return "CUDNN_STATUS_INTERNAL_ERROR";
    default: return "CUDNN_STATUS_EXECUTION_FAILED";
  }
}

void last_error_string(char* message, std::size_t size) {
  std::snprintf(message, size, "%s", last_error.c_str());
}

cudnnStatus_t create_descriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t* descriptor) {
  auto made = std::make_shared<Content>();
  made->type = type;
  *descriptor = new ContentPtr(std::move(made));
  count_library_object(1);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t destroy_descriptor(cudnnBackendDescriptor_t descriptor) {
  if (descriptor) count_library_object(-1);
  delete static_cast<ContentPtr*>(descriptor);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set_attribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                            cudnnBackendAttributeType_t type, std::int64_t count, const void* elements) {
  Content& to = *content(descriptor);
  if (to.is_final) return fail(CUDNN_STATUS_NOT_INITIALIZED, "an attribute is set after finalize");
  Attribute attribute{type, count, {}, {}};
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    for (const cudnnBackendDescriptor_t child :
         std::span(static_cast<const cudnnBackendDescriptor_t*>(elements), static_cast<std::size_t>(count))) {
      if (!content(child)->is_final)
        return fail(CUDNN_STATUS_BAD_PARAM, "a descriptor is used before finalize");
      attribute.descriptors.push_back(content(child));
    }
  } else {
    const auto* bytes = static_cast<const std::byte*>(elements);
    attribute.bytes.assign(bytes, bytes + static_cast<std::size_t>(count) * size_of_type(type));
  }
  to.attributes[name] = std::move(attribute);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t finalize(cudnnBackendDescriptor_t descriptor) {
  Content& it = *content(descriptor);
  if (it.type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) {
    const std::string why = refusal_of(convolution_of(it));
    if (!why.empty()) return fail(CUDNN_STATUS_NOT_SUPPORTED, why);
  }
  it.is_final = true;
  return CUDNN_STATUS_SUCCESS;
}

/// The stand-in has one engine.
void fill_config(const ContentPtr& graph, Content& config) {
  auto engine = std::make_shared<Content>();
  engine->type = CUDNN_BACKEND_ENGINE_DESCRIPTOR;
  engine->is_final = config.is_final = true;
  engine->attributes[CUDNN_ATTR_ENGINE_OPERATION_GRAPH] = {CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, {}, {graph}};
  config.attributes[CUDNN_ATTR_ENGINECFG_ENGINE] = {
      CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, {}, {std::move(engine)}};
}

cudnnStatus_t get_attribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                            cudnnBackendAttributeType_t, std::int64_t wanted, std::int64_t* count,
                            void* elements) {
  const Content& from = *content(descriptor);
  switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS:
      *count = 1;
      if (wanted > 0)
        fill_config(children(from, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH).at(0),
                    *content(*static_cast<cudnnBackendDescriptor_t*>(elements)));
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINECFG_ENGINE:
      *count = 1;
      content(*static_cast<cudnnBackendDescriptor_t*>(elements)) = children(from, name).at(0);
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE: *count = 0; return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
      *count = 1;
      *static_cast<std::int64_t*>(elements) = convolution_workspace;
      return CUDNN_STATUS_SUCCESS;
    default: return fail(CUDNN_STATUS_NOT_SUPPORTED, "the stand-in does not know this attribute");
  }
}

cudnnStatus_t run_plan(cudnnHandle_t handle, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t pack) {
  if (!content(plan)->is_final || !content(pack)->is_final)
    return fail(CUDNN_STATUS_NOT_INITIALIZED, "a plan or its pointers are used before finalize");
  const GraphConvolution conv = convolution_of(graph_of_plan(*content(plan)));
  const auto ids = values<std::int64_t>(*content(pack), CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto pointers = values<void*>(*content(pack), CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  std::map<std::int64_t, void*> data;
  for (std::size_t i = 0; i < ids.size() && i < pointers.size(); ++i) data[ids[i]] = pointers[i];
  void* const workspace = value<void*>(*content(pack), CUDNN_ATTR_VARIANT_PACK_WORKSPACE, nullptr);
  for (const GraphTensor* tensor : {&conv.x, &conv.w, &conv.y, &conv.bias})
    if (tensor->id >= 0 && !data[tensor->id]) return fail(CUDNN_STATUS_BAD_PARAM, "a tensor has no pointer");
  return enqueue(conv, data, workspace, reinterpret_cast<Handle*>(handle)->stream) == cudaSuccess
             ? CUDNN_STATUS_SUCCESS
             : fail(CUDNN_STATUS_EXECUTION_FAILED, "the work could not be enqueued");
}

}  // namespace
}  // namespace fornax::sim

namespace fornax::cuda {

namespace {

template <sim::Name name, auto function>
inline constexpr auto failing = sim::failing<name, function, CUDNN_STATUS_INTERNAL_ERROR>;

}  // namespace

const Cudnn* cudnn() {
  static constexpr Cudnn table{
      .Create = failing<"cudnnCreate", sim::create>,
      .SetStream = failing<"cudnnSetStream", sim::set_stream>,
      .GetErrorString = sim::error_string,
      .GetLastErrorString = sim::last_error_string,
      .BackendCreateDescriptor = failing<"cudnnBackendCreateDescriptor", sim::create_descriptor>,
      .BackendDestroyDescriptor = sim::destroy_descriptor,
      .BackendFinalize = failing<"cudnnBackendFinalize", sim::finalize>,
      .BackendSetAttribute = failing<"cudnnBackendSetAttribute", sim::set_attribute>,
      .BackendGetAttribute = failing<"cudnnBackendGetAttribute", sim::get_attribute>,
      .BackendExecute = failing<"cudnnBackendExecute", sim::run_plan>};
  return &table;
}

}  // namespace fornax::cuda

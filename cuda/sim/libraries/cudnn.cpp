// The stand-in for cuDNN's graph API on the simulated device: NVIDIA's own types and prototypes. It knows
// graphs of one convolution, after the forward one of what is added to it, a relu and sums per channel, and
// refuses everything else as cuDNN does, when the graph is finalized. How graphs are read is in
// cudnn_content.cpp, the arithmetic in cudnn_convolution.cpp.
#include "libraries/cudnn.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/census.h"
#include "sim/libraries/cudnn_content.h"
#include "sim/libraries/cudnn_convolution.h"
#include "sim/libraries/cudnn_tee.h"
#include "sim/libraries/failing.h"

namespace fornax::sim {
namespace {

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

const Content& engine_of_plan(const Content& plan) {
  const Content& config = *children(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG).at(0);
  return *children(config, CUDNN_ATTR_ENGINECFG_ENGINE).at(0);
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
    std::string why = refusal_of(convolution_of(it));
    if (why.empty()) why = refusal_of_judge(it);
    if (!why.empty()) return fail(CUDNN_STATUS_NOT_SUPPORTED, why);
  }
  it.is_final = true;
  return CUDNN_STATUS_SUCCESS;
}

constexpr std::int64_t engines = 2;

void fill_config(const ContentPtr& graph, std::int64_t index, Content& config) {
  auto engine = std::make_shared<Content>();
  engine->type = CUDNN_BACKEND_ENGINE_DESCRIPTOR;
  engine->is_final = config.is_final = true;
  engine->attributes[CUDNN_ATTR_ENGINE_OPERATION_GRAPH] = {CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, {}, {graph}};
  const auto* bytes = reinterpret_cast<const std::byte*>(&index);
  engine->attributes[CUDNN_ATTR_ENGINE_GLOBAL_INDEX] = {
      CUDNN_TYPE_INT64, 1, std::vector(bytes, bytes + sizeof index), {}};
  config.attributes[CUDNN_ATTR_ENGINECFG_ENGINE] = {
      CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, {}, {std::move(engine)}};
}

cudnnStatus_t get_attribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                            cudnnBackendAttributeType_t, std::int64_t wanted, std::int64_t* count,
                            void* elements) {
  const Content& from = *content(descriptor);
  switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS:
      *count = engines;
      for (std::int64_t i = 0; i < std::min(wanted, engines); ++i)
        fill_config(children(from, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH).at(0), i,
                    *content(static_cast<cudnnBackendDescriptor_t*>(elements)[i]));
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
  const Content& engine = engine_of_plan(*content(plan));
  const GraphConvolution conv = convolution_of(*children(engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH).at(0));
  const auto ids = values<std::int64_t>(*content(pack), CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto pointers = values<void*>(*content(pack), CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  std::map<std::int64_t, void*> data;
  for (std::size_t i = 0; i < ids.size() && i < pointers.size(); ++i) data[ids[i]] = pointers[i];
  void* const workspace = value<void*>(*content(pack), CUDNN_ATTR_VARIANT_PACK_WORKSPACE, nullptr);
  for (const GraphTensor* tensor :
       {&conv.x, &conv.w, &conv.y, &conv.bias, &conv.residual, &conv.sum, &conv.square_sum})
    if (tensor->id >= 0 && !data[tensor->id]) return fail(CUDNN_STATUS_BAD_PARAM, "a tensor has no pointer");
  return enqueue(conv, value<std::int64_t>(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, 0), data, workspace,
                 reinterpret_cast<Handle*>(handle)->stream) == cudaSuccess
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

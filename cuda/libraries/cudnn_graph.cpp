#include "libraries/cudnn_graph.h"

#include <algorithm>

namespace fornax::cuda {

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  check(cudnn()->BackendCreateDescriptor(type, &handle_), "cudnnBackendCreateDescriptor");
}

Descriptor::~Descriptor() {
  if (handle_) cudnn()->BackendDestroyDescriptor(handle_);
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, std::span<const Descriptor* const> values) {
  std::vector<cudnnBackendDescriptor_t> handles;
  for (const Descriptor* value : values) handles.push_back(value->handle_);
  return set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, handles.size(), handles.data());
}

Descriptor& Descriptor::set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                                std::size_t count, const void* values) {
  check(cudnn()->BackendSetAttribute(handle_, name, type, static_cast<std::int64_t>(count), values),
        "cudnnBackendSetAttribute");
  return *this;
}

Descriptor& Descriptor::finalize() {
  check(cudnn()->BackendFinalize(handle_), "cudnnBackendFinalize");
  return *this;
}

cudnnStatus_t Descriptor::try_finalize() { return cudnn()->BackendFinalize(handle_); }

Descriptor graph_tensor(std::int64_t id, cudnnDataType_t type, std::span<const std::int64_t> sizes,
                        std::span<const std::int64_t> strides, std::int64_t alignment, bool is_virtual) {
  Descriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id)
      .set(CUDNN_ATTR_TENSOR_DATA_TYPE, type)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, sizes)
      .set(CUDNN_ATTR_TENSOR_STRIDES, strides)
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, alignment);
  if (is_virtual) tensor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
  tensor.finalize();
  return tensor;
}

namespace {

/// True if cuDNN refuses what was asked, which it would do again, rather than having failed at it. It may
/// fail to compile one engine where another one works.
bool is_refusal(cudnnStatus_t status) {
  constexpr int failures = CUDNN_STATUS_INTERNAL_ERROR;  // and what follows it
  return status != CUDNN_STATUS_SUCCESS &&
         (static_cast<int>(status) < failures || status == CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED);
}

/// False if cuDNN refuses the descriptor; throws where it fails.
bool finalize_or_refuse(Descriptor& descriptor) {
  const cudnnStatus_t status = descriptor.try_finalize();
  if (!is_refusal(status)) check(status, "cudnnBackendFinalize");
  return status == CUDNN_STATUS_SUCCESS;
}

/// The engine configurations that one kind of heuristics proposes, best first; none where it does not know
/// the graph.
std::vector<Descriptor> propose(const Descriptor& graph, const Descriptor* device,
                                cudnnBackendHeurMode_t mode) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
      .set_raw(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  if (device) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *device);
  if (!finalize_or_refuse(heuristics)) return {};
  std::int64_t count = 0;
  check(cudnn()->BackendGetAttribute(heuristics.handle(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                     CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr),
        "cudnnBackendGetAttribute");
  std::vector<Descriptor> configs;
  std::vector<cudnnBackendDescriptor_t> handles;
  for (std::int64_t i = 0; i < count; ++i) {
    configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    handles.push_back(configs.back().handle());
  }
  std::int64_t given = 0;
  check(cudnn()->BackendGetAttribute(heuristics.handle(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                     CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &given, handles.data()),
        "cudnnBackendGetAttribute");
  configs.erase(configs.begin() + given, configs.end());
  return configs;
}

/// Why a configuration breaks the limits; null if it does not. Notes are what an engine says of its numbers.
const char* breaks(const Descriptor& config, const PlanLimits& limits) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t handle = engine.handle();
  std::int64_t given = 0;
  check(cudnn()->BackendGetAttribute(config.handle(), CUDNN_ATTR_ENGINECFG_ENGINE,
                                     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &given, &handle),
        "cudnnBackendGetAttribute");
  cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  check(
      cudnn()->BackendGetAttribute(engine.handle(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                   CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &given, notes),
      "cudnnBackendGetAttribute");
  const std::span all(notes, static_cast<std::size_t>(given));
  const auto has = [&](cudnnBackendNumericalNote_t note) {
    return std::ranges::find(all, note) != all.end();
  };
  if (!limits.allow_tf32 && has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE)) return "it rounds to TF32";
  if (!limits.allow_nondeterministic && has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC))
    return "it is not deterministic";
  if (has(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS)) return "it rounds its inputs";
  if (has(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION)) return "it sums in low precision";
  return nullptr;
}

std::string last_message() {
  char message[512] = {};
  cudnn()->GetLastErrorString(message, sizeof message);
  return message;
}

}  // namespace

std::vector<Plan> find_plans(const std::shared_ptr<GraphParts>& parts,
                             std::span<const Descriptor* const> operations, cudnnHandle_t handle,
                             const Descriptor* device, const PlanLimits& limits, std::size_t wanted,
                             std::string* refused) {
  Descriptor& graph = parts->emplace_back(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations);
  if (handle) graph.set_raw(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
  std::string why;
  std::vector<Plan> plans;
  if (!finalize_or_refuse(graph)) {
    if (refused) *refused = last_message();
    return plans;
  }
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (Descriptor& config : propose(graph, device, mode)) {
      if (const char* reason = breaks(config, limits)) {
        why = reason;
        continue;
      }
      Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
      if (handle) plan.set_raw(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
      if (device) plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *device);
      if (!finalize_or_refuse(plan)) {
        why = last_message();
        continue;
      }
      std::int64_t workspace = 0, given = 0;
      check(cudnn()->BackendGetAttribute(plan.handle(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                         CUDNN_TYPE_INT64, 1, &given, &workspace),
            "cudnnBackendGetAttribute");
      if (workspace > limits.most_workspace) {
        why = "it needs too much workspace";
        continue;
      }
      plans.push_back({parts, std::move(config), std::move(plan), workspace});
      if (plans.size() == wanted) return plans;
    }
    if (!plans.empty()) return plans;
  }
  if (refused && plans.empty()) *refused = why;
  return plans;
}

void execute(cudnnHandle_t handle, const Plan& plan, std::span<const std::int64_t> ids,
             std::span<void* const> data, void* workspace) {
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids)
      .set_raw(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, data.size(), data.data())
      .set_raw(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace)
      .finalize();
  check(cudnn()->BackendExecute(handle, plan.descriptor.handle(), pack.handle()), "cudnnBackendExecute");
}

}  // namespace fornax::cuda

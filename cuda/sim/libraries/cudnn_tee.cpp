#include "sim/libraries/cudnn_tee.h"

#include <map>
#include <vector>

namespace fornax::sim {
namespace {

struct Judge {
  const cuda::Cudnn* real = nullptr;
  std::string device;
  int graphs = 0;
};
Judge& judge() {
  static Judge& instance = *new Judge;
  return instance;
}

/// Descriptors of the real cuDNN, as long as a judgement takes.
class RealDescriptors {
 public:
  explicit RealDescriptors(const cuda::Cudnn& real) : real_(real) {}
  ~RealDescriptors() {
    for (const cudnnBackendDescriptor_t descriptor : made_) real_.BackendDestroyDescriptor(descriptor);
  }
  RealDescriptors(const RealDescriptors&) = delete;
  RealDescriptors& operator=(const RealDescriptors&) = delete;

  /// Null, and a refusal, where a call fails; so do the others.
  cudnnBackendDescriptor_t make(cudnnBackendDescriptorType_t type) {
    cudnnBackendDescriptor_t made = nullptr;
    if (note(real_.BackendCreateDescriptor(type, &made))) made_.push_back(made);
    return made;
  }
  void set(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
           cudnnBackendAttributeType_t type, std::int64_t count, const void* values) {
    note(real_.BackendSetAttribute(descriptor, name, type, count, values));
  }
  void set(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
           cudnnBackendDescriptor_t value) {
    set(descriptor, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
  }
  bool finalize(cudnnBackendDescriptor_t descriptor) { return note(real_.BackendFinalize(descriptor)); }
  /// A descriptor with all that the stand-in's holds, but for its handle.
  cudnnBackendDescriptor_t copy(const Content& content) {
    const auto [place, is_new] = copies_.try_emplace(&content);
    if (!is_new) return place->second;
    const cudnnBackendDescriptor_t made = make(content.type);
    place->second = made;
    for (const auto& [name, attribute] : content.attributes) {
      if (attribute.type == CUDNN_TYPE_HANDLE) continue;
      std::vector<cudnnBackendDescriptor_t> children;
      for (const ContentPtr& child : attribute.descriptors) children.push_back(copy(*child));
      const void* const values =
          children.empty() ? static_cast<const void*>(attribute.bytes.data()) : children.data();
      set(made, name, attribute.type, attribute.count, values);
    }
    finalize(made);
    return made;
  }
  std::vector<cudnnBackendDescriptor_t> configs_of(cudnnBackendDescriptor_t heuristics) {
    std::int64_t count = 0;
    note(real_.BackendGetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                   0, &count, nullptr));
    std::vector<cudnnBackendDescriptor_t> configs;
    for (std::int64_t i = 0; i < count; ++i) configs.push_back(make(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    note(real_.BackendGetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                   count, &count, configs.data()));
    configs.resize(static_cast<std::size_t>(count));
    return configs;
  }

  /// The last failure of a call.
  const std::string& refusal() const { return refusal_; }

 private:
  bool note(cudnnStatus_t status) {
    if (status == CUDNN_STATUS_SUCCESS) return true;
    char message[512] = {};
    real_.GetLastErrorString(message, sizeof message);
    refusal_ = std::string("cuDNN: ") + real_.GetErrorString(status) + ": " + message;
    return false;
  }

  const cuda::Cudnn& real_;
  std::vector<cudnnBackendDescriptor_t> made_;
  std::map<const Content*, cudnnBackendDescriptor_t> copies_;
  std::string refusal_;
};

}  // namespace

void set_cudnn_judge(const cuda::Cudnn* real, std::string_view device) {
  judge() = {real, std::string(device), 0};
}

int graphs_judged() { return judge().graphs; }

std::string refusal_of_judge(const Content& content) {
  if (!judge().real) return {};
  ++judge().graphs;
  RealDescriptors descriptors(*judge().real);
  const cudnnBackendDescriptor_t device = descriptors.make(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  const std::string& json = judge().device;
  descriptors.set(device, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                  static_cast<std::int64_t>(json.size()), json.data());
  descriptors.finalize(device);
  const cudnnBackendDescriptor_t graph = descriptors.copy(content);
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    const cudnnBackendDescriptor_t heuristics = descriptors.make(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    descriptors.set(heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    descriptors.set(heuristics, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    descriptors.set(heuristics, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, device);
    if (!descriptors.finalize(heuristics)) continue;
    for (const cudnnBackendDescriptor_t config : descriptors.configs_of(heuristics)) {
      const cudnnBackendDescriptor_t plan = descriptors.make(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      descriptors.set(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
      descriptors.set(plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, device);
      if (descriptors.finalize(plan)) return {};
    }
  }
  return descriptors.refusal().empty() ? "cuDNN proposes no plan" : descriptors.refusal();
}

}  // namespace fornax::sim

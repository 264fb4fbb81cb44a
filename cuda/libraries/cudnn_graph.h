#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "libraries/cudnn.h"

/// A thin owner of the descriptors of cuDNN's graph API.
namespace fornax::cuda {

/// One backend descriptor. Attributes are set by type, then finalize() fixes it. Throws CudaError.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  Descriptor& set(cudnnBackendAttributeName_t name, std::int64_t value) {
    return set(name, std::span(&value, 1));
  }
  Descriptor& set(cudnnBackendAttributeName_t name, std::span<const std::int64_t> values) {
    return set_raw(name, CUDNN_TYPE_INT64, values.size(), values.data());
  }
  Descriptor& set(cudnnBackendAttributeName_t name, bool value) {
    return set_raw(name, CUDNN_TYPE_BOOLEAN, 1, &value);
  }
  Descriptor& set(cudnnBackendAttributeName_t name, float value) {
    return set_raw(name, CUDNN_TYPE_FLOAT, 1, &value);
  }
  Descriptor& set(cudnnBackendAttributeName_t name, double value) {
    return set_raw(name, CUDNN_TYPE_DOUBLE, 1, &value);
  }
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnDataType_t value) {
    return set_raw(name, CUDNN_TYPE_DATA_TYPE, 1, &value);
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& value) {
    return set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.handle_);
  }
  Descriptor& set(cudnnBackendAttributeName_t name, std::span<const Descriptor* const> values);
  Descriptor& set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::size_t count,
                      const void* values);
  Descriptor& finalize();
  /// finalize() that gives the status instead of throwing.
  cudnnStatus_t try_finalize();

  cudnnBackendDescriptor_t handle() const { return handle_; }

 private:
  cudnnBackendDescriptor_t handle_ = nullptr;
};

/// A tensor of the graph; `id` names it when pointers are bound. Strides are in elements.
Descriptor graph_tensor(std::int64_t id, cudnnDataType_t type, std::span<const std::int64_t> sizes,
                        std::span<const std::int64_t> strides, std::int64_t alignment,
                        bool is_virtual = false);

/// What plans of a graph must not do.
struct PlanLimits {
  bool allow_tf32 = false;              ///< rounding f32 operands to TF32
  bool allow_nondeterministic = false;  ///< other bits from run to run
  std::int64_t most_workspace = std::int64_t{1} << 30;
};

/// A graph's descriptors. A later one refers to earlier ones, so they live together.
using GraphParts = std::deque<Descriptor>;

/// How cuDNN will run a graph, and what that refers to.
struct Plan {
  std::shared_ptr<const GraphParts> parts;
  Descriptor config, descriptor;
  std::int64_t workspace = 0;
};

/// The plans that cuDNN's heuristics propose for a graph of these operations, parts of it, and that it
/// supports, best first, `wanted` at most. With `device` (a finalized DEVICEPROP descriptor) they are for
/// that device, which need not be here; else for the handle's. `refused` (if given) receives why the others
/// are none.
std::vector<Plan> find_plans(const std::shared_ptr<GraphParts>& parts,
                             std::span<const Descriptor* const> operations, cudnnHandle_t handle,
                             const Descriptor* device, const PlanLimits& limits, std::size_t wanted,
                             std::string* refused = nullptr);

/// Enqueues a plan on the handle's stream with the tensors `ids` at `data`.
void execute(cudnnHandle_t handle, const Plan& plan, std::span<const std::int64_t> ids,
             std::span<void* const> data, void* workspace);

}  // namespace fornax::cuda

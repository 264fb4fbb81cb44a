#pragma once

#include <functional>
#include <memory>

#include "fornax/base/export.h"
#include "fornax/device/device.h"

namespace fornax::cuda {

struct CudaGraphOptions {
  /// So many runs come before the one that is captured. What is made on first use (momentum buffers, library
  /// handles, plans) is made there.
  int warm_up = 2;
};

/// Work that is recorded once as a CUDA graph and then enqueued as a whole, by one call instead of one for
/// each kernel: a whole training step.
///
///   const Tensor x = zeros(...), label = zeros(...);                   // a step reads the same memory each
///   time cuda::CudaGraph step(device, [&] {
///     optimizer.zero_grad();
///     loss = cross_entropy(model(x), label);
///     loss.backward();
///     optimizer.step();
///   });
///   for (const auto& batch : loader) { x.copy_(batch.x); label.copy_(batch.label); step.run(); }
///
/// Each run() does the work once, with the numbers of then: the learning rate and what else an optimizer's
/// options hold, Adam's step and the random generator's next draw travel to device memory before each run
/// (replayed() in fornax/ops/replayed.h does so for ops of your own); the scale of an amp::GradScaler, and
/// whether it skips a step, are in device memory anyway. So runs are, bit for bit, the steps that would have
/// been taken without a graph. What the host does in `work` besides is done in the captured
/// run, not again in later ones.
///
/// `work` must enqueue the same each time: nothing that depends on values, no waiting for the device (item(),
/// printing, copies to or from memory that is not page-locked), no stream but the current one unless an Event
/// of it is waited for first. Tensors that it makes and that outlive it, such as `loss` and the gradients,
/// are written anew by each run. All that it uses is kept as long as the graph.
class FORNAX_API CudaGraph {
 public:
  /// Nothing runs yet. Throws DeviceError without CUDA or such a device, ValueError without work or for a
  /// negative warm_up.
  CudaGraph(Device device, std::function<void()> work, const CudaGraphOptions& options = {});
  /// Waits for the device.
  ~CudaGraph();
  CudaGraph(CudaGraph&&) noexcept;
  CudaGraph& operator=(CudaGraph&&) noexcept;

  /// Does the work once, after what this thread's current stream was given so far and before what it will be
  /// given. Does not wait for the device. What `work` throws comes through; CudaError where something cannot
  /// be captured: nothing of that run has been enqueued then, and the next call tries anew.
  void run();
  /// True once runs are replays.
  bool is_captured() const;

 private:
  class Recording;
  std::unique_ptr<Recording> recording_;
};

}  // namespace fornax::cuda

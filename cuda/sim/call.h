#pragma once

#include <cuda_runtime.h>

namespace fornax::sim {

/// Everything of the simulator happens under one lock, which a thread may take again.
class Lock {
 public:
  Lock();
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
};

/// Lets other threads in while code of the user runs (a host function of a stream).
class Unlocked {
 public:
  Unlocked();
  ~Unlocked();
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  int depth_;
};
/// Gives the lock away until another thread has finished such a function.
void wait_for_host_function();

/// Of a call of the runtime: what has to happen before and after it.
class Entry {
 public:
  explicit Entry(const char* api);
  /// What the call returns without doing anything: an injected fault, or the error that lost the device.
  cudaError_t fault() const { return fault_; }
  /// Of a launch: what its kernel will lose the device by.
  cudaError_t late_fault() const { return late_fault_; }
  /// Remembers `status` for cudaGetLastError().
  cudaError_t result(cudaError_t status) const;

 private:
  Lock lock_;
  cudaError_t fault_ = cudaSuccess, late_fault_ = cudaSuccess;
};

template <class Body>
cudaError_t call(const char* api, Body body) {
  const Entry entry(api);
  return entry.result(entry.fault() != cudaSuccess ? entry.fault() : body());
}
/// Of calls that release something: that happens whatever they return, as a lost device holds nothing.
template <class Body>
cudaError_t release_call(const char* api, Body body) {
  const Entry entry(api);
  const cudaError_t status = body();
  return entry.result(entry.fault() != cudaSuccess ? entry.fault() : status);
}

/// The fault that a test has ordered for this call of `api`.
cudaError_t ordered_fault(const char* api);

/// The error that lost the device, or cudaSuccess.
cudaError_t device_loss();
void lose_device(cudaError_t error);
bool loses_device(cudaError_t error);

/// The thread's last error, and cudaSuccess from now on unless the device is lost.
cudaError_t take_last_error();
cudaError_t last_error();

/// Counts a call that makes the host wait.
void count_host_wait();

/// True while a host function of a stream runs on this thread: it must not call the runtime.
bool& in_host_function();

void forget_faults_and_counts();

}  // namespace fornax::sim

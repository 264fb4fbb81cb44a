#include "fornax/cuda/math_mode.h"

#include <atomic>

namespace fornax::cuda {
namespace {

constinit std::atomic<bool> tf32{false}, nondeterministic{false}, benchmark{false};

}  // namespace

void set_allow_tf32(bool allow) { tf32.store(allow, std::memory_order_relaxed); }
bool allow_tf32() { return tf32.load(std::memory_order_relaxed); }
void set_allow_nondeterministic(bool allow) { nondeterministic.store(allow, std::memory_order_relaxed); }
bool allow_nondeterministic() { return nondeterministic.load(std::memory_order_relaxed); }
void set_cudnn_benchmark(bool measure) { benchmark.store(measure, std::memory_order_relaxed); }
bool cudnn_benchmark() { return benchmark.load(std::memory_order_relaxed); }

}  // namespace fornax::cuda

// The CUDA runtime's functions about graphs: capture, instantiation, launch.
#include <cuda_runtime.h>

#include <map>
#include <memory>
#include <utility>

#include "sim/call.h"
#include "sim/graph.h"
#include "sim/report.h"

using namespace fornax::sim;

namespace {

struct Executable {
  std::shared_ptr<Graph> graph;
  std::vector<Stream*> lanes;
};

// Handles are addresses of what is kept here.
std::map<cudaGraph_t, std::shared_ptr<Graph>>& graphs() {
  static auto& live = *new std::map<cudaGraph_t, std::shared_ptr<Graph>>;
  return live;
}
std::map<cudaGraphExec_t, std::unique_ptr<Executable>>& executables() {
  static auto& live = *new std::map<cudaGraphExec_t, std::unique_ptr<Executable>>;
  return live;
}

cudaError_t bad_handle(const char* what) {
  report("bad-handle", std::string(what) + " is used that does not exist or was destroyed");
  return cudaErrorInvalidValue;
}

cudaError_t instantiate(const char* api, cudaGraphExec_t* handle, cudaGraph_t graph) {
  return call(api, [&] {
    const auto found = graphs().find(graph);
    if (found == graphs().end()) return bad_handle("a graph");
    auto executable = std::make_unique<Executable>(Executable{found->second, {}});
    *handle = reinterpret_cast<cudaGraphExec_t>(executable.get());
    executables()[*handle] = std::move(executable);
    return cudaSuccess;
  });
}

/// True if the graph allocates memory that is still there from its last launch.
bool leaves_memory(const Graph& graph) {
  for (const Block* const block : graph.blocks)
    if (!block->is_freeing && block->has_begun && !block->is_freed) return true;
  return false;
}

}  // namespace

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  return call("cudaStreamBeginCapture", [&] {
    Stream* const stream = find_stream(handle);
    return stream ? begin_capture(*stream, mode) : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph_handle) {
  return call("cudaStreamEndCapture", [&] {
    *graph_handle = nullptr;
    Stream* const stream = find_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    std::shared_ptr<Graph> graph;
    const cudaError_t status = end_capture(*stream, graph);
    if (status != cudaSuccess) return status;
    *graph_handle = reinterpret_cast<cudaGraph_t>(graph.get());
    graphs()[*graph_handle] = std::move(graph);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  return call("cudaStreamIsCapturing", [&] {
    const Stream* const stream = find_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    *status = !stream->capture              ? cudaStreamCaptureStatusNone
              : stream->capture->is_invalid ? cudaStreamCaptureStatusInvalidated
                                            : cudaStreamCaptureStatusActive;
    return cudaSuccess;
  });
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  return call("cudaThreadExchangeStreamCaptureMode", [&] {
    std::swap(*mode, thread_capture_mode());
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  return call("cudaGraphGetNodes", [&] {
    const auto found = graphs().find(graph);
    if (found == graphs().end()) return bad_handle("a graph");
    std::vector<GraphNode>& all = found->second->nodes;
    if (nodes) {
      for (std::size_t i = 0; i < *count; ++i)
        nodes[i] = i < all.size() ? reinterpret_cast<cudaGraphNode_t>(&all[i]) : nullptr;
    }
    if (!nodes || *count > all.size()) *count = all.size();
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  return instantiate("cudaGraphInstantiate", executable, graph);
}
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph,
                                          unsigned long long) {
  return instantiate("cudaGraphInstantiateWithFlags", executable, graph);
}

cudaError_t cudaGraphUpload(cudaGraphExec_t handle, cudaStream_t) {
  return call("cudaGraphUpload", [&] {
    return executables().contains(handle) ? cudaSuccess : bad_handle("an executable graph");
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t handle, cudaStream_t stream_handle) {
  return call("cudaGraphLaunch", [&] {
    const auto found = executables().find(handle);
    if (found == executables().end()) return bad_handle("an executable graph");
    Stream* const stream = find_stream(stream_handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (stream->capture) {
      report("graph", "the launch of a graph is captured, which the simulated device does not support");
      return cudaErrorNotSupported;
    }
    if (leaves_memory(*found->second->graph)) {
      report("graph", "a graph is launched again before memory that it allocated is freed");
      return cudaErrorInvalidValue;
    }
    launch_graph(found->second->graph, *stream, found->second->lanes);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return release_call("cudaGraphDestroy",
                      [&] { return graphs().erase(graph) > 0 ? cudaSuccess : bad_handle("a graph"); });
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return release_call("cudaGraphExecDestroy", [&] {
    return executables().erase(executable) > 0 ? cudaSuccess : bad_handle("an executable graph");
  });
}

}  // extern "C"

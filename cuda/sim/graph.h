#pragma once

#include <cuda_runtime.h>

#include <memory>
#include <thread>
#include <vector>

#include "sim/memory.h"
#include "sim/stream.h"

namespace fornax::sim {

/// A captured operation. Nodes of one lane were enqueued on one stream.
struct GraphNode {
  Operation operation;
  std::size_t lane;
  std::vector<std::size_t> after;  // earlier nodes
};

/// What was captured. Shared by the handles of a graph and of its executable forms, and by its pending
/// launches.
struct Graph {
  std::vector<GraphNode> nodes;
  std::size_t lanes = 1;
  std::vector<Block*> blocks;  // allocated by its nodes

  Graph() = default;
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
};

/// A capture that is under way, of one stream and of those that joined it by events.
struct Capture {
  std::shared_ptr<Graph> graph;
  Stream* origin;
  cudaStreamCaptureMode mode;
  std::thread::id thread;
  std::vector<Stream*> streams;  // by lane
  bool is_invalid = false;       // something illegal was done
};

cudaError_t begin_capture(Stream& stream, cudaStreamCaptureMode mode);
cudaError_t end_capture(Stream& stream, std::shared_ptr<Graph>& graph);
void capture_operation(Stream& stream, Operation operation);

// What calls of the runtime ask. Each gives cudaSuccess, or what the call has to return; the capture is then
// invalid.

/// Of calls that would wait for the device or change its memory at once: illegal while anybody captures.
cudaError_t refuse_in_capture();
/// Of waiting for a stream, or asking how far it is.
cudaError_t refuse_wait(const Stream& stream);
/// Of waiting for an event, or asking for it.
cudaError_t refuse_wait(const Event& event);

/// Recording and waiting in a capture. False if neither stream nor event has to do with one.
bool record_in_capture(Stream& stream, Event& event);
bool wait_in_capture(Stream& stream, const Event& event, cudaError_t& status);

/// Enqueues all nodes; `lanes` are streams for those besides the first.
void launch_graph(const std::shared_ptr<Graph>& graph, Stream& stream, std::vector<Stream*>& lanes);

/// This thread's mode for refuse_in_capture().
cudaStreamCaptureMode& thread_capture_mode();

}  // namespace fornax::sim

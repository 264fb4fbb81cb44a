#pragma once

#include "fornax/autograd/node.h"

namespace fornax::autograd {

/// Walks a graph from one root, each node once, after all nodes that use its output. Iterative.
class Engine {
 public:
  /// `gradient` is that of the root's output.
  static void run(Node& root, Tensor gradient, bool retain_graph);

 private:
  struct Later {
    bool operator()(const Ref<Node>& a, const Ref<Node>& b) const;
  };
  static void collect(Node& root, std::uint64_t visit);
  static void process(Node& node, bool retain_graph, std::vector<Ref<Node>>& ready);
  static void check_gradient(const Node& of, std::size_t input, const Node& node, const Tensor& gradient);
  static void drop_pending(Node& from, std::uint64_t visit);
};

}  // namespace fornax::autograd

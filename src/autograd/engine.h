#pragma once

#include "fornax/autograd/node.h"

namespace fornax::autograd {

/// Walks a graph from one root, each node once, after all nodes that use its output. Iterative. A hook, or a
/// node's backward, may run another engine inside, also on nodes that both reach.
class Engine {
 public:
  /// `gradient` is that of the root's output.
  static void run(Node& root, Tensor gradient, bool retain_graph);

 private:
  struct Later {
    bool operator()(const Ref<Node>& a, const Ref<Node>& b) const;
  };
  /// What a run around this one had noted in the nodes that this one visits; given back at the end.
  class Outer {
   public:
    Outer() = default;
    ~Outer();
    Outer(const Outer&) = delete;
    Outer& operator=(const Outer&) = delete;
    void keep(Node& node);

   private:
    struct State {
      Ref<Node> node;
      Tensor pending, more_pending;
      std::uint64_t visited;
      std::uint32_t dependencies;
    };
    std::vector<State> states_;
  };

  static void enter(Node& node, std::uint64_t visit, Outer* outer);
  static void collect(Node& root, std::uint64_t visit, Outer* outer);
  static void process(Node& node, bool retain_graph, std::vector<Ref<Node>>& ready);
  static void check_gradient(const Node& of, std::size_t input, const Node& node, const Tensor& gradient);
  static void add_pending(Node& node, Tensor gradient);
  static void drop_pending(Node& from, std::uint64_t visit);
};

}  // namespace fornax::autograd

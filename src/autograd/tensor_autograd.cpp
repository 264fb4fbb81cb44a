// The members of Tensor that belong to autograd.
#include "autograd/engine.h"
#include "autograd/leaf.h"
#include "fornax/base/error.h"
#include "fornax/tensor/tensor.h"

namespace fornax {

using autograd::Leaf;
using autograd::Node;
using autograd::node_of;

bool Tensor::requires_grad() const { return grad_meta() != nullptr; }

bool Tensor::is_leaf() const {
  const Node* node = node_of(*this);
  return !node || node->is_leaf();
}

Tensor& Tensor::set_requires_grad(bool requires_grad) {
  if (!is_leaf())
    throw AutogradError("set_requires_grad",
                        "expected a leaf, got the result of " + std::string(node_of(*this)->name()));
  if (requires_grad && !is_floating(dtype()))
    throw DTypeError("set_requires_grad", "expected a floating tensor, got " + describe(*this));
  if (requires_grad == this->requires_grad()) return *this;
  if (requires_grad) {
    Tensor self = *this;
    autograd::detail::attach(self, Ref<Node>(new Leaf), {});
  } else {
    set_grad_meta(nullptr);
  }
  return *this;
}

Tensor Tensor::grad() const {
  const Node* node = node_of(*this);
  return node ? node->grad() : Tensor();
}

void Tensor::set_grad(Tensor grad) {
  Node* node = node_of(*this);
  if (!node) throw AutogradError("set_grad", "expected a tensor that requires grad, got " + describe(*this));
  if (grad.defined() && (grad.shape() != shape() || grad.dtype() != dtype() || grad.device() != device()))
    throw ShapeError("set_grad",
                     "expected a gradient like its tensor, got " + describe(grad) + "; x=" + describe(*this));
  node->set_grad(std::move(grad));
}

void Tensor::retain_grad() {
  Node* node = node_of(*this);
  if (!node)
    throw AutogradError("retain_grad", "expected a tensor that requires grad, got " + describe(*this));
  if (!node->is_leaf()) node->retain_grad();
}

int Tensor::register_hook(std::function<Tensor(const Tensor&)> hook) {
  Node* node = node_of(*this);
  if (!node)
    throw AutogradError("register_hook", "expected a tensor that requires grad, got " + describe(*this));
  return node->add_hook(std::move(hook));
}

int Tensor::register_grad_ready_hook(std::function<void(const Tensor&)> hook) {
  Node* node = node_of(*this);
  if (!node || !node->is_leaf())
    throw AutogradError("register_grad_ready_hook",
                        "expected a leaf that requires grad, got " + describe(*this));
  return static_cast<Leaf*>(node)->add_ready_hook(std::move(hook));
}

void Tensor::remove_hook(int id) {
  if (Node* node = node_of(*this)) node->remove_hook(id);
}

Tensor Tensor::detach() const {
  Tensor same = alias(shape(), strides());
  same.impl().is_view = false;
  return same;
}

Tensor& Tensor::set_data(const Tensor& source) {
  if (!is_leaf())
    throw AutogradError("set_data",
                        "expected a leaf, got the result of " + std::string(node_of(*this)->name()));
  if (source.shape() != shape())
    throw ShapeError("set_data", "expected data like " + describe(*this) + ", got " + describe(source));
  if (requires_grad() && !is_floating(source.dtype()))
    throw DTypeError("set_data", "expected a floating tensor, got " + describe(source));
  const NoGrad no_grad;
  const Tensor old_grad = grad();
  Impl& mine = impl();
  mine.view = source.impl().view;
  mine.storage = source.impl().storage;
  mine.is_view = false;
  if (Node* node = node_of(*this)) {
    static_cast<Leaf*>(node)->set_output(*this);
    if (old_grad.defined()) node->set_grad(old_grad.to(device()).to(dtype()).to(suggested_format()));
  }
  return *this;
}

void Tensor::backward(const Tensor& gradient, bool retain_graph) const {
  Node* node = node_of(*this);
  if (!node) {
    throw AutogradError(
        "backward",
        "expected the result of recorded ops, got a tensor that does not require grad: " + describe(*this));
  }
  Tensor seed = gradient;
  if (!seed.defined()) {
    if (numel() != 1)
      throw AutogradError("backward",
                          "expected one element where no gradient is given, got " + describe(*this));
    const NoGrad no_grad;
    seed = empty_like(*this);
    seed.fill_(1);
  } else if (seed.shape() != shape() || seed.dtype() != dtype() || seed.device() != device()) {
    throw ShapeError("backward", "expected a gradient like " + describe(*this) + ", got " + describe(seed));
  }
  autograd::Engine::run(*node, std::move(seed), retain_graph);
}

}  // namespace fornax

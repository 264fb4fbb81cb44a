#include "fornax/nn/layer.h"

#include <fmt/core.h>

#include "fornax/base/error.h"

namespace fornax::nn {

int Layer::register_forward_pre_hook(ForwardPreHook hook) {
  pre_hooks_.emplace_back(next_hook_, std::move(hook));
  return next_hook_++;
}

int Layer::register_forward_hook(ForwardHook hook) {
  hooks_.emplace_back(next_hook_, std::move(hook));
  return next_hook_++;
}

void Layer::remove_hook(int id) {
  const auto is_it = [id](const auto& hook) { return hook.first == id; };
  std::erase_if(pre_hooks_, is_it);
  std::erase_if(hooks_, is_it);
}

Tensor Layer::call_with_hooks(const Tensor& x) {
  Tensor input = x;
  const auto pre_hooks = pre_hooks_;  // copies: a hook may remove itself
  for (const auto& [id, hook] : pre_hooks)
    if (Tensor other = hook(*this, input); other.defined()) input = std::move(other);
  Tensor y = forward(input);
  const auto hooks = hooks_;
  for (const auto& [id, hook] : hooks)
    if (Tensor other = hook(*this, input, y); other.defined()) y = std::move(other);
  return y;
}

Sequential& Sequential::add(std::unique_ptr<Layer> layer) {
  return add(std::to_string(layers_.size()), std::move(layer));
}

Sequential& Sequential::add(std::string name, std::unique_ptr<Layer> layer) {
  if (!layer) throw ValueError("sequential", fmt::format("expected a layer for '{}', got null", name));
  add_child(std::move(name), *layer);
  layers_.push_back(std::move(layer));
  return *this;
}

Layer& Sequential::operator[](std::size_t i) const {
  if (i >= layers_.size())
    throw IndexError("sequential", fmt::format("expected an index below {}, got {}", layers_.size(), i));
  return *layers_[i];
}

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (const auto& layer : layers_) y = (*layer)(y);
  return y;
}

std::unique_ptr<Module> Sequential::make_alike() const {
  auto copy = std::make_unique<Sequential>();
  for (std::size_t i = 0; i < layers_.size(); ++i)
    copy->add(children()[i].first, std::unique_ptr<Layer>(static_cast<Layer*>(alike(*layers_[i]).release())));
  return copy;
}

}  // namespace fornax::nn

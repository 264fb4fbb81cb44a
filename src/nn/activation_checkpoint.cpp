#include "fornax/nn/activation_checkpoint.h"

#include <fmt/core.h>

#include <optional>
#include <utility>
#include <vector>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/ops/random.h"
#include "fornax/ops/replayed.h"

namespace fornax::nn {
namespace {

constinit thread_local bool recomputing = false;

struct Recomputing {
  Recomputing() : before(std::exchange(recomputing, true)) {}
  ~Recomputing() { recomputing = before; }
  bool before;
};

/// The autocast that was in force for a kind of device.
class KeptAutocast {
 public:
  explicit KeptAutocast(DeviceType device) : device_(device), dtype_(amp::autocast_dtype(device)) {}
  amp::Autocast again() const {
    return amp::Autocast(device_, dtype_.value_or(DType::bf16), dtype_.has_value());
  }

 private:
  DeviceType device_;
  std::optional<DType> dtype_;
};

struct CheckpointNode final : autograd::Node {
  CheckpointFunction f;
  std::vector<autograd::Saved> inputs;
  State random;
  KeptAutocast cpu{DeviceType::cpu}, cuda{DeviceType::cuda};

  std::string_view name() const override { return "checkpoint"; }

  Grads backward(const Tensor& dy) override {
    std::vector<Tensor> leaves;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Tensor input = inputs[i].get(*this);
      leaves.push_back(input.defined() ? input.detach() : Tensor());
      if (needs(i)) leaves.back().set_requires_grad();
    }
    const Tensor y = again(leaves);
    if (y.shape() != dy.shape() || y.dtype() != dy.dtype())
      throw AutogradError(name(), fmt::format("expected the function to give {}{} again, got {}",
                                              name_of(dy.dtype()), to_string(dy.shape()), describe(y)));
    if (y.requires_grad()) y.backward(dy);
    Grads grads;
    for (std::size_t i = 0; i < leaves.size(); ++i) grads.push_back(needs(i) ? leaves[i].grad() : Tensor());
    return grads;
  }

 private:
  Tensor again(std::span<const Tensor> leaves) const {
    Generator generator;
    generator.load_state(random);
    const GeneratorGuard random_guard(generator);
    const amp::Autocast cpu_guard = cpu.again(), cuda_guard = cuda.again();
    const GradGuard grad_guard(true);
    const Recomputing mark;
    return f(leaves);
  }
};

}  // namespace

bool is_recomputing() noexcept { return recomputing; }

// The first time f records its graph too, which is dropped as soon as it is known that there is one: so it
// takes the same kernels both times, as a plain call would.
Tensor checkpoint(CheckpointFunction f, std::span<const Tensor> inputs) {
  if (!grad_enabled()) return f(inputs);
  Ref<CheckpointNode> node = Ref<CheckpointNode>::first(new CheckpointNode);
  node->random = default_generator().state();
  std::vector<autograd::Input> edges;
  for (const Tensor& input : inputs) {
    node->inputs.emplace_back().save(input);
    edges.emplace_back(input);
  }
  Tensor y = f(inputs);
  if (!y.defined() || !y.requires_grad()) return y;
  if (detail::is_captured(y.device()) &&
      default_generator().state().int_at("offset") != node->random.int_at("offset"))
    throw NotImplemented("checkpoint",
                         "expected a function that draws no random numbers where its work is captured, got "
                         "one that does");
  node->f = std::move(f);
  Tensor result = y.detach();
  autograd::detail::attach(result, std::move(node), edges);
  return result;
}

Tensor checkpoint(std::function<Tensor(const Tensor& x)> f, const Tensor& x) {
  return checkpoint([f = std::move(f)](std::span<const Tensor> inputs) { return f(inputs[0]); },
                    std::span(&x, 1));
}

}  // namespace fornax::nn

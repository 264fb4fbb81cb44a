#include "fornax/train/model_file.h"

#include <string>
#include <string_view>

#include "fornax/io/safetensors.h"
#include "fornax/io/torch_file.h"
#include "fornax/ops/create.h"
#include "io/torch_archive.h"

namespace fornax::train {
namespace {

/// Files of batch norms that do not count their batches (of PyTorch before 0.4.1, and many that are
/// published) are complete: as PyTorch, the count starts at 0.
void add_batch_counts(State& state, const State& own) {
  constexpr std::string_view count = "num_batches_tracked";
  for (const auto& [name, tensor] : own) {
    if (!name.ends_with(count) || state.contains(name)) continue;
    const std::string prefix = name.substr(0, name.size() - count.size());
    if (state.contains(prefix + "running_mean")) state.add(name, zeros({}, {.dtype = i64}));
  }
}

}  // namespace

void save_model(const std::string& path, const nn::Module& model) {
  io::save_safetensors(path, model.state());
}

nn::LoadReport load_model(const std::string& path, nn::Module& model, bool strict) {
  State state = io::torch::is_torch_file(path) ? io::load_torch(path) : io::load_safetensors(path).tensors;
  add_batch_counts(state, model.state());
  return model.load_state(state, strict);
}

}  // namespace fornax::train

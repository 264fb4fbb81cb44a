#pragma once

#include <string>

#include "fornax/base/export.h"
#include "fornax/nn/module.h"

/// A model's parameters and buffers as one file, by their names: what published weights are, and what other
/// programs read. All that a run needs to go on is an io::Checkpoint.
namespace fornax::train {

/// Writes model.state() as safetensors, replacing the file at `path` as a whole. Throws IoError. Waits for
/// the device.
FORNAX_API void save_model(const std::string& path, const nn::Module& model);

/// Reads a file into the model's parameters and buffers (Module::load_state, which says what `strict` means):
/// safetensors, or what torch.save() wrote (io::load_torch); its first bytes tell which. Where a batch norm's
/// num_batches_tracked is not in the file, as in many that are published, it becomes 0. Throws IoError for a
/// file that is neither, ValueError for the state of another model; then nothing was changed.
FORNAX_API nn::LoadReport load_model(const std::string& path, nn::Module& model, bool strict = true);

}  // namespace fornax::train

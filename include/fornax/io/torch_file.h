#pragma once

#include <string>

#include "fornax/base/export.h"
#include "fornax/tensor/state.h"

/// Files of PyTorch (.pt, .pth): state dicts as `torch.save(model.state_dict(), path)` writes them.
namespace fornax::io {

/// Reads the tensors of a state dict, on the CPU, in its order. Tensors that shared memory when they were
/// saved share it here, and keep their strides. Also takes a checkpoint, a dict that holds the state dict
/// under "state_dict", "model_state_dict" or "model" (the first that is there). What else there is in either
/// dict (numbers, texts, None, lists, an optimizer's state) is read over. "module.", with which data parallel
/// training begins all names, is left out if all have it; names are not changed otherwise.
///
/// The file is not trusted and nothing in it is executed: of the pickle only what plain data and tensors need
/// is understood. Throws IoError that names the file, the tensor, record, opcode or global, what was expected
/// and what came: for a whole model (torch.save(model)) or other objects of Python, for the format of PyTorch
/// before 1.6, for big-endian numbers, and for whatever is damaged (checksums are compared).
FORNAX_API State load_torch(const std::string& path);

/// Writes the tensors, whatever their device and strides, so that `torch.load(path)` gives an OrderedDict of
/// them, with weights_only too. Replaces the file at `path` as a whole or, if anything fails, not at all (see
/// AtomicFile). The same content gives the same bytes. Throws IoError, also for names that are not UTF-8.
/// Waits for the device.
FORNAX_API void save_torch(const std::string& path, const State& tensors);

}  // namespace fornax::io

#include "fornax/io/torch_file.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fornax/autograd/grad_mode.h"
#include "io/tensor_bytes.h"
#include "io/torch_archive.h"
#include "io/zip_writer.h"

namespace fornax::io {

State load_torch(const std::string& path) {
  const torch::Archive archive(path);
  const torch::StateDict& state = archive.state_dict();
  std::vector<Tensor> storages;
  for (const torch::Storage& storage : state.storages) {
    storages.push_back(empty({storage.numel}, {.dtype = storage.dtype}));
    archive.read(storage, bytes_of(storages.back()));
  }
  State loaded;
  for (const torch::Entry& entry : state.entries)
    loaded.add(entry.name, storages[entry.storage].alias(entry.shape, entry.strides, entry.offset).detach());
  return loaded;
}

void save_torch(const std::string& path, const State& tensors) {
  const NoGrad no_grad;
  torch::StateDict state;
  for (const auto& [name, tensor] : tensors) {
    state.entries.push_back({.name = name,
                             .storage = state.storages.size(),
                             .shape = tensor.shape(),
                             .strides = strides_of(tensor.shape())});
    state.storages.push_back(
        {.key = std::to_string(state.storages.size()), .dtype = tensor.dtype(), .numel = tensor.numel()});
  }
  const std::string pickle = torch::write_state_dict(state, path);
  const auto bytes_of_text = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  AtomicFile file(path);
  ZipWriter zip(file);
  zip.add("archive/data.pkl", bytes_of_text(pickle));
  zip.add("archive/byteorder", bytes_of_text("little"));
  for (const torch::Entry& entry : state.entries)
    zip.add("archive/data/" + state.storages[entry.storage].key,
            bytes_of(tensors.at(entry.name).to(Device::cpu()).contiguous()));
  zip.add("archive/version", bytes_of_text("3\n"));
  zip.finish();
  file.commit();
}

}  // namespace fornax::io

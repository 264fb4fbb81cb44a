#include "fornax/train/model_file.h"

#include "fornax/io/safetensors.h"

namespace fornax::train {

void save_model(const std::string& path, const nn::Module& model) {
  io::save_safetensors(path, model.state());
}

nn::LoadReport load_model(const std::string& path, nn::Module& model, bool strict) {
  return model.load_state(io::load_safetensors(path).tensors, strict);
}

}  // namespace fornax::train

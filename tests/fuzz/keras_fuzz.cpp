#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include <fuzzer/FuzzedDataProvider.h>

#include "fornax/base/error.h"
#include "fornax/io/keras_file.h"

namespace {

// Sound files with any content, made by libhdf5 itself: what it does with damaged ones is not ours to mend.
// Where it refuses to make something, that is not there.
class Writer {
 public:
  explicit Writer(FuzzedDataProvider& choices) : choices_(choices) {}

  void write(const std::string& path) {
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t root = rarely() ? file : add_group(file, "model_weights");
    for (const std::string& layer : add_texts(root, "layer_names")) {
      const hid_t group = add_group(root, layer);
      for (const std::string& weight : add_texts(group, "weight_names")) add_weight(group, weight);
      H5Gclose(group);
    }
    if (root != file) H5Gclose(root);
    H5Fclose(file);
  }

 private:
  /// What is left to choose when the input is used up is zeros, so that is what a sound file has.
  bool rarely() { return choices_.ConsumeIntegralInRange(0, 7) == 7; }

  std::string name() {
    constexpr const char* usual[] = {"conv1", "conv1/kernel:0", "model/conv1/bias", "kernel", "..", "/"};
    return rarely() ? choices_.ConsumeRandomLengthString(12) : choices_.PickValueInArray(usual);
  }

  hid_t add_group(hid_t parent, const std::string& name) {
    return H5Gcreate2(parent, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  }

  /// Of some form; gives what it lists.
  std::vector<std::string> add_texts(hid_t object, const std::string& name) {
    std::vector<std::string> all;
    if (!rarely()) {
      add_part(object, name, all);
    } else {
      for (int part = choices_.ConsumeIntegralInRange(0, 2); part >= 0; --part)
        add_part(object, name + std::to_string(part), all);
    }
    return all;
  }

  void add_part(hid_t object, const std::string& name, std::vector<std::string>& all) {
    std::vector<std::string> texts(choices_.ConsumeIntegralInRange<std::size_t>(0, 3));
    for (std::string& text : texts) text = this->name();
    const hsize_t count = texts.size();
    const hid_t space = rarely() ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, nullptr);
    const hid_t type = H5Tcopy(rarely() ? H5T_NATIVE_OPAQUE : H5T_C_S1);
    if (choices_.ConsumeBool()) {
      H5Tset_size(type, H5T_VARIABLE);
      std::vector<const char*> pointers;
      for (const std::string& text : texts) pointers.push_back(text.c_str());
      pointers.push_back(nullptr);  // a scalar's, if there are none
      write_attribute(object, name, type, space, pointers.data());
    } else {
      const std::size_t width = rarely() ? choices_.ConsumeIntegralInRange<std::size_t>(1, 16) : 16;
      H5Tset_size(type, width);
      std::string bytes;
      for (std::string text : texts) {
        text.resize(width);
        bytes += text;
      }
      bytes.resize(std::max(bytes.size(), width));
      write_attribute(object, name, type, space, bytes.data());
    }
    H5Sclose(space);
    std::ranges::move(texts, std::back_inserter(all));
  }

  static void write_attribute(hid_t object, const std::string& name, hid_t type, hid_t space,
                              const void* data) {
    const hid_t attribute = H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, type, data);
    H5Aclose(attribute);
    H5Tclose(type);
  }

  void add_weight(hid_t group, const std::string& name) {
    const hid_t types[] = {H5T_NATIVE_FLOAT, H5T_NATIVE_DOUBLE,  H5T_NATIVE_INT64, H5T_NATIVE_SCHAR,
                           H5T_IEEE_F32BE,   H5T_NATIVE_LDOUBLE, H5T_C_S1};
    const hid_t type = choices_.PickValueInArray(types);
    hsize_t sizes[10], chunk[10];
    hsize_t total = 1;
    const int rank = choices_.ConsumeIntegralInRange(0, 10);
    for (int i = 0; i < rank; ++i) {
      constexpr hsize_t small[] = {1, 2, 3, 5, 0}, huge[] = {1u << 20, hsize_t{1} << 40, hsize_t{1} << 63};
      sizes[i] = rarely() ? choices_.PickValueInArray(huge) : choices_.PickValueInArray(small);
      chunk[i] = 1;
      total = sizes[i] > 5 || total > most_written ? most_written + 1 : total * sizes[i];
    }
    const hid_t space = H5Screate_simple(rank, sizes, nullptr);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    switch (choices_.ConsumeIntegralInRange(0, 4)) {
      case 4: H5Pset_layout(creation, H5D_COMPACT); break;
      case 1: H5Pset_chunk(creation, std::max(rank, 1), chunk); break;
      case 2:
        H5Pset_chunk(creation, std::max(rank, 1), chunk);
        H5Pset_deflate(creation, 9);
        break;
      case 3: H5Pset_external(creation, "/dev/zero", 0, H5F_UNLIMITED); break;
      default: break;  // contiguous, and only there once it was written
    }
    const hid_t dataset = H5Dcreate2(group, name.c_str(), type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    const std::vector<char> zeros(sizeof(long double) * most_written);
    if (total <= most_written && !rarely())
      H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros.data());
    H5Dclose(dataset);
    H5Pclose(creation);
    H5Sclose(space);
  }

  static constexpr hsize_t most_written = 1024;

  FuzzedDataProvider& choices_;
};

}  // namespace

/// Any sound file is either refused with an IoError or read, whatever is in it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path =
      std::filesystem::temp_directory_path() / ("fornax-keras-fuzz-" + std::to_string(::getpid()) + ".h5");
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  FuzzedDataProvider choices(data, size);
  Writer(choices).write(path);
  try {
    fornax::io::load_keras(path);
  } catch (const fornax::IoError&) {  // refused
  }
  ::unlink(path.c_str());
  return 0;
}

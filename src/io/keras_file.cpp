#include "fornax/io/keras_file.h"

#include <fmt/core.h>
#include <hdf5.h>

#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/dense_numel.h"
#include "base/file.h"
#include "fornax/base/error.h"
#include "io/tensor_bytes.h"
#include "io/text.h"

namespace fornax::io {
namespace {

/// One of HDF5's handles, closed by its function. What cannot be opened is below 0.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&&) = delete;

  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// While alive, HDF5 prints no errors.
class Quiet {
 public:
  Quiet() {
    H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Quiet() { H5Eset_auto2(H5E_DEFAULT, print_, data_); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  H5E_auto2_t print_ = nullptr;
  void* data_ = nullptr;
};

/// "conv1_conv/kernel" of "conv1_conv/kernel:0" (by TensorFlow), "model/conv1_conv/kernel" (Keras 3) or
/// "kernel".
std::string name_of(const std::string& layer, std::string_view weight) {
  if (weight.ends_with(":0")) weight.remove_suffix(2);
  const std::string prefix = layer + "/";
  if (weight.starts_with(prefix)) return std::string(weight);
  const std::size_t at = weight.find("/" + prefix);
  return at == std::string_view::npos ? prefix + std::string(weight) : std::string(weight.substr(at + 1));
}

class Reader {
 public:
  explicit Reader(const std::string& path)
      : path_(path),
        size_(InputFile(path).size()),
        file_(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose) {
    if (file_ < 0) fail("expected an HDF5 file, got another or a damaged one");
  }

  State read() const {
    constexpr const char* in_models = "model_weights";
    const bool is_model = H5Lexists(file_, in_models, H5P_DEFAULT) > 0;
    const Handle root(H5Gopen2(file_, is_model ? in_models : "/", H5P_DEFAULT), H5Gclose);
    State state;
    for (const std::string& layer : texts(root, "layer_names", "the file")) {
      const Handle group(H5Gopen2(root, layer.c_str(), H5P_DEFAULT), H5Gclose);
      const std::string where = fmt::format("layer {}", quote(layer));
      if (group < 0) fail(fmt::format("{}: expected a group of this name, got none", where));
      for (const std::string& weight : texts(group, "weight_names", where)) {
        const std::string name = name_of(layer, weight);
        if (state.contains(name))
          fail(fmt::format("weight {}: expected each name once, got it twice", quote(name)));
        state.add(name, read_weight(group, weight));
      }
    }
    return state;
  }

 private:
  /// An attribute that is a list of texts, which Keras cuts into several when it is long: "name0", "name1".
  std::vector<std::string> texts(hid_t object, const std::string& name, const std::string& of) const {
    std::vector<std::string> all;
    if (H5Aexists(object, name.c_str()) > 0) {
      read_texts(object, name, all);
      return all;
    }
    for (int part = 0; H5Aexists(object, fmt::format("{}{}", name, part).c_str()) > 0; ++part)
      read_texts(object, fmt::format("{}{}", name, part), all);
    if (all.empty())
      fail(fmt::format("{}: expected an attribute {} (of Keras 1 or 2), got none", of, quote(name)));
    return all;
  }

  void read_texts(hid_t object, const std::string& name, std::vector<std::string>& all) const {
    const Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose);
    const Handle space(H5Aget_space(attribute), H5Sclose), type(H5Aget_type(attribute), H5Tclose);
    const hssize_t count = H5Sget_simple_extent_npoints(space);
    if (count == 0) return;  // of whatever type
    const auto refuse = [&] {
      fail(fmt::format("attribute {}: expected a list of texts, got another", quote(name)));
    };
    if (count < 0 || H5Tget_class(type) != H5T_STRING) refuse();
    const auto number = static_cast<std::size_t>(count);
    const std::size_t width = H5Tget_size(type);
    if (width == 0 || number > size_ / width) refuse();
    if (H5Tis_variable_str(type) > 0) {
      std::vector<char*> pointers(number);
      if (H5Aread(attribute, type, pointers.data()) < 0) refuse();
      for (const char* text : pointers) all.emplace_back(text ? text : "");
      H5Dvlen_reclaim(type, space, H5P_DEFAULT, pointers.data());
    } else {
      std::vector<char> bytes(number * width);
      if (H5Aread(attribute, type, bytes.data()) < 0) refuse();
      for (std::size_t i = 0; i < number; ++i)
        all.emplace_back(&bytes[i * width], ::strnlen(&bytes[i * width], width));
    }
  }

  Tensor read_weight(hid_t group, const std::string& name) const {
    const auto refuse = [&](const std::string& message) {
      fail(fmt::format("weight {}: {}", quote(name), message));
    };
    const Handle dataset(H5Dopen2(group, name.c_str(), H5P_DEFAULT), H5Dclose);
    if (dataset < 0) refuse("expected a dataset of this name, got none");
    const Handle space(H5Dget_space(dataset), H5Sclose), type(H5Dget_type(dataset), H5Tclose);
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 0 || rank > max_rank)
      refuse(fmt::format("expected at most {} dimensions, got {}", max_rank, rank));
    const H5T_class_t kind = H5Tget_class(type);
    if (kind != H5T_FLOAT && kind != H5T_INTEGER) refuse("expected numbers, got another type");
    const DType dtype = kind == H5T_INTEGER ? i64 : H5Tget_size(type) == sizeof(double) ? f64 : f32;

    hsize_t sizes[max_rank] = {};
    H5Sget_simple_extent_dims(space, sizes, nullptr);
    Shape shape;
    for (int i = 0; i < rank; ++i) shape.push_back(static_cast<std::int64_t>(sizes[i]));
    const auto numel = dense_numel(shape);  // none for a size of 2^63 and more, which has become negative
    const std::size_t width = H5Tget_size(type);
    // Compressed data, and what was never written, could be of any size.
    if (!numel || static_cast<std::size_t>(*numel) > size_ / width ||
        static_cast<std::size_t>(*numel) * width != H5Dget_storage_size(dataset))
      refuse(fmt::format("expected plain data of {}, got {} bytes", to_string(shape),
                         H5Dget_storage_size(dataset)));
    Tensor tensor = empty(shape, {.dtype = dtype});
    const hid_t native = dtype == i64   ? H5T_NATIVE_INT64
                         : dtype == f64 ? H5T_NATIVE_DOUBLE
                                        : H5T_NATIVE_FLOAT;
    if (H5Dread(dataset, native, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes_of(tensor).data()) < 0)
      refuse("expected data that can be read, got damaged ones");
    return tensor;
  }

  [[noreturn]] void fail(const std::string& message) const { throw IoError(path_, message); }

  const std::string& path_;
  std::uint64_t size_;
  Handle file_;
};

}  // namespace

State load_keras(const std::string& path) {
  static std::mutex one_at_a_time;  // libhdf5 may be built without locks of its own
  const std::scoped_lock lock(one_at_a_time);
  const Quiet quiet;
  return Reader(path).read();
}

}  // namespace fornax::io

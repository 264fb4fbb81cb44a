// In the place of keras_file.cpp in a build without libhdf5.
#include "fornax/base/error.h"
#include "fornax/io/keras_file.h"

namespace fornax::io {

State load_keras(const std::string&) {
  throw NotImplemented("load_keras", "expected a build with libhdf5 (Debian: libhdf5-dev), got one without");
}

}  // namespace fornax::io

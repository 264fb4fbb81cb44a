#include "fornax/base/error.h"

namespace fornax {

static std::string compose(std::string_view op, std::string_view message) {
  std::string text;
  text.reserve(op.size() + message.size() + 3);
  text.append("[").append(op).append("] ").append(message);
  return text;
}

Error::Error(std::string_view op, std::string_view message)
    : std::runtime_error(compose(op, message)), op_(op) {}

}  // namespace fornax

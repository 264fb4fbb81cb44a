#include "fornax/base/dtype.h"

namespace fornax {

std::string_view name_of(DType dtype) {
  constexpr std::string_view names[dtype_count] = {"f64", "f32", "f16", "bf16", "i64", "i32", "u8", "bool"};
  return names[static_cast<int>(dtype)];
}

}  // namespace fornax

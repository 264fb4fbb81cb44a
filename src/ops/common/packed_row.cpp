#include "ops/common/packed_row.h"

#include <cstring>

namespace fornax::cpu {
namespace {

template <class T>
using Compute = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;

template <class T>
Value value_of(T value) {
  Value result;
  std::memcpy(result.bytes, &value, sizeof value);
  return result;
}

template <class Word>
void copy_words(std::byte* to, std::int64_t to_step, const std::byte* from, std::int64_t from_step,
                std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) std::memcpy(to + i * to_step, from + i * from_step, sizeof(Word));
}

}  // namespace

Value compute_value(DType dtype, const void* element) {
  return visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
    return value_of(static_cast<Compute<T>>(*static_cast<const T*>(element)));
  });
}

Value compute_value(DType dtype, Scalar scalar) {
  return visit_dtype(dtype,
                     [&]<class T>(std::type_identity<T>) { return value_of(scalar.to<Compute<T>>()); });
}

Value element_value(DType dtype, Scalar scalar) {
  return visit_dtype(dtype, [&]<class T>(std::type_identity<T>) { return value_of(scalar.to<T>()); });
}

TensorView view_of(DType dtype, const Value& element) {
  TensorView view;
  view.data = const_cast<std::byte*>(element.bytes);  // kernels read inputs only
  view.dtype = dtype;
  return view;
}

void copy_strided(std::byte* to, std::int64_t to_step, const std::byte* from, std::int64_t from_step,
                  std::int64_t size, std::int64_t count) {
  switch (size) {
    case 1: return copy_words<std::uint8_t>(to, to_step, from, from_step, count);
    case 2: return copy_words<std::uint16_t>(to, to_step, from, from_step, count);
    case 4: return copy_words<std::uint32_t>(to, to_step, from, from_step, count);
    default: return copy_words<std::uint64_t>(to, to_step, from, from_step, count);
  }
}

}  // namespace fornax::cpu

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "fornax/base/export.h"
#include "fornax/base/half.h"

namespace fornax {

/// Element types. `fornax::f32` is short for `fornax::DType::f32`.
enum class DType : std::uint8_t { f64, f32, f16, bf16, i64, i32, u8, boolean };
using enum DType;
inline constexpr int dtype_count = 8;

/// Size of one element in bytes.
constexpr std::size_t size_of(DType dtype) {
  constexpr std::size_t sizes[dtype_count] = {8, 4, 2, 2, 8, 4, 1, 1};
  return sizes[static_cast<int>(dtype)];
}
constexpr bool is_floating(DType dtype) { return dtype <= DType::bf16; }
constexpr bool is_16bit(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }
/// "f32", "bf16", ..., "bool".
FORNAX_API std::string_view name_of(DType dtype);

/// The DType of a C++ type: `dtype_of<float> == f32`.
template <class T>
inline constexpr DType dtype_of = [] {
  // clang-format off
  if constexpr (std::is_same_v<T, double>) return DType::f64;
  else if constexpr (std::is_same_v<T, float>) return DType::f32;
  else if constexpr (std::is_same_v<T, Half>) return DType::f16;
  else if constexpr (std::is_same_v<T, BFloat16>) return DType::bf16;
  else if constexpr (std::is_same_v<T, std::int64_t>) return DType::i64;
  else if constexpr (std::is_same_v<T, std::int32_t>) return DType::i32;
  else if constexpr (std::is_same_v<T, std::uint8_t>) return DType::u8;
  else if constexpr (std::is_same_v<T, bool>) return DType::boolean;
  else static_assert(sizeof(T) == 0, "not an element type of Fornax");
  // clang-format on
}();

/// Calls `f(std::type_identity<T>{})` with the C++ type of `dtype`: the only type switch in the code base.
template <class F>
decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f64: return f(std::type_identity<double>{});
    case DType::f32: return f(std::type_identity<float>{});
    case DType::f16: return f(std::type_identity<Half>{});
    case DType::bf16: return f(std::type_identity<BFloat16>{});
    case DType::i64: return f(std::type_identity<std::int64_t>{});
    case DType::i32: return f(std::type_identity<std::int32_t>{});
    case DType::u8: return f(std::type_identity<std::uint8_t>{});
    case DType::boolean: break;
  }
  return f(std::type_identity<bool>{});
}

/// As visit_dtype for the floating types only; `dtype` must be one.
template <class F>
decltype(auto) visit_floating(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f64: return f(std::type_identity<double>{});
    case DType::f16: return f(std::type_identity<Half>{});
    case DType::bf16: return f(std::type_identity<BFloat16>{});
    default: break;
  }
  return f(std::type_identity<float>{});
}

/// A set of dtypes, as kernels claim them.
class DTypeSet {
 public:
  template <class... D>
  constexpr DTypeSet(D... dtypes) : bits_((0u | ... | (1u << static_cast<int>(dtypes)))) {}
  constexpr bool contains(DType dtype) const { return (bits_ >> static_cast<int>(dtype)) & 1u; }
  constexpr DTypeSet operator|(DTypeSet other) const {
    DTypeSet both;
    both.bits_ = bits_ | other.bits_;
    return both;
  }

 private:
  unsigned bits_ = 0;
};
inline constexpr DTypeSet floating_dtypes{DType::f64, DType::f32, DType::f16, DType::bf16};
inline constexpr DTypeSet integer_dtypes{DType::i64, DType::i32, DType::u8};
inline constexpr DTypeSet number_dtypes = floating_dtypes | integer_dtypes;
inline constexpr DTypeSet all_dtypes = number_dtypes | DTypeSet{DType::boolean};

/// The type in which a kernel of element type T accumulates: double for double, else float.
template <class T>
using accumulate_t = std::conditional_t<std::is_same_v<T, double>, double, float>;

}  // namespace fornax

// Policy: elementwise (ops/common/elementwise.cuh); 16-bit types are compared in f32, a bool as the byte 0
// or 1. Three comparisons make six: a > b is b < a, and a != b is the opposite of a == b.
#include "ops/common/elementwise.cuh"
#include "ops/compare/compare_op.h"

namespace fornax::ops {
namespace {

using cuda::Input;

struct Equal {
  bool opposite;
  template <class T>
  __device__ bool operator()(T a, T b) const {
    return (a == b) != opposite;
  }
};

struct Less {
  template <class T>
  __device__ bool operator()(T a, T b) const {
    return a < b;
  }
};

struct LessOrEqual {
  template <class T>
  __device__ bool operator()(T a, T b) const {
    return a <= b;
  }
};

/// The logical kinds, on bytes of 0 or 1.
struct And {
  __device__ bool operator()(std::uint8_t a, std::uint8_t b) const { return (a & b) != 0; }
};
struct Or {
  __device__ bool operator()(std::uint8_t a, std::uint8_t b) const { return (a | b) != 0; }
};

template <class T>
void run_as(const Compare& args, cuda::compute_t<T> scalar) {
  const Input<T> a{args.a}, b{args.b, scalar};
  const auto by = [&](const auto& f, const Input<T>& left, const Input<T>& right) {
    cuda::elementwise<bool>(f, args.y, left, right);
  };
  switch (args.kind) {
    case CompareKind::eq: return by(Equal{false}, a, b);
    case CompareKind::ne: return by(Equal{true}, a, b);
    case CompareKind::lt: return by(Less{}, a, b);
    case CompareKind::gt: return by(Less{}, b, a);
    case CompareKind::le: return by(LessOrEqual{}, a, b);
    case CompareKind::ge: return by(LessOrEqual{}, b, a);
    case CompareKind::logical_xor: return by(Equal{true}, a, b);
    case CompareKind::logical_and:
      if constexpr (std::is_same_v<T, std::uint8_t>) by(And{}, a, b);
      break;
    case CompareKind::logical_or:
      if constexpr (std::is_same_v<T, std::uint8_t>) by(Or{}, a, b);
      break;
  }
}

void run(const Compare& args) {
  visit_dtype(args.a.dtype, [&]<class T>(std::type_identity<T>) {
    // The scalar in the operand's own dtype, as the comparison is one of this dtype's numbers.
    const T scalar = args.scalar.to<T>();
    if constexpr (std::is_same_v<T, bool>)
      run_as<std::uint8_t>(args, scalar ? 1 : 0);
    else
      run_as<T>(args, static_cast<cuda::compute_t<T>>(scalar));
  });
}

dispatch::Refusal can_run(const Compare& args) {
  return args.kind >= CompareKind::logical_and && args.a.dtype != boolean ? "the logical kinds take bool only"
                                                                          : dispatch::accepts;
}

}  // namespace

constinit const dispatch::Kernel<Compare> compare_cuda{
    {"elementwise", DeviceType::cuda, all_dtypes}, can_run, run};

}  // namespace fornax::ops

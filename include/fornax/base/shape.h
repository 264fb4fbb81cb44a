#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "fornax/base/export.h"
#include "fornax/base/function_ref.h"

namespace fornax {

/// Most dimensions a tensor can have.
inline constexpr int max_rank = 8;

/// Up to max_rank integers, held inline: the sizes or strides of a tensor, or a list of axes.
class Dims {
 public:
  constexpr Dims() = default;
  constexpr Dims(std::initializer_list<std::int64_t> values)
      : Dims(std::span(values.begin(), values.size())) {}
  constexpr explicit Dims(std::span<const std::int64_t> values) {
    if (values.size() > max_rank) too_long(values.size());
    rank_ = static_cast<int>(values.size());
    std::copy(values.begin(), values.end(), values_);
  }
  static constexpr Dims filled(int rank, std::int64_t value) {
    Dims dims;
    for (int i = 0; i < rank; ++i) dims.push_back(value);
    return dims;
  }

  constexpr int rank() const { return rank_; }
  constexpr bool empty() const { return rank_ == 0; }
  constexpr std::int64_t operator[](int i) const { return values_[i]; }
  constexpr std::int64_t& operator[](int i) { return values_[i]; }
  constexpr std::int64_t back() const { return values_[rank_ - 1]; }
  constexpr const std::int64_t* begin() const { return values_; }
  constexpr const std::int64_t* end() const { return values_ + rank_; }
  constexpr std::int64_t* begin() { return values_; }
  constexpr std::int64_t* end() { return values_ + rank_; }

  constexpr void push_back(std::int64_t value) {
    if (rank_ == max_rank) too_long(rank_ + 1u);
    values_[rank_++] = value;
  }
  constexpr void insert(int at, std::int64_t value) {
    push_back(value);
    std::rotate(begin() + at, end() - 1, end());
  }
  constexpr void erase(int at) {
    std::copy(begin() + at + 1, end(), begin() + at);
    --rank_;
  }
  /// Product of all values; 1 when empty.
  constexpr std::int64_t product() const {
    std::int64_t n = 1;
    for (const std::int64_t value : *this) n *= value;
    return n;
  }
  constexpr bool contains(std::int64_t value) const { return std::find(begin(), end(), value) != end(); }
  friend constexpr bool operator==(const Dims& a, const Dims& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a.values_[i] != b.values_[i]) return false;
    return true;
  }

 private:
  [[noreturn]] FORNAX_API static void too_long(std::size_t rank);

  std::int64_t values_[max_rank] = {};
  int rank_ = 0;
};

/// Sizes, outermost first; the logical order of images is always N, C, H, W.
using Shape = Dims;
/// Distance in elements from one index to the next, per dimension.
using Strides = Dims;

/// "[8,64,56,56]"
FORNAX_API std::string to_string(const Dims& dims);

/// A stride pattern. Logical order is NCHW in both.
enum class MemoryFormat : std::uint8_t {
  contiguous,    ///< row-major: the last dimension is adjacent in memory
  channels_last  ///< rank 4 only: channels adjacent (NHWC in memory)
};
/// Dense strides of `shape` in `format`. Throws ShapeError for channels_last of a rank other than 4.
FORNAX_API Strides strides_of(const Shape& shape, MemoryFormat format = MemoryFormat::contiguous);
/// True if `strides` are those of `format`, where the strides of dimensions of size 1 do not matter.
FORNAX_API bool has_format(const Shape& shape, const Strides& strides, MemoryFormat format);
/// Gives "x=f32[2,3]@cpu ..." for the end of a message, if there is one to make.
using DescribeOperands = FunctionRef<std::string()>;
/// `axis` counted from the front: -1 is the last. Throws IndexError naming `op` and the operands.
FORNAX_API int normalize_axis(std::int64_t axis, int rank, std::string_view op,
                              DescribeOperands operands = {});
/// NumPy's rule. Throws ShapeError naming `op` and the operands.
FORNAX_API Shape broadcast_shapes(const Shape& a, const Shape& b, std::string_view op,
                                  DescribeOperands operands = {});

}  // namespace fornax

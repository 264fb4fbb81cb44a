// Policy: rows that are adjacent on both sides are moved or cast in registers; where x is adjacent along
// another axis than y (NCHW to channels_last), blocks are transposed in registers, cut so that they stay in
// the cache. Everything else is a plain strided loop.
#include <cstring>

#include "cpu/copy.h"
#include "ops/common/loop.h"
#include "ops/copy/copy_op.h"

namespace fornax::ops {
namespace {

template <class To, class From>
To cast(From value) {
  if constexpr (std::is_same_v<To, bool>)
    return value != From(0);
  else if constexpr (std::is_same_v<To, From>)
    return value;
  else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, BFloat16>)
    return To(static_cast<float>(value));
  else
    return static_cast<To>(value);
}

template <class To, class From>
void cast_row(std::byte* y, std::int64_t y_step, const std::byte* x, std::int64_t x_step,
              std::int64_t count) {
  if (y_step == sizeof(To) && x_step == sizeof(From)) {  // known steps: the compiler vectorises this one
    To* to = reinterpret_cast<To*>(y);
    const From* from = reinterpret_cast<const From*>(x);
    for (std::int64_t i = 0; i < count; ++i) to[i] = cast<To>(from[i]);
    return;
  }
  for (std::int64_t i = 0; i < count; ++i)
    *reinterpret_cast<To*>(y + i * y_step) = cast<To>(*reinterpret_cast<const From*>(x + i * x_step));
}

template <class Word>
void copy_words(const void* from_, std::int64_t from_row, std::int64_t from_column, void* to_,
                std::int64_t to_row, std::int64_t rows, std::int64_t columns) {
  const auto* from = static_cast<const std::byte*>(from_);
  auto* to = static_cast<std::byte*>(to_);
  constexpr auto size = static_cast<std::int64_t>(sizeof(Word));
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      std::memcpy(to + (i * to_row + j) * size, from + (i * from_row + j * from_column) * size, sizeof(Word));
}

/// The kernel that copies matrices with these types, or null. Elements of one dtype are moved as words.
cpu::Copy matrix_kernel(DType to, DType from) {
  const cpu::CopyKernels& kernels = cpu::copy_kernels();
  if (to == from) {
    switch (size_of(to)) {
      case 1: return copy_words<std::uint8_t>;
      case 2: return copy_words<std::uint16_t>;
      case 4: return kernels.f32;
      default: return kernels.f64;
    }
  }
  if (to == f32 && is_16bit(from)) return from == f16 ? kernels.f16_to_f32 : kernels.bf16_to_f32;
  if (from == f32 && is_16bit(to)) return to == f16 ? kernels.f32_to_f16 : kernels.f32_to_bf16;
  return nullptr;
}

/// The axis along which x is adjacent while y is along the last one; -1 if there is none.
int transposed_axis(const cpu::Loop<2>& loop, std::int64_t y_size, std::int64_t x_size) {
  const int last = loop.shape.rank() - 1;
  if (loop.strides[0][last] != y_size || loop.strides[1][last] == x_size) return -1;
  for (int axis = last - 1; axis >= 0; --axis)
    if (loop.strides[1][axis] == x_size) return axis;
  return -1;
}

/// Copies matrices whose rows are `axis` and whose columns are the last axis, tile by tile.
void copy_transposed(const cpu::Loop<2>& loop, int axis, cpu::Copy kernel, std::int64_t y_size,
                     std::int64_t x_size) {
  constexpr std::int64_t tile = 64;
  const int last = loop.shape.rank() - 1;
  const std::int64_t rows = loop.shape[axis], columns = loop.shape[last];
  const std::int64_t row_tiles = (rows + tile - 1) / tile, column_tiles = (columns + tile - 1) / tile;
  Dims others;
  for (int i = 0; i < last; ++i)
    if (i != axis) others.push_back(i);
  std::int64_t matrices = 1;
  for (const std::int64_t other : others) matrices *= loop.shape[static_cast<int>(other)];
  const std::int64_t in_tile = std::max<std::int64_t>(std::min(rows, tile) * std::min(columns, tile), 1);
  parallel_for(0, matrices * row_tiles * column_tiles, 1 + cpu::elementwise_grain / in_tile,
               [&](std::int64_t first, std::int64_t end) {
                 for (std::int64_t item = first; item < end; ++item) {
                   const std::int64_t column = item % column_tiles * tile,
                                      row = item / column_tiles % row_tiles * tile;
                   std::int64_t rest = item / (column_tiles * row_tiles);
                   std::byte* y = loop.data[0] + row * loop.strides[0][axis] + column * y_size;
                   const std::byte* x = loop.data[1] + row * x_size + column * loop.strides[1][last];
                   for (int i = others.rank() - 1; i >= 0; --i) {
                     const int other = static_cast<int>(others[i]);
                     const std::int64_t index = rest % loop.shape[other];
                     rest /= loop.shape[other];
                     y += index * loop.strides[0][other];
                     x += index * loop.strides[1][other];
                   }
                   kernel(x, 1, loop.strides[1][last] / x_size, y, loop.strides[0][axis] / y_size,
                          std::min(tile, rows - row), std::min(tile, columns - column));
                 }
               });
}

void run(const Copy& args) {
  const auto y_size = static_cast<std::int64_t>(size_of(args.y.dtype)),
             x_size = static_cast<std::int64_t>(size_of(args.x.dtype));
  const cpu::Loop<2> loop = cpu::make_loop(std::array{&args.y, &args.x});
  const cpu::Copy kernel = matrix_kernel(args.y.dtype, args.x.dtype);
  const int last = loop.shape.rank() - 1;
  if (kernel && loop.strides[0][last] == y_size && loop.strides[1][last] == x_size) {
    const bool moves = args.y.dtype == args.x.dtype;
    cpu::run_loop(loop, [&](const auto& data, const auto&, std::int64_t count) {
      if (moves)
        std::memcpy(data[0], data[1], static_cast<std::size_t>(count * y_size));
      else
        kernel(data[1], 0, 1, data[0], 0, 1, count);
    });
  } else if (const int axis = transposed_axis(loop, y_size, x_size); kernel && axis >= 0) {
    copy_transposed(loop, axis, kernel, y_size, x_size);
  } else {
    visit_dtype(args.y.dtype, [&]<class To>(std::type_identity<To>) {
      visit_dtype(args.x.dtype, [&]<class From>(std::type_identity<From>) {
        cpu::run_loop(loop, [](const auto& data, const auto& steps, std::int64_t count) {
          cast_row<To, From>(data[0], steps[0], data[1], steps[1], count);
        });
      });
    });
  }
}

}  // namespace

constinit const dispatch::Kernel<Copy> copy_cpu{
    {"strided", DeviceType::cpu, all_dtypes}, [](const Copy&) { return dispatch::accepts; }, run};

}  // namespace fornax::ops

#include "cpu/copy.h"

#include "cpu/packet.h"

// Copies go register by register. Where the source's rows are adjacent in memory instead of its columns,
// blocks of lanes x lanes are transposed in registers. Edges go through a buffer, so that every conversion
// has one form.
namespace fornax::cpu::FORNAX_ISA {
namespace {

using Index = std::int64_t;

/// T is the type of the registers, S and D the types in memory.
template <class T, class S, class D>
void copy_rows(const S* from, Index from_row, D* to, Index to_row, Index rows, Index columns) {
  constexpr Index V = lanes<T>;
  for (Index i = 0; i < rows; ++i, from += from_row, to += to_row) {
    Index j = 0;
    for (; j + V <= columns; j += V) store(to + j, load(from + j));
    if (j < columns) store_first<T>(to + j, load_first<T>(from + j, columns - j), columns - j);
  }
}

template <class T, class S, class D>
void copy_transposed(const S* from, Index from_column, D* to, Index to_row, Index rows, Index columns) {
  constexpr Index V = lanes<T>;
  for (Index j = 0; j < columns; j += V) {
    const Index width = columns - j < V ? columns - j : V;
    for (Index i = 0; i < rows; i += V) {
      const Index height = rows - i < V ? rows - i : V;
      const S* source = from + i + j * from_column;
      D* target = to + i * to_row + j;
      Packet<T> block[V];
      if (height == V && width == V) {
        for (Index l = 0; l < V; ++l) block[l] = load(source + l * from_column);
        transpose<T>(block);
        for (Index l = 0; l < V; ++l) store(target + l * to_row, block[l]);
      } else {
        for (Index l = 0; l < V; ++l) {
          block[l] = l < width ? load_first<T>(source + l * from_column, height) : broadcast(T(0));
        }
        transpose<T>(block);
        for (Index l = 0; l < height; ++l) store_first<T>(target + l * to_row, block[l], width);
      }
    }
  }
}

template <class T, class S, class D>
void copy(const void* from_, Index from_row, Index from_column, void* to_, Index to_row, Index rows,
          Index columns) {
  const S* from = static_cast<const S*>(from_);
  D* to = static_cast<D*>(to_);
  if (from_column == 1) return copy_rows<T>(from, from_row, to, to_row, rows, columns);
  if (from_row == 1) return copy_transposed<T>(from, from_column, to, to_row, rows, columns);
  constexpr Index V = lanes<T>;
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; j += V) {
      const Index width = columns - j < V ? columns - j : V;
      const S* source = from + i * from_row + j * from_column;
      S gathered[V] = {};
      for (Index l = 0; l < width; ++l) gathered[l] = source[l * from_column];
      store_first<T>(to + i * to_row + j, load(gathered), width);
    }
  }
}

template <class T, class S>
void pack(const void* from_, Index from_row, Index rows, Index columns, void* to_, Index width,
          Index panel_size) {
  constexpr Index V = lanes<T>;
  const S* from = static_cast<const S*>(from_);
  T* to = static_cast<T*>(to_);
  const Index whole = columns / width, rest = columns % width;
  for (Index i = 0; i < rows; ++i, from += from_row, to += width) {
    for (Index p = 0; p < whole; ++p) {
      for (Index j = 0; j < width; j += V) store(to + p * panel_size + j, load(from + p * width + j));
    }
    for (Index j = 0; rest > 0 && j < width; j += V) {
      const S* last = from + whole * width + j;
      T* at = to + whole * panel_size + j;
      if (j + V <= rest)
        store(at, load(last));
      else
        store(at, j < rest ? load_first<T>(last, rest - j) : broadcast(T(0)));
    }
  }
}

}  // namespace

extern const CopyKernels copy_kernels = {
    .f64 = copy<double, double, double>,
    .f32 = copy<float, float, float>,
    .f16_to_f32 = copy<float, Half, float>,
    .bf16_to_f32 = copy<float, BFloat16, float>,
    .f32_to_f16 = copy<float, float, Half>,
    .f32_to_bf16 = copy<float, float, BFloat16>,
    .pack_f64 = pack<double, double>,
    .pack_f32 = pack<float, float>,
    .pack_f16 = pack<float, Half>,
    .pack_bf16 = pack<float, BFloat16>,
};

}  // namespace fornax::cpu::FORNAX_ISA

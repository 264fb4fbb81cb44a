#include "cpu/gemm.h"

#include <algorithm>

#include "cpu/copy.h"
#include "cpu/scratch.h"
#include "cpu/tile.h"
#include "fornax/base/parallel.h"

// The product is cut into blocks of c. b is packed once per call into panels as wide as the register tile and
// shared by all blocks; a is read where it lies when its rows are adjacent, else copied block by block. The
// reduction is cut into stretches of equal length, so that a stretch of b's block stays in the
// second-level cache while the tiles of a go by.
namespace fornax::cpu {
namespace {

using Index = std::int64_t;
constexpr Index longest_stretch = 384;

Index divide_up(Index a, Index b) { return (a + b - 1) / b; }

/// Block sizes: large enough to reuse what is cached, small enough to give every thread some. By shape only.
struct Blocks {
  Index rows, columns, stretch;

  Blocks(const Gemm& product, Index tile_rows) {
    rows = 16 * tile_rows;
    columns = 192;  // a multiple of every tile
    if (count(product) < 8) columns = 64;
    while (count(product) < 8 && rows > 4 * tile_rows) rows /= 2;
    stretch = product.k;
    if (product.k > longest_stretch) stretch = divide_up(product.k, divide_up(product.k, longest_stretch));
  }
  Index count(const Gemm& product) const {
    return divide_up(product.m, rows) * divide_up(product.n, columns);
  }
};

template <class T>
class Product {
 public:
  explicit Product(const Gemm& product)
      : p_(product),
        blocks_(product, kernels_.rows),
        narrow_(is_16bit(product.dtype)),
        copies_a_(narrow_ || (product.a_column != 1 && product.k > 64)) {}

  void run() {
    const bool in_place =
        !narrow_ && p_.b_column == 1 && p_.n % kernels_.lanes == 0 && p_.m <= 4 * kernels_.rows;
    const Index padded = panel_count(p_.n, kernels_.columns) * kernels_.columns;
    const Scratch packed = Scratch::of<T>(in_place ? 0 : p_.k * padded);
    if (in_place) {
      b_ = static_cast<const T*>(p_.b);
      b_step_ = p_.b_row;
      b_panel_ = kernels_.columns;
    } else {
      pack_panels(p_.dtype, p_.b, p_.b_row, p_.b_column, p_.k, p_.n, kernels_.columns, packed.as<T>());
      b_ = packed.as<T>();
      b_step_ = kernels_.columns;
      b_panel_ = p_.k * kernels_.columns;
    }
    const Scratch bias = Scratch::of<T>(p_.bias ? padded : 0);
    if (p_.bias) {
      to_compute_(p_.bias, 0, 1, bias.as<T>(), 0, 1, p_.n);
      std::fill(bias.as<T>() + p_.n, bias.as<T>() + padded, T(0));
      bias_ = bias.as<T>();
    }
    const Index block_cost = blocks_.rows * blocks_.columns * std::max<Index>(p_.k, 1);
    const Index row_blocks = divide_up(p_.m, blocks_.rows);
    parallel_for(0, blocks_.count(p_), divide_up(100'000, block_cost), [&](Index first, Index last) {
      const Scratch a = Scratch::of<T>(copies_a_ ? blocks_.rows * blocks_.stretch : 0);
      const Scratch c = Scratch::of<T>(narrow_ ? blocks_.rows * blocks_.columns : 0);
      for (Index i = first; i < last; ++i)
        block(i % row_blocks * blocks_.rows, i / row_blocks * blocks_.columns, a, c);
    });
  }

 private:
  void block(Index row, Index column, const Scratch& a_copy, const Scratch& c_wide) const {
    const Index rows = std::min(blocks_.rows, p_.m - row), columns = std::min(blocks_.columns, p_.n - column);
    T* c = narrow_ ? c_wide.as<T>() : static_cast<T*>(p_.c) + row * p_.c_row + column;
    const Index c_row = narrow_ ? blocks_.columns : p_.c_row;
    char* c_narrow =
        static_cast<char*>(p_.c) + (row * p_.c_row + column) * static_cast<Index>(size_of(p_.dtype));
    if (narrow_ && p_.accumulate) to_compute_(c_narrow, p_.c_row, 1, c, c_row, rows, columns);

    Index done = 0;
    do {  // once even if k is 0: c is still to be written
      const Index length = std::min(blocks_.stretch, p_.k - done);
      const char* from = static_cast<const char*>(p_.a) +
                         (row * p_.a_row + done * p_.a_column) * static_cast<Index>(size_of(p_.dtype));
      const T* a = reinterpret_cast<const T*>(from);
      Index a_row = p_.a_row, a_step = p_.a_column;
      if (copies_a_) {
        to_compute_(from, p_.a_row, p_.a_column, a_copy.as<T>(), length, rows, length);
        a = a_copy.as<T>();
        a_row = length;
        a_step = 1;
      }
      const Run run{0, done * b_step_, length};
      Tile<T> tile{.b = b_ + column / kernels_.columns * b_panel_,
                   .a_step = a_step,
                   .b_step = b_step_,
                   .b_panel = b_panel_,
                   .runs = &run,
                   .run_count = 1,
                   .columns = columns,
                   .accumulate = p_.accumulate || done > 0,
                   .bias = bias_ ? bias_ + column : nullptr,
                   .relu = p_.relu && done + length == p_.k};
      for (Index i = 0; i < rows; i += kernels_.rows) {
        tile.rows = static_cast<int>(std::min<Index>(kernels_.rows, rows - i));
        for (Index r = 0; r < tile.rows; ++r) {
          tile.a[r] = a + (i + r) * a_row;
          tile.c[r] = c + (i + r) * c_row;
        }
        kernels_.run(tile);
      }
      done += length;
    } while (done < p_.k);
    if (narrow_) from_compute_(c, c_row, 1, c_narrow, p_.c_row, rows, columns);
  }

  const Gemm& p_;
  const TileKernels<T>& kernels_ = tile_kernels<T>();
  const Copy to_compute_ = copy_to_compute(p_.dtype), from_compute_ = copy_from_compute(p_.dtype);
  const Blocks blocks_;
  const bool narrow_, copies_a_;
  const T* b_ = nullptr;
  Index b_step_ = 0, b_panel_ = 0;
  const T* bias_ = nullptr;
};

}  // namespace

void gemm(const Gemm& product) {
  if (product.m == 0 || product.n == 0) return;
  if (product.dtype == f64)
    Product<double>(product).run();
  else
    Product<float>(product).run();
}

}  // namespace fornax::cpu

#include "cpu/gemm.h"

#include <algorithm>

#include "cpu/copy.h"
#include "cpu/scratch.h"
#include "cpu/tile.h"
#include "fornax/base/parallel.h"

// The product is cut into blocks of c, and the reduction into stretches of equal length, so that a stretch of
// b's block stays in the second-level cache while the tiles of a go by. b is packed into panels as wide as
// the register tile: once for all blocks, or, where all rows of a fit into one block, by each block for
// itself, while it is in cache. a is read where it lies when its rows are adjacent or short, else copied
// block by block.
namespace fornax::cpu {
namespace {

using Index = std::int64_t;
constexpr Index longest_stretch = 384, most_rows = 192, most_columns = 192, most_packed = Index{4} << 20;

constexpr Index divide_up(Index a, Index b) { return (a + b - 1) / b; }

/// Block sizes: large enough to reuse what is cached, small enough to give every thread some. By shape only.
struct Blocks {
  Index rows, columns, stretch;

  Blocks(const Gemm& product, Index tile_rows, Index tile_columns) {
    rows = std::min(product.m, most_rows);
    columns = most_columns;  // a multiple of every tile
    const auto count = [&] { return divide_up(product.m, rows) * divide_up(product.n, columns); };
    if (product.m > most_rows) {
      rows = most_rows / 2;
      if (count() < 8) columns = std::max<Index>(64, tile_columns);
      while (count() < 8 && rows > 4 * tile_rows) rows /= 2;
    } else if (count() < 8) {
      columns = std::max(divide_up(divide_up(product.n, 8), tile_columns) * tile_columns, tile_columns);
    }
    stretch = divide_up(product.k, std::max<Index>(divide_up(product.k, longest_stretch), 1));
  }
};

/// What a thread works with.
struct Room {
  Scratch a, b, c;
};

template <class T>
class Product {
 public:
  explicit Product(const Gemm& product)
      : p_(product),
        blocks_(product, kernels_.rows, kernels_.columns),
        narrow_(is_16bit(product.dtype)),
        copies_a_(narrow_ || (product.a_column != 1 && product.k > 64)),
        b_in_place_(!narrow_ && product.b_column == 1 && product.n % kernels_.lanes == 0 &&
                    product.m <= 4 * kernels_.rows),
        shares_b_(!b_in_place_ && product.m > blocks_.rows) {}

  void run() {
    const Index padded = panel_count(p_.n, kernels_.columns) * kernels_.columns;
    const Scratch bias = Scratch::of<T>(p_.bias ? padded : 0);
    if (p_.bias) {
      to_compute_(p_.bias, 0, 1, bias.as<T>(), 0, 1, p_.n);
      std::fill(bias.as<T>() + p_.n, bias.as<T>() + padded, T(0));
      bias_ = bias.as<T>();
    }
    if (!shares_b_) return columns({0, p_.n, nullptr});
    // Not more of b at once than caches hold.
    const Index at_once = std::max<Index>(most_packed / (p_.k + 1) / most_columns, 1) * most_columns;
    const Scratch packed = Scratch::of<T>(p_.k * std::min(at_once, padded));
    for (Index first = 0; first < p_.n; first += at_once) {
      const Index count = std::min(at_once, p_.n - first);
      pack_panels(p_.dtype, b_at(0, first), p_.b_row, p_.b_column, p_.k, count, kernels_.columns,
                  packed.as<T>());
      columns({first, count, packed.as<T>()});
    }
  }

 private:
  /// Columns of c, and b's panels of them where these are shared.
  struct Part {
    Index first, count;
    const T* packed;
  };
  void columns(const Part& part) const {
    const Index row_blocks = divide_up(p_.m, blocks_.rows),
                column_blocks = divide_up(part.count, blocks_.columns);
    const Index cost = blocks_.rows * blocks_.columns * std::max<Index>(p_.k, 1);
    parallel_for(0, row_blocks * column_blocks, divide_up(100'000, cost), [&](Index begin, Index end) {
      const bool packs = !b_in_place_ && !shares_b_;
      const Room room{Scratch::of<T>(copies_a_ ? blocks_.rows * blocks_.stretch : 0),
                      Scratch::of<T>(packs ? blocks_.columns * blocks_.stretch : 0),
                      Scratch::of<T>(narrow_ ? blocks_.rows * blocks_.columns : 0)};
      for (Index i = begin; i < end; ++i) {
        block(part, i % row_blocks * blocks_.rows, i / row_blocks * blocks_.columns, room);
      }
    });
  }

  /// The block of c from `row` and from `column` of the part.
  void block(const Part& part, Index row, Index column, const Room& room) const {
    const Index rows = std::min(blocks_.rows, p_.m - row),
                columns = std::min(blocks_.columns, part.count - column);
    const Index first = part.first + column, V = kernels_.columns;
    char* c_narrow = static_cast<char*>(p_.c) + (row * p_.c_row + first) * element_;
    T* c = narrow_ ? room.c.as<T>() : reinterpret_cast<T*>(c_narrow);
    const Index c_row = narrow_ ? blocks_.columns : p_.c_row;
    if (narrow_ && p_.accumulate) to_compute_(c_narrow, p_.c_row, 1, c, c_row, rows, columns);

    const T* a_rows[most_rows];
    T* c_rows[most_rows];
    for (Index i = 0; i < rows; ++i) {
      a_rows[i] = copies_a_ ? room.a.as<T>() + i * blocks_.stretch : static_cast<const T*>(a_at(row + i, 0));
      c_rows[i] = c + i * c_row;
    }
    Tile<T> tile{.a = a_rows,
                 .c = c_rows,
                 .a_step = copies_a_ ? 1 : p_.a_column,
                 .b_step = b_in_place_ ? p_.b_row : V,
                 .b_panel = b_in_place_ ? V : V * (shares_b_ ? p_.k : blocks_.stretch),
                 .run_count = 1,
                 .rows = rows,
                 .columns = columns};
    if (b_in_place_)
      tile.b = static_cast<const T*>(b_at(0, first));
    else
      tile.b = shares_b_ ? part.packed + column * p_.k : room.b.as<T>();
    Index done = 0;
    do {  // once even if k is 0: c is still to be written
      const Index length = std::min(blocks_.stretch, p_.k - done);
      if (copies_a_) {
        to_compute_(a_at(row, done), p_.a_row, p_.a_column, room.a.as<T>(), blocks_.stretch, rows, length);
      }
      Run run{copies_a_ ? 0 : done * p_.a_column, done * tile.b_step, length};
      if (!b_in_place_ && !shares_b_) {
        run.b = 0;
        pack_stretch(first, columns, done, length, room.b.as<T>());
      }
      tile.runs = &run;
      tile.start = p_.accumulate || done > 0 ? c_rows : nullptr;
      tile.bias = bias_ && done == 0 ? bias_ + first : nullptr;
      tile.relu = p_.relu && done + length == p_.k;
      kernels_.run(tile);
      done += length;
    } while (done < p_.k);
    if (narrow_) from_compute_(c, c_row, 1, c_narrow, p_.c_row, rows, columns);
  }

  void pack_stretch(Index column, Index columns, Index row, Index rows, T* to) const {
    const Index V = kernels_.columns;
    for (Index j = 0; j < columns; j += V, to += blocks_.stretch * V) {
      const Index width = std::min(V, columns - j);
      if (width < V) std::fill_n(to, rows * V, T(0));
      to_compute_(b_at(row, column + j), p_.b_row, p_.b_column, to, V, rows, width);
    }
  }

  const void* a_at(Index i, Index l) const {
    return static_cast<const char*>(p_.a) + (i * p_.a_row + l * p_.a_column) * element_;
  }
  const void* b_at(Index l, Index j) const {
    return static_cast<const char*>(p_.b) + (l * p_.b_row + j * p_.b_column) * element_;
  }

  const Gemm& p_;
  const TileKernels<T>& kernels_ = tile_kernels<T>();
  const Copy to_compute_ = copy_to_compute(p_.dtype), from_compute_ = copy_from_compute(p_.dtype);
  const Index element_ = static_cast<Index>(size_of(p_.dtype));
  const Blocks blocks_;
  const bool narrow_, copies_a_, b_in_place_, shares_b_;
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

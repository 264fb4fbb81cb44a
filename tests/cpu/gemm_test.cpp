#include "cpu/gemm.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstring>
#include <random>
#include <tuple>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cpu/isa.h"
#include "fornax/base/error.h"
#include "fornax/base/parallel.h"
#include "support/isa_levels.h"

namespace fornax::cpu {
namespace {

/// Small multiples of 1/8: every dtype holds them exactly, and sums of a few hundred products are exact in
/// float.
template <class T>
std::vector<T> values(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<T> result(static_cast<std::size_t>(count));
  for (T& value : result) value = T(static_cast<float>(static_cast<int>(random() % 17) - 8) / 8.f);
  return result;
}

struct Case {
  std::int64_t m, n, k;
  bool a_transposed = false, b_transposed = false, bias = false, accumulate = false, relu = false;
};

template <class T>
std::vector<T> run(const Case& s, const std::vector<T>& a, const std::vector<T>& b,
                   const std::vector<T>& bias, std::vector<T> c) {
  gemm({.dtype = dtype_of<T>,
        .m = s.m,
        .n = s.n,
        .k = s.k,
        .a = a.data(),
        .a_row = s.a_transposed ? 1 : s.k,
        .a_column = s.a_transposed ? s.m : 1,
        .b = b.data(),
        .b_row = s.b_transposed ? 1 : s.n,
        .b_column = s.b_transposed ? s.k : 1,
        .c = c.data(),
        .c_row = s.n,
        .bias = s.bias ? bias.data() : nullptr,
        .accumulate = s.accumulate,
        .relu = s.relu});
  return c;
}

template <class T>
void check(const Case& s) {
  const auto a = values<T>(s.m * s.k, 1), b = values<T>(s.k * s.n, 2), bias = values<T>(s.n, 3);
  const auto before = values<T>(s.m * s.n, 4);
  const auto c = run(s, a, b, bias, before);
  for (std::int64_t i = 0; i < s.m; ++i) {
    for (std::int64_t j = 0; j < s.n; ++j) {
      const auto at = static_cast<std::size_t>(i * s.n + j);
      double sum = s.accumulate ? double(before[at]) : 0;
      if (s.bias) sum += double(bias[static_cast<std::size_t>(j)]);
      for (std::int64_t l = 0; l < s.k; ++l) {
        sum += double(a[static_cast<std::size_t>(s.a_transposed ? l * s.m + i : i * s.k + l)]) *
               double(b[static_cast<std::size_t>(s.b_transposed ? j * s.k + l : l * s.n + j)]);
      }
      if (s.relu) sum = std::max(sum, 0.0);
      ASSERT_EQ(double(c[at]), double(T(accumulate_t<T>(sum))))
          << fmt::format("m={} n={} k={} ta={} tb={} bias={} accumulate={} relu={} at ({},{})", s.m, s.n, s.k,
                         s.a_transposed, s.b_transposed, s.bias, s.accumulate, s.relu, i, j);
    }
  }
}

class GemmOf : public ::testing::TestWithParam<std::tuple<Isa, DType>> {};
INSTANTIATE_TEST_SUITE_P(Levels, GemmOf,
                         ::testing::Combine(::testing::ValuesIn(levels_of_this_machine()),
                                            ::testing::Values(f64, f32, f16, bf16)),
                         [](const auto& level) {
                           return fmt::format("{}_{}", name_of(std::get<0>(level.param)),
                                              name_of(std::get<1>(level.param)));
                         });

TEST_P(GemmOf, EqualsTheNaiveLoopForOddSizesAndTransposedOperands) {
  const IsaGuard guard(std::get<0>(GetParam()));
  visit_floating(std::get<1>(GetParam()), [](auto type) {
    using T = typename decltype(type)::type;
    for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{1, 1, 1},
                                  {7, 5, 3},
                                  {6, 16, 9},
                                  {13, 33, 70},
                                  {25, 31, 65},
                                  {30, 64, 100},
                                  {5, 130, 17},
                                  {101, 67, 41},
                                  {3, 9, 0}}) {
      for (int form = 0; form < 4; ++form) {
        check<T>({.m = m, .n = n, .k = k, .a_transposed = (form & 1) != 0, .b_transposed = (form & 2) != 0});
      }
    }
  });
}

TEST_P(GemmOf, AddsBiasOrTheOldValuesAndAppliesRelu) {
  const IsaGuard guard(std::get<0>(GetParam()));
  visit_floating(std::get<1>(GetParam()), [](auto type) {
    using T = typename decltype(type)::type;
    for (const std::int64_t k : {0, 20}) {
      check<T>({.m = 14, .n = 45, .k = k, .bias = true});
      check<T>({.m = 14, .n = 45, .k = k, .bias = true, .relu = true});
      check<T>({.m = 14, .n = 45, .k = k, .accumulate = true});
      check<T>({.m = 14, .n = 45, .k = k, .bias = true, .accumulate = true});
      check<T>({.m = 40, .n = 48, .k = k, .accumulate = true, .relu = true});
    }
  });
}

TEST_P(GemmOf, LongReductionsAndManyBlocksAgreeWithTheNaiveLoop) {
  const IsaGuard guard(std::get<0>(GetParam()));
  visit_floating(std::get<1>(GetParam()), [](auto type) {
    using T = typename decltype(type)::type;
    check<T>({.m = 20, .n = 35, .k = 1300, .bias = true, .relu = true});
    check<T>({.m = 20, .n = 35, .k = 1300, .a_transposed = true, .accumulate = true});
    check<T>({.m = 220, .n = 290, .k = 60, .b_transposed = true});
  });
}

/// Values whose last byte is the last before a page that nobody may read.
template <class T>
class BeforeAGuardPage {
 public:
  explicit BeforeAGuardPage(const std::vector<T>& values) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE)), bytes = values.size() * sizeof(T);
    const std::size_t readable = (bytes + page - 1) / page * page;
    length_ = readable + page;
    pages_ = static_cast<char*>(
        mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    data_ = pages_ + readable - bytes;
    std::memcpy(data_, values.data(), bytes);
    mprotect(pages_ + readable, page, PROT_NONE);
  }
  BeforeAGuardPage(const BeforeAGuardPage&) = delete;
  BeforeAGuardPage& operator=(const BeforeAGuardPage&) = delete;
  ~BeforeAGuardPage() { munmap(pages_, length_); }

  const T* data() const { return reinterpret_cast<const T*>(data_); }

 private:
  std::size_t length_;
  char *pages_, *data_;
};

// A few rows of a read b where it lies: its last columns then end with the memory.
TEST_P(GemmOf, ReadsNothingBehindItsOperands) {
  const IsaGuard guard(std::get<0>(GetParam()));
  visit_floating(std::get<1>(GetParam()), [](auto type) {
    using T = typename decltype(type)::type;
    constexpr std::int64_t m = 5, k = 7;
    const auto a_values = values<T>(m * k, 1);
    const BeforeAGuardPage a(a_values);
    for (std::int64_t n = 4; n <= 144; n += 4) {
      const auto b_values = values<T>(k * n, 2);
      const BeforeAGuardPage b(b_values);
      std::vector<T> c(static_cast<std::size_t>(m * n));
      gemm({.dtype = dtype_of<T>,
            .m = m,
            .n = n,
            .k = k,
            .a = a.data(),
            .a_row = k,
            .b = b.data(),
            .b_row = n,
            .c = c.data(),
            .c_row = n});
      EXPECT_EQ(std::memcmp(c.data(), run<T>({.m = m, .n = n, .k = k}, a_values, b_values, {}, c).data(),
                            c.size() * sizeof(T)),
                0)
          << n;
    }
  });
}

TEST_P(GemmOf, HasTheSameBitsForAnyNumberOfThreads) {
  const IsaGuard guard(std::get<0>(GetParam()));
  visit_floating(std::get<1>(GetParam()), [](auto type) {
    using T = typename decltype(type)::type;
    const Case s{.m = 150, .n = 200, .k = 700};
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    std::vector<T> a(150 * 700), b(700 * 200);
    for (T& value : a) value = T(normal(random));
    for (T& value : b) value = T(normal(random));
    const int before = num_threads();
    set_num_threads(1);
    const auto one = run<T>(s, a, b, {}, std::vector<T>(150 * 200));
    set_num_threads(7);
    const auto seven = run<T>(s, a, b, {}, std::vector<T>(150 * 200));
    set_num_threads(before);
    EXPECT_EQ(std::memcmp(one.data(), seven.data(), one.size() * sizeof(T)), 0);
  });
}

TEST(Gemm, ReadsOperandsOfAnyStride) {
  const std::vector<float> a = values<float>(400, 1), b = values<float>(400, 2);
  std::vector<float> c(4 * 8, -1.f);
  gemm({.m = 4,
        .n = 3,
        .k = 5,
        .a = a.data() + 300,
        .a_row = -30,
        .a_column = 7,
        .b = b.data(),
        .b_row = 0,
        .b_column = 11,  // one row, five times
        .c = c.data(),
        .c_row = 8});
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 8; ++j) {
      float sum = 0;
      for (int l = 0; l < 5; ++l) sum += a.data()[300 - 30 * i + 7 * l] * b.data()[11 * j];
      EXPECT_EQ(c[static_cast<std::size_t>(8 * i + j)], j < 3 ? sum : -1.f) << i << "," << j;
    }
  }
}

TEST(Gemm, KeepsNaNsThroughRelu) {
  const float a = std::nanf(""), b = 1.f;
  float c = 0.f;
  gemm({.m = 1, .n = 1, .k = 1, .a = &a, .a_row = 1, .b = &b, .b_row = 1, .c = &c, .c_row = 1, .relu = true});
  EXPECT_TRUE(std::isnan(c));
}

TEST(IsaLevel, AGuardForcesALevelAndRefusesOneThatTheMachineLacks) {
  {
    const IsaGuard guard(Isa::baseline);
    EXPECT_EQ(current_isa(), Isa::baseline);
  }
  for (const Isa isa : {Isa::avx2, Isa::avx512}) {
    if (isa > best_isa())
      EXPECT_THROW(IsaGuard{isa}, ValueError);
    else
      EXPECT_EQ((IsaGuard(isa), current_isa()), isa);
  }
}

}  // namespace
}  // namespace fornax::cpu

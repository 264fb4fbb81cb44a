// Cases of the rows copy, embedding, range, and of the functions that are made of copies.
#include <cmath>

#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/embedding.h"
#include "fornax/ops/rearrange.h"
#include "ops/op_cases.h"

namespace fornax::test {
namespace {

using Inputs = std::span<const Tensor>;

void add_rearranging_cases(std::vector<OpCase>& cases) {
  const Tensor a = hashed({2, 3, 5, 7}, 1), b = hashed({2, 3, 5, 7}, 2), c = hashed({2, 4, 5, 7}, 3);
  const auto with = [&](std::string name, std::vector<Tensor> inputs, std::function<Tensor(Inputs)> run) {
    cases.push_back({.name = std::move(name), .inputs = std::move(inputs), .run = std::move(run)});
  };
  with("concat", {a, c, b}, [](Inputs in) { return concat(in, 1); });
  with("concat_last", {a, b}, [](Inputs in) { return concat(in, -1); });
  with("stack", {a, b}, [](Inputs in) { return stack(in, 2); });
  with("split", {a}, [](Inputs in) {
    const std::vector<Tensor> parts = split(in[0], {1, 4}, 2);
    return concat({parts[1], parts[0] * 2, parts[1]}, 2);
  });
  with("chunk", {a}, [](Inputs in) { return stack({chunk(in[0], 2)[1], chunk(in[0], 2)[0]}); });
  with("pad", {a}, [](Inputs in) { return pad(in[0], {{-1, 1, 2}, {1, 0, 1}}, 0.5); });
  with("pad_cutting", {a}, [](Inputs in) { return pad(in[0], {{-1, -1, 2}, {0, 1, -1}}, 0.5); });
  with("flip", {a}, [](Inputs in) { return flip(in[0], {1, -1}); });
}

/// What a cast to `dtype` must leave of f64 numbers, one by one.
Tensor rounded(const Tensor& x, DType dtype) {
  std::vector<double> values = x.to_vector<double>();
  for (double& value : values) {
    const auto single = static_cast<float>(value);
    value = dtype == f16    ? static_cast<float>(Half(single))
            : dtype == bf16 ? static_cast<float>(BFloat16(single))
                            : single;
  }
  return from_span<double>(values, x.shape());
}

/// Copies that transpose, in more than one tile, and cast.
void add_copying_cases(std::vector<OpCase>& cases) {
  const Tensor image = hashed({2, 70, 9, 11}, 1);
  const auto with = [&](std::string name, std::function<Tensor(Inputs)> run) {
    cases.push_back({.name = std::move(name), .inputs = {image}, .run = std::move(run)});
  };
  with("copy_to_channels_last", [](Inputs in) { return in[0].to(MemoryFormat::channels_last); });
  with("copy_to_contiguous", [](Inputs in) { return in[0].contiguous(); });
  with("copy_few_channels", [](Inputs in) {
    return in[0].narrow(1, 3, 3).contiguous().to(MemoryFormat::channels_last).contiguous();
  });
  with("copy_narrow_rows", [](Inputs in) { return in[0].reshape({18, 770}).narrow(1, 16, 48).clone(); });
  with("copy_expanded", [](Inputs in) { return in[0].narrow(3, 2, 1).expand({2, 70, 9, 16}).clone(); });
  with("copy_transposed", [](Inputs in) { return in[0].permute({3, 1, 0, 2}).clone().contiguous(); });
  for (const DType dtype : {f32, f16, bf16}) {
    const std::string suffix(name_of(dtype));
    const auto cast = [&](const std::string& name, std::function<Tensor(Inputs)> run) {
      cases.push_back({.name = name + suffix,
                       .inputs = {image},
                       .run = std::move(run),
                       .expected = rounded(image, dtype),
                       .finite_differences = false});
    };
    cast("copy_cast_", [dtype](Inputs in) { return in[0].to(f32).to(dtype).to(f32); });
    cast("copy_cast_transposed_", [dtype](Inputs in) {
      Tensor y = empty({2, 9, 70, 11}, {.dtype = dtype, .device = in[0].device()});
      y.copy_(in[0].to(f32).transpose(1, 2));
      return y.transpose(1, 2).to(f32).contiguous();
    });
  }
  for (const auto& [from, to] : {std::pair{f16, bf16}, {bf16, f16}}) {
    cases.push_back(
        {.name = "copy_cast_transposed_" + std::string(name_of(from)) + "_to_" + std::string(name_of(to)),
         .inputs = {image},
         .run =
             [from, to](Inputs in) {
               Tensor y = empty({2, 9, 70, 11}, {.dtype = to, .device = in[0].device()});
               y.copy_(in[0].to(from).transpose(1, 2));
               return y.to(f32).transpose(1, 2);
             },
         .expected = rounded(rounded(image, from), to),
         .dtypes = {f64, bf16},
         .finite_differences = false});
  }
  for (const DType dtype : {i64, i32, u8, boolean}) {
    cases.push_back({.name = "copy_transposed_" + std::string(name_of(dtype)),
                     .inputs = {gt(image, 0).to(dtype)},
                     .run = [](Inputs in) { return in[0].to(MemoryFormat::channels_last); },
                     .expected = gt(image, 0).to(f64),
                     .dtypes = {f64}});
  }
}

/// Casts of each dtype to each other, in rows of adjacent elements and in others.
void add_casting_cases(std::vector<OpCase>& cases) {
  constexpr DType all[] = {f64, f32, f16, bf16, i64, i32, u8, boolean};
  const std::vector<double> numbers = {0, 1,  2.75, 100, 0, 3,   17, 1,  64, 5,
                                       0, 33, 99,   7,   8, 1.5, 2,  20, 4,  6};
  const auto count = static_cast<std::int64_t>(numbers.size());
  for (const DType from : all) {
    std::vector<double> expected;
    for (const DType to : all) {
      for (const double number : numbers) {
        const bool whole = !is_floating(from) || !is_floating(to);
        expected.push_back(from == boolean || to == boolean ? number != 0
                           : whole                          ? std::trunc(number)
                                                            : number);
      }
    }
    cases.push_back({.name = "cast_from_" + std::string(name_of(from)),
                     .inputs = {from_span<double>(numbers, {count})},
                     .run =
                         [from, all](Inputs in) {
                           const Tensor x = in[0].to(from), column = stack({x, x}, 1).select(1, 1);
                           std::vector<Tensor> rows;
                           for (const DType to : all) {
                             const Tensor row = x.to(to).to(f64), strided = column.to(to).to(f64);
                             rows.push_back(where(eq(row, strided), row, -1));
                           }
                           return stack(rows);
                         },
                     .expected = from_span<double>(expected, {8, count}),
                     .wants_grad = {false},
                     .dtypes = {f64}});
  }
}

void add_range_cases(std::vector<OpCase>& cases) {
  for (const DType dtype : {f64, f32, f16, bf16, i64, i32, u8}) {
    cases.push_back({.name = "arange_" + std::string(name_of(dtype)),
                     .inputs = {zeros({1}, {.dtype = f64})},
                     .run = [dtype](Inputs in) { return arange(3, 12, 4, dtype, in[0].device()); },
                     .expected = tensor<double>({3, 7, 11}),
                     .wants_grad = {false},
                     .dtypes = {f64}});
  }
  std::vector<double> numbers(700);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = -5 + 0.25 * static_cast<double>(i);
  cases.push_back(
      {.name = "linspace",
       .inputs = {zeros({1}, {.dtype = f64})},
       .run = [](Inputs in) { return linspace(-5, 169.75, 700, {.dtype = f64, .device = in[0].device()}); },
       .expected = from_span<double>(numbers, {700}),
       .wants_grad = {false},
       .dtypes = {f64}});
}

void add_embedding_cases(std::vector<OpCase>& cases) {
  const auto run = [](Inputs in) { return embedding(in[0], in[1]); };
  for (const DType dtype : {i64, i32}) {
    const Tensor indices = tensor<double>({4, 0, 2, 2, 0, 2}, {2, 3}).to(dtype);
    const std::string suffix(name_of(dtype));
    cases.push_back({.name = "embedding_" + suffix, .inputs = {hashed({5, 7}, 1), indices}, .run = run});
    // Rows in vectors; so many uses that the sort of the gradient has several tiles.
    cases.push_back({.name = "embedding_of_many_" + suffix,
                     .inputs = {hashed({4, 8}, 1), hashed({2500}, 2, -0.4, 3).to(dtype)},
                     .run = run});
  }
  cases.push_back({.name = "embedding_of_wide_rows",
                   .inputs = {hashed({3, 301}, 1), tensor<std::int64_t>({2, 0, 2})},
                   .run = run});
  cases.push_back({.name = "embedding_empty", .inputs = {hashed({5, 7}, 1), arange(0)}, .run = run});
}

}  // namespace

std::vector<OpCase> rearrange_op_cases() {
  std::vector<OpCase> cases;
  add_rearranging_cases(cases);
  add_copying_cases(cases);
  add_casting_cases(cases);
  add_range_cases(cases);
  add_embedding_cases(cases);
  return cases;
}

}  // namespace fornax::test

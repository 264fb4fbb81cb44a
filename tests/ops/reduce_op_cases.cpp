// Cases of the reductions, against plain loops.
#include <numeric>

#include "fornax/ops/create.h"
#include "fornax/ops/reduce.h"
#include "ops/op_cases.h"
#include "ops/plain_reduce.h"

namespace fornax::test {
namespace {

struct Over {
  std::string name;
  Shape shape;
  Dims axes;
  bool keepdim = false;
};

/// Each exercises another path: rows and columns, gaps, chunks, ends of registers.
const std::vector<Over>& shapes() {
  static const std::vector<Over> all = {{"all", {2, 3, 5, 7}, {}},
                                        {"all_keepdim", {2, 3}, {}, true},
                                        {"last", {3, 37}, {-1}},
                                        {"last_keepdim", {3, 37}, {1}, true},
                                        {"first", {37, 3}, {0}},
                                        {"first_wide", {9, 530}, {0}},
                                        {"middle", {3, 5, 19}, {1}},
                                        {"channels", {3, 20, 4, 5}, {0, 2, 3}},
                                        {"spatial", {3, 20, 4, 5}, {-1, -2}},
                                        {"split", {3, 4, 5, 6}, {1, 3}},
                                        {"long", {70'001}, {0}},
                                        {"long_rows", {2, 9001}, {1}},
                                        {"many_rows", {2100, 33}, {0}},
                                        {"one_element", {1, 1}, {1}},
                                        {"scalar", {}, {}}};
  return all;
}

using Group = std::vector<double>;
using Reduction = Tensor (*)(const Tensor&, const Dims&, bool);

void add_cases(std::vector<OpCase>& cases, const std::string& op, Reduction run,
               double (*plain)(const Group&)) {
  for (const Over& over : shapes()) {
    const Tensor x = hashed(over.shape, 11);
    cases.push_back({.name = op + "_" + over.name,
                     .inputs = {x},
                     .run = [=](auto in) { return run(in[0], over.axes, over.keepdim); },
                     .expected = reduce_plainly(x, over.axes, over.keepdim, plain),
                     .slack = 2});
  }
}

double plain_sum(const Group& group) { return std::accumulate(group.begin(), group.end(), 0.0); }

void add_integer_cases(std::vector<OpCase>& cases) {
  for (const DType dtype : {i64, i32, u8, boolean}) {
    const Tensor x = hashed({4, 5, 3}, 12, 0, 3).to(dtype);
    cases.push_back({.name = "sum_" + std::string(name_of(dtype)),
                     .inputs = {x},
                     .run =
                         [](auto in) {
                           return sum(in[0], {0, 2});
                         },
                     .expected = reduce_plainly(x, {0, 2}, false, plain_sum),
                     .dtypes = {f64}});
  }
}

}  // namespace

std::vector<OpCase> reduce_op_cases() {
  std::vector<OpCase> cases;
  add_cases(cases, "sum", sum, plain_sum);
  cases.push_back({.name = "sum_over_nothing",
                   .inputs = {zeros({0, 3}, {.dtype = f64})},
                   .run = [](auto in) { return sum(in[0], {0}); },
                   .expected = zeros({3}, {.dtype = f64})});
  cases.push_back({.name = "sum_of_no_rows",
                   .inputs = {zeros({0, 3}, {.dtype = f64})},
                   .run = [](auto in) { return sum(in[0], {1}); },
                   .expected = zeros({0}, {.dtype = f64})});
  add_integer_cases(cases);
  return cases;
}

}  // namespace fornax::test

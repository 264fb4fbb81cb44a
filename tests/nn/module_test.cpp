#include "fornax/nn/module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fornax/nn/layer.h"
#include "fornax/nn/linear.h"
#include "fornax/ops/create.h"
#include "fornax/ops/random.h"
#include "support/error_of.h"

namespace fornax::nn {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::IsEmpty;

struct NormOptions {
  std::int64_t features = 2;
};
struct Norm : LayerWith<Norm, NormOptions> {
  Parameter weight, bias;
  Buffer mean, count;
  explicit Norm(const Options& options)
      : LayerWith(options),
        weight(*this, "weight", ones({options.features})),
        bias(*this, "bias", zeros({options.features})),
        mean(*this, "mean", zeros({options.features})),
        count(*this, "count", zeros({}, {.dtype = DType::i64})) {}
  Tensor forward(const Tensor& x) override { return x; }
};
struct Filter : LayerWith<Filter> {
  Parameter weight, bias;
  explicit Filter(const Options& options = {})
      : LayerWith(options), weight(*this, "weight", ones({2, 3, 2, 2})), bias(*this, "bias", Tensor()) {}
  Tensor forward(const Tensor& x) override { return x; }
};
struct Block : LayerWith<Block> {
  Parameter scale;
  Child<Filter> conv;
  Child<Norm> bn;
  explicit Block(const Options& options = {})
      : LayerWith(options),
        scale(*this, "scale", ones({1})),
        conv(*this, "conv"),
        bn(*this, "bn", {.features = 2}) {}
  Tensor forward(const Tensor& x) override { return bn(conv(x)); }
};
struct Tied : Module {
  Parameter first, second;
  Tied() : first(*this, "first", ones({2})), second(*this, "second", first) {}
};
template <class T>
struct Templated : Module {};

std::vector<std::string> names(const auto& named) {
  std::vector<std::string> all;
  all.reserve(named.size());
  for (const auto& [name, value] : named) all.push_back(name);
  return all;
}

TEST(Module, NamesParametersBuffersAndModulesInOrderOfRegistration) {
  Block block;
  EXPECT_THAT(names(block.named_parameters()), ElementsAre("scale", "conv.weight", "bn.weight", "bn.bias"));
  EXPECT_THAT(names(block.named_buffers()), ElementsAre("bn.mean", "bn.count"));
  EXPECT_THAT(names(block.named_modules()), ElementsAre("", "conv", "bn"));
  EXPECT_THAT(names(block.children()), ElementsAre("conv", "bn"));
  EXPECT_THAT(names(block.state()),
              ElementsAre("scale", "conv.weight", "bn.weight", "bn.bias", "bn.mean", "bn.count"));
  EXPECT_EQ(block.parameters().size(), 4u);
}

TEST(Module, ParametersRequireGradAndBuffersDoNot) {
  const Norm norm({});
  EXPECT_TRUE(norm.weight.requires_grad() && norm.weight.is_leaf());
  EXPECT_FALSE(norm.mean.requires_grad());
  EXPECT_TRUE(norm.parameters()[0].is(norm.weight));
}

TEST(Module, AnAbsentParameterRegistersNothing) {
  const Filter filter;
  EXPECT_FALSE(filter.bias.defined());
  EXPECT_THAT(names(filter.state()), ElementsAre("weight"));
}

TEST(Module, ATiedParameterIsListedOnceButSavedUnderEachName) {
  const Tied tied;
  EXPECT_THAT(names(tied.named_parameters()), ElementsAre("first"));
  EXPECT_THAT(names(tied.state()), ElementsAre("first", "second"));
}

TEST(Module, KnowsItsTypeName) {
  EXPECT_EQ(Block().type_name(), "Block");
  EXPECT_EQ(Templated<std::string>().type_name(), "Templated");
}

TEST(Module, RefusesNamesThatWouldClash) {
  Block block;
  EXPECT_EQ(error_of<ValueError>([&] { Parameter(block, "conv", ones({1})); }),
            "[module] expected each name once in a module, got 'conv' again");
  EXPECT_EQ(error_of<ValueError>([&] { Buffer(block, "a.b", ones({1})); }),
            "[module] expected a name without dots, got 'a.b'");
  EXPECT_EQ(error_of<ValueError>([&] { Child<Filter>(block, ""); }),
            "[module] expected a name without dots, got ''");
  EXPECT_EQ(error_of<DTypeError>([&] { Parameter(block, "count", zeros({}, {.dtype = DType::i64})); }),
            "[set_requires_grad] expected a floating tensor, got i64[]@cpu");
  EXPECT_EQ(names(block.children()).size() + block.parameters().size(), 6u) << "nothing was registered";
}

TEST(Module, TrainAndEvalReachAllModules) {
  Block block;
  EXPECT_TRUE(block.is_training() && block.bn->is_training());
  block.eval();
  EXPECT_FALSE(block.is_training() || block.bn->is_training());
  block.train();
  EXPECT_TRUE(block.conv->is_training());
}

TEST(Module, ApplyVisitsChildrenBeforeTheirParent) {
  Block block;
  std::vector<std::string> seen;
  block.apply([&](Module& module) { seen.push_back(module.type_name()); });
  EXPECT_THAT(seen, ElementsAre("Filter", "Norm", "Block"));
}

TEST(ModuleTo, CastsFloatingTensorsUnderTheHandlesThatOthersHold) {
  Block block;
  const std::vector<Tensor> held = block.parameters();
  block.to(f64);
  for (const Tensor& parameter : held) EXPECT_EQ(parameter.dtype(), f64);
  EXPECT_EQ(block.bn->mean.dtype(), f64);
  EXPECT_EQ(block.bn->count.dtype(), i64);
  EXPECT_TRUE(held[1].is(block.conv->weight));
  EXPECT_TRUE(held[1].requires_grad());
}

TEST(ModuleTo, LaysOutOnlyTensorsOfRank4) {
  Block block;
  block.to({.dtype = bf16, .format = MemoryFormat::channels_last});
  EXPECT_EQ(describe(block.conv->weight), "bf16[2,3,2,2]channels_last@cpu");
  EXPECT_EQ(describe(block.bn->weight), "bf16[2]@cpu");
  block.to(MemoryFormat::contiguous);
  EXPECT_TRUE(block.conv->weight.is_contiguous());
}

TEST(ModuleTo, KeepsTiedParametersTied) {
  Tied tied;
  tied.to(f64);
  EXPECT_TRUE(tied.first.is(tied.parameters()[0]));
  EXPECT_EQ(tied.first.storage(), tied.second.storage());
}

TEST(Module, FreezesAndDropsGradients) {
  Block block;
  Tensor scale = block.scale;
  scale.set_grad(ones({1}));
  block.zero_grad();
  EXPECT_FALSE(scale.grad().defined());
  block.requires_grad_(false);
  EXPECT_FALSE(scale.requires_grad() || block.conv->weight.requires_grad());
  block.requires_grad_();
  EXPECT_TRUE(scale.requires_grad());
}

TEST(LoadState, CopiesIntoTheModulesOwnMemoryAndCastsFloats) {
  Norm norm({});
  const Tensor weight = norm.weight;
  const LoadReport report = norm.load_state({{"weight", tensor<double>({5, 6})},
                                             {"bias", tensor<float>({7, 8})},
                                             {"mean", tensor<float>({1, 2})},
                                             {"count", tensor<std::int64_t>({3}, {})}});
  EXPECT_THAT(report.missing, IsEmpty());
  EXPECT_THAT(weight.to_vector<float>(), ElementsAre(5, 6));
  EXPECT_EQ(norm.count.item<std::int64_t>(), 3);
}

TEST(LoadState, ListsWhatDoesNotFitAndChangesNothing) {
  Norm norm({});
  EXPECT_EQ(
      error_of<ValueError>([&] {
        norm.load_state({{"weight", tensor<float>({5, 6})},
                         {"bias", tensor<float>({1, 2, 3})},
                         {"count", tensor<float>({1}, {})},
                         {"extra", tensor<float>({1})}});
      }),
      "[load_state] expected the state of Norm, got missing: mean; unexpected: extra; of another shape or "
      "kind: bias: f32[3]@cpu for f32[2]@cpu, count: f32[]@cpu for i64[]@cpu");
  EXPECT_THAT(norm.weight.to_vector<float>(), ElementsAre(1, 1));
}

TEST(LoadState, LoadsWhatFitsWhereItNeedNotBeAll) {
  Norm norm({});
  const LoadReport report = norm.load_state({{"bias", tensor<float>({1, 2})}, {"head", tensor<float>({1})}},
                                            /*strict=*/false);
  EXPECT_THAT(report.missing, ElementsAre("weight", "mean", "count"));
  EXPECT_THAT(report.unexpected, ElementsAre("head"));
  EXPECT_THAT(report.mismatched, IsEmpty());
  EXPECT_THAT(norm.bias.to_vector<float>(), ElementsAre(1, 2));
}

TEST(LoadState, LeavesAloneAndReportsWhatHasAnotherShapeWhereItNeedNotFit) {
  Norm norm({});
  const LoadReport report = norm.load_state({{"weight", tensor<float>({5, 6, 7})},
                                             {"bias", tensor<float>({1, 2})},
                                             {"mean", tensor<float>({3, 4})},
                                             {"count", tensor<float>({1}, {})}},
                                            /*strict=*/false);
  EXPECT_THAT(report.mismatched, ElementsAre("weight", "count"));
  EXPECT_THAT(report.missing, IsEmpty());
  EXPECT_THAT(report.unexpected, IsEmpty());
  EXPECT_THAT(norm.weight.to_vector<float>(), ElementsAre(1, 1));
  EXPECT_THAT(norm.bias.to_vector<float>(), ElementsAre(1, 2));
  EXPECT_EQ(norm.count.item<std::int64_t>(), 0);
}

TEST(LoadState, CutsLongLists) {
  Sequential many;
  for (int i = 0; i < 10; ++i) many.add(make<Filter>());
  EXPECT_EQ(error_of([&] { many.load_state({}); }),
            "[load_state] expected the state of Sequential, got missing: 0.weight, 1.weight, 2.weight, "
            "3.weight, 4.weight, 5.weight, 6.weight, 7.weight and 2 more");
}

TEST(Clone, HasTheSameStatePlacementAndModesInItsOwnMemory) {
  Block block;
  block.to(f64).eval();
  block.bn->train();
  block.conv->requires_grad_(false);
  Tensor scale = block.scale;
  scale.detach().fill_(5);
  const std::unique_ptr<Block> copy = clone(block);
  scale.detach().fill_(9);
  EXPECT_EQ(copy->scale.item(), 5);
  EXPECT_EQ(copy->conv->weight.dtype(), f64);
  EXPECT_FALSE(copy->is_training());
  EXPECT_TRUE(copy->bn->is_training());
  EXPECT_FALSE(copy->conv->weight.requires_grad());
  EXPECT_TRUE(copy->bn->weight.requires_grad());
}

TEST(Clone, LeavesTheGeneratorWhereItIs) {
  const Sequential net(make<Linear>({.in_features = 2, .out_features = 2}));
  manual_seed(7);
  const std::vector<float> next = randn({4}).to_vector<float>();
  manual_seed(7);
  clone(net);
  EXPECT_EQ(randn({4}).to_vector<float>(), next);
}

TEST(Clone, SaysWhatAClassHasToDo) {
  EXPECT_EQ(error_of<NotImplemented>([] { clone(Tied()); }),
            "[clone] expected Tied to derive from LayerWith or to override make_alike()");
}

TEST(Hooks, RunAroundForwardInOrderAndMayReplaceItsTensors) {
  Filter layer;
  std::vector<std::string> calls;
  Tensor other = tensor<float>({2});
  layer.register_forward_pre_hook([&](Layer&, const Tensor&) {
    calls.emplace_back("before");
    return other;
  });
  layer.register_forward_hook([&](Layer& self, const Tensor& x, const Tensor& y) {
    calls.push_back("after " + self.type_name());
    EXPECT_TRUE(x.is(other) && y.is(other));
    return Tensor();
  });
  const int last =
      layer.register_forward_hook([](Layer&, const Tensor&, const Tensor&) { return tensor<float>({3}); });
  EXPECT_EQ(layer(tensor<float>({1})).item(), 3);
  EXPECT_THAT(calls, ElementsAre("before", "after Filter"));
  layer.remove_hook(last);
  EXPECT_EQ(layer(tensor<float>({1})).item(), 2);
  EXPECT_EQ(layer.forward(tensor<float>({1})).item(), 1) << "forward() itself runs no hooks";
}

TEST(Hooks, MayRemoveThemselves) {
  Filter layer;
  int id = 0, calls = 0;
  id = layer.register_forward_hook([&](Layer& self, const Tensor&, const Tensor&) {
    ++calls;
    self.remove_hook(id);
    return Tensor();
  });
  layer(ones({1}));
  layer(ones({1}));
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(layer.has_hooks());
}

TEST(Sequential, NamesItsLayersByNumberOrAsTold) {
  Sequential net(make<Filter>(), make<Norm>({.features = 3}));
  net.add("head", make<Filter>());
  EXPECT_THAT(names(net.children()), ElementsAre("0", "1", "head"));
  EXPECT_THAT(names(net.named_parameters()), ElementsAre("0.weight", "1.weight", "1.bias", "head.weight"));
  EXPECT_EQ(net.size(), 3u);
  EXPECT_EQ(net[1].type_name(), "Norm");
}

TEST(Sequential, CallsItsLayersOneAfterTheOther) {
  Sequential net(make<Filter>(), make<Filter>());
  for (std::size_t i = 0; i < 2; ++i)
    net[i].register_forward_hook(
        [](Layer&, const Tensor&, const Tensor& y) { return tensor<double>({2 * y.item() + 1}); });
  EXPECT_EQ(net(tensor<double>({1})).item(), 7);
}

TEST(Sequential, IsClonedWithItsNames) {
  Sequential net(make<Filter>());
  net.add("head", make<Norm>({.features = 3}));
  EXPECT_EQ(names(clone(net)->state()), names(net.state()));
}

TEST(Sequential, SaysWhatIsWrong) {
  Sequential net;
  EXPECT_EQ(error_of<ValueError>([&] { net.add(std::unique_ptr<Filter>()); }),
            "[sequential] expected a layer for '0', got null");
  EXPECT_EQ(error_of<IndexError>([&] { net[0]; }), "[sequential] expected an index below 0, got 0");
}

}  // namespace
}  // namespace fornax::nn

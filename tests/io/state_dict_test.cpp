#include "io/state_dict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "fornax/base/error.h"
#include "support/error_of.h"

namespace fornax::io::torch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::string_literals;

StateDict parse(std::string_view pickle) { return parse_state_dict(std::as_bytes(std::span(pickle)), "f"); }
std::string refusal(std::string_view pickle) {
  return test::error_of<IoError>([&] { parse(pickle); });
}
std::vector<std::string> names(const StateDict& state) {
  std::vector<std::string> all;
  for (const Entry& entry : state.entries) all.push_back(entry.name);
  return all;
}

// --- what a pickle is made of
const std::string proto = "\x80\x02";

std::string text(std::string_view text) {
  std::string out = "X";
  for (int i = 0; i < 4; ++i) out += static_cast<char>(text.size() >> (8 * i));
  return out.append(text);
}
std::string integer(std::int64_t value) {
  std::string out = "\x8a\x08";
  for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}
std::string tuple(std::initializer_list<std::int64_t> values) {
  std::string out = "(";
  for (const std::int64_t value : values) out += integer(value);
  return out + "t";
}
std::string storage(std::string_view type = "FloatStorage", std::string_view key = "0",
                    std::int64_t numel = 6) {
  return "(" + text("storage") + "ctorch\n" + std::string(type) + "\n" + text(key) + text("cpu") +
         integer(numel) + "tQ";
}
/// A view of that storage; `more` are further parts.
std::string tensor(std::int64_t offset, std::initializer_list<std::int64_t> sizes,
                   std::initializer_list<std::int64_t> strides, const std::string& of = storage(),
                   const std::string& more = "") {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + of + integer(offset) + tuple(sizes) + tuple(strides) +
         "\x89}" + more + "tR";
}
const std::string whole = tensor(0, {2, 3}, {3, 1});
/// A dict of keys and values.
std::string dict(const std::string& items) { return "}(" + items + "u"; }
std::string file(const std::string& value) { return proto + value + "."; }

TEST(StateDict, ReadsNamesTypesAndViewsInTheirOrder) {
  const StateDict state =
      parse(file(dict(text("b") + whole + text("a") + tensor(1, {3}, {2}, storage("HalfStorage", "7", 9)) +
                      text("c") + whole)));
  EXPECT_THAT(names(state), ElementsAre("b", "a", "c"));
  ASSERT_EQ(state.storages.size(), 2u);
  EXPECT_EQ(state.storages[0].dtype, f32);
  EXPECT_EQ(state.storages[1].dtype, f16);
  EXPECT_EQ(state.storages[1].key, "7");
  EXPECT_EQ(state.storages[1].numel, 9);
  EXPECT_EQ(state.entries[0].shape, (Shape{2, 3}));
  EXPECT_EQ(state.entries[0].strides, (Strides{3, 1}));
  EXPECT_EQ(state.entries[1].storage, 1u);
  EXPECT_EQ(state.entries[1].offset, 1);
  EXPECT_EQ(state.entries[2].storage, 0u);
}

TEST(StateDict, TakesTheDictThatACheckpointHolds) {
  const auto holds = [](const char* key, const char* name) { return text(key) + dict(text(name) + whole); };
  EXPECT_THAT(names(parse(file(dict(holds("state_dict", "a"))))), ElementsAre("a"));
  EXPECT_THAT(names(parse(file(dict(holds("model", "a") + holds("optimizer", "b"))))), ElementsAre("a"));
  EXPECT_THAT(names(parse(file(dict(holds("model", "a") + holds("model_state_dict", "b"))))),
              ElementsAre("b"));
  EXPECT_THAT(names(parse(file(dict(text("model") + whole)))),
              ElementsAre("model"));  // a tensor of that name
}

TEST(StateDict, LeavesOutThePrefixOfDataParallelTrainingOnlyIfAllNamesHaveIt) {
  EXPECT_THAT(names(parse(file(dict(text("module.a") + whole + text("module.module.b") + whole)))),
              ElementsAre("a", "module.b"));
  EXPECT_THAT(names(parse(file(dict(text("module.a") + whole + text("b") + whole)))),
              ElementsAre("module.a", "b"));
}

TEST(StateDict, ReadsOverWhatIsNoTensor) {
  const std::string ordered = "ccollections\nOrderedDict\n)R";
  const std::string others = text("epoch") + "K\x07" + text("lr") + "G?\xb9\x99\x99\x99\x99\x99\x9a" +
                             text("amp") + "\x88" + text("best") + "N" + text("seed") + "\x8a\x0a" +
                             std::string(10, '\1') + text("arch") + text("resnet") + text("list") +
                             "](K\1M\2\2J\1\2\3\4e" + text("optimizer") +
                             dict("K\1" + dict(text("momentum") + whole)) + text("nothing") + ")";
  EXPECT_THAT(names(parse(file(dict(others + text("w") + whole)))), ElementsAre("w"));
  // state_dict() adds the versions of its modules as an attribute of the dict.
  const std::string attributes = dict(text("_metadata") + ordered);
  EXPECT_THAT(names(parse(file(ordered + "(" + text("w") + whole + "u" + attributes + "b"))),
              ElementsAre("w"));
}

TEST(StateDict, ReadsParametersAndWhatIsMemorised) {
  const std::string parameter = "ctorch._utils\n_rebuild_parameter\n" + whole + "\x88}\x87R";
  EXPECT_THAT(names(parse(file(dict(text("p") + parameter + "q\5" + text("q") + "h\5")))),
              ElementsAre("p", "q"));
  EXPECT_THAT(names(parse(file(dict(text("p") + whole + "r\1\2\3\4" + text("q") + "j\1\2\3\4")))),
              ElementsAre("p", "q"));
}

TEST(StateDict, RefusesGlobalsByNameAndCallsNothing) {
  EXPECT_EQ(
      refusal(file("cposix\nsystem\nX\2\0\0\0ls\x85R"s)),
      "[f] pickle at byte 16: expected only what a state dict is made of, got the global 'posix.system'");
  EXPECT_THAT(refusal(file("cargparse\nNamespace\n)R")), HasSubstr("got the global 'argparse.Namespace'"));
  EXPECT_THAT(refusal(file("ctorch\nComplexFloatStorage\n")), HasSubstr("'torch.ComplexFloatStorage'"));
  EXPECT_THAT(refusal(file(dict(text("w") + "ctorch\nFloatStorage\n)R"))),
              HasSubstr("tensor 'w': expected a tensor, got a call of something else"));
}

TEST(StateDict, RefusesOpcodesByName) {
  EXPECT_EQ(refusal(proto + "\x93"),
            "[f] pickle at byte 3: expected an opcode that torch.save() writes, got STACK_GLOBAL");
  EXPECT_THAT(refusal(proto + "\x81"), HasSubstr("got NEWOBJ"));
  EXPECT_THAT(refusal(proto + "iposix\nsystem\n"), HasSubstr("got INST"));
  EXPECT_THAT(refusal(proto + "2"), HasSubstr("got DUP"));
  EXPECT_THAT(refusal(proto + "\xff"), HasSubstr("got the byte 0xff"));
  EXPECT_THAT(refusal("\x80\x04N."), HasSubstr("expected a pickle of protocol 2"));
}

TEST(StateDict, RefusesViewsThatLeaveTheirStorage) {
  const auto view = [](std::int64_t offset, std::initializer_list<std::int64_t> sizes,
                       std::initializer_list<std::int64_t> strides) {
    return refusal(file(dict(text("w") + tensor(offset, sizes, strides))));
  };
  EXPECT_EQ(
      view(1, {2, 3}, {3, 1}),
      "[f] tensor 'w': expected elements within a storage of 6, got offset 1, sizes [2,3], strides [3,1]");
  EXPECT_EQ(view(0, {2, 3}, {3, 1}), "no error");
  EXPECT_EQ(view(5, {}, {}), "no error");
  EXPECT_EQ(view(0, {1'000'000}, {0}), "no error");  // expanded
  EXPECT_THAT(view(6, {}, {}), HasSubstr("within a storage of 6"));
  EXPECT_THAT(view(0, {2}, {6}), HasSubstr("within a storage of 6"));
  EXPECT_THAT(view(0, {2}, {}), HasSubstr("expected as many strides as sizes"));
  EXPECT_THAT(view(-1, {2}, {1}), HasSubstr("expected an offset of 0 to 2^63, got -1"));
  EXPECT_THAT(view(0, {-2}, {1}), HasSubstr("expected sizes of 0 to 2^63, got -2"));
  EXPECT_THAT(view(3, {2}, {-1}), HasSubstr("expected strides of 0 to 2^63, got -1"));
  EXPECT_THAT(view(0, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {}), HasSubstr("expected at most 8 dimensions, got 9"));
  // A product that wraps round to little, or to nothing.
  EXPECT_THAT(view(0, {1LL << 32, 1LL << 32}, {0, 0}), HasSubstr("expected a shape that fits in memory"));
  EXPECT_THAT(view(0, {1LL << 60, 0}, {0, 0}), HasSubstr("expected a shape that fits in memory"));
  EXPECT_THAT(view(0, {2, 2}, {1LL << 62, 1LL << 62}), HasSubstr("within a storage of 6"));
  EXPECT_THAT(view(1LL << 62, {3}, {1LL << 61}), HasSubstr("within a storage of 6"));
}

TEST(StateDict, AnEmptyTensorIsNowhere) {
  const StateDict state = parse(file(dict(text("w") + tensor(77, {0, 3}, {1LL << 62, 1LL << 62}))));
  EXPECT_EQ(state.entries[0].offset, 0);
  EXPECT_EQ(state.entries[0].strides, strides_of({0, 3}));
}

TEST(StateDict, RefusesTensorsThatAreNot) {
  const auto value = [](const std::string& of_w) { return refusal(file(dict(text("w") + of_w))); };
  const std::string rebuild = "ctorch._utils\n_rebuild_tensor_v2\n";
  EXPECT_THAT(value(rebuild + ")R"), HasSubstr("tensor 'w': expected a tensor of 6 or 7 parts, got 0"));
  EXPECT_THAT(value(tensor(0, {1}, {1}, "N")),
              HasSubstr("expected a storage of 5 parts, got something else"));
  EXPECT_THAT(value(tensor(0, {1}, {1}, "NQ")),
              HasSubstr("expected a storage of 5 parts, got something else"));
  EXPECT_THAT(value(tensor(0, {1}, {1}, storage("FloatStorage", "0", -6))),
              HasSubstr("expected a number of elements of 0 to 2^63, got -6"));
  EXPECT_THAT(value(tensor(0, {1}, {1}, "(NNNNNtQ")), HasSubstr("expected a storage, got something else"));
  EXPECT_THAT(value("ctorch._utils\n_rebuild_parameter\n)R"), HasSubstr("got a call of something else"));
  EXPECT_THAT(value("ctorch._utils\n_rebuild_parameter\n(ctorch._utils\n_rebuild_parameter\n)RtR"),
              HasSubstr("got a call of something else"));
  EXPECT_EQ(value(tensor(0, {1}, {1}, storage(), "N")), "no error");
  EXPECT_EQ(value(tensor(0, {1}, {1}, storage(), "}")), "no error");
  EXPECT_THAT(value(tensor(0, {1}, {1}, storage(), dict(text("conj") + "\x88"))),
              HasSubstr("expected a plain tensor, got one that is to be conjugated or negated"));
}

TEST(StateDict, RefusesAStorageThatIsTwoThings) {
  const auto second = [](std::string_view type, std::int64_t numel) {
    return refusal(
        file(dict(text("v") + whole + text("w") + tensor(0, {1}, {1}, storage(type, "0", numel)))));
  };
  EXPECT_EQ(second("HalfStorage", 6), "[f] tensor 'w': expected storage '0' of 6 f32 again, got 6 f16");
  EXPECT_EQ(second("FloatStorage", 7), "[f] tensor 'w': expected storage '0' of 6 f32 again, got 7 f32");
}

TEST(StateDict, RefusesNamesThatAreNot) {
  EXPECT_EQ(refusal(file(dict(text("w") + whole + text("w") + whole))),
            "[f] tensor 'w': expected each name once, got it twice");
  EXPECT_EQ(refusal(file(dict("K\1" + whole))),
            "[f] expected names of tensors that are texts, got another key");
  EXPECT_THAT(refusal(file(dict(text("\xff") + whole))), HasSubstr("expected a name in UTF-8"));
}

TEST(StateDict, RefusesADictWithoutTensors) {
  EXPECT_EQ(refusal(file("K\1")), "[f] expected a state dict, got another value");
  EXPECT_EQ(refusal(file(dict(text("epoch") + "K\1"))),
            "[f] expected a dict of tensors, or one under the key state_dict, model_state_dict, model, got "
            "no tensor");
  EXPECT_THAT(names(parse(file("}"))), ElementsAre());
}

TEST(StateDict, HoldsTheStackToItsMarks) {
  EXPECT_THAT(refusal(proto + "."), HasSubstr("expected one value at the end, got 0"));
  EXPECT_THAT(refusal(proto + "NN."), HasSubstr("expected one value at the end, got 2"));
  EXPECT_THAT(refusal(proto + "t"), HasSubstr("expected a mark on the stack, got none"));
  EXPECT_THAT(refusal(proto + "N\x86"), HasSubstr("expected 2 values on the stack, got 1"));
  EXPECT_THAT(refusal(proto + "N(N\x86"), HasSubstr("expected 2 values on the stack, got 1"));
  EXPECT_THAT(refusal(proto + "N(q\1"), HasSubstr("expected a value on the stack, got none"));
  EXPECT_THAT(refusal(proto + "h\1"), HasSubstr("expected a memorised value 1, got none"));
  EXPECT_THAT(refusal(proto + "NNa"), HasSubstr("expected a list on the stack, got another value"));
  EXPECT_THAT(refusal(proto + "]NNs"), HasSubstr("expected a dict on the stack, got another value"));
  EXPECT_THAT(refusal(proto + "}(Nu"), HasSubstr("expected keys and values in pairs"));
  EXPECT_THAT(refusal(proto + "NNb"), HasSubstr("expected an OrderedDict on the stack"));
  EXPECT_THAT(refusal(proto + "N)R"), HasSubstr("expected a call of a global with a tuple"));
}

TEST(StateDict, EveryTruncationIsRefused) {
  const std::string pickle = file(dict(text("w") + whole + text("lr") + "G?\xb9\x99\x99\x99\x99\x99\x9a"));
  ASSERT_EQ(refusal(pickle), "no error");
  for (std::size_t size = 0; size < pickle.size(); ++size)
    EXPECT_THAT(refusal(pickle.substr(0, size)), StartsWith("[f] pickle at byte")) << size;
}

TEST(StateDict, ValuesThatContainEachOtherOrLieDeepAreNoDanger) {
  EXPECT_THAT(names(parse(file(dict(text("list") + "]q\1h\1a" + text("w") + whole)))), ElementsAre("w"));
  EXPECT_THAT(refusal(file("}q\1(" + text("model") + "h\1u")), HasSubstr("got no tensor"));
  const std::string deep = "N" + std::string(1'000'000, '\x85');
  EXPECT_THAT(names(parse(file(dict(text("deep") + deep + text("w") + whole)))), ElementsAre("w"));
  EXPECT_THAT(refusal(proto + std::string(1'000'000, '(')), HasSubstr("the file is truncated"));
}

TEST(StateDict, ReadsWhatItWrites) {
  StateDict state;
  state.storages = {{.key = "0", .dtype = bf16, .numel = 1LL << 40},
                    {.key = "1", .dtype = boolean, .numel = 1}};
  state.entries = {{.name = "größe", .storage = 0, .offset = 1LL << 35, .shape = {2, 3}, .strides = {1, 2}},
                   {.name = "", .storage = 1}};
  const StateDict again = parse(write_state_dict(state, "f"));
  EXPECT_THAT(names(again), ElementsAre("größe", ""));
  EXPECT_EQ(again.storages[0].dtype, bf16);
  EXPECT_EQ(again.storages[0].numel, 1LL << 40);
  EXPECT_EQ(again.entries[0].offset, 1LL << 35);
  EXPECT_EQ(again.entries[0].strides, (Strides{1, 2}));
  EXPECT_EQ(again.entries[1].shape, Shape{});
  state.entries[0].name = "\xc3";
  EXPECT_EQ(test::error_of<IoError>([&] { write_state_dict(state, "f"); }),
            "[f] expected names in UTF-8, got '\xc3'");
}

}  // namespace
}  // namespace fornax::io::torch

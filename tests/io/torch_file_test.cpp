#include "fornax/io/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "fornax/base/error.h"
#include "fornax/io/atomic_file.h"
#include "fornax/ops/create.h"
#include "io/state_dict.h"
#include "io/zip_writer.h"
#include "support/error_of.h"
#include "support/files.h"
#include "support/golden.h"

namespace fornax::io {
namespace {

using namespace test;

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

std::string load_error(const std::string& path) {
  return error_of<IoError>([&] { load_torch(path); });
}

/// PyTorch's name of a dtype.
std::string torch_name(DType dtype) {
  constexpr const char* names[] = {"float64", "float32", "float16", "bfloat16",
                                   "int64",   "int32",   "uint8",   "bool"};
  return std::string("torch.") + names[static_cast<int>(dtype)];
}

/// Fails unless `state` is state_dict() of scripts/goldens/torch_files.py.
void expect_golden_state(const State& state) {
  const GoldenFile golden("torch_files");
  std::size_t count = 0;
  for (const auto& [key, expected] : golden.tensors()) {
    const std::string prefix = "state_dict/";
    if (!key.starts_with(prefix)) continue;
    ++count;
    const std::string name = key.substr(prefix.size());
    const Tensor* tensor = state.find(name);
    ASSERT_TRUE(tensor) << name;
    EXPECT_EQ(torch_name(tensor->dtype()), golden.json("dtype/" + name)) << name;
    EXPECT_EQ(tensor->shape(), expected.shape()) << name;
    EXPECT_EQ(tensor->to(f64).to_vector<double>(), expected.to_vector<double>()) << name;
  }
  EXPECT_EQ(count, 19u);
  EXPECT_EQ(state.size(), count);
}

/// Writes an archive as torch.save() does, of a state dict with the one tensor "w" in the storage "0".
struct Records {
  std::string pickle, storage = std::string(4, '\0'), byteorder = "little";

  void write(const std::string& path) const {
    AtomicFile file(path);
    ZipWriter zip(file);
    const auto add = [&](const char* name, const std::string& bytes) {
      zip.add(name, std::as_bytes(std::span(bytes)));
    };
    add("a/data.pkl", pickle);
    if (!byteorder.empty()) add("a/byteorder", byteorder);
    add("a/data/0", storage);
    zip.finish();
    file.commit();
  }
};
Records records(DType dtype, std::int64_t numel) {
  torch::StateDict state;
  state.storages = {{.key = "0", .dtype = dtype, .numel = numel}};
  state.entries = {{.name = "w", .storage = 0}};
  return {.pickle = torch::write_state_dict(state, "f")};
}

TEST(TorchFile, EveryTensorComesAsPyTorchSavedIt) {
  expect_golden_state(load_torch(golden_path("torch_state_dict.pt")));
}

TEST(TorchFile, WhatSharedMemorySharesItAgainWithItsStrides) {
  const State state = load_torch(golden_path("torch_state_dict.pt"));
  const Tensor matrix = state.at("matrix");
  for (const char* name : {"matrix.transposed", "matrix.row", "matrix.every_second", "matrix.tail"})
    EXPECT_EQ(state.at(name).storage().get(), matrix.storage().get()) << name;
  EXPECT_EQ(state.at("matrix.transposed").strides(), (Strides{1, 4}));
  EXPECT_EQ(state.at("expanded").strides(), (Strides{0, 1}));
  EXPECT_TRUE(state.at("channels_last").is_contiguous(MemoryFormat::channels_last));
  matrix.select(0, 1).fill_(5);
  EXPECT_THAT(state.at("matrix.row").to_vector<float>(), ElementsAre(5, 5, 5, 5));
  EXPECT_FALSE(matrix.is_view() || state.at("parameter").requires_grad());
}

TEST(TorchFile, OfACheckpointTakesTheStateDictWithoutThePrefixOfDataParallelTraining) {
  const State state = load_torch(golden_path("torch_checkpoint.pt"));
  EXPECT_EQ(state.size(), 122u);
  EXPECT_EQ(state.begin()->first, "conv1.weight");
  EXPECT_EQ(state.at("fc.weight").shape(), (Shape{10, 64}));
}

TEST(TorchFile, RefusesWhatIsNoStateDictByName) {
  EXPECT_THAT(load_error(golden_path("torch_module.pt")),
              HasSubstr("expected only what a state dict is made of, got the global "
                        "'torch.nn.modules.activation.ReLU'"));
  EXPECT_THAT(load_error(golden_path("torch_legacy.pt")),
              EndsWith("expected the zip format of torch.save(), got that of PyTorch before 1.6: convert the "
                       "file by torch.save(torch.load(path, map_location='cpu'), path)"));
  EXPECT_THAT(load_error(golden_path("torch_files.safetensors")),
              EndsWith("expected a file that torch.save() wrote, got something else"));
  EXPECT_EQ(load_error("/no/such/file"),
            "[/no/such/file] expected a readable file, got: No such file or directory");
  const TemporaryDirectory directory;
  write_text(directory / "empty", "");
  EXPECT_THAT(load_error(directory / "empty"),
              EndsWith("expected a file that torch.save() wrote, got something else"));
}

TEST(TorchFile, EveryTruncationIsRefused) {
  const TemporaryDirectory directory;
  const std::string whole = read_text(golden_path("torch_state_dict.pt"));
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    write_text(directory / "a", whole.substr(0, size));
    EXPECT_THAT(load_error(directory / "a"), HasSubstr("expected")) << size;
  }
}

TEST(TorchFile, EveryByteOfTheTensorsIsHeldAgainstItsChecksum) {
  const TemporaryDirectory directory;
  const Records good = {.pickle = records(f32, 3).pickle, .storage = "the numbers."};
  good.write(directory / "a");
  const std::string whole = read_text(directory / "a");
  ASSERT_EQ(load_error(directory / "a"), "no error");
  for (const std::string& part : {good.pickle, good.storage})
    for (std::size_t i = 0; i < part.size(); ++i) {
      std::string damaged = whole;
      damaged[whole.find(part) + i] ^= 1;
      write_text(directory / "a", damaged);
      EXPECT_THAT(load_error(directory / "a"), HasSubstr("CRC error")) << i;
    }
}

TEST(TorchFile, ADamagedByteAnywhereIsRefusedOrDoesNoHarm) {
  const TemporaryDirectory directory;
  const std::string whole = read_text(golden_path("torch_state_dict.pt"));
  for (std::size_t i = 0; i < whole.size(); i += 5)
    for (const char flip : {'\x01', '\xff'}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      write_text(directory / "a", damaged);
      const std::string error = load_error(directory / "a");
      EXPECT_TRUE(error == "no error" || error.starts_with("[" + directory.path().string()))
          << i << ": " << error;
    }
}

TEST(TorchFile, RefusesNumbersOfTheOtherByteOrder) {
  const TemporaryDirectory directory;
  Records made = records(f32, 1);
  made.byteorder = "big";
  made.write(directory / "a");
  EXPECT_THAT(load_error(directory / "a"), EndsWith("a] record 'a/byteorder': expected 'little', got 'big'"));
  made.byteorder = "";  // as PyTorch before 2.1
  made.write(directory / "a");
  EXPECT_EQ(load_error(directory / "a"), "no error");
}

TEST(TorchFile, HoldsStoragesToTheirRecords) {
  const TemporaryDirectory directory;
  records(f32, 2).write(directory / "a");
  EXPECT_THAT(load_error(directory / "a"),
              EndsWith("a] record 'a/data/0': expected 2 numbers of f32, got 4 bytes"));
  records(f64, (1LL << 61) + 1).write(directory / "a");  // 8 bytes, modulo 2^64
  EXPECT_THAT(load_error(directory / "a"),
              HasSubstr("record 'a/data/0': expected 2305843009213693953 numbers"));
  Records made = records(f32, 1);
  made.pickle.replace(made.pickle.find("X\1\0\0\0"
                                       "0",
                                       0, 6),
                      6, std::string("X\1\0\0\0", 5) + "7");
  made.write(directory / "a");
  EXPECT_THAT(
      load_error(directory / "a"),
      EndsWith("a] record 'a/data/7': expected a record of this name, as torch.save() writes it, got none"));
}

TEST(TorchFile, StoragesThatLieOnTopOfEachOtherTakeNoMoreMemoryThanTheFile) {
  const TemporaryDirectory directory;
  torch::StateDict state;
  constexpr std::size_t count = 40, bytes = 4000;
  for (std::size_t i = 0; i < count; ++i) {
    state.storages.push_back({.key = std::to_string(i), .dtype = u8, .numel = bytes});
    state.entries.push_back({.name = std::to_string(i), .storage = i});
  }
  Records made{.pickle = torch::write_state_dict(state, "f"), .storage = std::string(bytes, 'x')};
  made.write(directory / "a");
  // The directory again, with the entry of that record 40 times.
  const std::string whole = read_text(directory / "a");
  const std::size_t directory_at = whole.find("PK\1\2"), end_at = whole.find("PK\6\6");
  std::string file = whole.substr(0, end_at);
  const std::size_t entry_at = whole.rfind("PK\1\2");
  for (std::size_t i = 1; i < count; ++i) {
    const std::string name = "a/data/" + std::to_string(i);
    std::string entry = whole.substr(entry_at, end_at - entry_at - 1);  // without the name's last character
    entry.replace(entry.find("a/data/"), std::string::npos, name);
    entry[28] = static_cast<char>(name.size());
    file += entry;
  }
  const auto number = [](std::size_t value, int size) {
    std::string out;
    for (int i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i));
    return out;
  };
  const std::size_t entries = count + 2;
  file += "PK\5\6" + number(0, 4) + number(entries, 2) + number(entries, 2) +
          number(file.size() - directory_at, 4) + number(directory_at, 4) + number(0, 2);
  write_text(directory / "a", file);
  EXPECT_THAT(load_error(directory / "a"), HasSubstr("expected storages of at most the " +
                                                     std::to_string(file.size()) + " bytes of the file"));
}

TEST(TorchFile, RefusesCompressedRecordsAndBooleansOtherThanZeroAndOne) {
  const TemporaryDirectory directory;
  Records made = records(boolean, 1);
  made.storage = "\2";
  made.write(directory / "a");
  EXPECT_THAT(load_error(directory / "a"),
              EndsWith("a] record 'a/data/0': expected booleans of 0 or 1, got 2"));
  std::string file = read_text(directory / "a");
  for (std::size_t at = file.find("PK\1\2"); at != std::string::npos; at = file.find("PK\1\2", at + 1))
    file[at + 10] = 8;
  write_text(directory / "a", file);
  EXPECT_THAT(load_error(directory / "a"),
              HasSubstr("expected plain bytes, as torch.save() writes them, got compressed"));
}

// torch.load() reads torch_saved.pt as it reads torch_state_dict.pt: scripts/check_torch_load.py.
TEST(SaveTorch, WritesTheFileThatPyTorchWasShownToRead) {
  const TemporaryDirectory directory;
  save_torch(directory / "a", load_torch(golden_path("torch_state_dict.pt")));
  EXPECT_TRUE(read_text(directory / "a") == read_text(golden_path("torch_saved.pt")));
  expect_golden_state(load_torch(directory / "a"));
}

TEST(SaveTorch, PutsTheNumbersOfEachTensorAtAMultipleOf64Bytes) {
  const TemporaryDirectory directory;
  State state;
  for (const char* name : {"a", "bc", "def"})
    state.add(name, from_span<std::uint8_t>(std::vector<std::uint8_t>{'T', 'e', 'n', 's', 'o', 'r'}, {6}));
  save_torch(directory / "a", state);
  const std::string file = read_text(directory / "a");
  std::set<std::size_t> places;
  for (std::size_t at = file.find("Tensor"); at != std::string::npos; at = file.find("Tensor", at + 1)) {
    EXPECT_EQ(at % 64, 0u);
    places.insert(at);
  }
  EXPECT_EQ(places.size(), 3u);
}

TEST(SaveTorch, WhatFailsLeavesTheFileThatWasThere) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a";
  write_text(path, "what was there");
  EXPECT_THAT(error_of<IoError>([&] {
                save_torch(path, {{"\xff", ones({1})}});
              }),
              HasSubstr("expected names in UTF-8"));
  {
    const DiskFullAfter limit(1000);
    EXPECT_THAT(error_of<IoError>([&] {
                  save_torch(path, {{"w", ones({1000})}});
                }),
                HasSubstr("File too large"));
  }
  EXPECT_EQ(read_text(path), "what was there");
  EXPECT_EQ(files_in(directory), 1u);
}

TEST(SaveTorch, AnEmptyStateComesBack) {
  const TemporaryDirectory directory;
  save_torch(directory / "a", State());
  EXPECT_TRUE(load_torch(directory / "a").empty());
}

TEST(ZipHeaders, PutNumbersOf32BitsAndMoreIntoAnExtraField) {
  const std::string small = zip_directory_header("name", 1, 0xffff'fffe, 0xffff'fffe);
  EXPECT_EQ(small.size(), 46u + 4);
  EXPECT_EQ(small.substr(20, 8), "\xfe\xff\xff\xff\xfe\xff\xff\xff");
  const std::string large = zip_directory_header("name", 1, 0xffff'ffff, 0x1'0000'0007);
  EXPECT_EQ(large.substr(20, 8), std::string(8, '\xff'));
  EXPECT_EQ(large.substr(42, 4), std::string(4, '\xff'));
  EXPECT_EQ(large.substr(50), std::string("\1\0\x18\0"
                                          "\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff\0\0\0\0\7\0\0\0\1\0\0\0",
                                          28));
  const std::string local = zip_local_header("name", 1, 0x1'0000'0000, 0x1'0000'0007);
  EXPECT_EQ((0x1'0000'0007 + local.size()) % 64, 0u);
  EXPECT_EQ(local.substr(34, 20), std::string("\1\0\x10\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0", 20));
}

}  // namespace
}  // namespace fornax::io

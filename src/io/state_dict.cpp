#include "io/state_dict.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/dense_numel.h"
#include "fornax/base/error.h"
#include "io/pickle.h"
#include "io/text.h"

namespace fornax::io::torch {
namespace {

using pickle::Call;
using pickle::Dict;
using pickle::Global;
using pickle::Persistent;
using pickle::Sequence;
using pickle::Value;

constexpr std::string_view rebuild_tensor = "torch._utils._rebuild_tensor_v2",
                           rebuild_parameter = "torch._utils._rebuild_parameter",
                           ordered_dict = "collections.OrderedDict";

/// All that a pickle may name; the storages in the order of DType.
constexpr std::string_view globals[] = {"torch.DoubleStorage",   "torch.FloatStorage", "torch.HalfStorage",
                                        "torch.BFloat16Storage", "torch.LongStorage",  "torch.IntStorage",
                                        "torch.ByteStorage",     "torch.BoolStorage",  rebuild_tensor,
                                        rebuild_parameter,       ordered_dict};

/// Where checkpoints keep the state dict, the first that is there.
constexpr std::string_view checkpoint_keys[] = {"state_dict", "model_state_dict", "model"};

/// What data parallel training puts before all names.
constexpr std::string_view parallel_prefix = "module.";

/// Reads the entries of a dict one by one.
class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}
  StateDict take() { return std::move(state_); }

  /// Passes over a value that is no tensor.
  void read(const Value& key, const Value& value) {
    const auto* call = value.as<Call>();
    if (!call) return;
    const auto* name = key.as<std::string_view>();
    if (!name) throw IoError(file_, "expected names of tensors that are texts, got another key");
    name_ = *name;
    if (!is_utf8(name_)) fail("expected a name in UTF-8, got another");
    if (!names_.insert(name_).second) fail("expected each name once, got it twice");
    if (call->function == rebuild_parameter) {  // (tensor, requires_grad, backward_hooks)
      const std::vector<const Value*>& parts = call->arguments->as<Sequence>()->items;
      call = parts.empty() ? nullptr : parts[0]->as<Call>();
    }
    if (!call || call->function != rebuild_tensor) fail("expected a tensor, got a call of something else");
    state_.entries.push_back(read_tensor(call->arguments->as<Sequence>()->items));
  }

 private:
  /// (storage, offset, sizes, strides, requires_grad, backward_hooks[, metadata])
  Entry read_tensor(const std::vector<const Value*>& parts) {
    if (parts.size() != 6 && parts.size() != 7)
      fail(fmt::format("expected a tensor of 6 or 7 parts, got {}", parts.size()));
    const auto* metadata = parts.size() == 7 ? parts[6]->as<Dict>() : nullptr;
    if (parts.size() == 7 && !parts[6]->as<pickle::None>() && !(metadata && metadata->items.empty()))
      fail("expected a plain tensor, got one that is to be conjugated or negated");
    Entry entry{.name = std::string(name_),
                .storage = read_storage(*parts[0]),
                .offset = number(*parts[1], "an offset"),
                .shape = numbers(*parts[2], "sizes"),
                .strides = numbers(*parts[3], "strides")};
    check_extent(entry);
    return entry;
  }

  /// ('storage', type, key, location, numel)
  std::size_t read_storage(const Value& value) {
    const auto* persistent = value.as<Persistent>();
    const auto* id = persistent ? persistent->id->as<Sequence>() : nullptr;
    if (!id || id->items.size() != 5) fail("expected a storage of 5 parts, got something else");
    const auto* kind = id->items[0]->as<std::string_view>();
    const auto* type = id->items[1]->as<Global>();
    const auto* key = id->items[2]->as<std::string_view>();
    if (!kind || *kind != "storage" || !type || !key) fail("expected a storage, got something else");
    const auto dtype = std::ranges::find(globals, type->name) - std::begin(globals);
    if (dtype >= dtype_count) fail(fmt::format("expected a type of storage, got {}", type->name));
    const Storage storage{.key = std::string(*key),
                          .dtype = static_cast<DType>(dtype),
                          .numel = number(*id->items[4], "a number of elements")};
    const auto [found, is_new] = indices_.emplace(*key, state_.storages.size());
    if (is_new) {
      state_.storages.push_back(storage);
    } else if (const Storage& first = state_.storages[found->second];
               first.dtype != storage.dtype || first.numel != storage.numel) {
      fail(fmt::format("expected storage {} of {} {} again, got {} {}", quote(*key), first.numel,
                       name_of(first.dtype), storage.numel, name_of(storage.dtype)));
    }
    return found->second;
  }

  std::int64_t number(const Value& value, std::string_view what) const {
    const auto* number = value.as<std::int64_t>();
    if (!number || *number < 0)
      fail(fmt::format("expected {} of 0 to 2^63, got {}", what,
                       number ? fmt::format("{}", *number) : "something else"));
    return *number;
  }

  Dims numbers(const Value& value, std::string_view what) const {
    const auto* tuple = value.as<Sequence>();
    if (!tuple) fail(fmt::format("expected a tuple of {}, got something else", what));
    if (tuple->items.size() > max_rank)
      fail(fmt::format("expected at most {} dimensions, got {}", max_rank, tuple->items.size()));
    Dims dims;
    for (const Value* item : tuple->items) dims.push_back(number(*item, what));
    return dims;
  }

  /// Checks that the elements are within the storage, and that memory could hold them. An empty tensor may
  /// claim to be anywhere: it gets plain strides.
  void check_extent(Entry& entry) const {
    const auto& [key, dtype, numel] = state_.storages[entry.storage];
    const std::string view = fmt::format("offset {}, sizes {}, strides {}", entry.offset,
                                         to_string(entry.shape), to_string(entry.strides));
    if (entry.strides.rank() != entry.shape.rank())
      fail(fmt::format("expected as many strides as sizes, got {}", view));
    if (!dense_numel(entry.shape)) fail(fmt::format("expected a shape that fits in memory, got {}", view));
    if (entry.shape.contains(0)) {
      entry.offset = 0;
      entry.strides = strides_of(entry.shape);
      return;
    }
    std::int64_t last = entry.offset, step = 0;
    bool fits = true;
    for (int i = 0; i < entry.shape.rank(); ++i)
      fits = fits && !__builtin_mul_overflow(entry.shape[i] - 1, entry.strides[i], &step) &&
             !__builtin_add_overflow(last, step, &last);
    if (!fits || last >= numel)
      fail(fmt::format("expected elements within a storage of {}, got {}", numel, view));
  }

  [[noreturn]] void fail(std::string_view message) const {
    throw IoError(file_, fmt::format("tensor {}: {}", quote(name_), message));
  }

  std::string_view file_, name_;
  StateDict state_;
  std::set<std::string_view> names_;
  std::map<std::string_view, std::size_t> indices_;  ///< of storages, by key
};

/// The value of `key` in a dict, or null.
const Value* find(const Dict& dict, std::string_view key) {
  for (const auto& [name, value] : dict.items) {
    const auto* text = name->as<std::string_view>();
    if (text && *text == key) return value;
  }
  return nullptr;
}

/// The dict that holds the tensors.
const Dict& state_dict_of(const Value& root, std::string_view file) {
  const auto* dict = root.as<Dict>();
  if (!dict) throw IoError(file, "expected a state dict, got another value");
  for (const std::string_view key : checkpoint_keys) {
    const Value* inner = find(*dict, key);
    if (inner && inner->as<Dict>()) return *inner->as<Dict>();
  }
  return *dict;
}

void strip_parallel_prefix(std::vector<Entry>& entries) {
  const bool all = std::ranges::all_of(
      entries, [](const Entry& entry) { return entry.name.starts_with(parallel_prefix); });
  if (!all) return;
  for (Entry& entry : entries) entry.name.erase(0, parallel_prefix.size());
}

// --- writing

/// A text as BINUNICODE.
std::string text(std::string_view text) {
  std::string out = "X";
  for (int i = 0; i < 4; ++i) out += static_cast<char>(text.size() >> (8 * i) & 0xff);
  return out += text;
}

/// A number as LONG1 of 8 bytes, the one form for all.
std::string integer(std::int64_t value) {
  std::string out = "\x8a\x08";
  for (int i = 0; i < 8; ++i) out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff);
  return out;
}

std::string tuple(const Dims& dims) {
  std::string out = "(";
  for (const std::int64_t value : dims) out += integer(value);
  return out += "t";
}

std::string global(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return fmt::format("c{}\n{}\n", name.substr(0, dot), name.substr(dot + 1));
}

}  // namespace

StateDict parse_state_dict(std::span<const std::byte> bytes, std::string_view file) {
  const pickle::Tree tree = pickle::parse(bytes, globals, file);
  const Dict& dict = state_dict_of(*tree.root, file);
  Reader reader(file);
  for (const auto& [key, value] : dict.items) reader.read(*key, *value);
  StateDict state = reader.take();
  if (state.entries.empty() && !dict.items.empty())
    throw IoError(file, fmt::format("expected a dict of tensors, or one under the key {}, got no tensor",
                                    fmt::join(checkpoint_keys, ", ")));
  strip_parallel_prefix(state.entries);
  return state;
}

std::string write_state_dict(const StateDict& state, std::string_view file) {
  const std::string new_dict = global(ordered_dict) + ")R";
  std::string out = "\x80\x02" + new_dict + "(";
  for (const auto& [name, index, offset, shape, strides] : state.entries) {
    if (!is_utf8(name)) throw IoError(file, fmt::format("expected names in UTF-8, got {}", quote(name)));
    const Storage& storage = state.storages[index];
    out += text(name) + global(rebuild_tensor) + "((" + text("storage");
    out += global(globals[static_cast<int>(storage.dtype)]) + text(storage.key) + text("cpu");
    out += integer(storage.numel) + "tQ" + integer(offset) + tuple(shape) + tuple(strides);
    out += "\x89" + new_dict + "tR";
  }
  return out += "u.";
}

}  // namespace fornax::io::torch

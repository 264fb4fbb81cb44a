#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// The part of Python's pickle (protocol 2) that plain data and tensors need, as a tree of values. Nothing is
/// ever imported or called: what a pickle names or calls comes out as a name and its arguments.
namespace fornax::io::pickle {

struct Value;

struct None {};
struct BigInteger {};  ///< one of more than 64 bits; its value is not kept
/// A tuple or a list.
struct Sequence {
  std::vector<const Value*> items;
};
/// A dict or a collections.OrderedDict. Keys are not compared: a key may come twice.
struct Dict {
  std::vector<std::pair<const Value*, const Value*>> items;
};
/// What the pickle would import: "torch.FloatStorage".
struct Global {
  std::string name;
};
/// A call of a Global.
struct Call {
  std::string_view function;
  const Value* arguments;  ///< a Sequence
};
/// What is kept outside of the pickle, by its id.
struct Persistent {
  const Value* id;
};

struct Value {
  std::variant<None, bool, std::int64_t, double, BigInteger, std::string_view, Sequence, Dict, Global, Call,
               Persistent>
      content;

  /// The content if it is a T, else null.
  template <class T>
  const T* as() const {
    return std::get_if<T>(&content);
  }
};

/// A value and all that it refers to. Values may contain each other in a circle.
struct Tree {
  std::deque<Value> values;
  const Value* root;
};

/// Runs the pickle, whose texts the tree refers to. Throws IoError that names `file`, the byte, and the
/// opcode or global that is refused: any global that is not in `globals`, and any opcode that torch.save()
/// does not write. Memory is at most 60 times the bytes given.
Tree parse(std::span<const std::byte> bytes, std::span<const std::string_view> globals,
           std::string_view file);

}  // namespace fornax::io::pickle

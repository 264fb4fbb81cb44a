#include "io/pickle.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>

#include "fornax/base/error.h"
#include "io/text.h"

namespace fornax::io::pickle {
namespace {

static_assert(std::endian::native == std::endian::little, "the numbers of a pickle are little-endian");

enum class Op : std::uint8_t {
  mark = '(',
  stop = '.',
  binint = 'J',
  binint1 = 'K',
  binint2 = 'M',
  none = 'N',
  binpersid = 'Q',
  reduce = 'R',
  binunicode = 'X',
  empty_list = ']',
  append = 'a',
  build = 'b',
  global = 'c',
  appends = 'e',
  binget = 'h',
  long_binget = 'j',
  binput = 'q',
  long_binput = 'r',
  setitem = 's',
  tuple = 't',
  setitems = 'u',
  empty_dict = '}',
  empty_tuple = ')',
  binfloat = 'G',
  proto = 0x80,
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  new_true = 0x88,
  new_false = 0x89,
  long1 = 0x8a
};

/// The opcodes that are refused, by the names of Python's pickletools.
constexpr std::pair<std::uint8_t, std::string_view> refused[] = {{'0', "POP"},
                                                                 {'1', "POP_MARK"},
                                                                 {'2', "DUP"},
                                                                 {'F', "FLOAT"},
                                                                 {'I', "INT"},
                                                                 {'L', "LONG"},
                                                                 {'P', "PERSID"},
                                                                 {'S', "STRING"},
                                                                 {'T', "BINSTRING"},
                                                                 {'U', "SHORT_BINSTRING"},
                                                                 {'V', "UNICODE"},
                                                                 {'d', "DICT"},
                                                                 {'g', "GET"},
                                                                 {'i', "INST"},
                                                                 {'l', "LIST"},
                                                                 {'o', "OBJ"},
                                                                 {'p', "PUT"},
                                                                 {'B', "BINBYTES"},
                                                                 {'C', "SHORT_BINBYTES"},
                                                                 {0x81, "NEWOBJ"},
                                                                 {0x82, "EXT1"},
                                                                 {0x83, "EXT2"},
                                                                 {0x84, "EXT4"},
                                                                 {0x8b, "LONG4"},
                                                                 {0x8c, "SHORT_BINUNICODE"},
                                                                 {0x8d, "BINUNICODE8"},
                                                                 {0x8e, "BINBYTES8"},
                                                                 {0x8f, "EMPTY_SET"},
                                                                 {0x90, "ADDITEMS"},
                                                                 {0x91, "FROZENSET"},
                                                                 {0x92, "NEWOBJ_EX"},
                                                                 {0x93, "STACK_GLOBAL"},
                                                                 {0x94, "MEMOIZE"},
                                                                 {0x95, "FRAME"},
                                                                 {0x96, "BYTEARRAY8"},
                                                                 {0x97, "NEXT_BUFFER"},
                                                                 {0x98, "READONLY_BUFFER"}};

constexpr std::string_view ordered_dict = "collections.OrderedDict";

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, std::span<const std::string_view> globals, std::string_view file)
      : bytes_(bytes), globals_(globals), file_(file) {}

  Tree run() {
    if (bytes_.size() < 2 || bytes_[0] != std::byte{0x80} || bytes_[1] != std::byte{2})
      fail("expected a pickle of protocol 2, which torch.save() writes by default, got something else");
    while (step(static_cast<Op>(take_number<std::uint8_t>()))) {
    }
    if (stack_.size() != 1) fail(fmt::format("expected one value at the end, got {}", stack_.size()));
    tree_.root = stack_[0];
    return std::move(tree_);
  }

 private:
  /// Runs one opcode. False after the last one.
  bool step(Op op) {
    switch (op) {
      case Op::proto: take_number<std::uint8_t>(); break;
      case Op::mark: marks_.push_back(stack_.size()); break;
      case Op::none: push(None()); break;
      case Op::new_true: push(true); break;
      case Op::new_false: push(false); break;
      case Op::binint: push(std::int64_t{take_number<std::int32_t>()}); break;
      case Op::binint1: push(std::int64_t{take_number<std::uint8_t>()}); break;
      case Op::binint2: push(std::int64_t{take_number<std::uint16_t>()}); break;
      case Op::long1: push_long(take(take_number<std::uint8_t>())); break;
      case Op::binfloat: push(std::bit_cast<double>(__builtin_bswap64(take_number<std::uint64_t>()))); break;
      case Op::binunicode: push(text_of(take(take_number<std::uint32_t>()))); break;
      case Op::empty_tuple:
      case Op::empty_list: push(Sequence()); break;
      case Op::empty_dict: push(Dict()); break;
      case Op::tuple: push_tuple(above_mark()); break;
      case Op::tuple1: push_tuple(above(1)); break;
      case Op::tuple2: push_tuple(above(2)); break;
      case Op::tuple3: push_tuple(above(3)); break;
      case Op::append: append(above(1)); break;
      case Op::appends: append(above_mark()); break;
      case Op::setitem: set_items(above(2)); break;
      case Op::setitems: set_items(above_mark()); break;
      case Op::binput: memo_[take_number<std::uint8_t>()] = top(); break;
      case Op::long_binput: memo_[take_number<std::uint32_t>()] = top(); break;
      case Op::binget: push_memo(take_number<std::uint8_t>()); break;
      case Op::long_binget: push_memo(take_number<std::uint32_t>()); break;
      case Op::global: push_global(); break;
      case Op::reduce: call(); break;
      case Op::build: build(); break;
      case Op::binpersid: {
        const Value* id = above(1)[0];
        push(Persistent{id});
        break;
      }
      case Op::stop: return false;
      default: refuse(static_cast<std::uint8_t>(op));
    }
    return true;
  }

  // --- bytes
  std::span<const std::byte> take(std::size_t count) {
    if (count > bytes_.size() - position_)
      fail(fmt::format("expected {} more bytes, got {}: the file is truncated", count,
                       bytes_.size() - position_));
    position_ += count;
    return bytes_.subspan(position_ - count, count);
  }
  template <class T>
  T take_number() {
    T number;
    std::memcpy(&number, take(sizeof(T)).data(), sizeof(T));
    return number;
  }
  std::string_view take_line() {
    const std::string_view rest = text_of(bytes_.subspan(position_));
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) fail("expected a line, got the end of the file");
    position_ += end + 1;
    return rest.substr(0, end);
  }
  static std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  // --- the stack: nothing reaches below the last mark
  template <class T>
  void push(T content) {
    stack_.push_back(&tree_.values.emplace_back(Value{std::move(content)}));
  }
  Value* top() const {
    if (stack_.size() <= floor()) fail("expected a value on the stack, got none");
    return stack_.back();
  }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  /// Pops `count` values.
  std::vector<const Value*> above(std::size_t count) {
    if (stack_.size() - floor() < count)
      fail(fmt::format("expected {} values on the stack, got {}", count, stack_.size() - floor()));
    std::vector<const Value*> values(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return values;
  }
  /// Pops the values above the last mark, and the mark.
  std::vector<const Value*> above_mark() {
    if (marks_.empty()) fail("expected a mark on the stack, got none");
    std::vector<const Value*> values = above(stack_.size() - marks_.back());
    marks_.pop_back();
    return values;
  }
  /// The value on top of the stack, which must be a T to be changed.
  template <class T>
  T& changed(std::string_view what) const {
    T* value = std::get_if<T>(&top()->content);
    if (!value) fail(fmt::format("expected {} on the stack, got another value", what));
    return *value;
  }

  // --- opcodes
  void push_long(std::span<const std::byte> bytes) {
    if (bytes.size() > sizeof(std::int64_t)) return push(BigInteger());
    const bool negative = !bytes.empty() && (bytes.back() & std::byte{0x80}) != std::byte{0};
    std::int64_t number = negative ? -1 : 0;
    if (!bytes.empty()) std::memcpy(&number, bytes.data(), bytes.size());
    push(number);
  }
  void push_tuple(std::vector<const Value*> items) { push(Sequence{std::move(items)}); }
  void push_memo(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail(fmt::format("expected a memorised value {}, got none", index));
    stack_.push_back(found->second);
  }
  void append(const std::vector<const Value*>& items) {
    std::vector<const Value*>& list = changed<Sequence>("a list").items;
    list.insert(list.end(), items.begin(), items.end());
  }
  void set_items(const std::vector<const Value*>& items) {
    if (items.size() % 2 != 0) fail("expected keys and values in pairs, got a key alone");
    Dict& dict = changed<Dict>("a dict");
    for (std::size_t i = 0; i < items.size(); i += 2) dict.items.emplace_back(items[i], items[i + 1]);
  }
  void push_global() {
    const std::string_view module = take_line(), name = take_line();
    std::string global = fmt::format("{}.{}", module, name);
    if (std::ranges::find(globals_, global) == globals_.end())
      fail(fmt::format("expected only what a state dict is made of, got the global {}", quote(global)));
    push(Global{std::move(global)});
  }
  void call() {
    const std::vector<const Value*> operands = above(2);
    const auto* function = operands[0]->as<Global>();
    const auto* arguments = operands[1]->as<Sequence>();
    if (!function || !arguments) fail("expected a call of a global with a tuple, got another one");
    if (function->name == ordered_dict && arguments->items.empty())
      push(Dict());
    else
      push(Call{function->name, operands[1]});
  }
  /// An OrderedDict's attributes, of which nothing is kept: state_dict() has the versions of modules there.
  void build() {
    above(1);
    changed<Dict>("an OrderedDict");
  }
  [[noreturn]] void refuse(std::uint8_t op) const {
    const auto* found = std::ranges::find(refused, op, &std::pair<std::uint8_t, std::string_view>::first);
    fail(fmt::format(
        "expected an opcode that torch.save() writes, got {}",
        found == std::end(refused) ? fmt::format("the byte {:#04x}", op) : std::string(found->second)));
  }
  [[noreturn]] void fail(std::string_view message) const {
    throw IoError(file_, fmt::format("pickle at byte {}: {}", position_, message));
  }

  std::span<const std::byte> bytes_;
  std::span<const std::string_view> globals_;
  std::string_view file_;
  std::size_t position_ = 0;
  Tree tree_;
  std::vector<Value*> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, Value*> memo_;
};

}  // namespace

Tree parse(std::span<const std::byte> bytes, std::span<const std::string_view> globals,
           std::string_view file) {
  return Machine(bytes, globals, file).run();
}

}  // namespace fornax::io::pickle

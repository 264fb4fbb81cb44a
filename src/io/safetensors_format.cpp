#include "io/safetensors_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/dense_numel.h"
#include "fornax/base/error.h"
#include "io/text.h"

namespace fornax::io::safetensors {
namespace {

constexpr std::string_view metadata_key = "__metadata__";

/// The format's names, in the order of DType.
constexpr std::string_view dtype_names[dtype_count] = {"F64", "F32", "F16", "BF16",
                                                       "I64", "I32", "U8",  "BOOL"};
/// DTypes in the order in which the reference lays out tensors.
constexpr DType layout_order[dtype_count] = {i64, f64, f32, i32, bf16, f16, u8, boolean};

std::uint64_t byte_size(DType dtype, std::int64_t numel) {
  return static_cast<std::uint64_t>(numel) * size_of(dtype);
}

std::string_view format_name(DType dtype) { return dtype_names[static_cast<int>(dtype)]; }

/// Receives the JSON event by event, so that no tree is ever built and nesting costs nothing: an event that
/// does not belong where it came is refused at once.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view file) : file_(file) {}
  Header take() { return std::move(header_); }

  bool start_object(std::size_t) {
    switch (state_) {
      case State::start: state_ = State::names; return true;
      case State::metadata: state_ = State::metadata_keys; return true;
      case State::tensor:
        state_ = State::fields;
        seen_.clear();
        return true;
      default: unexpected("an object");
    }
  }
  bool end_object() {
    if (state_ == State::fields) {
      for (const std::string_view field : {"dtype", "shape", "data_offsets"})
        if (!seen_.contains(field)) fail(fmt::format("expected a {}, got none", field));
    }
    state_ = state_ == State::names ? State::end : State::names;
    return true;
  }
  bool key(std::string& text) {
    if (state_ == State::fields) {
      field(text);
    } else if (state_ == State::metadata_keys) {
      if (!header_.metadata.emplace(text, "").second)
        fail(fmt::format("expected each key once, got {} twice", quote(text)));
      metadata_key_ = std::move(text);
      state_ = State::metadata_text;
    } else {
      const bool metadata = text == metadata_key;
      if (!names_.insert(text).second)
        fail_here(fmt::format("expected each key once, got {} twice", quote(text)));
      if (!metadata) header_.entries.push_back({.name = text});
      in_metadata_ = metadata;
      state_ = metadata ? State::metadata : State::tensor;
    }
    return true;
  }
  bool start_array(std::size_t) {
    if (state_ == State::shape)
      state_ = State::sizes;
    else if (state_ == State::offsets)
      state_ = State::offset_values;
    else
      unexpected("an array");
    values_.clear();
    return true;
  }
  bool end_array() {
    if (state_ == State::sizes) {
      Shape& shape = header_.entries.back().shape;
      for (const std::uint64_t size : values_) shape.push_back(static_cast<std::int64_t>(size));
    } else {
      if (values_.size() != 2) fail(fmt::format("expected 2 data_offsets, got {}", values_.size()));
      header_.entries.back().begin = values_[0];
      header_.entries.back().end = values_[1];
    }
    state_ = State::fields;
    return true;
  }
  bool number_unsigned(std::uint64_t value) {
    if (state_ == State::sizes) {
      if (values_.size() == max_rank) fail(fmt::format("expected at most {} dimensions, got more", max_rank));
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        fail(fmt::format("expected a size below 2^63, got {}", value));
    } else if (state_ == State::offset_values) {
      if (values_.size() == 2) fail("expected 2 data_offsets, got more");
    } else {
      unexpected(fmt::format("the number {}", value));
    }
    values_.push_back(value);
    return true;
  }
  bool string(std::string& text) {
    if (state_ == State::metadata_text) {
      header_.metadata[metadata_key_] = std::move(text);
      state_ = State::metadata_keys;
    } else if (state_ == State::dtype) {
      const auto* found = std::ranges::find(dtype_names, text);
      if (found == std::end(dtype_names))
        fail(fmt::format("expected a dtype of {}, got {}", fmt::join(dtype_names, ", "), quote(text)));
      header_.entries.back().dtype = static_cast<DType>(found - std::begin(dtype_names));
      state_ = State::fields;
    } else {
      unexpected(fmt::format("the text {}", quote(text)));
    }
    return true;
  }
  bool null() { unexpected("null"); }
  bool boolean(bool value) { unexpected(value ? "true" : "false"); }
  bool number_integer(std::int64_t value) { unexpected(fmt::format("the number {}", value)); }
  bool number_float(double, const std::string& text) { unexpected("the number " + text); }
  bool binary(std::vector<std::uint8_t>&) { unexpected("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    fail_here(fmt::format("expected a header of valid JSON, got an error at byte {} of it", position));
  }

 private:
  /// What may come next.
  enum class State {
    start,
    names,
    metadata,
    metadata_keys,
    metadata_text,
    tensor,
    fields,
    dtype,
    shape,
    sizes,
    offsets,
    offset_values,
    end
  };

  void field(const std::string& text) {
    if (text == "dtype")
      state_ = State::dtype;
    else if (text == "shape")
      state_ = State::shape;
    else if (text == "data_offsets")
      state_ = State::offsets;
    else
      fail(fmt::format("expected the keys dtype, shape and data_offsets, got {}", quote(text)));
    if (!seen_.insert(text).second) fail(fmt::format("expected each key once, got {} twice", quote(text)));
  }
  [[noreturn]] void unexpected(std::string_view what) const {
    static constexpr std::string_view expected[] = {
        "an object",      "a tensor's name", "an object", "a key",    "a text",    "an object", "a key",
        "a dtype's name", "an array",        "a size",    "an array", "an offset", "the end"};
    const std::string message = fmt::format("expected {}, got {}", expected[static_cast<int>(state_)], what);
    if (state_ <= State::names || state_ == State::end) fail_here("header: " + message);
    fail(message);
  }
  /// Fails naming the tensor (or the metadata) that is being read.
  [[noreturn]] void fail(std::string_view message) const {
    fail_here(in_metadata_ ? fmt::format("{}: {}", metadata_key, message)
                           : fmt::format("tensor {}: {}", quote(header_.entries.back().name), message));
  }
  [[noreturn]] void fail_here(std::string_view message) const { throw IoError(file_, message); }

  std::string_view file_;
  Header header_;
  State state_ = State::start;
  bool in_metadata_ = false;
  std::string metadata_key_;
  std::set<std::string, std::less<>> names_, seen_;
  std::vector<std::uint64_t> values_;
};

/// Sorts the entries by their data and checks that they tile it.
void check_data(Header& header, std::uint64_t data_size, std::string_view file) {
  std::ranges::sort(header.entries, {}, [](const Entry& entry) { return std::pair(entry.begin, entry.end); });
  std::uint64_t covered = 0;
  for (const Entry& entry : header.entries) {
    const auto fail = [&](const std::string& message) {
      throw IoError(file, fmt::format("tensor {}: {}", quote(entry.name), message));
    };
    const std::string offsets = fmt::format("data_offsets [{},{}]", entry.begin, entry.end);
    if (entry.begin > entry.end || entry.end > data_size)
      fail(fmt::format("expected offsets that ascend within {} bytes of data, got {}", data_size, offsets));
    const auto numel = dense_numel(entry.shape);
    const std::string type = fmt::format("{}{}", format_name(entry.dtype), to_string(entry.shape));
    if (!numel) fail(fmt::format("expected a shape that fits in memory, got {}", type));
    if (const std::uint64_t size = byte_size(entry.dtype, *numel); entry.end - entry.begin != size)
      fail(fmt::format("expected {} bytes for {}, got {}", size, type, offsets));
    if (entry.begin != covered)
      fail(fmt::format("expected data from offset {} on, without {}, got {}", covered,
                       entry.begin < covered ? "overlap" : "holes", offsets));
    covered = entry.end;
  }
  if (covered != data_size)
    throw IoError(file,
                  fmt::format("expected {} bytes of data, as the tensors need, got {}", covered, data_size));
}

std::string json_text(const std::string& text, std::string_view file) {
  if (!is_utf8(text))
    throw IoError(file, fmt::format("expected names and metadata in UTF-8, got {}", quote(text)));
  return nlohmann::json(text).dump();
}

}  // namespace

std::uint64_t header_size(std::span<const std::byte> prefix, std::uint64_t file_size, std::string_view file) {
  if (prefix.size() < prefix_size)
    throw IoError(file, fmt::format("expected a safetensors file of at least {} bytes, got {}", prefix_size,
                                    file_size));
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < prefix_size; ++i) size |= std::to_integer<std::uint64_t>(prefix[i]) << (8 * i);
  if (size > max_header_size || size > file_size - prefix_size)
    throw IoError(file, fmt::format("expected a header of at most {} bytes, got a length of {}: {}",
                                    std::min(max_header_size, file_size - prefix_size), size,
                                    "the file is truncated or not safetensors"));
  return size;
}

Header parse_header(std::span<const std::byte> json, std::uint64_t data_size, std::string_view file) {
  if (json.empty() || json[0] != std::byte{'{'})
    throw IoError(file,
                  "expected a header that begins with '{', got something else: the file is not safetensors");
  if (std::ranges::find(json, std::byte{0}) != json.end())  // which the JSON parser takes for the end
    throw IoError(file, "expected a header of valid JSON, got a zero byte in it");
  HeaderReader reader(file);
  const auto* text = reinterpret_cast<const char*>(json.data());
  nlohmann::json::sax_parse(text, text + json.size(), &reader);
  Header header = reader.take();
  check_data(header, data_size, file);
  return header;
}

std::string layout(Header& header, std::string_view file) {
  const auto rank = [](const Entry& entry) {
    return std::ranges::find(layout_order, entry.dtype) - layout_order;
  };
  std::ranges::sort(header.entries, [&](const Entry& a, const Entry& b) {
    return std::pair(rank(a), std::string_view(a.name)) < std::pair(rank(b), std::string_view(b.name));
  });
  std::string json = "{";
  if (!header.metadata.empty()) {
    json += fmt::format("\"{}\":{{", metadata_key);
    for (const auto& [key, text] : header.metadata)
      json +=
          fmt::format("{}{}:{}", json.back() == '{' ? "" : ",", json_text(key, file), json_text(text, file));
    json += "}";
  }
  std::uint64_t offset = 0;
  for (Entry& entry : header.entries) {
    if (entry.name == metadata_key)
      throw IoError(file, fmt::format("expected tensors' names other than '{}', got it", metadata_key));
    entry.begin = offset;
    entry.end = offset += byte_size(entry.dtype, dense_numel(entry.shape).value());
    json += fmt::format("{}{}:{{\"dtype\":\"{}\",\"shape\":{},\"data_offsets\":[{},{}]}}",
                        json.size() > 1 ? "," : "", json_text(entry.name, file), format_name(entry.dtype),
                        to_string(entry.shape), entry.begin, entry.end);
  }
  json += "}";
  json.resize((json.size() + 7) / 8 * 8, ' ');
  std::string prefix(prefix_size, '\0');
  for (std::size_t i = 0; i < prefix_size; ++i) prefix[i] = static_cast<char>(json.size() >> (8 * i) & 0xff);
  return prefix + json;
}

}  // namespace fornax::io::safetensors

#include "train/event.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <variant>

#include "base/crc32c.h"

namespace fornax::train {
namespace {

enum WireType { varint = 0, fixed64 = 1, length_delimited = 2, fixed32 = 5 };

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

constexpr double smallest_edge = 1e-12, growth = 1.1;

/// The upper edge of bucket k; its lower one is that of bucket k - 1.
double edge(int k) {
  if (k == 0) return 0;
  return std::copysign(smallest_edge * std::pow(growth, std::abs(k) - 1), k);
}

/// The bucket of a value that is above its lower edge and up to its upper one.
int bucket_of(double value) {
  if (value == 0) return 0;
  const double n = std::log(std::abs(value) / smallest_edge) / std::log(growth);
  if (value > 0) return 1 + static_cast<int>(std::ceil(std::max(0., n)));
  return n < 0 ? 0 : -1 - static_cast<int>(std::floor(n));
}

/// A value whose plugin data say all.
Message hparams_value(std::string_view tag, const Message& plugin_data) {
  constexpr std::int64_t dt_float = 1;
  const Message no_numbers = Message().add(1, dt_float).add(2, Message().add(2, Message()));
  const Message plugin = Message().add(1, std::string_view("hparams")).add(2, plugin_data);
  return Message().add(1, tag).add(8, no_numbers).add(9, Message().add(1, plugin));
}

/// DataType: what the page shows numbers, texts and switches as.
std::int64_t type_of(const decltype(Field::value)& value) {
  constexpr std::int64_t text = 1, boolean = 2, number = 3;
  return std::holds_alternative<std::string>(value) ? text
         : std::holds_alternative<bool>(value)      ? boolean
                                                    : number;
}

/// google.protobuf.Value
Message hparam(const decltype(Field::value)& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return Message().add(3, std::string_view(*text));
  if (const auto* on = std::get_if<bool>(&value)) return Message().put(4, *on);
  if (const auto* whole = std::get_if<std::int64_t>(&value))
    return Message().put(2, static_cast<double>(*whole));
  return Message().put(2, std::get<double>(value));
}

}  // namespace

void Message::add_varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7f) | 0x80);
  bytes_ += static_cast<char>(value);
}

void Message::add_key(int field, int wire_type) {
  add_varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(wire_type));
}

Message& Message::add(int field, std::int64_t value) {
  if (value == 0) return *this;
  add_key(field, varint);
  add_varint(static_cast<std::uint64_t>(value));
  return *this;
}

Message& Message::add(int field, float value) {
  add_key(field, fixed32);
  bytes_ += little_endian(std::bit_cast<std::uint32_t>(value), 4);
  return *this;
}

Message& Message::add(int field, double value) { return value == 0 ? *this : put(field, value); }

Message& Message::put(int field, bool value) {
  add_key(field, varint);
  add_varint(value ? 1 : 0);
  return *this;
}

Message& Message::put(int field, double value) {
  add_key(field, fixed64);
  bytes_ += little_endian(std::bit_cast<std::uint64_t>(value), 8);
  return *this;
}

Message& Message::add(int field, std::string_view text) {
  add_key(field, length_delimited);
  add_varint(text.size());
  bytes_ += text;
  return *this;
}

Message& Message::add(int field, const Message& message) { return add(field, message.bytes()); }

Message& Message::add_packed(int field, std::span<const double> values) {
  std::string all;
  for (const double value : values) all += little_endian(std::bit_cast<std::uint64_t>(value), 8);
  return all.empty() ? *this : add(field, all);
}

std::string tfrecord(std::string_view data) {
  const auto crc = [](std::string_view text) {
    return little_endian(masked_crc32c(std::as_bytes(std::span(text))), 4);
  };
  const std::string length = little_endian(data.size(), 8);
  return length + crc(length) + std::string(data) + crc(data);
}

Message summary_event(double wall_time, std::int64_t step, const Message& value) {
  return Message().add(1, wall_time).add(2, step).add(5, Message().add(1, value));
}

Message scalar_value(std::string_view tag, float value) { return Message().add(1, tag).add(2, value); }

Message text_value(std::string_view tag, std::string_view text) {
  constexpr std::int64_t dt_string = 7;
  const Message shape = Message().add(2, Message().add(1, std::int64_t{1}));
  const Message tensor = Message().add(1, dt_string).add(2, shape).add(8, text);
  const Message metadata = Message().add(1, Message().add(1, std::string_view("text")));
  return Message().add(1, std::string(tag) + "/text_summary").add(8, tensor).add(9, metadata);
}

Buckets buckets_of(std::span<const double> sorted) {
  Buckets buckets;
  const auto add = [&](int bucket) {
    buckets.limits.push_back(edge(bucket));
    buckets.counts.push_back(0);
  };
  std::optional<int> last;
  for (const double value : sorted) {
    if (const int bucket = bucket_of(value); bucket != last) {
      if (last != bucket - 1) add(bucket - 1);  // readers take a bucket to begin where the one before it ends
      add(bucket);
      last = bucket;
    }
    ++buckets.counts.back();
  }
  return buckets;
}

Message histogram_value(std::string_view tag, std::vector<double> values) {
  std::ranges::sort(values);
  double sum = 0, squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
  }
  Message histogram;
  if (!values.empty())
    histogram.add(1, values.front()).add(2, values.back()).add(3, static_cast<double>(values.size()));
  const Buckets buckets = buckets_of(values);
  histogram.add(4, sum).add(5, squares).add_packed(6, buckets.limits).add_packed(7, buckets.counts);
  return Message().add(1, tag).add(5, histogram);
}

Message image_value(std::string_view tag, const PngImage& image) {
  const Message encoded =
      Message().add(1, image.height).add(2, image.width).add(3, image.channels).add(4, image.bytes);
  return Message().add(1, tag).add(4, encoded);
}

Message experiment_value(const Fields& hparams, std::span<const std::string> metrics) {
  Message experiment;
  for (const auto& [name, value] : hparams)
    experiment.add(4, Message().add(1, std::string_view(name)).add(4, type_of(value)));
  for (const std::string& tag : metrics)
    experiment.add(5, Message().add(1, Message().add(2, std::string_view(tag))));
  return hparams_value("_hparams_/experiment", Message().add(2, experiment));
}

Message session_start_value(const Fields& hparams, double wall_time) {
  Message session;
  for (const auto& [name, value] : hparams)
    session.add(1, Message().add(1, std::string_view(name)).add(2, hparam(value)));
  return hparams_value("_hparams_/session_start_info", Message().add(3, session.add(5, wall_time)));
}

Message session_end_value(double wall_time) {
  constexpr std::int64_t success = 1;
  return hparams_value("_hparams_/session_end_info",
                       Message().add(4, Message().add(1, success).add(2, wall_time)));
}

Message version_event(double wall_time) {
  return Message().add(1, wall_time).add(3, std::string_view("brain.Event:2"));
}

Message purge_event(double wall_time, std::int64_t step) {
  constexpr std::int64_t start = 1;
  return Message().add(1, wall_time).add(2, step).add(7, Message().add(1, start));
}

}  // namespace fornax::train

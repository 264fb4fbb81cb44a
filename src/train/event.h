#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The messages of TensorBoard's event files, as bytes.
namespace fornax::train {

/// A message in the wire format of Protocol Buffers (https://protobuf.dev/programming-guides/encoding), in
/// which a field that is 0 or empty is left out.
class Message {
 public:
  Message& add(int field, std::int64_t value);
  Message& add(int field, float value);
  Message& add(int field, double value);
  Message& add(int field, std::string_view text);
  Message& add(int field, const Message& message);
  Message& add_packed(int field, std::span<const double> values);

  const std::string& bytes() const { return bytes_; }

 private:
  void add_varint(std::uint64_t value);
  void add_key(int field, int wire_type);
  void add_fixed(std::uint64_t value, int bytes);

  std::string bytes_;
};

/// A record of a TFRecord file.
std::string tfrecord(std::string_view data);

/// An Event that holds one Summary.Value.
Message summary_event(double wall_time, std::int64_t step, const Message& value);
/// Summary.Value
Message scalar_value(std::string_view tag, float value);
Message text_value(std::string_view tag, std::string_view text);
/// How often numbers are found from each limit (not included) to the next (included).
struct Buckets {
  std::vector<double> limits, counts;  ///< counts[i] up to limits[i]; counts[0] is 0
};
/// Of finite numbers in ascending order. The limits are 0 and +-1e-12 * 1.1^n, TensorFlow's own.
Buckets buckets_of(std::span<const double> sorted);
Message histogram_value(std::string_view tag, std::vector<double> values);
/// The first event of each file.
Message version_event(double wall_time);
/// Makes readers forget what earlier files say of `step` and later ones.
Message purge_event(double wall_time, std::int64_t step);

}  // namespace fornax::train

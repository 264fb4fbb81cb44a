#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fornax/train/json_log.h"

/// The messages of TensorBoard's event files, as bytes.
namespace fornax::train {

/// A message in the wire format of Protocol Buffers (https://protobuf.dev/programming-guides/encoding), in
/// which a field that is 0 or empty is left out, but for those of which one is always set (put).
class Message {
 public:
  Message& add(int field, std::int64_t value);
  Message& add(int field, float value);
  Message& add(int field, double value);
  Message& add(int field, std::string_view text);
  Message& add(int field, const Message& message);
  Message& add_packed(int field, std::span<const double> values);
  Message& put(int field, bool value);
  Message& put(int field, double value);

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
struct PngImage {
  std::int64_t height = 0, width = 0, channels = 0;
  std::string_view bytes;
};
Message image_value(std::string_view tag, const PngImage& image);

// What the HPARAMS page is made of (tensorboard/plugins/hparams/plugin_data.proto, api.proto).

/// Names and types of hyper-parameters, and the tags of the scalars that a run is judged by.
Message experiment_value(const Fields& hparams, std::span<const std::string> metrics);
/// The values of the hyper-parameters in a run.
Message session_start_value(const Fields& hparams, double wall_time);
/// The run has ended well.
Message session_end_value(double wall_time);

/// The first event of each file.
Message version_event(double wall_time);
/// Makes readers forget what earlier files say of `step` and later ones.
Message purge_event(double wall_time, std::int64_t step);

}  // namespace fornax::train

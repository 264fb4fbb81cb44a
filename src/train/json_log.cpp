#include "fornax/train/json_log.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "fornax/io/atomic_file.h"
#include "train/json.h"
#include "train/line_log.h"

namespace fornax::train {

std::string to_json(const Fields& fields, int indent) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const Field& field : fields)
    std::visit([&](const auto& value) { object[field.name] = value; }, field.value);
  return object.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

JsonLog::JsonLog(std::string path, std::int64_t keep)
    : lines_(std::make_unique<LineLog>(std::move(path), keep)) {}

JsonLog::~JsonLog() = default;

std::int64_t JsonLog::size() const { return lines_->size(); }

void JsonLog::write(const Fields& fields) { lines_->write(to_json(fields, -1)); }

void write_config(const std::string& path, const Fields& fields) {
  io::AtomicFile file(path);
  file.write(to_json(fields, 2));
  file.commit();
}

}  // namespace fornax::train

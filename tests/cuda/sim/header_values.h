#pragma once

#include <string>
#include <vector>

namespace fornax::sim {

struct NamedValue {
  std::string name;
  unsigned value;

  bool operator==(const NamedValue&) const = default;
};

std::vector<NamedValue> header_values();
std::vector<NamedValue> own_header_values();

}  // namespace fornax::sim

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#include "fornax/device/host_memory.h"

namespace fornax {
namespace {

/// The number after `label` in a file of the system's.
std::optional<std::size_t> number_in(const std::string& path, const std::string& label = {}) {
  std::ifstream file(path);
  std::size_t number = 0;
  for (std::string word; !label.empty() && file >> word && word != label;) {
  }
  return file >> number ? std::optional(number) : std::nullopt;  // "max" is none
}

/// What the process's control group (version 2) may still take.
std::size_t left_of_group() {
  std::ifstream groups("/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line) && !line.starts_with("0::")) {
  }
  if (!line.starts_with("0::")) return std::numeric_limits<std::size_t>::max();
  const std::string directory = "/sys/fs/cgroup" + line.substr(3);
  const auto limit = number_in(directory + "/memory.max"), used = number_in(directory + "/memory.current");
  if (!limit || !used) return std::numeric_limits<std::size_t>::max();
  return *limit > *used ? *limit - *used : 0;
}

}  // namespace

std::size_t available_host_memory() {
  const std::size_t kib = number_in("/proc/meminfo", "MemAvailable:").value_or(0);
  const HostMemoryStats mine = host_memory_stats();
  return std::min(kib * 1024, left_of_group()) + (mine.reserved - std::min(mine.in_use, mine.reserved));
}

}  // namespace fornax

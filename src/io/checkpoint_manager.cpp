#include "fornax/io/checkpoint_manager.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "fornax/base/error.h"
#include "io/safetensors_file.h"

namespace fornax::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "step-", suffix = ".safetensors";
constexpr const char *latest = "latest.safetensors", *best = "best.safetensors";
constexpr const char* score_key = "fornax_score";

/// The N of "step-N.safetensors"; nothing of any other name.
std::optional<std::int64_t> step_of(std::string_view name) {
  if (name.size() < prefix.size() + suffix.size() || !name.starts_with(prefix) || !name.ends_with(suffix))
    return {};
  const char *begin = name.data() + prefix.size(), *end = name.data() + name.size() - suffix.size();
  std::int64_t step = 0;
  const auto [rest, error] = std::from_chars(begin, end, step);
  return error == std::errc() && rest == end && step >= 0 ? std::optional(step) : std::nullopt;
}

/// The names of what is in the directory; none where it cannot be read.
std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error); !error && it != fs::directory_iterator();
       it.increment(error))
    names.push_back(it->path().filename());
  return names;
}

}  // namespace

CheckpointManager::CheckpointManager(std::string directory, CheckpointManagerOptions options)
    : directory_(std::move(directory)), options_(options) {
  if (options_.keep_last < 1)
    throw ValueError("checkpoint_manager",
                     fmt::format("expected a keep_last of 1 or more, got {}", options_.keep_last));
}

std::string CheckpointManager::save(std::int64_t step, const Checkpoint& checkpoint,
                                    std::optional<double> score) {
  if (step < 0)
    throw ValueError("checkpoint_manager", fmt::format("expected a step of 0 or more, got {}", step));
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error)
    throw IoError(directory_, fmt::format("expected to create the directory, got: {}", error.message()));
  const std::optional<double> highest = best_score();
  Checkpoint with_score = checkpoint;
  if (score) with_score.metadata[score_key] = fmt::format("{}", *score);
  std::string path = path_of(step);
  save_checkpoint(path, with_score);
  link(latest, step);
  if (score && !std::isnan(*score) && (!highest || *score > *highest)) link(best, step);
  sync_directory_of(path);
  prune(step);
  return path;
}

FoundCheckpoint CheckpointManager::load_latest() const {
  const std::vector<std::int64_t> all = steps();
  // Files of later steps than the latest are of another, longer run.
  const std::int64_t last = linked_step(latest).value_or(all.empty() ? 0 : all.front());
  FoundCheckpoint found;
  for (const std::int64_t step : all) {
    if (step > last) continue;
    found.step = step;
    found.path = path_of(step);
    try {
      found.checkpoint = load_checkpoint(found.path);
      found.checkpoint.metadata.erase(score_key);
      return found;
    } catch (const IoError& error) {
      found.corrupt.emplace_back(error.what());
    }
  }
  throw IoError(directory_, found.corrupt.empty()
                                ? "expected a checkpoint, got none"
                                : fmt::format("expected a checkpoint that is whole, got none: {}",
                                              fmt::join(found.corrupt, "; ")));
}

FoundCheckpoint CheckpointManager::load_best() const {
  const std::optional<std::int64_t> step = linked_step(best);
  if (!step) throw IoError(link_path(best), "expected a link to a checkpoint, got none");
  FoundCheckpoint found{.step = *step, .path = path_of(*step)};
  found.checkpoint = load_checkpoint(found.path);
  found.checkpoint.metadata.erase(score_key);
  return found;
}

bool CheckpointManager::empty() const { return steps().empty(); }

std::string CheckpointManager::path_of(std::int64_t step) const {
  return directory_ + fmt::format("/{}{:09}{}", prefix, step, suffix);
}

std::string CheckpointManager::link_path(const char* name) const { return directory_ + "/" + name; }

std::vector<std::int64_t> CheckpointManager::steps() const {
  std::vector<std::int64_t> steps;
  for (const std::string& name : names_in(directory_))
    if (const auto step = step_of(name)) steps.push_back(*step);
  std::ranges::sort(steps, std::greater());
  return steps;
}

std::optional<std::int64_t> CheckpointManager::linked_step(const char* name) const {
  std::error_code error;
  const fs::path target = fs::read_symlink(link_path(name), error);
  const auto step = error ? std::nullopt : step_of(target.native());
  return step && fs::exists(path_of(*step), error) ? step : std::nullopt;
}

void CheckpointManager::link(const char* name, std::int64_t step) const {
  const std::string path = link_path(name), temporary = path + ".tmp";
  ::unlink(temporary.c_str());
  const fs::path target = fs::path(path_of(step)).filename();
  if (::symlink(target.c_str(), temporary.c_str()) != 0 || std::rename(temporary.c_str(), path.c_str()) != 0)
    throw IoError(path,
                  fmt::format("expected to link it to {}, got: {}", target.native(), system_message(errno)));
}

std::optional<double> CheckpointManager::best_score() const {
  const std::optional<std::int64_t> step = linked_step(best);
  if (!step) return {};
  try {
    const SafetensorsFile file(path_of(*step));
    const auto text = file.metadata().find(score_key);
    if (text == file.metadata().end()) return {};
    double score = 0;
    const char* end = text->second.data() + text->second.size();
    return std::from_chars(text->second.data(), end, score).ec == std::errc() ? std::optional(score)
                                                                              : std::nullopt;
  } catch (const IoError&) {
    return {};  // a file that cannot be loaded is no checkpoint to be better than
  }
}

void CheckpointManager::prune(std::int64_t latest_step) const {
  const std::optional<std::int64_t> best_step = linked_step(best);
  int kept = 0;
  for (const std::int64_t step : steps())
    if (step <= latest_step && kept++ >= options_.keep_last && step != best_step)
      ::unlink(path_of(step).c_str());
  for (const std::string& name : names_in(directory_))  // what a killed save has left
    if (name.starts_with(prefix) && name.ends_with(".tmp")) ::unlink((directory_ + "/" + name).c_str());
}

}  // namespace fornax::io

#pragma once

#include <string>

#include "fornax/train/json_log.h"

namespace fornax::train {

/// One object with `fields` in their order, and the end of a line: indented by so many columns, or on one
/// line for -1. Texts that are not UTF-8 get replacement characters: a log line is never the reason for which
/// a run dies.
std::string to_json(const Fields& fields, int indent);

}  // namespace fornax::train

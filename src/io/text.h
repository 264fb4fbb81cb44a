#pragma once

#include <string>
#include <string_view>

/// Names that files hold.
namespace fornax::io {

/// `text` fit for a message: in quotes, control characters escaped, cut when long.
std::string quote(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace fornax::io

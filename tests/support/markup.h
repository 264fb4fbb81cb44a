#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

/// XML for tests.
namespace fornax::test {

/// What is wrong with a document, as far as our writers go: one root, elements closed in order, attributes in
/// double quotes and each once, no entities but those of XML. Empty: nothing.
inline std::string markup_error(std::string_view text) {
  const auto entities = [](std::string_view part) {
    for (std::size_t at = part.find('&'); at != std::string_view::npos; at = part.find('&', at + 1)) {
      const std::string_view entity = part.substr(at, part.find(';', at) - at + 1);
      if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;") return false;
    }
    return true;
  };
  for (const std::string_view begin : {"<?xml ", "<!DOCTYPE "})
    if (text.starts_with(begin)) text.remove_prefix(text.find('>') + 1);
  std::vector<std::string> open;
  int roots = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t tag = text.find('<', at);
    if (!entities(text.substr(at, tag - at))) return "an entity in " + std::string(text.substr(at, tag - at));
    if (tag == std::string_view::npos) break;
    std::size_t end = tag + 1;
    const auto take = [&](std::string_view stop) {
      const std::size_t from = end;
      end = std::min(text.find_first_of(stop, from), text.size());
      return std::string(text.substr(from, end - from));
    };
    const auto next_is = [&](std::string_view what) {
      return text.substr(std::min(end, text.size())).starts_with(what);
    };
    const std::string name = take(" />");
    if (name.empty() && next_is("/")) {  // </name>
      ++end;
      const std::string closed = take(">");
      if (open.empty() || open.back() != closed) return "</" + closed + ">";
      open.pop_back();
    } else {
      roots += open.empty();
      open.push_back(name);
      std::vector<std::string> seen;
      while (next_is(" ")) {
        ++end;
        const std::string attribute = take("=");
        for (const std::string& other : seen)
          if (attribute == other) return "twice " + attribute;
        seen.push_back(attribute);
        if (!next_is("=\"")) return "no value of " + attribute;
        end += 2;
        const std::string value = take("\"");
        if (value.find('<') != std::string::npos || !entities(value)) return attribute + "=" + value;
        ++end;
      }
      if (next_is("/")) {
        open.pop_back();
        ++end;
      }
    }
    if (!next_is(">")) return "the end of <" + name;
    at = end + 1;
  }
  if (!open.empty()) return "<" + open.back() + "> is not closed";
  return roots == 1 ? "" : "not one root";
}

/// How often `what` is in the text.
inline std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace fornax::test

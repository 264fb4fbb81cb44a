// Policy: names come from the symbol table of the file that holds the code, read once; lines from addr2line,
// asked once for each address, as only findings need them.
#include "sim/symbols.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <vector>

namespace fornax::sim {
namespace {

/// The file that holds an address, and where in it.
struct ModulePlace {
  std::string file;
  std::uintptr_t offset = 0;
};

ModulePlace place_of(const void* address) {
  Dl_info info{};
  if (dladdr(address, &info) == 0 || !info.dli_fname) return {};
  const auto at = reinterpret_cast<std::uintptr_t>(address),
             base = reinterpret_cast<std::uintptr_t>(info.dli_fbase);
  // The program's name is as it was called, which a change of directory makes useless.
  std::error_code ignored;
  const auto* header = static_cast<const Elf64_Ehdr*>(info.dli_fbase);
  Dl_info own{};
  const bool is_program = dladdr(reinterpret_cast<const void*>(&place_of), &own) != 0 &&
                          own.dli_fbase == info.dli_fbase && !std::strstr(info.dli_fname, ".so");
  return {is_program ? "/proc/self/exe" : info.dli_fname, header->e_type == ET_EXEC ? at : at - base};
}

using Functions = std::map<std::uintptr_t, std::string>;  // mangled names by offset

Functions read_functions(const std::string& file) {
  Functions functions;
  std::ifstream in(file, std::ios::binary);
  const auto read_at = [&](std::uint64_t offset, void* to, std::uint64_t bytes) {
    in.seekg(static_cast<std::streamoff>(offset));
    in.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes));
  };
  Elf64_Ehdr header{};
  read_at(0, &header, sizeof header);
  if (!in || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return functions;
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  read_at(header.e_shoff, sections.data(), sections.size() * sizeof(Elf64_Shdr));
  for (const Elf64_Shdr& section : sections) {
    if (!in || section.sh_type != SHT_SYMTAB) continue;
    std::vector<Elf64_Sym> symbols(section.sh_size / sizeof(Elf64_Sym));
    read_at(section.sh_offset, symbols.data(), section.sh_size);
    const Elf64_Shdr& names_section = sections[section.sh_link];
    std::vector<char> names(names_section.sh_size + 1);
    read_at(names_section.sh_offset, names.data(), names_section.sh_size);
    for (const Elf64_Sym& symbol : symbols)
      if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_value != 0)
        functions[symbol.st_value] = &names[symbol.st_name];
  }
  return functions;
}

std::string demangled(const std::string& name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), std::free);
  return status == 0 ? text.get() : name;
}

/// "void fornax::cuda::(anonymous namespace)::fill<float>(float*, int)" becomes "fill<float>".
std::string bare_name(std::string name) {
  for (const std::string anonymous = "(anonymous namespace)::"; name.find(anonymous) != name.npos;)
    name.erase(name.find(anonymous), anonymous.size());
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<') ++depth;
    if (name[i] == '>') --depth;
    if (depth > 0) continue;
    if (name[i] == '(') return name.substr(begin, i - begin);
    if (name[i] == ' ' || name[i] == ':') begin = i + 1;
  }
  return name.substr(begin);
}

}  // namespace

std::string function_name(const void* address) {
  static auto& by_file = *new std::map<std::string, Functions>;
  const ModulePlace place = place_of(address);
  auto found = by_file.find(place.file);
  if (found == by_file.end()) found = by_file.emplace(place.file, read_functions(place.file)).first;
  auto function = found->second.upper_bound(place.offset);
  if (function == found->second.begin()) return "a kernel";
  return bare_name(demangled((--function)->second));
}

std::string source_line(const void* after) {
  static auto& known = *new std::map<const void*, std::string>;
  const auto found = known.find(after);
  if (found != known.end()) return found->second;
  std::string& line = known[after];
  const ModulePlace place = place_of(after);
  if (place.file.empty()) return line;
  std::string file = place.file;
  if (file == "/proc/self/exe") {
    char* const resolved = realpath(file.c_str(), nullptr);  // addr2line would read itself
    if (resolved) file = resolved;
    std::free(resolved);
  }
  char offset[32];
  std::snprintf(offset, sizeof offset, "0x%zx", static_cast<std::size_t>(place.offset - 1));
  const std::string command = "addr2line -i -e '" + file + "' " + offset + " 2>/dev/null";
  if (FILE* const answer = popen(command.c_str(), "r")) {
    for (char text[1024]; std::fgets(text, sizeof text, answer);) {
      std::string one(text, std::strcspn(text, " \n"));
      if (one.starts_with("?")) break;
      one.erase(0, one.rfind('/') + 1);
      line += line.empty() ? one : " in " + one;
    }
    pclose(answer);
  }
  return line;
}

}  // namespace fornax::sim

"""Compiles all ```cpp blocks of Markdown files as one program. Usage: snippets.py COMPILER INCLUDE_DIR FILE.md...

A block "```cpp top", and one with a main function, stands at namespace scope; all others of a file follow one another
in one function body.
"""

import re
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(r"^```cpp( top)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def code_of(number, name):
    text = Path(name).read_text()
    top, body = [], []
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(2)) + 1
        code = re.sub(r'^#include "fornax/.*$', "", block[2], flags=re.MULTILINE)
        at_top = block[1] or re.search(r"^int main\(", code, re.MULTILINE)
        (top if at_top else body).append(f'#line {line} "{name}"\n{code}')
    if text.count("```cpp") != len(top) + len(body):
        sys.exit(f"{name}: a ```cpp block is not understood")
    return "\n".join([f"namespace document_{number} {{", *top, "void statements() {", *body, "}", "}"])


def main():
    compiler, include, *files = sys.argv[1:]
    program = ['#include "fornax/fornax.h"', "namespace fx = fornax;"]
    program += [code_of(number, name) for number, name in enumerate(files)]
    command = [compiler, "-std=c++20", f"-I{include}", "-fsyntax-only", "-x", "c++", "-"]
    sys.exit(subprocess.run(command, input="\n".join(program), text=True).returncode)


main()

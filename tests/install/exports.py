"""Checks libfornax.so: every function that the public headers declare is exported, nothing of a dependency is, and the
stripped library is small. Usage: exports.py CLANG++ INCLUDE_DIR LIBRARY"""

import json
import os
import re
import subprocess
import sys
import tempfile

LARGEST_STRIPPED = 10 * 1000 * 1000
# Constructors have several mangled names and are exported with the methods of their class.
FUNCTIONS = {"FunctionDecl", "CXXMethodDecl", "CXXConversionDecl"}
TEMPLATES = {"FunctionTemplateDecl", "ClassTemplateDecl", "ClassTemplateSpecializationDecl",
             "ClassTemplatePartialSpecializationDecl", "VarTemplateDecl"}


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def public_functions(clang, include):
    """The mangled names of the functions that the headers declare and do not define."""
    dump = output(clang, "-std=c++20", f"-I{include}", "-fsyntax-only", "-Wno-pragma-once-outside-header", "-Xclang",
                  "-ast-dump=json", "-Xclang", "-ast-dump-filter=fornax", "-x", "c++", f"{include}/fornax/fornax.h")
    declared, defined = set(), set()

    def walk(node):
        if not isinstance(node, dict) or node.get("kind") in TEMPLATES:
            return
        inner = node.get("inner", [])
        if node.get("kind") in FUNCTIONS:
            if node.get("pure") or node.get("explicitlyDeleted") or node.get("isImplicit"):
                return
            has_body = "explicitlyDefaulted" in node or any(i.get("kind") == "CompoundStmt" for i in inner)
            (defined if has_body else declared).add(node.get("mangledName"))
        elif node.get("kind") not in {"FriendDecl", "CXXConstructorDecl", "CXXDestructorDecl"}:  # a friend is declared elsewhere or defined on the spot
            for child in inner:
                walk(child)

    decoder, position = json.JSONDecoder(), 0
    while (position := dump.find("{", position)) >= 0:  # one document after the other, with titles between
        node, position = decoder.raw_decode(dump, position)
        walk(node)
    return declared - defined - {None}


def main():
    clang, include, library = sys.argv[1:]
    exported = set(re.findall(r" [A-Za-z] (\S+)$", output("nm", "-D", "--defined-only", library), re.MULTILINE))
    functions = public_functions(clang, include)
    errors = []
    if len(functions) < 100:
        errors.append(f"only {len(functions)} public functions found: the headers were not understood")
    missing = sorted(functions - exported)
    if missing:
        errors.append("declared in public headers but not exported:\n" + output("c++filt", *missing))
    foreign = [name for name in exported if re.search(r"Eigen|nlohmann|3fmt|4CLI|gzFile", name) and "fornax" not in name]
    if foreign:
        errors.append("of a dependency, yet exported:\n" + output("c++filt", *sorted(foreign)))
    with tempfile.NamedTemporaryFile() as stripped:
        output("strip", library, "-o", stripped.name)
        size = os.path.getsize(stripped.name)
    if size >= LARGEST_STRIPPED:
        errors.append(f"{size} bytes stripped, the limit is {LARGEST_STRIPPED}")
    print(f"{len(functions)} public functions, {len(exported)} exported symbols, {size} bytes stripped")
    sys.exit("\n".join(errors) or 0)


main()

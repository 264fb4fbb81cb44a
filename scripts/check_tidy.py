#!/usr/bin/env python3
"""Runs clang-tidy, as .clang-tidy says, over the C++ sources named, or over all that ships (the library, the examples, the
benchmarks) and is built without CUDA.

    scripts/check_tidy.py [FILE.cpp...]
    scripts/check_tidy.py --all    over the tests too, and with the static analyzer, which takes an hour on two cores

A file without findings is not read again until it, what it includes, the checks or clang-tidy change: what was clean is
remembered in ~/.cache/fornax-tidy (XDG_CACHE_HOME).
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build-clang"
CLEAN = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fornax-tidy"


def run(command, **more):
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, **more)


def compile_commands():
    """The compiler and its options by file: those of one of the programs and instruction sets that compile it."""
    entries = json.loads((BUILD / "compile_commands.json").read_text())
    commands = {}
    for entry in entries:
        words = shlex.split(entry["command"].split(" -o ")[0])
        compiler = next(i for i, word in enumerate(words) if word.endswith("clang++"))  # after a launcher
        commands[entry["file"]] = [*words[compiler:], "-Wreserved-identifier"]  # .clang-tidy says why
    return commands


class Tidy:
    def __init__(self, checks):
        self.command = ["clang-tidy", "--quiet", *checks]
        version = run(["clang-tidy", "--version"], check=True).stdout
        self.settings = version + (ROOT / ".clang-tidy").read_text() + " ".join(checks)
        self.commands = compile_commands()

    def key(self, name):
        """A hash of all that the findings of a file depend on."""
        path = str(ROOT / name)
        command = self.commands[path]
        made = run([*command, "-M", path], check=True).stdout
        key = hashlib.sha256((self.settings + " ".join(command).replace(str(ROOT), "")).encode())
        for dependency in made.split(":", 1)[1].replace("\\\n", " ").split():
            key.update(dependency.replace(str(ROOT), "").encode())
            key.update(Path(dependency).read_bytes())
        return key.hexdigest()

    def findings(self, name):
        """What clang-tidy says of a file; empty if it is clean."""
        clean = CLEAN / self.key(name)
        if clean.exists():
            return ""
        done = run([*self.command, name, "--", *self.commands[str(ROOT / name)][1:]])
        if done.returncode == 0:
            if clean.name == self.key(name):  # else it was written to meanwhile
                clean.touch()
            return ""
        return done.stdout + re.sub(r"^\d+ warnings? generated\.\n", "", done.stderr, flags=re.MULTILINE)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("files", nargs="*", metavar="FILE.cpp")
    options = parser.parse_args()
    configured = run(["cmake", "--preset", "clang"])
    if configured.returncode:
        sys.exit(configured.stderr + "could not configure the preset 'clang'")
    CLEAN.mkdir(parents=True, exist_ok=True)
    tidy = Tidy([] if options.all else ["--checks=-clang-analyzer-*"])
    rooms = ("src/", "examples/", "benchmarks/") + (("tests/",) if options.all else ())
    shipped = [name for name in (os.path.relpath(path, ROOT) for path in tidy.commands) if name.startswith(rooms)]
    names = [os.path.relpath(name, ROOT) for name in options.files] or sorted(shipped)
    unknown = [name for name in names if str(ROOT / name) not in tidy.commands]
    if unknown:
        sys.exit(f"not built with the preset 'clang': {' '.join(unknown)}")
    failures = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for said in pool.map(tidy.findings, names):
            sys.stdout.write(said)
            failures += said != ""
    if failures:
        sys.exit(f"clang-tidy has findings in {failures} of {len(names)} files")
    print(f"{len(names)} files are clean")


if __name__ == "__main__":
    main()

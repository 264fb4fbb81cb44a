#!/usr/bin/env python3
"""Holds what ptxas says of kernels (nvcc -Xptxas=-v) against a table of limits. scripts/check_cuda.sh calls it.

    scripts/cuda_resources.py [--all] LIMITS LOG...

A log FILE.log is of FILE.cu. --all prints every kernel; else those beyond their limits, and a summary. The worst of all
template arguments and architectures counts. No kernel may spill.
"""

import re
import subprocess
import sys
from pathlib import Path

ENTRY = re.compile(r"Compiling entry function '(\w+)' for '(sm_\w+)'")
SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers")
SHARED = re.compile(r"(\d+) bytes smem")
DEFAULT = "*"


def read_log(text):
    """The (mangled name, architecture, registers, shared bytes, stack bytes, spilled bytes) of each compiled kernel."""
    entry, stack, spilled = None, 0, 0
    for line in text.splitlines():
        if match := ENTRY.search(line):
            entry, stack, spilled = match.groups(), 0, 0
        elif match := SPILLS.search(line):  # the kernel's own, and those of functions that it calls
            stack, spilled = max(stack, int(match[1])), max(spilled, int(match[2]), int(match[3]))
        elif entry and (match := USED.search(line)):
            shared = SHARED.search(line)
            yield (*entry, int(match[1]), int(shared[1]) if shared else 0, stack, spilled)
            entry = None


def demangle(names):
    result = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True)
    return dict(zip(names, result.stdout.splitlines()))


def short_name(demangled):
    """The function alone: "void fornax::ops::(anonymous namespace)::add<float>(float*)" is "add"."""
    name = demangled.replace("(anonymous namespace)", "_")
    return re.split(r"[<(]", name, maxsplit=1)[0].split("::")[-1].split()[-1]


def collect(logs):
    """The worst of each kernel: {"file/kernel": {"registers": (value, architecture, full name), ...}}"""
    rows = []
    for log in logs:
        rows += [(Path(log).stem, *row) for row in read_log(Path(log).read_text(errors="replace"))]
    full = demangle(sorted({row[1] for row in rows}))
    kernels = {}
    for stem, name, architecture, *values in rows:
        worst = kernels.setdefault(f"{stem}/{short_name(full[name])}", {})
        for kind, value in zip(("registers", "shared", "stack", "spilled"), values):
            if value > worst.get(kind, (-1,))[0]:
                worst[kind] = (value, architecture, full[name])
    return kernels


def read_limits(path):
    limits = {}
    for line in Path(path).read_text().splitlines():
        if line := line.partition("#")[0].strip():
            name, registers, shared = line.split()
            limits[name] = {"registers": int(registers), "shared": int(shared), "spilled": 0}
    return limits


def violations(kernels, limits):
    for name, worst in sorted(kernels.items()):
        for kind, most in limits.get(name, limits[DEFAULT]).items():
            value, architecture, full = worst[kind]
            if value > most:
                yield f"{name}: {value} {kind}, at most {most} allowed; {architecture}, {full}"


def main(arguments):
    show_all = "--all" in arguments
    limits_path, *logs = [argument for argument in arguments if argument != "--all"]
    kernels, limits = collect(logs), read_limits(limits_path)
    if not kernels:
        sys.exit("no kernels in the logs: was it compiled with -Xptxas=-v?")
    if show_all:
        for name, worst in sorted(kernels.items(), key=lambda item: -item[1]["registers"][0]):
            print(f"{name:60}", *(f"{kind} {worst[kind][0]} ({worst[kind][1]})" for kind in worst))
    found = list(violations(kernels, limits))
    print("\n".join(found) if found else f"{len(kernels)} kernels are within their limits")
    # A limit that nothing needs any more hides the next one that does.
    stems = {Path(log).stem for log in logs}
    stale = [name for name in limits if name != DEFAULT and name.split("/")[0] in stems and name not in kernels]
    for name in stale:
        print(f"{limits_path}: there is no kernel {name}")
    return 1 if found or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

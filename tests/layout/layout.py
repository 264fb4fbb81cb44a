"""The rules of the source tree that a compiler does not hold. Usage: layout.py RULE, in the root of a source tree."""

import re
import sys
from pathlib import Path

# A file may include its own room and the rooms of lower layers, nothing else.
LAYERS = [
    {"base"},
    {"device"},
    {"dispatch", "cuda"},  # cuda: its public headers; what is in cuda/ has rules of its own
    {"tensor", "cpu", "profiler"},
    {"autograd"},
    {"ops"},
    {"nn", "optim", "data", "io"},
    {"models", "train"},
]
LAYER_OF = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
UMBRELLA = Path("include/fornax/fornax.h")
LONGEST_FILE = 450

STANDARD_HEADERS = set(
    """algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes
    climits clocale cmath compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint
    cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution filesystem format forward_list fstream
    functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map memory
    memory_resource mutex new numbers numeric optional ostream queue random ranges ratio regex scoped_allocator
    semaphore set shared_mutex source_location span sstream stack stdexcept stop_token streambuf string string_view
    strstream syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility
    valarray variant vector version""".split()
)

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def code(*roots):
    for root in roots:
        yield from sorted(p for p in Path(root).rglob("*") if p.suffix in {".h", ".cpp", ".cu", ".cuh"})


def includes(path):
    """The (is_quoted, name) of every #include of a file."""
    return [(mark == '"', name) for mark, name in INCLUDE.findall(path.read_text())]


def room(name):
    """The room of an included header of ours ("fornax/ops/x.h", "ops/x.h"), or None."""
    first = name.removeprefix("fornax/").split("/")[0]
    return first if first in LAYER_OF else None


def layers():
    """A lower layer never includes a higher one, and rooms of one layer do not include each other."""
    for path in code("include/fornax", "src"):
        if path == UMBRELLA:
            continue
        own = path.parts[2 if path.parts[0] == "include" else 1]
        if own not in LAYER_OF:
            yield f"{path}: no layer has a room '{own}'"
            continue
        for quoted, name in includes(path):
            other = room(name) if quoted else None
            if quoted and other is None:
                yield f"{path}: \"{name}\" is in no layer"
            elif quoted and other != own and LAYER_OF[other] >= LAYER_OF[own]:
                yield f"{path}: {own} must not include {other} (\"{name}\")"


def kernels():
    """A kernel gets views and plain values: it mentions no tensor."""
    for path in code("src", "cuda"):
        if path.parts[:2] in {("src", "cpu"), ("cuda", "ops")} or path.name.endswith(("_cpu.cpp", ".isa.cpp")):
            for number, line in enumerate(path.read_text().split("\n"), 1):
                if re.search(r"\bTensor\b", line.partition("//")[0]):
                    yield f"{path}:{number}: a kernel must not mention Tensor"


def cuda_rooms():
    """cuda/: a .cu or .cuh holds device code; device/ includes nothing outside of what kernels share; the runtime knows
    no op."""
    for path in code("cuda"):
        has_device_code = re.search(r'__global__|__device__|cuda_runtime\.h|\.cuh"', path.read_text())
        if path.suffix in {".cu", ".cuh"} and not has_device_code:
            yield f"{path}: no device code, so it is a .cpp or .h"
        own = path.parts[1]
        for quoted, name in includes(path):
            if not quoted:
                continue
            if own == "device" and not name.startswith(
                ("device/", "runtime/check.h", "sim/language.h", "fornax/base/", "ops/common/loop_plan.h")
            ):
                yield f"{path}: device/ must not include \"{name}\""
            if own == "runtime" and name.startswith(("ops/", "dnn/", "fornax/ops/")):
                yield f"{path}: the runtime must not include \"{name}\""


def public_headers():
    """A public header includes public headers and the standard library, nothing else."""
    for path in code("include"):
        for quoted, name in includes(path):
            if quoted and not (name.startswith("fornax/") and Path("include", name).is_file()):
                yield f"{path}: \"{name}\" is no public header"
            elif quoted and name == "fornax/fornax.h":
                yield f"{path}: a header includes what it needs, not all of fornax.h"
            elif not quoted and name not in STANDARD_HEADERS:
                yield f"{path}: <{name}> is not of the standard library"


def file_lengths():
    """A file that grows long wants to be two."""
    for path in code("include", "src", "cuda", "tests", "examples", "benchmarks"):
        lines = path.read_text().count("\n")
        if lines > LONGEST_FILE:
            yield f"{path}: {lines} lines, more than {LONGEST_FILE}"


def planted():
    """A planted bug follows the file that it is planted in, or scripts/check_planted.py cannot plant it."""
    for patch in sorted(Path("tests/cuda/planted").rglob("*.patch")):
        _, *files = re.split(r"^--- a/", patch.read_text(), flags=re.MULTILINE)
        for name, *hunks in (re.split(r"\n(?:\+\+\+|@@) [^\n]*", file) for file in files):
            source = Path(name).read_text() if Path(name).is_file() else ""
            for hunk in filter(None, hunks):
                before = "\n".join(line[1:] for line in hunk.split("\n")[1:] if not line.startswith("+"))
                if before not in source:
                    yield f"{patch}: what it changes is not in {name}"


RULES = {rule.__name__: rule for rule in (layers, kernels, cuda_rooms, public_headers, file_lengths, planted)}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in RULES:
        sys.exit(f"usage: layout.py {'|'.join(RULES)}")
    if not next(code("src"), None):
        sys.exit("no sources here: run it in the root of a source tree")
    violations = list(RULES[sys.argv[1]]())
    print("\n".join(violations))
    sys.exit(1 if violations else 0)

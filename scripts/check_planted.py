#!/usr/bin/env python3
"""Proves the simulated device: plants the bugs of tests/cuda/planted, one at a time, and sees that the tests report each.

    scripts/check_planted.py                  all of them, and of each kind the tests without a bug, which must pass
    scripts/check_planted.py NAME...          those whose kind/name holds a NAME
    scripts/check_planted.py --list           what is planted
    scripts/check_planted.py --jobs N         so many compilers and tests at once; as many as there are cores else

A bug is a patch tests/cuda/planted/KIND/NAME.patch after a head of three entries:

    Bug: what is wrong
    Tests: the --gtest_filter of the tests that see it
    Expect: how a report of the simulated device begins, with " ... " for any words; or "failure", of values

The bugs are planted in build-planted/tree, a copy of the files that git knows of or would, which is built as the preset
sim-tracked is. Those in files that are not built here, of a library without its headers, are skipped. What tests printed
where a bug was not reported is in build-planted/logs.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLANTED = ROOT / "tests/cuda/planted"
WORK = ROOT / "build-planted"
TREE, LOGS = WORK / "tree", WORK / "logs"
PRESET = "sim-tracked"
PROGRAM = TREE / f"build-{PRESET}/bin/fornax_cuda_tests"

LEAST, LEAST_OF_A_KIND = 40, 5
KINDS = ("accumulation", "barriers", "bounds", "lifetimes", "strides", "waits", "workspaces")
TIME_LIMIT = 300  # seconds


@dataclass
class Bug:
    patch: Path
    what: str
    tests: str
    expect: str

    @property
    def kind(self):
        return self.patch.parent.name

    @property
    def name(self):
        return f"{self.kind}/{self.patch.stem}"


def read_bug(patch):
    head = patch.read_text().partition("\n--- ")[0]
    entries = dict(re.findall(r"^(Bug|Tests|Expect): (.*?)\s*(?=^(?:Bug|Tests|Expect): |\Z)", head, re.M | re.S))
    if len(entries) != 3:
        sys.exit(f"{patch}: expected a head of Bug, Tests and Expect")
    return Bug(patch, *(" ".join(entries[key].split()) for key in ("Bug", "Tests", "Expect")))


def run(*command, **options):
    return subprocess.run(list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **options)


def copy_tree():
    """Only what differs is written, so that only that is built again."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    files = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    for name in files:
        to = TREE / name
        if to.is_file() and to.read_bytes() == (ROOT / name).read_bytes():
            continue
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, to)
    for path in TREE.rglob("*"):
        name = path.relative_to(TREE)
        if not name.parts[0].startswith("build") and path.is_file() and str(name) not in files:
            path.unlink()


def configure():
    done = run("cmake", "-S", TREE, "--preset", PRESET, "-DFORNAX_BUILD_EXAMPLES=OFF", "-DFORNAX_BUILD_BENCHMARKS=OFF")
    if done.returncode != 0:
        sys.exit(done.stdout)


def build(jobs):
    """What the compiler says; empty if it builds."""
    done = run("cmake", "--build", PROGRAM.parent.parent, "--parallel", jobs, "--target", PROGRAM.name)
    return done.stdout if done.returncode != 0 else ""


def missing_file(bug):
    """The file of the bug if it is not compiled here: one of a library whose headers are missing."""
    commands = json.loads((PROGRAM.parent.parent / "compile_commands.json").read_text())
    compiled = {command["file"] for command in commands}
    changed = re.findall(r"^\+\+\+ b/(\S+\.(?:cpp|cu))$", bug.patch.read_text(), re.M)
    return next((name for name in changed if str(TREE / name) not in compiled), None)


def apply(bug, *options):
    return run("git", "apply", f"--directory={TREE.relative_to(ROOT)}", *options, bug.patch)


def run_tests(program, tests):
    """The exit status, or None after too long, and what was printed."""
    try:
        done = run(program, f"--gtest_filter={tests}", timeout=TIME_LIMIT)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as expired:
        output = expired.stdout or b""  # bytes, whatever was asked for
        return None, output if isinstance(output, str) else output.decode(errors="replace")


def has_tests(tests):
    return "." in run(PROGRAM, "--gtest_list_tests", f"--gtest_filter={tests}").stdout.partition("gtest_main.cc")[2]


def control(bugs):
    """Why the tests of these bugs do not pass without one; empty if they do."""
    for bug in bugs:
        if not has_tests(bug.tests):
            return f"{bug.name}: there is no test {bug.tests}"
    status, output = run_tests(PROGRAM, ":".join(sorted({bug.tests for bug in bugs})))
    if status == 0 and "[  SKIPPED ]" not in output and "SIMULATED DEVICE: " not in output:
        return ""
    return output


# Reports are a line each, of a string that googletest prints or of the program's last words.
REPORT = r'(?:Which is: "|\\n|SIMULATED DEVICE: )'


def find_report(bug, status, output):
    """What the tests say of the bug; None if it is not what was expected."""
    if status == 0 or status is None:
        return None
    if bug.expect == "failure":
        failed = re.findall(r"^\[  FAILED  \] (\S+?),? ", output, re.M)
        return f"{failed[0]} failed" if failed else None
    words = r"(?:(?!\\n).)*?".join(map(re.escape, bug.expect.split(" ... ")))
    found = re.search(rf'{REPORT}({words}(?:(?!\\n|").)*)', output)
    return found[1] if found else None


class Planter:
    """Builds one bug after the other, while the tests of those before run."""

    def __init__(self, jobs):
        self.jobs = jobs
        self.tests = ThreadPoolExecutor(jobs)
        self.verdicts = []  # a bug, and the future of whether it is reported

    def plant(self, bug):
        start = time.monotonic()
        applied = apply(bug)
        if applied.returncode != 0:
            return self.submit(bug, print_verdict, False, "DOES NOT APPLY\n" + applied.stdout, start)
        said = build(self.jobs)
        program = WORK / f"tests-{bug.kind}-{bug.patch.stem}"
        if not said:
            shutil.copy(PROGRAM, program)
        if apply(bug, "--reverse").returncode != 0:
            sys.exit(f"{bug.name} cannot be taken back")
        if said:
            return self.submit(bug, print_verdict, False, "DOES NOT BUILD\n" + said, start)
        return self.submit(bug, look, program, start)

    def submit(self, bug, *call):
        function, *arguments = call
        self.verdicts.append((bug, self.tests.submit(function, bug, *arguments)))


def look(bug, program, start):
    status, output = run_tests(program, bug.tests)
    program.unlink()
    report = find_report(bug, status, output)
    if report is not None:
        return print_verdict(bug, True, report, start)
    log = LOGS / (bug.name.replace("/", "-") + ".log")
    log.write_text(output)
    what = "TOOK TOO LONG" if status is None else "NOT REPORTED" if status == 0 else "REPORTED OTHERWISE"
    return print_verdict(bug, False, f"{what}, expected {bug.expect}; see {log.relative_to(ROOT)}", start)


def print_verdict(bug, is_reported, what, start):
    print(f"{bug.name:48}{time.monotonic() - start:5.0f} s  {what.strip()}", flush=True)
    return is_reported


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--list", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = arguments()
    bugs = [read_bug(patch) for patch in sorted(PLANTED.glob("*/*.patch"))]
    if options.names:
        bugs = [bug for bug in bugs if any(name in bug.name for name in options.names)]
        if not bugs:
            sys.exit(f"no planted bug is named {' or '.join(options.names)}")
    if options.list:
        for bug in bugs:
            print(f"{bug.name:48}{bug.what}")
        return 0

    # Files that several builds compile alike are compiled once: ccache must not tell their directories apart.
    os.environ.update(CCACHE_BASEDIR=str(TREE), CCACHE_NOHASHDIR="1")
    start = time.monotonic()
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    copy_tree()
    configure()
    if said := build(options.jobs):
        sys.exit(said + "\nwithout a bug it does not build")
    print(f"built in {time.monotonic() - start:.0f} s", flush=True)

    for bug in list(bugs):
        if name := missing_file(bug):
            print(f"{bug.name:48}SKIPPED: {name} is not built here", flush=True)
            bugs.remove(bug)
    count = Counter(bug.kind for bug in bugs)
    kinds = sorted(count) if options.names else KINDS
    failures = {kind: control([bug for bug in bugs if bug.kind == kind]) for kind in kinds}
    for kind, why in failures.items():
        print(f"{kind + ', no bug':48}{'passes' if not why else 'FAILS' + chr(10) + why}", flush=True)

    planter = Planter(options.jobs)
    for bug in bugs:
        planter.plant(bug)
    reported = Counter(bug.kind for bug, verdict in planter.verdicts if verdict.result())

    print(f"\n{'kind':16}planted  reported  no bug")
    for kind in sorted(set(kinds) | set(count)):
        print(f"{kind:16}{count[kind]:7}{reported[kind]:10}  {'FAILS' if failures.get(kind) else 'passes'}")
    print(f"{'':16}{len(bugs):7}{reported.total():10}  {time.monotonic() - start:.0f} s")
    enough = options.names or (len(bugs) >= LEAST and all(count[kind] >= LEAST_OF_A_KIND for kind in KINDS))
    if not enough:
        print(f"expected {LEAST} bugs or more, {LEAST_OF_A_KIND} or more of each kind")
    return 0 if enough and reported.total() == len(bugs) and not any(failures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

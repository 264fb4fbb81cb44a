"""Joins what scripts/gpu_check.sh left in a directory into results.json and results.md. Prints the latter.

    gpu_report.py DIRECTORY DEVICE COMMIT
"""

import datetime
import json
import sys
from pathlib import Path


def read(directory, device, commit):
    steps = []
    for line in (directory / "steps.tsv").read_text().splitlines():
        name, status, seconds, detail = line.split("\t")
        steps.append({"step": name, "status": status, "seconds": int(seconds), "detail": detail})
    results = {}
    for step in steps:
        path = directory / (step["step"] + ".json")
        if path.is_file():
            results[step["step"]] = json.loads(path.read_text())
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    return {"device": device, "commit": commit, "time": now, "steps": steps, "benchmarks": results}


def table(rows):
    """Markdown of dictionaries with the same keys."""
    keys = list(rows[0])
    cells = [[f"{row[key]:.4g}" if isinstance(row[key], float) else str(row[key]).replace("|", "/") for key in keys]
             for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in [keys, ["---"] * len(keys), *cells])


def markdown(report):
    parts = [f"# {report['device']}\nCommit {report['commit']}, {report['time']}", table(report["steps"])]
    for name, rows in report["benchmarks"].items():
        parts.append(f"## {name}\n\n{table(rows if isinstance(rows, list) else [rows])}")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    where = Path(sys.argv[1])
    everything = read(where, *sys.argv[2:4])
    (where / "results.json").write_text(json.dumps(everything, indent=2) + "\n")
    (where / "results.md").write_text(markdown(everything))
    print(markdown(everything))

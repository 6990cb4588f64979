"""The generated company at several sizes: seconds per stage, peak memory, the next day, and nothing new.

    python benchmarks/growth.py FOLDER [--customers 1000 100000 1000000] [--days 730] [--memory-limit 6GB]

Generates the Parquet form below FOLDER where it is not there yet, refreshes from nothing, adds a day and refreshes
again, and refreshes once more with nothing new. Memory is the sum over the refresh's process and its children, looked
at twice a second. Reported in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from orchestration.generator.run import COMPANY, generate

LOAD_TO_CORE = ("load", "conform", "quality", "identity", "dbt")


class Run(NamedTuple):
    """What one refresh cost: whole seconds, gigabytes at its peak, and seconds of each stage."""

    seconds: float
    peak: float
    stages: dict[str, float]


def tree_bytes(pid: int) -> int:
    """Resident memory of a process and all its children; what they share counts for each."""
    total, todo = 0, [pid]
    while todo:
        one = todo.pop()
        try:
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            for task in Path(f"/proc/{one}/task").iterdir():
                todo += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue  # it has ended
    return total


def stages_of(home: Path) -> dict[str, float]:
    """Seconds of each stage of the newest run."""
    logs = sorted((home / COMPANY / "logs").glob("*.jsonl"))
    began: dict[str, datetime] = {}
    stages: dict[str, float] = {}
    for line in logs[-1].read_text(encoding="utf-8").splitlines() if logs else []:
        entry = json.loads(line)
        if entry["message"] == "started":
            began[entry["stage"]] = datetime.fromisoformat(entry["at"])
        if entry["message"] == "done":
            stages[entry["stage"]] = (datetime.fromisoformat(entry["at"]) - began[entry["stage"]]).total_seconds()
    return stages


def refresh(home: Path, data: Path) -> Run:
    """Refresh, watched."""
    environment = os.environ | {
        "REGULARS_HOME": str(home), "TELECOM_RETAIL_DATA": str(data), "REGULARS_COMPANIES": str(data / "companies"),
    }  # fmt: skip
    command = [sys.executable, "-m", "orchestration.cli", "refresh", "--json", "--company", COMPANY]
    started, peak = time.monotonic(), 0
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, tree_bytes(process.pid))
        time.sleep(0.5)
    if process.returncode:
        sys.exit(f"refresh ended with {process.returncode}")
    return Run(time.monotonic() - started, peak / 1e9, stages_of(home))


def measure(folder: Path, customers: int, days: int, limit: str | None) -> float:
    """Print all that there is of one size; returns the seconds of the first refresh."""
    data, home = folder / f"data-{customers}", folder / f"home-{customers}"
    shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)
    made, seconds = generate(data, customers, days, 1, "parquet")
    rows = sum(made.rows.values())
    speed = rows / seconds
    print(f"{customers:,} customers, {days} days: {rows:,} rows in {seconds:.1f} s, {speed:,.0f} per second")
    if limit:
        path = data / "companies" / COMPANY / "company.yml"
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        path.write_text(yaml.safe_dump(raw | {"resources": {"memory_limit": limit}}), encoding="utf-8")
    first = refresh(home, data)
    show("first refresh", first)
    generate(data, customers, days + 1, 1, "parquet")
    nextday = refresh(home, data)
    show("one more day", nextday)
    core = [sum(run.stages.get(stage, 0) for stage in LOAD_TO_CORE) for run in (first, nextday)]
    print(f"  one more day / first: load to core {core[1] / core[0]:.2f}, whole {nextday.seconds / first.seconds:.2f}")
    print(f"  nothing new: {refresh(home, data).seconds:.1f} s", flush=True)
    return first.seconds


def show(name: str, run: Run) -> None:
    """A line for a refresh."""
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in run.stages.items())
    print(f"  {name}: {run.seconds:.1f} s, peak {run.peak:.1f} GB ({stages})", flush=True)


def main() -> None:
    """Measure each size; with three, print how time grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--customers", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--memory-limit")
    given = parser.parse_args()
    times = [measure(given.folder, customers, given.days, given.memory_limit) for customers in given.customers]
    if len(times) == 3:
        small, middle, large = times
        print(f"growth without start-up, from the first size: {(large - small) / (middle - small):.1f}")


if __name__ == "__main__":
    main()

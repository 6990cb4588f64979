"""What a refresh costs beyond its SQL: `refresh --full` against the compiled models replayed on one connection.

Usage: python benchmarks/overhead.py [COMPANY]      (default complete_journey; refresh it once before)

The ratio is within one run on one machine; the seconds are only good for telling parts apart. Reported in
benchmarks/README.md.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.config.company import DEFAULT_COMPANY, load_company
from orchestration.platform.literals import quote
from orchestration.platform.paths import CompanyPaths
from orchestration.warehouse import dbt
from orchestration.warehouse.connections import settings


def full_refresh(company: str) -> float:
    """Seconds of `regulars refresh --full`, from the process's start to its end."""
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "refresh", "--full", "--json", "--company", company], check=True
    )
    return time.monotonic() - started


def parts(paths: CompanyPaths, whole: float) -> dict[str, float]:
    """Seconds of each stage of the newest run, and of what lies between and around them."""
    log = sorted(paths.logs.glob("*.jsonl"))[-1]
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    stages: dict[str, float] = {}
    began: dict[str, datetime] = {}
    between, last = 0.0, None
    for entry in entries:
        at = datetime.fromisoformat(entry["at"])
        if entry["message"] == "started":
            began[entry["stage"]] = at
            between += (at - last).total_seconds() if last else 0.0
        if entry["message"] == "done":
            stages[entry["stage"]] = (at - began[entry["stage"]]).total_seconds()
            last = at
    inside = sum(stages.values()) + between
    return stages | {"between stages (Dagster's events)": between, "start and end of the process": whole - inside}


def replay(paths: CompanyPaths, limits: dict[str, str]) -> float:
    """Seconds of the compiled models' statements on one connection, on copies of both databases."""
    ran = json.loads((paths.dbt / "run_results.json").read_text(encoding="utf-8"))["results"]
    names = [result["unique_id"].split(".")[-1] for result in ran if result["unique_id"].startswith("model.")]
    files = {path.stem: path for path in (paths.dbt / "run").rglob("*.sql")}
    with tempfile.TemporaryDirectory(dir=paths.root) as folder:
        copies = {
            path.name: Path(shutil.copyfile(path, Path(folder) / path.name)) for path in (paths.warehouse, paths.serve)
        }
        with duckdb.connect(str(copies["warehouse.duckdb"]), config=dict(limits)) as con:
            con.execute("set TimeZone = 'UTC'")
            con.execute(f"attach {quote(copies['serve.duckdb'])} as serve")
            started = time.monotonic()
            for name in names:
                sql = files[name].read_text(encoding="utf-8")
                # dbt makes a table beside the old one and renames it; a fact that is made anew has its own name.
                made = re.search(r'create\s+table\s+("\S+?")\s', sql)
                if made and not made[1].endswith('__dbt_tmp"'):
                    con.execute(f"drop table if exists {made[1]}")
                con.execute(sql)
            return time.monotonic() - started


def main(company: str) -> None:
    """Measure and print."""
    config = load_company(company)
    paths = config.paths
    if not paths.warehouse.exists():
        sys.exit(f"nothing was loaded yet; run: regulars refresh --company {company}")
    whole = full_refresh(company)
    found = parts(paths, whole)
    bare = replay(paths, settings(config))
    print(f"refresh --full {whole:.1f} s, compiled models replayed {bare:.1f} s, ratio {whole / bare:.1f}")
    for name, seconds in sorted(found.items(), key=lambda part: -part[1]):
        print(f"  {name:<36} {seconds:6.1f} s  {100 * seconds / whole:3.0f} %")
    print(f"  (of dbt, its own statements              {bare:6.1f} s)")


if __name__ == "__main__":
    os.environ.setdefault("REGULARS_COMPANY", DEFAULT_COMPANY)
    os.environ[dbt.ARTEFACTS] = "1"
    main(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_COMPANY)

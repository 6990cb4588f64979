"""Loads into the lake against what DuckDB needs to take the same rows into a table of its own.

    python benchmarks/connectors.py [--rows 3000000] [--memory-rows 61000000]

Both do their work in one run, one after the other, twice; the second round counts. A ratio of 1 is as fast.
PostgreSQL is a real server, and is left out where Debian's package is not installed.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from orchestration.config.company import Source
from orchestration.connectors.registry import connect
from orchestration.landing.lake import Delivery, Lake
from tests.support.servers import PASSWORD, postgres, postgres_program

ROWS = """
select i as id, 'C' || (i * 7919 % 100003) as customer,
  timestamp '2024-01-01' + to_seconds(i * 37 % 100000000) as placed_at,
  ((i * 31) % 10000) / 100.0 as amount, md5(i::varchar) as note, 'Store ' || (i % 50) as store
from range({rows}) t(i)
"""


def land(settings: dict[str, Any], folder: Path, name: str) -> float:
    """Seconds of a load, from fingerprint to committed manifest."""
    raw = {"system": "house", "timezone": "UTC", "connector": settings, "tables": {"t": None}}
    started = time.monotonic()
    connector = connect(Source.model_validate(raw).as_system())
    delivery = Delivery(
        lambda con: connector.read(con, "t"), connector.count("t"), connector.fingerprint("t"),
        rejected=connector.rejected,
    )  # fmt: skip
    Lake(folder / name).write("house", "t", "L1", "2025-01-01", delivery)
    return time.monotonic() - started


def take(folder: Path, name: str, statements: list[str]) -> float:
    """Seconds of DuckDB's own statements on a new database file."""
    started = time.monotonic()
    with duckdb.connect(str(folder / f"{name}.duckdb")) as con:
        for statement in statements:
            con.execute(statement)
    return time.monotonic() - started


def main() -> None:
    """Print a line per kind and round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument(
        "--memory-rows", type=int, default=0, help="rows of one CSV; prints the peak memory of its load"
    )
    given = parser.parse_args()
    rows = given.rows
    if given.memory_rows:
        weigh(given.memory_rows)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with duckdb.connect() as con:
            con.execute(f"create table t as {ROWS.format(rows=rows)}")
            con.execute(f"copy t to '{folder}/t.csv' (header); copy t to '{folder}/t.parquet'")
        cases: dict[str, Callable[[str], tuple[float, float]]] = {}
        for kind in ("csv", "parquet"):
            empty = f"create table t as select * from read_{kind}('{folder}/t.{kind}') limit 0"
            cases[kind] = lambda r, kind=kind, empty=empty: (  # type: ignore[misc]
                take(folder, f"{kind}{r}", [empty, f"copy t from '{folder}/t.{kind}'"]),
                land({"kind": kind, "path": str(folder)}, folder, f"lake-{kind}{r}"),
            )
        run(cases)
        if postgres_program("postgres"):
            with postgres(folder) as server:
                server.run("create table t (id bigint, customer text, placed_at timestamp, amount numeric(10,2), "
                           f"note text, store text); copy t from '{folder}/t.csv' (format csv, header)")  # fmt: skip
                scan = [
                    "load postgres_scanner",
                    f"attach 'host=127.0.0.1 port={server.port} dbname=shop user=reader password={PASSWORD}' as p "
                    "(type postgres, read_only)",
                    "create table t as select * from p.public.t",
                ]
                run(
                    {
                        "postgres": lambda r: (
                            take(folder, f"pg{r}", scan),
                            land(server.settings(), folder, f"lake-p{r}"),
                        )
                    }
                )


def weigh(rows: int) -> None:
    """Load one large CSV file in this process, which has done nothing else; print size, seconds and peak memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = f"import duckdb; duckdb.execute(\"copy ({ROWS.format(rows=rows)}) to '{folder}/t.csv' (header)\")"
        subprocess.run([sys.executable, "-c", made.replace("\n", " ")], check=True)
        seconds = land({"kind": "csv", "path": str(folder)}, folder, "lake")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{(folder / 't.csv').stat().st_size / 1e9:.2f} GB in {seconds:.1f} s, peak memory {peak:.0f} MB")


def run(cases: dict[str, Callable[[str], tuple[float, float]]]) -> None:
    """Two rounds of each."""
    for kind, case in cases.items():
        for number in ("1", "2"):
            bare, ours = case(number)
            print(f"{kind:<9} round {number}: DuckDB alone {bare:6.2f} s, load {ours:6.2f} s, ratio {bare / ours:.2f}")


if __name__ == "__main__":
    main()

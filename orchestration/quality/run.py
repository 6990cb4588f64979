"""The quality step of a refresh: measure, judge, remember, and stop where a wrong row would reach a reader."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.config.company import CompanyConfig
from orchestration.conform.mapping import Mapping
from orchestration.landing.lake import Lake
from orchestration.platform.errors import RegularsError
from orchestration.platform.paths import PROJECT
from orchestration.quality.measures import current_rows, measure
from orchestration.quality.rules import MEANING, Check, checks_of

TABLE = "quality_score"
DIMENSIONS = ("completeness", "validity", "uniqueness", "consistency", "timeliness", "accuracy")
SCORE_COLUMNS = ("source_system", "entity", "column_name", "day", *DIMENSIONS, "score")


class Judge:
    """Great Expectations in a process of its own, started early because its import takes seconds."""

    def __init__(self) -> None:
        self.answered = False
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - a pipe that nobody reads could fill up
        alive, self.alive = os.pipe()  # the system closes our end however we die, and the process sees that
        self.process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.quality.judge", str(alive)],
            cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            start_new_session=True,  # a Ctrl-C is the refresh's to handle
            pass_fds=[alive],
        )  # fmt: skip
        os.close(alive)

    def judge(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        """Results of an order's checks; the process goes on to write the Data Docs.

        See `orchestration.quality.expectations.validate`.

        Raises:
            RegularsError: the process failed; says its last line.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.close()
        answer = self.process.stdout.readline()
        if not answer.strip():
            raise self.failure(self.process.wait())
        self.answered = True
        found: list[dict[str, Any]] = json.loads(answer)
        return found

    def failure(self, code: int) -> RegularsError:
        """The error of a process that ended without an answer.

        Args:
            code: its exit code; negative where a signal ended it.
        """
        if code < 0:
            number = -code
            name = signal.Signals(number).name if number in list(signal.Signals) else f"signal {number}"
            return RegularsError(
                f"Great Expectations was ended from outside ({name}), as the system does where memory runs out",
                "Run: regulars refresh; it goes on from what was loaded. If it ends so again, give the machine more "
                "memory, or lower resources.memory_limit in company.yml",
            )
        words = self.last_words()
        cure = "Run: regulars refresh; if it fails again, report it"
        if "ImportError" in words or "ModuleNotFoundError" in words:
            cure = "To mend the installation: make install"
        return RegularsError(f"Great Expectations failed: {words}", cure)

    def last_words(self) -> str:
        """The last line that the process wrote to its standard error."""
        self.errors.seek(0)
        lines = [line.strip() for line in self.errors if line.strip()]
        return lines[-1] if lines else "it ended without a word"

    def close(self) -> None:
        """Wait for the Data Docs; end the process where it never got an order."""
        if not self.answered:
            self.process.kill()
        self.process.wait()
        os.close(self.alive)
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream:
                stream.close()


@dataclass(frozen=True)
class Result:
    """A check and how it ended."""

    check: Check
    observed: float | None
    passed: bool
    day: dt.date

    def row(self) -> dict[str, Any]:
        """As a row of `audit.quality_check`."""
        check = self.check
        return {
            "source_system": check.system, "entity": check.entity, "column_name": check.column, "rule": check.rule,
            "dimension": check.dimension, "observed": self.observed, "low": check.low, "high": check.high,
            "stops": check.stops, "passed": self.passed, "day": self.day,
        }  # fmt: skip

    def __str__(self) -> str:
        check = self.check
        place = f"{check.system}.{check.entity}" + (f".{check.column}" if check.column else "")
        bound = " and ".join(
            text for value, text in (
                (check.low, f"at least {check.low:.4g}" if check.low is not None else ""),
                (check.high, f"at most {check.high:.4g}" if check.high is not None else ""),
            ) if value is not None
        )  # fmt: skip
        observed = "unknown" if self.observed is None else f"{self.observed:.4g}"
        return f"{place}: {MEANING[check.rule]} is {observed}, expected {bound}"


@dataclass(frozen=True)
class Measured:
    """One system's rows of one entity, measured."""

    system: str
    entity: str
    measures: dict[str, float | None]
    completeness: dict[str, float]
    checks: list[Check]


def measure_all(
    con: duckdb.DuckDBPyConnection, config: CompanyConfig, as_of: dt.date, now: dt.datetime
) -> list[Measured]:
    """Measure every mapped entity that has rows, and write each system's row of figures for the judge."""
    today = config.business_day_before(now)
    found = []
    con.execute("drop schema if exists quality cascade; create schema quality")
    for system, source in config.sources.items():
        for entity in source.maps:
            contract = config.contracts[entity]
            tables = Mapping.of(config, system, entity).raw_tables(con, set(source.tables))
            taken = measure(
                con, system, contract, config.contracts, tables, as_of, today,
                config.company.currency, config.company.exchange_rate_max_age_days,
            )  # fmt: skip
            if taken is None:
                continue
            measures, completeness, gap = taken
            wanted = checks_of(system, contract, config.quality_of(system, entity), measures, gap)
            checks = [check for check in wanted if check.measure is not None or completeness]
            found.append(Measured(system, entity, measures, completeness, checks))
        figures = {
            f"{part.entity}__{name}": value
            for part in found
            for name, value in part.measures.items()
            if part.system == system and value is not None
        }
        if figures:
            fields = ", ".join(f"{value!r}::double as {name}" for name, value in figures.items())
            con.execute(f"create table quality.{system} as select {fields}")
    return found


def order_of(config: CompanyConfig, measured: list[Measured]) -> tuple[dict[str, Any], list[Check]]:
    """The judge's order, and the checks in the order of their numbers."""
    suites: list[dict[str, Any]] = []
    numbered: list[Check] = []
    figures: dict[str, list[dict[str, Any]]] = {}
    for part in measured:
        rows: list[dict[str, Any]] = []
        for check in part.checks:
            entry = check.row() | {"number": len(numbered)}
            if check.measure is None:
                rows.append(entry)
            else:
                entry["measure"] = f"{part.entity}__{check.measure}"
                figures.setdefault(part.system, []).append(entry)
            numbered.append(check)
        if rows:
            name = f"{part.system}.{part.entity}"
            suites.append({"name": name, "query": current_rows(part.system, part.entity), "checks": rows})
    # One suite of figures per system: what Great Expectations spends on a suite is more than on a hundred checks.
    for system, entries in figures.items():
        suites.append({"name": system, "query": f"select * from quality.{system}", "checks": entries})
    docs = config.paths.root / "quality"
    return {"database": str(config.paths.warehouse), "docs": str(docs), "suites": suites}, numbered


def results_of(
    checks: list[Check], found: list[dict[str, Any]], measured: list[Measured], as_of: dt.date
) -> list[Result]:
    """The judge's answers beside their checks."""
    figures = {(part.system, part.entity): part.measures for part in measured}
    results = []
    for check, answer in zip(checks, found, strict=True):
        observed = answer["observed"]
        if check.measure is not None:
            observed = figures[check.system, check.entity][check.measure]
        results.append(Result(check, None if observed is None else float(observed), answer["passed"], as_of))
    return results


def scores(
    con: duckdb.DuckDBPyConnection, measured: list[Measured], results: list[Result], as_of: dt.date
) -> list[dict[str, Any]]:
    """Per system, entity and column: each dimension from 0 to 1, and their mean."""
    rows = []
    for part in measured:
        own = [r for r in results if (r.check.system, r.check.entity) == (part.system, part.entity)]
        late = [r for r in own if r.check.dimension == "timeliness" and not r.check.stops]
        refused = refused_shares(con, part.system, part.entity)
        for column, share in part.completeness.items():
            about = [r for r in own if r.check.column == column and not r.check.stops]
            unknown = part.measures.get(f"unknown__{column}")
            distinct = next((r.observed for r in about if r.check.rule == "distinct"), None)
            shift = [r.passed for r in about if r.check.rule == "shift"]
            given = {
                "completeness": share,
                "validity": 1 - refused.get(column, 0.0),
                "uniqueness": distinct,
                "consistency": None if unknown is None else 1 - unknown,
                "timeliness": sum(r.passed for r in late) / len(late) if late else None,
                "accuracy": float(all(shift)) if shift else None,
            }
            known = [value for value in given.values() if value is not None]
            rows.append(
                {"source_system": part.system, "entity": part.entity, "column_name": column, "day": as_of}
                | {name: None if value is None else round(value, 6) for name, value in given.items()}
                | {"score": round(sum(known) / len(known), 6)}
            )
    return rows


def refused_shares(con: duckdb.DuckDBPyConnection, system: str, entity: str) -> dict[str, float]:
    """Column → share of all candidates that are in quarantine for it; columns without any are left out."""
    rows = con.execute(
        f"""
        with refused as (
          select unnest(string_split(column_name, ', ')) as name from quarantine.{entity} where source_system = $system
        )
        select name, count(*) / (
          select sum(candidates - filtered) from audit.conform_audit
          where source_system = $system and entity = $entity
        ) from refused group by name
        """,
        {"system": system, "entity": entity},
    ).fetchall()
    return {name: float(share) for name, share in rows if share is not None}


def remember(
    con: duckdb.DuckDBPyConnection, lake: Lake, rows: list[dict[str, Any]], results: list[Result], load_id: str,
    now: dt.datetime,
) -> None:  # fmt: skip
    """Put new scores into the lake, and give dbt the trend and the newest results.

    Scores that the lake holds already for the same day are not written again.
    """
    names = ", ".join(SCORE_COLUMNS)
    con.execute("create or replace temp table new_score as from audit.quality_score limit 0")
    if rows:
        con.register("score_rows", pa.Table.from_pylist(rows))
        con.execute(f"insert into new_score by name select {names} from score_rows")
        con.unregister("score_rows")
    con.execute("begin")
    con.execute("delete from audit.quality_score")
    restore(con, lake)
    fresh = con.execute(f"select {names} from new_score except select {names} from audit.quality_score")
    if lake.remember(TABLE, fresh.to_arrow_table(), load_id, now):
        con.execute("delete from audit.quality_score")
        restore(con, lake)
    con.execute("delete from audit.quality_check")
    if results:
        marks = ", ".join("?" for _ in results[0].row())
        con.executemany(f"insert into audit.quality_check values ({marks})", [list(r.row().values()) for r in results])
    con.execute("commit")


def restore(con: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Fill `audit.quality_score` with what the lake remembers; of several scores for the same day the last."""
    loads = lake.remembered(TABLE)
    if loads:
        names = ", ".join(SCORE_COLUMNS)
        con.execute(
            f"insert into audit.quality_score by name select {names} from read_parquet($files) qualify row_number() "
            "over (partition by source_system, entity, column_name, day order by _load_id desc) = 1",
            {"files": loads},
        )

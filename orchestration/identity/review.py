"""The work list of pairs that the weights leave open, and analysts' decisions on it."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.identity.decisions import REVIEW_SCHEMA, WITHDRAWN
from orchestration.identity.explain import SHOWN
from orchestration.identity.records import current_records
from orchestration.identity.relations import INPUTS, RESULTS, SQL
from orchestration.platform.clock import naive_utc
from orchestration.platform.errors import UsageError
from orchestration.platform.literals import no_formula
from orchestration.platform.sql import Expression, dicts, run

DECISIONS = ("same", "different", WITHDRAWN)
KEYS = ("left_system", "left_customer_id", "right_system", "right_customer_id")


def work_list(con: duckdb.DuckDBPyConnection, limit: int) -> list[dict[str, Any]]:
    """Pairs to decide on, side by side; those that asking gains most come first.

    Args:
        con: the warehouse.
        limit: most pairs; 0 is all.
    """
    sides = ", ".join(f"l.{name}::varchar as left_{name}, r.{name}::varchar as right_{name}" for name in SHOWN)
    return dicts(
        run(
            con, SQL["work_list"], RESULTS, sides=Expression(sides),
            current_record=current_records(con, INPUTS.customer),
            limited=Expression(f"limit {int(limit)}" if limit else ""),
        )
    )  # fmt: skip


def write_list(rows: list[dict[str, Any]], path: Path) -> None:
    """Write the work list as CSV (UTF-8 with a mark, as spreadsheets read it) or Excel, by the file's ending.

    Raises:
        UsageError: neither.
    """
    header = list(rows[0]) if rows else ["gain", "probability", "weight", *KEYS, "decision", "reason"]
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8-sig") as handle:
            writer = csv.writer(handle)
            writer.writerow(header)
            writer.writerows([no_formula(value) for value in row.values()] for row in rows)
    elif path.suffix == ".xlsx":
        from openpyxl import Workbook

        book = Workbook(write_only=True)
        sheet = book.create_sheet("review")
        sheet.append(header)
        for row in rows:
            sheet.append([no_formula(value) for value in row.values()])
        book.save(path)
    else:
        raise UsageError(f"{path}: neither .csv nor .xlsx", "Give a file with one of these endings")


def read_decisions(path: Path, decided_by: str, now: dt.datetime) -> pa.Table:
    """Decisions of a work list that came back; rows without one are skipped.

    Raises:
        UsageError: the file lacks a column, or a decision is none of same, different, withdrawn; says the row.
    """
    if path.suffix == ".xlsx":
        from openpyxl import load_workbook

        lines = load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True)
        header = [str(name or "") for name in next(lines, ())]
        rows = [dict(zip(header, ("" if v is None else str(v) for v in line), strict=False)) for line in lines]
    else:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            header = list(reader.fieldnames or ())
            rows = list(reader)
    lacking = [name for name in (*KEYS, "decision") if name not in header]
    if lacking:
        raise UsageError(
            f"{path}: lacks the column {', '.join(lacking)}", "Export the list with: regulars review export"
        )
    decisions: list[dict[str, Any]] = []
    for number, row in enumerate(rows, 2):
        decision = (row["decision"] or "").strip().lower()
        if not decision:
            continue
        if decision not in DECISIONS:
            raise UsageError(
                f"{path}: row {number}: decision '{decision}'", f"One of: {', '.join(DECISIONS)}, or empty"
            )
        keys = {name: (row[name] or "").removeprefix("'") for name in KEYS}
        if not all(keys.values()):
            raise UsageError(f"{path}: row {number}: a record is missing", f"Fill {', '.join(KEYS)}")
        decisions.append(
            keys | {"decision": decision, "decided_by": decided_by, "decided_at": naive_utc(now),
                    "reason": row.get("reason") or None}
        )  # fmt: skip
    return pa.Table.from_pylist(decisions, REVIEW_SCHEMA)

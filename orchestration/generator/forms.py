"""Write a query's rows in the forms that source systems keep them in."""

from __future__ import annotations

import codecs
import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
from lxml import etree
from openpyxl import Workbook, load_workbook

from orchestration.platform.literals import quote, quote_name

CSV = "(format csv, header, delimiter ';')"
LINES = "(format csv, header false, delimiter E'\\x01', quote '', escape '', compression gzip)"
# A log line from its parts, in combined format.
LOG_LINE = """
  ip || ' - ' || coalesce(user_name, '-') || ' [' || strftime(left(occurred_at, 19)::timestamp, '%d/%b/%Y:%H:%M:%S')
  || ' ' || substr(occurred_at, 20) || '] "' || method || ' ' || url || ' ' || protocol || '" '
  || status_code || ' ' || bytes || ' "' || coalesce(referrer, '-') || '" "' || user_agent || '"'
"""


def columns_of(con: duckdb.DuckDBPyConnection, view: str) -> list[str]:
    """Columns of a raw table, without the day."""
    described = con.execute(f"describe {quote_name(view)}").fetchall()
    return [row[0] for row in described if row[0] != "day"]


def write_parquet(con: duckdb.DuckDBPyConnection, sql: str, path: Path, even_empty: bool = False) -> int:
    """Write one file; where there are no rows, none unless asked to. Returns the rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = con.execute(f"copy ({sql}) to {quote(path)} (format parquet, compression zstd)").fetchone()
    rows = int(written[0]) if written else 0
    if not rows and not even_empty:
        path.unlink(missing_ok=True)
    return rows


def write_days(
    con: duckdb.DuckDBPyConnection, sql: str, name: Callable[[int], Path], options: str, line: str | None = None
) -> int:
    """Write a file a day; returns the rows.

    Args:
        con: where the rows are made.
        sql: rows with a column `day`.
        name: path of a day's file.
        options: of DuckDB's copy.
        line: SQL of the row as one line of text, where the form has no columns.
    """
    con.execute(
        f"create or replace temp table of_days as select * from (select day, * exclude (day) from ({sql})) order by all"
    )
    days = [row[0] for row in con.execute("select distinct day from of_days order by day").fetchall()]
    rows = 0
    chosen = line or "* exclude (day)"
    for day in days:
        path = name(day)
        path.parent.mkdir(parents=True, exist_ok=True)
        done = con.execute(
            f"copy (select {chosen} from of_days where day = {day}) to {quote(path)} {options}"
        ).fetchone()
        rows += int(done[0]) if done else 0
    con.execute("drop table of_days")
    return rows


def write_utf16(con: duckdb.DuckDBPyConnection, sql: str, path: Path) -> int:
    """Write one CSV in UTF-16, as spreadsheets export it; none where there are no rows. Returns the rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = path.with_suffix(".utf8")
    written = con.execute(f"copy ({sql}) to {quote(plain)} {CSV}").fetchone()
    rows = int(written[0]) if written else 0
    if rows:
        with codecs.open(str(plain), encoding="utf-8") as source, codecs.open(str(path), "w", encoding="utf-16") as out:
            shutil.copyfileobj(source, out, 1 << 20)
    plain.unlink()
    return rows


def write_xml(con: duckdb.DuckDBPyConnection, sql: str, path: Path, record: str) -> int:
    """Write a catalogue: a root with one element per row. Returns the rows. For small tables."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found = con.execute(f"select * from ({sql}) order by all")
    names = [column[0] for column in found.description or []]
    rows = found.fetchall()
    root = etree.Element("catalogue")
    for row in rows:
        element = etree.SubElement(root, record)
        for name, value in zip(names, row, strict=True):
            if value is not None:
                etree.SubElement(element, name).text = value
    etree.ElementTree(root).write(str(path), encoding="utf-8", xml_declaration=True, pretty_print=True)
    return len(rows)


def write_sheet(con: duckdb.DuckDBPyConnection, sql: str, book: Workbook, sheet: str, title: str) -> int:
    """Add a sheet with a title above its header, as people make them. Returns the rows. For small tables."""
    found = con.execute(f"select * from ({sql}) order by all")
    page = book.create_sheet(sheet)
    page.append([title])
    page.append([])
    page.append([column[0] for column in found.description or []])
    rows = found.fetchall()
    for row in rows:
        page.append(list(row))
    return len(rows)


def same_book(book: Workbook, path: Path) -> bool:
    """Whether a workbook that is there holds the same; saved again, its bytes would differ all the same."""
    if not path.exists():
        return False
    there = load_workbook(path, read_only=True)
    try:
        return there.sheetnames == book.sheetnames and all(
            [row for row in there[name].values if any(row)] == [row for row in book[name].values if any(row)]
            for name in book.sheetnames
        )
    finally:
        there.close()


def append_broken(con: duckdb.DuckDBPyConnection, sql: str, name: Callable[[int], Path]) -> list[str]:
    """Add lines that no reader can take to files of their days; returns their ids. There are few.

    Args:
        con: where the lines are made.
        sql: day, kind, id and line; of kind `encoding` the line is written in Latin-1 into a UTF-8 file.
        name: path of a day's file; a day without one gets none.
    """
    added = []
    found = con.execute(f"select day, kind, id, line from ({sql}) order by day, id").fetchall()
    for day, kind, line_id, line in found:
        path = name(day)
        if not path.exists():
            continue
        data = line.encode("latin-1" if kind == "encoding" else "utf-8") + b"\n"
        with path.open("ab") as file:
            file.write(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
        added.append(line_id)
    return added

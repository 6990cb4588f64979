"""The command that queries the published version."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Annotated, Any

import typer

from orchestration.cli.command import Command, Panel
from orchestration.cli.console import CompanyOption, out, show
from orchestration.config.company import DEFAULT_COMPANY, load_company
from orchestration.platform.errors import RegularsError, Stopped, UsageError
from orchestration.platform.rows import Format, as_csv

TABLES = """
select table_name as "table", schema_name as schema, estimated_size as "rows", column_count as columns
from duckdb_tables() where schema_name in ('marts', 'core') order by schema_name desc, table_name
"""


def sql(
    query: Annotated[
        str,
        typer.Argument(
            help="DuckDB SQL; tables of marts and core need no schema. 'tables' lists them, '-' reads stdin."
        ),
    ],
    company: CompanyOption = DEFAULT_COMPANY,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="Default: a table where it fits, else a block per record. In csv, text that a "
                                      "spreadsheet would run is quoted; in json, decimals are text, to the digit."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="The same as --format csv.")] = False,
    limit: Annotated[int, typer.Option(help="Rows shown on the screen; 0 shows all.", min=0)] = 50,
    as_of: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Query what refresh --as-of built for the day instead."),
    ] = None,
) -> None:  # fmt: skip
    """Query the published version, read-only."""
    form = form_of(form, as_json, csv)
    is_file = form in (Format.CSV, Format.JSON)
    text = sys.stdin.read() if query == "-" else query
    columns, rows = fetched(company, text, as_of, None if is_file or not limit else limit + 1)
    if form is Format.CSV and not rows:
        sys.stdout.write(as_csv(columns, rows))
        return
    more = not is_file and bool(limit) and len(rows) > limit
    show(rows[:limit] if more else rows, False, "No rows." if columns else "Done.", form)
    if more:
        out.print(f"[dim]first {limit} rows; --limit 0 shows all[/]")


def form_of(form: Format | None, as_json: bool, csv: bool) -> Format | None:
    """The form that the options ask for.

    Raises:
        UsageError: they ask for two.
    """
    asked = {form} - {None} | ({Format.JSON} if as_json else set()) | ({Format.CSV} if csv else set())
    if len(asked) > 1:
        raise UsageError("more than one form is asked for", "Give one of --format, --json and --csv")
    return next(iter(asked), None)


def fetched(
    company: str, text: str, as_of: dt.datetime | None, most: int | None
) -> tuple[list[str], list[dict[str, Any]]]:
    """Columns and rows of a query on the published version, or on what was built for a past day.

    Columns of the same name are told apart by a number.

    Raises:
        UsageError: there is no query.
        RegularsError: it is no query that can be answered.
    """
    import duckdb

    from orchestration.serving.publish import current_file, past_file, read_published

    config = load_company(company, need_env=False)
    with read_published(past_file(config.paths, as_of.date()) if as_of else current_file(config.paths)) as con:
        try:
            cursor = con.execute(TABLES if text.strip(" ;\n").lower() == "tables" else text)
            if cursor is None:
                raise UsageError("the query is empty", "See the tables: regulars sql tables")
            columns = distinct([column[0] for column in cursor.description or []])
            found = cursor.fetchall() if most is None else cursor.fetchmany(most)
        except duckdb.InterruptException:
            raise Stopped from None
        except duckdb.Error as error:
            raise RegularsError(str(error).split("LINE 1:")[0], "See the tables: regulars sql tables") from error
    return columns, [dict(zip(columns, row, strict=True)) for row in found]


def distinct(names: list[str]) -> list[str]:
    """Names of columns, a second one of the same name with a number."""
    found: list[str] = []
    for name in names:
        number, unique = 1, name
        while unique in found:
            number += 1
            unique = f"{name}_{number}"
        found.append(unique)
    return found


COMMANDS = (Command(sql, Panel.EVERY_DAY, 30),)

"""Commands on quarantined rows: list, show, replay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.command import Command, Panel
from orchestration.cli.console import CompanyOption, JsonOption, Progress, as_called, bullet, escape, out, show
from orchestration.config.company import DEFAULT_COMPANY, load_company
from orchestration.platform.errors import UsageError

quarantine_app = typer.Typer(help="Rows that broke their contract, and why.", no_args_is_help=True)


@quarantine_app.command("list")
def quarantine_list(company: CompanyOption = DEFAULT_COMPANY, as_json: JsonOption = False) -> None:
    """Count the rows in quarantine by entity, source, reason and column, with an example of each."""
    from orchestration.conform.workbench import by_reason
    from orchestration.warehouse.connections import locked_warehouse

    with locked_warehouse(load_company(company, need_env=False)) as con:
        show(by_reason(con), as_json, "Quarantine is empty.")


@quarantine_app.command("show")
def quarantine_show(
    entity: Annotated[str, typer.Argument(help="Input entity, such as order_line.")],
    company: CompanyOption = DEFAULT_COMPANY,
    reason: Annotated[str | None, typer.Option(help="Only this reason code.")] = None,
    limit: Annotated[int, typer.Option(help="Most rows shown; 0 shows all.", min=0)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show quarantined rows with file, row, column, value and the raw record.

    Correct the map or the source, then run: regulars refresh. A corrected map is applied to every load again.
    Correct single values with: regulars quarantine replay.
    """
    from orchestration.conform.workbench import rows_of
    from orchestration.warehouse.connections import locked_warehouse

    with locked_warehouse(load_company(company, need_env=False)) as con:
        rows = rows_of(con, entity, reason, limit)
    if not as_json:
        rows = [row | {name: spaced(row[name]) for name in ("key", "record") if name in row} for row in rows]
    show(rows, as_json, "No such rows.")
    if not as_json and any(row["row"] is None for row in rows):
        bullet("Rows without a line come from a query of the map of which nobody can tell: name _source_file and "
               "_source_row among its columns", mark="")  # fmt: skip


@quarantine_app.command("replay")
def quarantine_replay(
    entity: Annotated[str, typer.Argument(help="Input entity, such as order_line.")],
    company: CompanyOption = DEFAULT_COMPANY,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="ROW_ID:COLUMN=VALUE", help="Corrected value of a row; empty: none. Repeatable."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="CSV of corrections with the columns row_id, column, value.", exists=True, dir_okay=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Correct values of quarantined rows, or apply a corrected map, and move the rows that are right now.

    Corrections are kept in the lake and hold at every rebuild. COLUMN is a column of the entity, not of the source.
    Write numbers with a point (12.50), dates as 2024-01-31 and times as 2024-01-31 18:00, in the source's time zone.
    """
    from orchestration.run.refresh import open_session

    config = load_company(company)
    if not config.paths.warehouse.exists():
        raise UsageError(f"nothing was loaded yet in {config.paths.root}", "Run: regulars refresh")
    if entity not in config.contracts:
        raise UsageError(f"no entity '{entity}'", f"Entities: {', '.join(config.contracts)}")
    wanted = [correction_of(text) for text in values or []] + (corrections_in(file) if file else [])
    with open_session(config, f"quarantine replay {entity}", (Progress(as_json),)) as session:
        result = session.replay(entity, wanted)
    if as_json:
        print(json.dumps({"moved": result.moved, "still": result.still}))
        return
    out.print(f"{len(result.moved)} row(s) left quarantine, {len(result.still)} are in it.")
    for row_id in {row_id for row_id, _, _ in wanted} & result.still.keys():
        out.print(f"  {row_id}: {escape(result.still[row_id])}")
    if result.moved:
        out.print(as_called("To publish them: regulars refresh"))


def spaced(record: str | None) -> str | None:
    """A record as JSON with blanks after its commas, so that a terminal finds where to break it."""
    try:
        return json.dumps(json.loads(record), ensure_ascii=False) if record else record
    except ValueError:
        return record


def correction_of(text: str) -> tuple[str, str, str | None]:
    """(row id, column, value) of ROW_ID:COLUMN=VALUE."""
    place, equals, value = text.partition("=")
    row_id, colon, column = place.partition(":")
    if not (equals and colon and row_id and column):
        raise UsageError(f"--set {text}: not of the form ROW_ID:COLUMN=VALUE", "For instance: --set 0f3a…:quantity=2")
    return row_id.strip(), column.strip(), value.strip() or None


def corrections_in(path: Path) -> list[tuple[str, str, str | None]]:
    """Corrections in a CSV file.

    Raises:
        UsageError: it lacks a column.
    """
    import csv

    with path.open(newline="", encoding="utf-8-sig") as handle:
        reader = csv.DictReader(handle)
        lacking = {"row_id", "column", "value"} - set(reader.fieldnames or ())
        if lacking:
            raise UsageError(f"{path}: lacks the column {', '.join(sorted(lacking))}", "Header: row_id,column,value")
        return [(row["row_id"], row["column"], row["value"] or None) for row in reader]


COMMANDS = (Command(quarantine_app, Panel.QUALITY, 20, name="quarantine"),)

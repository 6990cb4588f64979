"""Commands that help to connect a source: init, source test, source preview, source suggest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.company import DEFAULT_COMPANY, check_timezone, load_company
from orchestration.console import CompanyOption, JsonOption, escape, out, show
from orchestration.contracts import load_contracts
from orchestration.errors import UsageError
from orchestration.paths import companies_folder
from orchestration.redaction import redact_all
from orchestration.yaml_model import display

source_app = typer.Typer(help="Try a source system before anything is loaded.", no_args_is_help=True)


def init(
    name: Annotated[str, typer.Argument(help="Name of the new company, in snake case.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder or file of data: its tables and maps are drafted.", exists=True),
    ] = None,
    timezone: Annotated[str, typer.Option(help="Zone of the business day, such as Europe/Berlin.")] = "UTC",
    currency: Annotated[str, typer.Option(help="ISO 4217 code of the amounts.")] = "EUR",
) -> None:
    """Begin a company: a folder with commented configuration, drafted from your data if you name it."""
    from orchestration.authoring.scaffold import begin

    try:
        check_timezone(timezone)
    except ValueError as error:
        raise UsageError(f"--timezone {timezone}: expected: {error}", "See: python -m zoneinfo, or use UTC") from None
    notes = begin(companies_folder(), name, timezone, currency, data, load_contracts())
    folder = companies_folder() / name
    out.print(f"Wrote {escape(display(folder))}/company.yml and sources/shop.yml")
    for note in notes:
        out.print(f"  {escape(note)}")
    out.print(
        f"\nNext: read and correct sources/shop.yml, then\n"
        f"      regulars source test --company {name}\n      regulars refresh --company {name}"
    )


@source_app.command("test")
def source_test(
    system: Annotated[str | None, typer.Argument(help="Source system; default: all.")] = None,
    company: CompanyOption = DEFAULT_COMPANY,
    as_json: JsonOption = False,
) -> None:
    """Connect, and read columns, rows and rejected lines of every configured table; exit code 1 where one fails.

    Tables of more than a million rows are read in part, or counted only, and that is said.
    """
    from orchestration.authoring.preview import connector_of, tried

    config = load_company(company)
    systems = [system] if system else list(config.sources)
    found = tried(config, systems)
    show(redact_all([table.row() for table in found]), as_json, "No table is configured.")
    if not as_json:
        for name in systems:
            if any(table.system == name and not table.error for table in found):
                tables = config.sources[name].tables
                known = {*tables, *(Path(t.path).name.split(".")[0] for t in tables.values() if t.path)}
                known |= {str(t.format["sheet"]) for t in tables.values() if "sheet" in t.format}
                more = sorted(set(connector_of(config, name).discover()) - known)
                if more:
                    out.print(f"{name} also offers: {escape(', '.join(more[:20]))}{' …' if len(more) > 20 else ''}")
    if any(table.error for table in found):
        raise typer.Exit(1)


@source_app.command("preview")
def source_preview(
    system: Annotated[str, typer.Argument(help="Source system.")],
    table: Annotated[str | None, typer.Argument(help="Table, as it is received.")] = None,
    entity: Annotated[str | None, typer.Option(help="Rows of this entity, as the map makes them.")] = None,
    company: CompanyOption = DEFAULT_COMPANY,
    limit: Annotated[int, typer.Option(help="Rows shown.", min=1, max=1000)] = 10,
    as_json: JsonOption = False,
) -> None:
    """Show rows as they are received, or as a map makes them, with what would send each to quarantine."""
    from orchestration.authoring.preview import rows_as_mapped, rows_as_received

    if (table is None) == (entity is None):
        raise UsageError("name a table, or an entity with --entity", "regulars source preview SYSTEM TABLE")
    config = load_company(company)
    if entity is not None:
        show(redact_all(rows_as_mapped(config, system, entity, limit)), as_json, "The map gives no row.")
    else:
        show(redact_all(rows_as_received(config, system, table or "", limit)), as_json, "The table holds no row.")


@source_app.command("suggest")
def source_suggest(
    system: Annotated[str, typer.Argument(help="Source system.")],
    table: Annotated[str | None, typer.Argument(help="Table; default: all.")] = None,
    company: CompanyOption = DEFAULT_COMPANY,
) -> None:
    """Draft maps by names and content of columns, as YAML to correct and paste below `maps:`."""
    from orchestration.authoring.preview import check_table, connector_of
    from orchestration.authoring.scaffold import samples_of
    from orchestration.authoring.suggest import as_yaml, flat_sales, suggest

    config = load_company(company)
    connector = connector_of(config, system)
    if table is not None:
        check_table(config, system, table)
    for name in [table] if table else config.sources[system].tables:
        samples = samples_of(connector, name)
        formats = config.sources[system].formats
        if flat := flat_sales(name, samples, config.contracts):
            print(f"  # {name}: flat sales lines")
            print("\n".join(flat.maps(formats.decimal, formats.thousands).values()))
            continue
        drafts = suggest(name, samples, config.contracts)
        others = ", ".join(draft.entity for draft in drafts[1:])
        print(f"  # {name}" + (f"; might also be: {others}" if others else ""))
        print(as_yaml(drafts[0]) if drafts else f"  # {name} resembles no entity")

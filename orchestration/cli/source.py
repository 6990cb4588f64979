"""Commands that help to connect a source: init, source test, source preview, source suggest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.console import CompanyOption, JsonOption, bullet, command_name, escape, out, plain, show
from orchestration.config.company import DEFAULT_COMPANY, check_timezone, load_company
from orchestration.config.contracts import load_contracts
from orchestration.platform.errors import UsageError
from orchestration.platform.paths import companies_folder
from orchestration.platform.redaction import redact_all
from orchestration.platform.yaml_model import display

source_app = typer.Typer(help="Try a source system before anything is loaded.", no_args_is_help=True)


def init(
    name: Annotated[str, typer.Argument(help="Name of the new company, in snake case.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder or file of data: its tables and maps are drafted.", exists=True),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="Zone of the business day, such as Europe/Berlin; default: by the data, else UTC."),
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="ISO 4217 code of the amounts; default: by the data, else EUR.")
    ] = None,
) -> None:
    """Begin a company: a folder with commented configuration, drafted from your data if you name it."""
    from orchestration.authoring.scaffold import begin

    try:
        if timezone is not None:
            check_timezone(timezone)
    except ValueError as error:
        raise UsageError(f"--timezone {timezone}: expected: {error}", "See: python -m zoneinfo, or use UTC") from None
    regulars = command_name()
    begun = begin(companies_folder(), name, timezone, currency, data, load_contracts(), regulars)
    folder = display(begun.files[0].parent)
    names = ", ".join(str(path.relative_to(begun.files[0].parent)) for path in begun.files)
    out.print(f"Wrote {escape(folder)}:\n  {escape(names)}")
    for note in begun.notes:
        bullet(note)
    if begun.questions:
        out.print(f"\n{len(begun.questions)} question(s), to answer in the file before it can be refreshed:")
        for number, question in enumerate(begun.questions, start=1):
            bullet(question, f"  {number}. ")
    out.print(
        f"\nNext: read and correct {escape(folder)}/sources, then\n"
        f"      {regulars} source test --company {name}\n      {regulars} refresh --company {name}"
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
    from orchestration.warehouse.dbt import unread_entities

    if (table is None) == (entity is None):
        raise UsageError("name a table, or an entity with --entity", f"{command_name()} source preview SYSTEM TABLE")
    config = load_company(company)
    if entity is not None:
        show(redact_all(rows_as_mapped(config, system, entity, limit)), as_json, "The map gives no row.")
        if not as_json and entity in unread_entities(config):
            out.print(f"{entity} is stored, and read by no published table yet.", style="dim")
    else:
        show(redact_all(rows_as_received(config, system, table or "", limit)), as_json, "The table holds no row.")


@source_app.command("suggest")
def source_suggest(
    system: Annotated[str, typer.Argument(help="Source system.")],
    table: Annotated[str | None, typer.Argument(help="Table; default: all.")] = None,
    company: CompanyOption = DEFAULT_COMPANY,
) -> None:
    """Draft maps by names and content of columns, as YAML to correct and paste below `maps:`."""
    from orchestration.authoring.drafting import drafted
    from orchestration.authoring.maps import as_yaml
    from orchestration.authoring.preview import check_table, connector_of

    config = load_company(company)
    connector = connector_of(config, system)
    if table is not None:
        check_table(config, system, table)
    draft = drafted(connector, [table] if table else list(config.sources[system].tables), config.contracts)
    for note in draft.notes:
        plain(f"  # {note}")
    for question in draft.questions:
        plain(f"  # QUESTION: {question}")
    for made in draft.maps:
        plain(as_yaml(made, config.sources[system].formats))

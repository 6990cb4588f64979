"""Commands that load, build and publish: refresh, retrain, backfill."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.console import (
    CompanyOption,
    JsonOption,
    Progress,
    VerboseOption,
    command_name,
    escape,
    out,
    run_refresh,
    say_unread,
    show,
)
from orchestration.config.company import DEFAULT_COMPANY, load_company
from orchestration.platform.clock import utc_now
from orchestration.platform.errors import UsageError

if TYPE_CHECKING:
    from orchestration.config.company import CompanyConfig


def refresh(
    company: CompanyOption = DEFAULT_COMPANY,
    full: Annotated[bool, typer.Option("--full", help="Make everything again from the lake.")] = False,
    include: Annotated[
        list[str] | None, typer.Option(help="Load this optional table (SYSTEM.TABLE) from now on; repeatable.")
    ] = None,
    as_of: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Build as of a past day, beside the published version; loads nothing."),
    ] = None,
    known_at: Annotated[
        dt.datetime | None,
        typer.Option(help="With --as-of: only what was loaded by then counts (UTC)."),
    ] = None,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Go on without loads that are lost and that no source has any more.")
    ] = False,
    verbose: VerboseOption = False,
    as_json: JsonOption = False,
) -> None:
    """Load what is new, rebuild, score and publish. Safe to kill and run again; nothing new: nothing written."""
    from orchestration.run.refresh import nothing_new, open_session

    config = load_company(company)
    if known_at and not as_of:
        raise UsageError("--known-at goes with --as-of", "Give both, or neither")
    if as_of:
        if full or include:
            raise UsageError("--as-of goes with neither --full nor --include", "Run: regulars refresh first")
        refresh_past(config, as_of.date(), known_at.replace(tzinfo=dt.UTC) if known_at else None, as_json,
                     verbose)  # fmt: skip
        return
    optional = optional_tables(config, include or [])
    started = utc_now()
    unchanged = None if full or optional or accept_loss else nothing_new(config, started)
    if unchanged:
        if as_json:
            print(json.dumps({"status": "nothing new", "version": unchanged}))
        else:
            out.print(f"Nothing new since version [bold]{unchanged}[/]; nothing was written.")
        return
    command = "refresh --full" if full else "refresh"
    progress = (Progress(as_json, verbose),)
    with open_session(config, command, progress, full, optional, accept_loss=accept_loss) as session:
        run_refresh(session, as_json)
    seconds = (utc_now() - started).total_seconds()
    if as_json:
        print(json.dumps({"status": "succeeded", "version": session.published, "as_of": str(session.as_of),
                          "seconds": round(seconds, 1)}))  # fmt: skip
        return
    out.print(
        f"Published version [bold]{session.published}[/], as of {session.as_of}, in {seconds:.0f} s.\n"
        f"  {config.paths.current_database}"
    )
    say_unread(config)
    if config.company.terms:
        out.print()
    for line in config.company.terms.splitlines():
        out.print(escape(line), style="dim")
    say_next(company)


def say_next(company: str) -> None:
    """What to look at after a refresh."""
    suffix = "" if company == DEFAULT_COMPANY else f" --company {company}"
    tool = escape(command_name())
    out.print(
        f"\nNext: [bold]{tool} dashboard{suffix}[/]  KPI tree and overview in the browser\n"
        f"      [bold]{tool} ui{suffix}[/]         Dagster: assets, runs, schedule\n"
        f'      [bold]{tool} sql{suffix} "select period_start, name, value from kpi_tree '
        "where dimension = 'all' and period_grain = 'quarter' and level = 0 order by period_start\"[/]"
    )


def optional_tables(config: CompanyConfig, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """(system, table) of optional tables given as SYSTEM.TABLE.

    Raises:
        UsageError: there is no such optional table; names those that there are.
    """
    offered = {
        f"{system}.{table}": (system, table)
        for system, source in config.sources.items()
        for table, spec in source.tables.items()
        if spec.optional
    }
    for name in names:
        if name not in offered:
            raise UsageError(f"no optional table '{name}'", f"Optional tables: {', '.join(offered) or 'none'}")
    return tuple(offered[name] for name in names)


def refresh_past(
    config: CompanyConfig, as_of: dt.date, known_at: dt.datetime | None, as_json: bool, verbose: bool
) -> None:
    """Build as of a past day; the published version stays."""
    from orchestration.run.as_of import build_past, check_past
    from orchestration.run.refresh import open_session

    check_past(config, as_of, utc_now())
    with open_session(config, f"refresh --as-of {as_of}", (Progress(as_json, verbose),)) as session:
        database = build_past(session, as_of, known_at)
    if as_json:
        print(json.dumps({"status": "succeeded", "as_of": str(as_of), "database": str(database)}))
    else:
        out.print(f"Built as of [bold]{as_of}[/]; the published version is untouched.\n  {database}")


def retrain(
    company: CompanyOption = DEFAULT_COMPANY, verbose: VerboseOption = False, as_json: JsonOption = False
) -> None:
    """Refresh, and train every model again; what passes its gates scores, else the last good scores stay."""
    from orchestration.run.refresh import open_session

    config = load_company(company)
    with open_session(config, "retrain", (Progress(as_json, verbose),), retrain=True) as session:
        run_refresh(session, as_json, "retrain")
        standing = session.state.models()
    if as_json:
        print(json.dumps({"status": "succeeded", "version": session.published, "models": standing}, default=str))
        return
    out.print(f"Published version [bold]{session.published}[/], as of {session.as_of}.")
    show(standing, False, "")


def backfill(
    first: Annotated[dt.datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    last: Annotated[dt.datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")],
    company: CompanyOption = DEFAULT_COMPANY,
    verbose: VerboseOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read a range of days again: rows of incremental tables that came later than their lag, and all its facts.

    Rows that are known already add nothing. Tables that are loaded whole are complete without it.
    """
    from orchestration.run.refresh import open_session

    config = load_company(company)
    if last < first:
        raise UsageError(f"--to {last.date()} is before --from {first.date()}", "Give the earlier day first")
    span = (first.date(), last.date())
    with open_session(config, f"backfill {span[0]} {span[1]}", (Progress(as_json, verbose),), again=span) as session:
        run_refresh(session, as_json)
    if as_json:
        print(json.dumps({"status": "succeeded", "version": session.published, "as_of": str(session.as_of)}))
    else:
        out.print(f"Published version [bold]{session.published}[/], {span[0]} to {span[1]} read again.")

"""The `regulars` command. Heavy imports happen inside the commands that need them."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from orchestration.cli_backup import backup, restore
from orchestration.cli_generate import generate
from orchestration.cli_identity import explain, review_app
from orchestration.cli_privacy import access_report, forget
from orchestration.cli_quarantine import quarantine_app
from orchestration.cli_source import init, source_app
from orchestration.clock import utc_now
from orchestration.company import DEFAULT_COMPANY, load_company
from orchestration.console import (
    CompanyOption,
    JsonOption,
    Progress,
    as_called,
    command_name,
    err,
    escape,
    out,
    run_refresh,
    show,
)
from orchestration.environment import load_environment
from orchestration.errors import RegularsError, Stopped, UsageError, in_plain_words
from orchestration.literals import no_formula
from orchestration.paths import PROJECT
from orchestration.redaction import redact, redact_all

if TYPE_CHECKING:
    from orchestration.company import CompanyConfig

app = typer.Typer(
    help="Regulars: whom to keep, win back, grow and find; through which channel, with which offer; and did it work.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(source_app, name="source")
app.add_typer(review_app, name="review")
app.command()(init)
app.command()(generate)
app.command()(explain)
app.command()(backup)
app.command()(restore)
app.command()(forget)
app.command()(access_report)


def main() -> None:
    """Run a command: one-line errors, exit codes 0 fine, 1 failed, 2 wrong use, 3 data-quality stop, 130 Ctrl-C."""
    try:
        load_environment()
        app()
    except SystemExit as ended:
        if ended.code != Stopped.exit_code:
            raise
        end(Stopped())
    except Exception as raised:
        if os.environ.get("REGULARS_DEBUG"):
            raise
        end(in_plain_words(raised))


def end(error: RegularsError) -> NoReturn:
    """Say an error in one line, as JSON too where that is wanted, and exit with its code."""
    if "--json" in sys.argv:
        print(json.dumps({"error": redact(error.message), "cure": error.cure, "exit_code": error.exit_code}))
    err.print(f"[bold red]Error:[/] {escape(redact(as_called(str(error))))}")
    sys.exit(error.exit_code)


def clock_time(moment: str | None) -> str | None:
    """An ISO time stamp to the second, in UTC."""
    return moment[:19].replace("T", " ") if moment else None


@app.command()
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
    as_json: JsonOption = False,
) -> None:
    """Load what is new, rebuild, score and publish. Safe to kill and run again; nothing new: nothing written."""
    from orchestration.refresh import nothing_new, open_session

    config = load_company(company)
    if known_at and not as_of:
        raise UsageError("--known-at goes with --as-of", "Give both, or neither")
    if as_of:
        if full or include:
            raise UsageError("--as-of goes with neither --full nor --include", "Run: regulars refresh first")
        refresh_past(config, as_of.date(), known_at.replace(tzinfo=dt.UTC) if known_at else None, as_json)
        return
    optional = optional_tables(config, include or [])
    started = utc_now()
    unchanged = None if full or optional else nothing_new(config, started)
    if unchanged:
        if as_json:
            print(json.dumps({"status": "nothing new", "version": unchanged}))
        else:
            out.print(f"Nothing new since version [bold]{unchanged}[/]; nothing was written.")
        return
    command = "refresh --full" if full else "refresh"
    with open_session(config, command, (Progress(as_json),), full, optional) as session:
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
        out.print(f"\n{config.company.terms.strip()}", style="dim")
    suffix = "" if company == DEFAULT_COMPANY else f" --company {company}"
    tool = escape(command_name())
    out.print(
        f"\nNext: [bold]{tool} dashboard{suffix}[/]  KPI tree and overview in the browser\n"
        f"      [bold]{tool} ui{suffix}[/]         Dagster: assets, runs, schedule\n"
        f'      [bold]{tool} sql{suffix} "select node_code, value from kpi_tree '
        "where dimension = 'all' and period_grain = 'quarter'\"[/]"
    )


def say_unread(config: CompanyConfig) -> None:
    """Say which mapped entities wait for tables that do not exist yet."""
    from orchestration.dbt import unread_entities

    if unread := unread_entities(config):
        out.print(f"Stored, and read by no published table yet: {', '.join(unread)}", style="dim")


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


def refresh_past(config: CompanyConfig, as_of: dt.date, known_at: dt.datetime | None, as_json: bool) -> None:
    """Build as of a past day; the published version stays."""
    from orchestration.past import build_past, check_past
    from orchestration.refresh import open_session

    check_past(config, as_of, utc_now())
    with open_session(config, f"refresh --as-of {as_of}", (Progress(as_json),)) as session:
        database = build_past(session, as_of, known_at)
    if as_json:
        print(json.dumps({"status": "succeeded", "as_of": str(as_of), "database": str(database)}))
    else:
        out.print(f"Built as of [bold]{as_of}[/]; the published version is untouched.\n  {database}")


@app.command()
def retrain(company: CompanyOption = DEFAULT_COMPANY, as_json: JsonOption = False) -> None:
    """Refresh, and train every model again; what passes its gates scores, else the last good scores stay."""
    from orchestration.refresh import open_session

    config = load_company(company)
    with open_session(config, "retrain", (Progress(as_json),), retrain=True) as session:
        run_refresh(session, as_json, "retrain")
        standing = session.state.models()
    if as_json:
        print(json.dumps({"status": "succeeded", "version": session.published, "models": standing}, default=str))
        return
    out.print(f"Published version [bold]{session.published}[/], as of {session.as_of}.")
    show(standing, False, "")


@app.command()
def models(company: CompanyOption = DEFAULT_COMPANY, as_json: JsonOption = False) -> None:
    """Print how good the models are: metrics with their intervals on the last finished window, and the gates."""
    from orchestration.serving.publish import current_file, read_published

    config = load_company(company, need_env=False)
    with read_published(current_file(config.paths)) as con:
        cards, metrics, gates = (
            con.execute(sql).df().astype(object).where(lambda f: f.notna(), None).to_dict("records")
            for sql in (
                "select model, version, status, estimator, horizon_days, base_rate, customers, training_rows, "
                "trained_as_of::varchar as trained_as_of, scores_as_of::varchar as scores_as_of, message, card "
                "from model_card order by model, trained_at desc",
                "select * from model_metric where (model, version) in (select (model, max_by(version, trained_at)) "
                "from model_card group by model) order by population desc, estimator, metric",
                "select * from model_gate where (model, version) in (select (model, max_by(version, trained_at)) "
                "from model_card group by model)",
            )
        )
    if as_json:
        print(json.dumps({"models": cards, "metrics": metrics, "gates": gates}, default=str, indent=1))
        return
    out.print(f"[bold]{config.company.title}[/]: models")
    for card in cards:
        out.print(f"  {card['model']} {card['version']}: {card['status']}; {escape(card['message'])}")
        if card["card"]:
            out.print(
                f"    {card['estimator'] or 'no estimator'}, no purchase for {card['horizon_days']} days, trained "
                f"as of {card['trained_as_of']} on {card['training_rows']:,} rows of {card['customers']:,} customers\n"
                f"    card: {card['card']}"
            )
    if not cards:
        out.print("No model yet; run: regulars refresh")
    for population in dict.fromkeys(row["population"] for row in metrics):
        out.print(f"\n[bold]On the last finished window, {population}[/] (value, and the middle 95 % of the bootstrap)")
        chosen = [row for row in metrics if row["population"] == population]
        show([metric_line(chosen, name) for name in dict.fromkeys(row["estimator"] for row in chosen)], False, "")
    if gates:
        out.print("\n[bold]Gates of the newest training[/]")
        verdicts = {True: "passed", False: "FAILED"}
        show([{"gate": g["gate"], "": verdicts[g["is_passed"]], "why": g["message"]} for g in gates], False, "")


def metric_line(rows: Sequence[Mapping[Any, Any]], estimator: str) -> dict[str, str]:
    """One estimator's metrics, each with its interval."""
    own = {row["metric"]: row for row in rows if row["estimator"] == estimator}
    wanted = ("auc", "lift_10", "lift_20", "brier", "log_loss", "calibration_error")
    shown = {name: "{value:.3f} [{low:.3f}, {high:.3f}]".format(**own[name]) for name in wanted if name in own}
    return {"estimator": estimator} | shown


@app.command()
def backfill(
    first: Annotated[dt.datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    last: Annotated[dt.datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")],
    company: CompanyOption = DEFAULT_COMPANY,
    as_json: JsonOption = False,
) -> None:
    """Read a range of days again: rows of incremental tables that came later than their lag, and all its facts.

    Rows that are known already add nothing. Tables that are loaded whole are complete without it.
    """
    from orchestration.refresh import open_session

    config = load_company(company)
    if last < first:
        raise UsageError(f"--to {last.date()} is before --from {first.date()}", "Give the earlier day first")
    span = (first.date(), last.date())
    with open_session(config, f"backfill {span[0]} {span[1]}", (Progress(as_json),), again=span) as session:
        run_refresh(session, as_json)
    if as_json:
        print(json.dumps({"status": "succeeded", "version": session.published, "as_of": str(session.as_of)}))
    else:
        out.print(f"Published version [bold]{session.published}[/], {span[0]} to {span[1]} read again.")


@app.command()
def drift(company: CompanyOption = DEFAULT_COMPANY, as_json: JsonOption = False) -> None:
    """List the loads whose columns differ from those of the load before, newest first."""
    from orchestration.state import State

    config = load_company(company, need_env=False)
    rows: list[dict[str, Any]] = []
    if config.paths.state.exists():
        with State(config.paths.state, read_only=True) as state:
            rows = state.rows(
                "select loaded_at, source_system, table_name, drift as difference from load_audit "
                "where drift is not null order by load_id desc, 2, 3"
            )
    show([{**r, "loaded_at": clock_time(r["loaded_at"])} for r in rows], as_json, "No load changed its columns.")


@app.command()
def status(company: CompanyOption = DEFAULT_COMPANY, as_json: JsonOption = False) -> None:
    """Show what is published, the last runs, the newest loads and what is in quarantine."""
    from orchestration.lock import holder, is_free
    from orchestration.serving.publish import build_info, current_version
    from orchestration.state import State

    config = load_company(company, need_env=False)
    paths = config.paths
    report: dict[str, Any] = {"company": company, "published": None, "as_of": None, "running": None}
    version = current_version(paths)
    if version:
        _, built_at, as_of = build_info(paths.current_database)
        report |= {"published": version, "built_at": built_at, "as_of": as_of}
    if not is_free(paths.lock):
        report["running"] = holder(paths.lock)
    runs, loads, quarantined, standing = [], [], [], []
    if paths.state.exists():
        with State(paths.state, read_only=True) as state:
            runs = state.rows(
                "select run_id, command, status, started_at, finished_at, version, error from run "
                "order by started_at desc limit 5"
            )
            loads = state.rows(
                "select source_system, table_name, max(load_id) as load_id, loaded_at, rows_landed "
                "from load_audit group by 1, 2 order by 1, 2"
            )
            standing = state.models()
            quarantined = state.rows(
                "select source_system, entity, sum(quarantined) as quarantined from conform_audit "
                "group by 1, 2 having sum(quarantined) > 0 order by 3 desc"
            )
    if as_json:
        print(
            json.dumps(
                report | {"runs": runs, "models": standing, "loads": loads, "quarantine": quarantined},
                default=str,
                indent=1,
            )
        )
        return
    out.print(f"[bold]{config.company.title}[/] ({company})")
    if version:
        out.print(f"published {version}, built {report['built_at']} UTC, as of {report['as_of']}")
    else:
        out.print("nothing is published yet; run: regulars refresh")
    if report["running"]:
        out.print(f"a refresh is running: {escape(report['running'])}")
    if runs:
        out.print("\n[bold]Last runs[/]")
        show([{**r, "started_at": clock_time(r["started_at"]), "finished_at": clock_time(r["finished_at"])}
              for r in runs], False, "")  # fmt: skip
        out.print("\n[bold]Models[/]")
        show(standing, False, "nothing was scored yet")
        out.print("\n[bold]Newest loads[/]")
        show([{**r, "loaded_at": clock_time(r["loaded_at"])} for r in loads], False, "none")
        out.print("\n[bold]Quarantine[/]")
        show(quarantined, False, "empty")
        say_unread(config)


@app.command()
def versions(company: CompanyOption = DEFAULT_COMPANY, as_json: JsonOption = False) -> None:
    """List the published versions that are kept."""
    from orchestration.serving.publish import versions as published_versions

    config = load_company(company, need_env=False)
    rows = [
        {
            "version": v.name,
            "current": "yes" if v.is_current else "",
            "built_at": v.built_at,
            "as_of": v.as_of,
            "megabytes": round(v.bytes / 1e6, 1),
        }
        for v in published_versions(config.paths)
    ]
    show(rows, as_json, "Nothing is published yet; run: regulars refresh")


@app.command()
def rollback(
    version: Annotated[str | None, typer.Argument(help="Default: the version before the current one.")] = None,
    company: CompanyOption = DEFAULT_COMPANY,
) -> None:
    """Let readers see an older version; the next refresh with something new publishes again."""
    from orchestration.lock import refresh_lock
    from orchestration.privacy.erasure import refuse_pending
    from orchestration.serving.publish import rollback as roll_back

    config = load_company(company, need_env=False)
    if not config.paths.versions.exists():
        raise UsageError(f"nothing is published in {config.paths.published}", "Run: regulars refresh")
    with refresh_lock(config.paths.lock, utc_now().isoformat()):
        refuse_pending(config)
        out.print(f"Readers now see version [bold]{roll_back(config.paths, version)}[/].")


@app.command()
def publish(company: CompanyOption = DEFAULT_COMPANY) -> None:
    """Publish what was built last, for instance after a rollback."""
    from orchestration import dbt
    from orchestration.lock import refresh_lock
    from orchestration.privacy.erasure import refuse_pending
    from orchestration.serving.contacts import write_contacts
    from orchestration.serving.publish import publish as publish_built

    config = load_company(company)
    dbt.ensure_manifest()
    with refresh_lock(config.paths.lock, utc_now().isoformat()):
        refuse_pending(config)
        out.print(f"Readers now see version [bold]{publish_built(config, dbt.public_tables(), write_contacts)}[/].")


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="DuckDB SQL; tables of marts and core need no schema. '-' reads stdin.")],
    company: CompanyOption = DEFAULT_COMPANY,
    as_json: JsonOption = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV; text that a spreadsheet would run is quoted.")] = False,
    limit: Annotated[int, typer.Option(help="Rows shown as a table; 0 shows all.", min=0)] = 50,
    as_of: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Query what refresh --as-of built for the day instead."),
    ] = None,
) -> None:
    """Query the published version, read-only."""
    import duckdb

    from orchestration.serving.publish import current_file, past_file, read_published

    config = load_company(company, need_env=False)
    text = sys.stdin.read() if query == "-" else query
    with read_published(past_file(config.paths, as_of.date()) if as_of else current_file(config.paths)) as con:
        try:
            cursor = con.execute(text)
            columns = [column[0] for column in cursor.description or []]
            shown = cursor.fetchmany(limit + 1) if limit and not (as_json or csv) else cursor.fetchall()
        except duckdb.Error as error:
            raise RegularsError(
                str(error).split("LINE 1:")[0], "See the tables: regulars sql 'show all tables'"
            ) from error
    more = bool(limit) and not (as_json or csv) and len(shown) > limit
    rows = [dict(zip(columns, row, strict=True)) for row in (shown[:limit] if more else shown)]
    if csv:
        import csv as csv_module

        writer = csv_module.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows([no_formula(value) for value in row.values()] for row in rows)
        return
    show(rows, as_json, "No rows.")
    if more:
        out.print(f"[dim]first {limit} rows; --limit 0 shows all[/]")


@app.command()
def check(
    company: CompanyOption = DEFAULT_COMPANY,
    everything: Annotated[bool, typer.Option("--all", help="Also the checks that passed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the newest refresh's data-quality checks; exit code 3 where one of them stopped it."""
    from orchestration.state import State

    config = load_company(company, need_env=False)
    rows: list[dict[str, Any]] = []
    if config.paths.state.exists():
        with State(config.paths.state, read_only=True) as state:
            rows = state.quality()
    failed = [row for row in rows if not row["passed"]]
    stopped = any(row["stops"] for row in failed)
    if as_json:
        print(json.dumps(rows if everything else failed, indent=1))
    elif not rows:
        out.print("Nothing was checked yet; run: regulars refresh")
    else:
        shown = [
            {
                "state": "ok" if row["passed"] else ("STOP" if row["stops"] else "warning"),
                "dimension": row["dimension"],
                "check": row["message"],
            }
            for row in (rows if everything else failed)
        ]
        show(shown, False, "Every check passed.")
        out.print(f"\n{len(rows)} checks, {len(failed)} failed; as of {rows[0]['day']}.")
        docs = config.paths.root / "quality" / "index.html"
        if docs.exists():
            out.print(f"Data Docs: {docs}")
    if stopped:
        raise typer.Exit(3)


@app.command()
def doctor(company: CompanyOption = DEFAULT_COMPANY, as_json: JsonOption = False) -> None:
    """Look for problems of configuration, versions, disk, permissions and locks; say the cure of each."""
    from orchestration.doctor import diagnose

    findings = redact_all([finding.row() for finding in diagnose(company)])
    show(findings, as_json, "")
    if any(finding["state"] == "problem" for finding in findings):
        raise typer.Exit(1)


@app.command()
def ui(
    company: CompanyOption = DEFAULT_COMPANY,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000,
) -> None:
    """Start Dagster's web interface and daemon on 127.0.0.1; Ctrl-C ends both."""
    from orchestration import dbt
    from orchestration.refresh import dagster_home

    config = load_company(company)
    home = dagster_home(config)
    dbt.ensure_manifest()
    out.print(f"Dagster for {config.company.title}: http://127.0.0.1:{port}")
    tool = str(Path(sys.executable).parent / "dagster")
    # `dagster dev` runs webserver and daemon; its successor wants another project layout and warns about this one.
    environment = dict(os.environ) | {"PYTHONWARNINGS": "ignore:Function `dev_command` is superseded"}
    run_until_interrupt(
        [tool, "dev", "--workspace", str(PROJECT / "workspace.yaml"), "--host", "127.0.0.1", "--port", str(port)],
        environment,
        folder=home,  # in the checkout, Dagster would set what .env says over what the environment says
    )


@app.command()
def dashboard(
    company: CompanyOption = DEFAULT_COMPANY,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
    contacts: Annotated[
        bool,
        typer.Option("--contacts", help="Show names, addresses and numbers, too; each look is noted in the logs."),
    ] = False,
) -> None:
    """Start the dashboard on 127.0.0.1; it reads the published version only. Ctrl-C ends it."""
    from orchestration.serving.publish import CONTACTS_GRANT, contacts_file, read_contacts

    config = load_company(company, need_env=False)
    environment = dict(os.environ) | {"REGULARS_COMPANY": company, CONTACTS_GRANT: "granted" if contacts else ""}
    if contacts:
        read_contacts(contacts_file(config.paths)).close()  # says now who may not read it
        out.print("It shows clear contact data to whoever opens it on this machine.")
    page = str(PROJECT / "orchestration" / "dashboard" / "app.py")
    command = [
        sys.executable, "-m", "streamlit", "run", page, "--server.address", "127.0.0.1", "--server.port", str(port),
        "--server.headless", "false" if browser else "true", "--browser.gatherUsageStats", "false",
        "--server.showEmailPrompt", "false",
    ]  # fmt: skip
    out.print(f"Dashboard for {config.company.title}: http://127.0.0.1:{port}")
    run_until_interrupt(command, environment)


def run_until_interrupt(command: Sequence[str], environment: dict[str, str], folder: Path = PROJECT) -> None:
    """Run a server in a folder until Ctrl-C or its end; a failure is the command's."""
    with subprocess.Popen(command, env=environment, cwd=folder) as process:
        for name in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, lambda *_: process.terminate())
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            code = process.wait()
            return
    if code not in (0, -signal.SIGTERM, 130):
        raise RegularsError(f"{Path(command[0]).name} ended with code {code}", "See its messages above")


if __name__ == "__main__":
    main()

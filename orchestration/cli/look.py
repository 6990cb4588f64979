"""Commands that tell how things stand: status, check, drift, doctor."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.command import Command, Panel
from orchestration.cli.console import CompanyOption, JsonOption, as_called, escape, out, say_unread, show
from orchestration.config.company import DEFAULT_COMPANY, load_company
from orchestration.platform.errors import RegularsError
from orchestration.platform.redaction import redact_all

if TYPE_CHECKING:
    from orchestration.platform.paths import CompanyPaths
    from orchestration.platform.state import State

MENDS = "the next refresh mends it"


def shown_count(value: object) -> str:
    """A number of the books in thousands; of books that are damaged, which the next refresh makes again, what stands
    there."""
    return f"{value:,}" if isinstance(value, int) else f"{value}, no number: regulars refresh makes the books again"


def clock_time(moment: object) -> str | None:
    """An ISO time stamp to the second, in UTC."""
    return str(moment)[:19].replace("T", " ") if moment else None


def lock_holder(paths: CompanyPaths) -> int | None:
    """The living process that holds the company's lock."""
    from orchestration.platform.lock import is_free

    if is_free(paths.lock):
        return None
    try:
        return int(json.loads(paths.lock.read_text(encoding="utf-8"))["pid"])
    except (OSError, ValueError, KeyError):
        return -1  # somebody holds it who has not written yet


def last_sign(paths: CompanyPaths, run_id: str, fallback: str | None) -> str | None:
    """When a run last said something; its process may have ended a little later."""
    try:
        moment = dt.datetime.fromtimestamp((paths.logs / f"{run_id}.jsonl").stat().st_mtime, tz=dt.UTC)
    except OSError:
        return fallback
    return moment.isoformat(timespec="seconds")


def last_runs(state: State, paths: CompanyPaths) -> list[dict[str, Any]]:
    """The newest runs; one whose process is gone is killed, and since when."""
    rows = state.rows(
        "select run_id, command, status, started_at, finished_at, version, error, pid from run "
        "order by started_at desc limit 5"
    )
    holder = lock_holder(paths)
    for row in rows:
        pid = row.pop("pid")
        if row["status"] == "killed" or (row["status"] == "running" and holder not in (pid, -1)):
            row["finished_at"] = last_sign(paths, row["run_id"], row["started_at"])
            is_newest = row is rows[0]
            row["error"] = f"killed at {clock_time(row['finished_at'])}" + (f"; {MENDS}" if is_newest else "")
            row["status"] = "killed"
    return rows


def standing_of(company: str) -> dict[str, Any]:
    """Everything that `status` tells."""
    from orchestration.platform.lock import holder, is_free
    from orchestration.platform.state import State
    from orchestration.serving.publish import build_info, current_version

    paths = load_company(company, need_env=False).paths
    report: dict[str, Any] = {"company": company, "published": None, "as_of": None, "running": None}
    version = current_version(paths)
    if version:
        _, built_at, as_of = build_info(paths.current_database)
        report |= {"published": version, "built_at": built_at, "as_of": as_of}
    if not is_free(paths.lock):
        report["running"] = holder(paths.lock)
    report |= {"runs": [], "models": [], "loads": [], "quarantine": []}
    if paths.state.exists():
        with State(paths.state, read_only=True) as state:
            report["runs"] = last_runs(state, paths)
            report["loads"] = state.rows(
                "select source_system, table_name, max(load_id) as load_id, loaded_at, rows_landed "
                "from load_audit group by 1, 2 order by 1, 2"
            )
            report["models"] = state.models()
            report["quarantine"] = state.rows(
                "select source_system, entity, sum(quarantined) as quarantined from conform_audit "
                "group by 1, 2 having sum(quarantined) > 0 order by 3 desc"
            )
    return report


def status(company: CompanyOption = DEFAULT_COMPANY, as_json: JsonOption = False) -> None:
    """Show what is published, the last runs, the newest loads and what is in quarantine."""
    from orchestration.landing.lake import OWN

    config = load_company(company, need_env=False)
    report = standing_of(company)
    if as_json:
        print(json.dumps(report, default=str, indent=1))
        return
    out.print(f"[bold]{escape(config.company.title)}[/] ({company})")
    if report["published"]:
        out.print(
            f"published {report['published']}, built {clock_time(report['built_at'])} UTC, as of {report['as_of']}"
        )
    else:
        out.print(as_called("nothing is published yet; run: regulars refresh"))
    if report["running"]:
        out.print(f"at work: {escape(report['running'])}")
    runs = report["runs"]
    if runs and runs[0]["status"] == "killed":
        killed = f"the last run, {runs[0]['command']}, was {runs[0]['error']}"
        out.print(f"[yellow]{escape(killed)}[/]: {as_called('regulars refresh')}")
    if runs:
        out.print("\n[bold]Last runs[/] (times in UTC)")
        show([shown_run(run) for run in runs], False, "")
    if report["models"]:
        out.print("\n[bold]Models[/]")
        show(report["models"], False, "")
    out.print("\n[bold]Newest loads[/]")
    loads = [{"table": f"{r['source_system']}.{r['table_name']}", "loaded at": clock_time(r["loaded_at"]),
              "rows": shown_count(r["rows_landed"])}
             for r in report["loads"] if r["source_system"] != OWN]  # fmt: skip
    show(loads, False, "none")
    out.print("\n[bold]Quarantine[/]")
    show(report["quarantine"], False, "empty")
    say_unread(config)


def shown_run(run: dict[str, Any]) -> dict[str, Any]:
    """A run for the screen; its version is its own id where it published."""
    seconds: object = ""
    if run["finished_at"]:
        begun, ended = (dt.datetime.fromisoformat(run[name]) for name in ("started_at", "finished_at"))
        seconds = f"{max((ended - begun).total_seconds(), 0):.0f} s"
    return {"started": clock_time(run["started_at"]), "took": seconds, "command": run["command"],
            "status": run["status"], "version": run["version"], "error": run["error"]}  # fmt: skip


def check(
    company: CompanyOption = DEFAULT_COMPANY,
    everything: Annotated[bool, typer.Option("--all", help="Also the checks that passed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the newest refresh's data-quality checks.

    Exit code 3 where one of them stopped the refresh, 1 where nothing was ever checked.
    """
    config = load_company(company, need_env=False)
    rows, judged = checks_of_state(config.paths.state)
    if judged is None:
        raise RegularsError(f"{company} was never checked: no refresh came as far", "Run: regulars refresh")
    failed = [row for row in rows if not row["passed"]]
    if as_json:
        print(json.dumps(rows if everything else failed, indent=1))
    elif not rows:
        out.print(f"0 checks at {clock_time(judged)} UTC: no mapped entity held a row that could be checked.")
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
            out.print(f"Data Docs: {escape(str(docs))}")
    if any(row["stops"] for row in failed):
        raise typer.Exit(3)


def checks_of_state(path: Path) -> tuple[list[dict[str, Any]], str | None]:
    """The newest checks, and when they were made; None where none ever were."""
    from orchestration.platform.state import State

    if not path.exists():
        return [], None
    with State(path, read_only=True) as state:
        rows = state.quality()
        stages = state.rows(
            "select max(started_at) as judged from stage where stage = 'quality' and detail like '%\"checks\"%'"
        )
    judged = stages[0]["judged"] if stages else None
    return rows, judged or (rows[0]["day"] if rows else None)


def drift(company: CompanyOption = DEFAULT_COMPANY, as_json: JsonOption = False) -> None:
    """List the loads whose columns differ from those of the load before, newest first."""
    from orchestration.platform.state import State

    config = load_company(company, need_env=False)
    rows: list[dict[str, Any]] = []
    known: list[dict[str, Any]] = []
    if config.paths.state.exists():
        with State(config.paths.state, read_only=True) as state:
            known = state.rows("select 1 from load_audit limit 1")
            rows = state.rows(
                "select loaded_at, source_system, table_name, drift as difference from load_audit "
                "where drift is not null order by load_id desc, 2, 3"
            )
    nothing = "No load changed its columns." if known else as_called("Nothing was loaded yet; run: regulars refresh")
    show([{**r, "loaded_at": clock_time(r["loaded_at"])} for r in rows], as_json, nothing)


def doctor(company: CompanyOption = DEFAULT_COMPANY, as_json: JsonOption = False) -> None:
    """Look for problems of configuration, versions, disk, permissions and locks; say the cure of each.

    Exit code 1 where there is one.
    """
    from orchestration.run.doctor import diagnose

    findings = redact_all([finding.row() for finding in diagnose(company)])
    findings = [{name: as_called(text) for name, text in finding.items()} for finding in findings]
    if as_json:
        show(findings, True, "")
    else:
        for finding in findings:
            colour = {"ok": "green", "problem": "bold red"}.get(finding["state"], "yellow")
            out.print(f"[{colour}]{finding['state']:<8}[/] {escape(finding['what'])}: {escape(finding['message'])}")
            if finding["cure"]:
                out.print(f"         {escape(finding['cure'])}")
    if any(finding["state"] == "problem" for finding in findings):
        raise typer.Exit(1)


COMMANDS = (
    Command(status, Panel.EVERY_DAY, 20),
    Command(check, Panel.QUALITY, 10),
    Command(drift, Panel.QUALITY, 30),
    Command(doctor, Panel.QUALITY, 60),
)

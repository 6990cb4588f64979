"""What all commands print with, the options that all of them share, and how they run Dagster's jobs."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape as no_markup

from orchestration.config.company import DEFAULT_COMPANY
from orchestration.platform import scratch
from orchestration.platform.custody import end_pending
from orchestration.platform.hints import for_company
from orchestration.platform.literals import UNSEEN, visible
from orchestration.platform.paths import CompanyPaths
from orchestration.platform.progress import Progress
from orchestration.platform.rows import Format, as_csv, as_json, laid_out

if TYPE_CHECKING:
    from orchestration.config.company import CompanyConfig
    from orchestration.run.refresh import Session

__all__ = [
    "CompanyOption", "JsonOption", "Progress", "VerboseOption", "as_called", "bullet", "command_name", "err", "escape",
    "out", "plain", "run_refresh", "say_unread", "show",
]  # fmt: skip

# Data stand in what is printed: neither `:smile:` nor a link is made of them.
out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


class Called:
    """For which company the command was called; None where it takes that one without a word."""

    company: str | None = None


NARROW = 80  # columns of a terminal that notes fit


def of_company(name: str) -> str:
    """Work for a company: scratch files lie below its folder, and a restore that was killed is ended first."""
    Called.company = None if name == (os.environ.get("REGULARS_COMPANY") or DEFAULT_COMPANY) else name
    paths = CompanyPaths.of(name)
    scratch.of_company(paths)
    if said := end_pending(paths):
        err.print(escape(said))
    return name


CompanyOption = Annotated[
    str,
    typer.Option(
        "--company",
        "-c",
        envvar="REGULARS_COMPANY",
        help="Folder name in data/companies/.",
        callback=of_company,
        show_default=True,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="A line for every table, model and test.")]


def command_name() -> str:
    """How the command was called, for hints: `regulars` where the shell finds it, else the path as it was typed."""
    called = Path(sys.argv[0])
    if called.name != "regulars":
        return "regulars"
    known = shutil.which("regulars")
    typed = str(called.relative_to(Path.cwd())) if called.is_relative_to(Path.cwd()) else str(called)
    return "regulars" if known and Path(known).absolute() == called.absolute() else typed


def escape(text: str) -> str:
    """Text in which rich sees no markup and a terminal no command."""
    return no_markup(visible(text))


def as_called(text: str) -> str:
    """A hint in which the command stands as it was called, and for the same company."""
    name, text = command_name(), for_company(text, Called.company)
    return text if name == "regulars" else re.sub(r"(?<![\w./])regulars (?=[a-z])", f"{name} ", text)


def bullet(text: str, mark: str = "  ") -> None:
    """Print a note within 80 columns, its further lines indented."""
    filled = textwrap.wrap(visible(text), NARROW, initial_indent=mark, subsequent_indent=" " * (len(mark) + 2),
                           break_long_words=False, break_on_hyphens=False)  # fmt: skip
    for line in filled:
        out.print(escape(line))


def plain(text: str) -> None:
    """Print text as it is, such as YAML to paste, without what a terminal would obey."""
    print(UNSEEN.sub("", text))


def show(rows: Sequence[Mapping[Any, Any]], as_json_text: bool, empty: str, form: Format | None = None) -> None:
    """Print rows for a person, or as JSON or CSV.

    Args:
        rows: all with the same columns.
        as_json_text: JSON, whatever the form.
        empty: what is said where there is none.
        form: how they are laid out; default: as the terminal is wide.
    """
    if as_json_text or form is Format.JSON:
        print(as_json(rows))
    elif form is Format.CSV:
        text = as_csv(list(rows[0]) if rows else [], rows)
        sys.stdout.write(UNSEEN.sub("", text) if sys.stdout.isatty() else text)
    elif not rows:
        out.print(empty)
    else:
        out.print(laid_out(rows, out.width, form), soft_wrap=True)


def say_unread(config: CompanyConfig) -> None:
    """Say which mapped entities wait for tables that do not exist yet, and which settings for a word."""
    from orchestration.warehouse.dbt import unread_entities

    if unread := unread_entities(config):
        bullet(f"Stored, and read by no published table yet: {', '.join(unread)}", mark="")
    if config.has_unbounded_scores:
        bullet("Credit scores are stored, and nothing says which of them are a risk: set credit.risky_score_below, or "
               "risky_score_above where a high one is bad, in company.yml", mark="")  # fmt: skip


def run_refresh(session: Session, quiet: bool, job: str = "refresh") -> None:
    """Run Dagster's refresh job, or another one, in an open session."""
    from orchestration.run.refresh import dagster_home

    dagster_home(session.config)
    session.start_judge()
    if not quiet:
        out.print("[dim]starting Dagster and dbt[/]")
    from orchestration.launch import run_job

    run_job(job, session)

"""What a refresh says while it works: a line per stage; on a terminal a bar that moves until the line is there."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape as no_markup
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from orchestration.platform.literals import visible
from orchestration.platform.report import STEPS

Figures = dict[str, Any]
NO_NEWS = ("unchanged",)
FINE = ("success", "pass")  # states of a dbt node that is as it should be


def count(figures: Figures, name: str, one: str, many: str = "") -> str:
    """A figure with its unit; empty where the stage did not tell it."""
    value = figures.get(name)
    if value is None:
        return ""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def joined(*parts: str) -> str:
    """Parts that say something, as one phrase."""
    return ", ".join(part for part in parts if part)


def failures(figures: Figures) -> str:
    """How many checks failed."""
    return "" if "failed" not in figures else f"{figures['failed']} failed" if figures["failed"] else "all passed"


# Stage → what its figures mean, in words.
TOLD: dict[str, Callable[[Figures], str]] = {
    "load": lambda f: joined(count(f, "tables", "table"), count(f, "rows", "new row")),
    "conform": lambda f: joined(
        count(f, "accepted", "row accepted", "rows accepted"),
        count(f, "quarantined", "row in quarantine", "rows in quarantine") if f.get("quarantined") else "",
    ),
    "quality": lambda f: joined(count(f, "checks", "check"), failures(f)),
    "identity": lambda f: joined(count(f, "records", "record"), count(f, "customers", "customer")),
    "dbt": lambda f: joined(
        count(f, "models", "model"), f"as of {f['as_of']}" if "as_of" in f else "",
        ("all facts" if f["facts"] == "all" else f"facts {f['facts']}") if "facts" in f else "",
    ),
    "score": lambda f: joined(*(f"{name} {state}" for name, state in f.items() if name != "seconds")),
    "marts": lambda f: count(f, "models", "model"),
    "publish": lambda f: f"version {f['version']}" if "version" in f else "",
    "forget": lambda f: joined(
        count(f, "rows_deleted", "row deleted", "rows deleted"), count(f, "rows_blanked", "row blanked", "rows blanked")
    ),
}  # fmt: skip


def spelled(figures: Figures) -> str:
    """Figures as they are named, for whoever wants all of them."""
    return "  ".join(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"
                     for name, value in figures.items())  # fmt: skip


class Progress:
    """Prints a line as each stage ends, and below it what the stage found worth saying.

    Args:
        quiet: print nothing.
        verbose: a line for every table, model and test, too.
        console: where to; default: standard output.
    """

    def __init__(self, quiet: bool, verbose: bool = False, console: Console | None = None) -> None:
        self.quiet = quiet
        self.verbose = verbose
        self.console = console or Console(highlight=False, soft_wrap=True, emoji=False)
        self.notes: list[str] = []
        self.steps = 0
        self.bar: Bar | None = None
        self.task: TaskID | None = None

    def __call__(self, stage: str, message: str, figures: Figures) -> None:
        """See `orchestration.platform.report.Sink`."""
        if self.quiet:
            return
        if message == "started":
            self.begin(stage)
        elif stage == "refresh":
            self.of_run(message)
        elif message == "done":
            self.end(stage, figures)
        elif message.startswith("failed:"):
            self.stop()
            self.tell_notes()
        elif message == STEPS:
            self.expect(figures[STEPS])
        else:
            self.step(stage, message, figures)

    def begin(self, stage: str) -> None:
        """Show that a stage works."""
        self.steps, self.notes = 0, []
        if self.verbose:
            self.print(f"[bold]{stage}[/]")
        elif self.console.is_terminal:
            self.bar = Bar(
                TextColumn(f"[bold]{stage:<9}[/]"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn(),
                TextColumn("[dim]{task.description}[/]", markup=True), console=self.console, transient=True,
            )  # fmt: skip
            self.task = self.bar.add_task("", total=None)
            self.bar.start()
            atexit.register(self.stop)

    def expect(self, steps: int) -> None:
        """Let the bar know how many steps there are."""
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, total=steps)

    def step(self, stage: str, message: str, figures: Figures) -> None:
        """One table, model or test is done, or there is something to say."""
        name, _, said = message.partition(": ")
        if self.verbose:
            self.print(f"  {self.safe(message):<44} [dim]{self.safe(spelled(figures))}[/]")
            return
        is_node = stage in ("dbt", "marts")
        if said not in FINE if is_node else said and said not in NO_NEWS:
            self.notes.append(message)
        if not said or said in (*FINE, *NO_NEWS):
            self.steps += 1
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=self.steps, description=self.safe(name[:40]))

    def end(self, stage: str, figures: Figures) -> None:
        """The stage's line, and its notes."""
        self.stop()
        if self.verbose:
            self.print(f"  {'done':<44} [dim]{self.safe(spelled(figures))}[/]")
            return
        told = TOLD.get(stage, spelled)({k: v for k, v in figures.items() if k != "seconds"})
        seconds = f"{figures['seconds']:.1f} s" if "seconds" in figures else ""
        self.print(f"[bold]{stage:<9}[/] {self.safe(told):<56} [dim]{seconds:>9}[/]")
        self.tell_notes()

    def of_run(self, message: str) -> None:
        """What the run says of itself; how it ended is told by the command."""
        self.stop()
        if message not in ("succeeded", "failed"):
            self.print(self.safe(message))

    def tell_notes(self) -> None:
        """What the stage found worth saying."""
        for note in self.notes:
            self.print(f"  {self.safe(note)}")
        self.notes = []

    def stop(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = self.task = None

    def print(self, text: str) -> None:
        """Print a line, above the bar where there is one."""
        self.console.print(text)

    @staticmethod
    def safe(text: str) -> str:
        """Text of data, in which nothing is markup or a command to the terminal."""
        return no_markup(visible(text))

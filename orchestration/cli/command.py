"""What a command says of itself, and how `regulars` finds it: a module of this package with `COMMANDS`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import typer

from orchestration import cli


class Panel(Enum):
    """Groups of `regulars --help`, in their order."""

    EVERY_DAY = "Every day"
    QUALITY = "Data quality and models"
    SOURCES = "Connect sources"
    CUSTOMERS = "Customers and privacy"
    VERSIONS = "Versions and copies"


@dataclass(frozen=True)
class Command:
    """A command, or a named group of them, which its module lists in `COMMANDS`.

    Args:
        run: the function; its name is the command's. Of a group, its Typer.
        panel: where the help shows it.
        place: where it stands there, by size.
        name: of a group.
    """

    run: Callable[..., Any] | typer.Typer
    panel: Panel
    place: int
    name: str | None = None

    def add_to(self, app: typer.Typer) -> None:
        """Make it a command of the application."""
        if isinstance(self.run, typer.Typer):
            app.add_typer(self.run, name=self.name, rich_help_panel=self.panel.value)
        else:
            app.command(self.name, rich_help_panel=self.panel.value)(self.run)


def found() -> list[Command]:
    """Every command, by panel and place."""
    names = [name for _, name, _ in pkgutil.iter_modules(cli.__path__) if name not in ("main", "__main__")]
    modules = [importlib.import_module(f"{cli.__name__}.{name}") for name in names]
    commands: list[Command] = [command for module in modules for command in getattr(module, "COMMANDS", ())]
    panels = list(Panel)
    return sorted(commands, key=lambda command: (panels.index(command.panel), command.place))

"""What a page says of itself, and how the dashboard finds it: `pages/<area>/<page>.py` with a `PAGE`."""

from __future__ import annotations

import importlib
import operator
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from orchestration.dashboard import pages


@dataclass(frozen=True)
class Page:
    """A page of the dashboard, declared as `PAGE` by its module.

    Args:
        show: renders it.
        title: what the menu calls it.
        icon: name of a Material symbol.
        path: its address, below the dashboard's own.
        place: where it stands in the menu, by size; its area stands where its first page does.
    """

    show: Callable[[], None]
    title: str
    icon: str
    path: str
    place: int


def found() -> dict[str, list[Page]]:
    """Every page by its area, in the order of the menu.

    Raises:
        ValueError: two pages have the same address.
    """
    areas: dict[str, list[Page]] = {}
    for area in pkgutil.iter_modules(pages.__path__):
        package = importlib.import_module(f"{pages.__name__}.{area.name}")
        modules = [
            importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)
        ]
        declared = [module.PAGE for module in modules if hasattr(module, "PAGE")]
        areas[area.name.replace("_", " ").capitalize()] = sorted(declared, key=operator.attrgetter("place"))
    addresses = [page.path for declared in areas.values() for page in declared]
    if twice := {path for path in addresses if addresses.count(path) > 1}:
        raise ValueError(f"pages: the address {', '.join(sorted(twice))} is declared twice")
    return {name: areas[name] for name in sorted(areas, key=lambda name: areas[name][0].place) if areas[name]}

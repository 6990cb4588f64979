"""Connector kinds by name: every module of this package that declares a `KIND`."""

from __future__ import annotations

import functools
import importlib
import operator
import pkgutil
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from orchestration import connectors
from orchestration.connectors.base import Connector, Kind, Settings, System


def declared() -> dict[str, Kind]:
    """The kinds, by name."""
    modules = (
        importlib.import_module(f"{connectors.__name__}.{found.name}")
        for found in pkgutil.iter_modules(connectors.__path__)
        if f"{connectors.__name__}.{found.name}" != __name__
    )
    kinds = [module.KIND for module in modules if hasattr(module, "KIND")]
    return {kind.name: kind for kind in sorted(kinds, key=operator.attrgetter("name"))}


KINDS = declared()

if TYPE_CHECKING:
    AnySettings = Settings
else:
    AnySettings = Annotated[
        functools.reduce(operator.or_, (kind.settings for kind in KINDS.values())), Field(discriminator="kind")
    ]


def connect(system: System) -> Connector:
    """The connector of a source system."""
    return KINDS[system.settings.kind].connector(system)

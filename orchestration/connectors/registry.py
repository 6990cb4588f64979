"""Connector kinds by name. A new kind is one module and one line here."""

from __future__ import annotations

from collections.abc import Callable

from orchestration.company import Source
from orchestration.connectors.base import Connector
from orchestration.connectors.parquet import ParquetConnector

KINDS: dict[str, Callable[[Source], Connector]] = {"parquet": ParquetConnector}


def connect(source: Source) -> Connector:
    """The connector of a source system."""
    return KINDS[source.connector.kind](source)

"""Connector kinds by name. A new kind is one module and one line here."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field

from orchestration.connectors.base import Connector, Settings, System
from orchestration.connectors.delimited import DelimitedConnector, DelimitedSettings
from orchestration.connectors.duckdb_file import DuckdbConnector, DuckdbSettings
from orchestration.connectors.excel import ExcelConnector, ExcelSettings
from orchestration.connectors.fixed_width import FixedWidthConnector, FixedWidthSettings
from orchestration.connectors.json_records import JsonConnector, JsonSettings
from orchestration.connectors.mysql import MysqlConnector, MysqlSettings
from orchestration.connectors.parquet import ParquetConnector, ParquetSettings
from orchestration.connectors.postgres import PostgresConnector, PostgresSettings
from orchestration.connectors.sqlite import SqliteConnector, SqliteSettings
from orchestration.connectors.web_log import WebLogConnector, WebLogSettings
from orchestration.connectors.xml import XmlConnector, XmlSettings


class Kind(NamedTuple):
    """A kind: what it is told, what reads it, and the packages that only it needs."""

    settings: type[Settings]
    connector: Callable[[System], Connector]
    packages: tuple[str, ...] = ()


KINDS: dict[str, Kind] = {
    "csv": Kind(DelimitedSettings, DelimitedConnector, ("charset-normalizer",)),
    "duckdb": Kind(DuckdbSettings, DuckdbConnector),
    "excel": Kind(ExcelSettings, ExcelConnector, ("python-calamine",)),
    "fixed_width": Kind(FixedWidthSettings, FixedWidthConnector, ("charset-normalizer",)),
    "json": Kind(JsonSettings, JsonConnector, ("charset-normalizer",)),
    "mysql": Kind(MysqlSettings, MysqlConnector, ("duckdb-extension-mysql-scanner",)),
    "parquet": Kind(ParquetSettings, ParquetConnector),
    "postgres": Kind(PostgresSettings, PostgresConnector, ("duckdb-extension-postgres-scanner",)),
    "sqlite": Kind(SqliteSettings, SqliteConnector, ("duckdb-extension-sqlite-scanner",)),
    "web_log": Kind(WebLogSettings, WebLogConnector, ("charset-normalizer",)),
    "xml": Kind(XmlSettings, XmlConnector, ("lxml",)),
}

if TYPE_CHECKING:
    AnySettings = Settings
else:
    AnySettings = Annotated[
        functools.reduce(operator.or_, (kind.settings for kind in KINDS.values())), Field(discriminator="kind")
    ]


def connect(system: System) -> Connector:
    """The connector of a source system."""
    return KINDS[system.settings.kind].connector(system)

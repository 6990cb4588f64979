"""Load and conform in this process, without Dagster and dbt."""

from __future__ import annotations

import datetime as dt
from typing import Any

from orchestration.config.company import CompanyConfig
from orchestration.conform.batch import Audit
from orchestration.conform.run import check_columns, conform, write_load_audit
from orchestration.landing.lake import Lake
from orchestration.landing.load import LoadRequest, load_tables, table_ids
from orchestration.landing.lost import recover
from orchestration.platform.clock import stamp
from orchestration.platform.state import State
from orchestration.warehouse.connections import open_warehouse

START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


def load_and_conform(config: CompanyConfig, day: int = 0) -> dict[str, Audit]:
    """One load at START + day days; returns the new audits by entity."""
    now = START + dt.timedelta(days=day)
    lake = Lake(config.paths.lake)
    with State(config.paths.state) as state:
        recover(config, lake, state, now)
        request = LoadRequest(stamp(now), now, check=lambda *table: check_columns(config, lake, *table))
        load_tables(config, lake, state, table_ids(config), request, lambda *_: None)
    return conform_only(config)


def conform_only(config: CompanyConfig) -> dict[str, Audit]:
    """Conform what is pending; returns the new audits by entity."""
    audits: dict[str, Audit] = {}
    with open_warehouse(config) as con:
        conform(con, config, Lake(config.paths.lake), lambda audit: audits.__setitem__(audit.entity, audit))
        write_load_audit(con, Lake(config.paths.lake))
    return audits


def rows(config: CompanyConfig, sql: str) -> list[tuple[Any, ...]]:
    """Query the warehouse."""
    with open_warehouse(config) as con:
        return con.execute(sql).fetchall()

"""The refresh's two clocks and the company's parameters, as one row that dbt's staging reads."""

from __future__ import annotations

import datetime as dt

import duckdb

from orchestration.clock import naive_utc
from orchestration.company import CompanyConfig


def last_business_day(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> dt.date | None:
    """The latest business date of any fact that drives `as_of`; None where there is none."""
    parts = [
        f"select max({spec.business_date}) as day from input.{entity}"
        for entity, contract in config.contracts.items()
        for spec in contract.columns.values()
        if spec.drives_as_of
    ]
    found = con.execute(f"select max(day) from ({' union all '.join(parts)})").fetchone()
    day: dt.date | None = found[0] if found else None
    return day


def default_as_of(con: duckdb.DuckDBPyConnection, config: CompanyConfig, now: dt.datetime) -> dt.date:
    """The last complete business day in the data: never today, however early rows are dated ahead."""
    ended = config.business_day_before(now)
    last = last_business_day(con, config)
    return min(last, ended) if last else ended


def write_settings(
    con: duckdb.DuckDBPyConnection, config: CompanyConfig, as_of: dt.date, known_at: dt.datetime, version: str
) -> None:
    """Write `audit.refresh_settings`.

    Args:
        con: the warehouse.
        config: the company.
        as_of: last business day that counts.
        known_at: loads up to this time count; also the build's time.
        version: name under which the result will be published.
    """
    company, lifecycle = config.company, config.company.lifecycle
    con.execute(
        """
        create or replace table audit.refresh_settings as select
          $company as company, $title as title, $currency as currency, $timezone as timezone,
          $week_start::integer as week_start_iso, $fiscal::integer as fiscal_year_start_month,
          $new_days::integer as new_days, $at_risk::integer as at_risk_after_days,
          $lost::integer as lost_after_days, $as_of::date as as_of, $known_at::timestamp as known_at,
          $version as version, $known_at::timestamp as built_at
        """,
        {
            "company": company.name,
            "title": company.title,
            "currency": company.currency,
            "timezone": company.timezone,
            "week_start": company.week_start_iso,
            "fiscal": company.fiscal_year_start_month,
            "new_days": lifecycle.new_days,
            "at_risk": lifecycle.at_risk_after_days,
            "lost": lifecycle.lost_after_days,
            "as_of": as_of,
            "known_at": naive_utc(known_at),
            "version": version,
        },
    )

"""The refresh's two clocks and the company's parameters, as one row that dbt's staging reads."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass

import duckdb

from orchestration.config.company import CompanyConfig
from orchestration.config.strategy import write_strategies
from orchestration.conform.mapping import record_key
from orchestration.platform.clock import naive_utc
from orchestration.scoring.registry import scores


@dataclass(frozen=True)
class BusinessDays:
    """Days of the facts that drive `as_of`, before and after the end of a business day.

    Args:
        last: the latest that is not ahead; None where there is none.
        following: the first that is ahead, which a coming refresh will take in; None where there is none.
    """

    last: dt.date | None
    following: dt.date | None


def business_days(con: duckdb.DuckDBPyConnection, config: CompanyConfig, ended: dt.date) -> BusinessDays:
    """The business days of what holds now, around the last one that has ended.

    Rows dated ahead do not count until their day has come: one order of the year 2090 would else make yesterday the
    last day of data that end a year ago, and all their customers lost.
    """
    parts = [
        f"select {spec.business_date} as day from input.{entity} where _superseded_at is null and ({spec.drives_as_of})"
        for entity, contract in config.contracts.items()
        for spec in contract.columns.values()
        if spec.drives_as_of
    ]
    found = con.execute(
        f"select max(day) filter (day <= $ended), min(day) filter (day > $ended) from ({' union all '.join(parts)})",
        {"ended": ended},
    ).fetchone()
    return BusinessDays(*found) if found else BusinessDays(None, None)


def default_as_of(con: duckdb.DuckDBPyConnection, config: CompanyConfig, now: dt.datetime) -> dt.date:
    """The last complete business day in the data: never today, nor a day of which only rows dated ahead speak."""
    ended = config.business_day_before(now)
    return business_days(con, config, ended).last or ended


def end_of(day: dt.date, config: CompanyConfig) -> dt.datetime:
    """The moment (naive UTC) at which a business day ends."""
    zone = zoneinfo.ZoneInfo(config.company.timezone)
    midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time())
    return naive_utc((midnight + dt.timedelta(minutes=config.company.business_day_cut_minutes)).replace(tzinfo=zone))


@dataclass(frozen=True)
class Clocks:
    """What a build is told about time.

    Args:
        as_of: last business day that counts.
        known_at: loads up to this time count.
        version: name under which the result will be published.
        built_known_at: `known_at` of the build that this one continues; None where everything is made anew.
        built_as_of: its `as_of`.
        rebuild: first and last day whose facts are made again all the same.
    """

    as_of: dt.date
    known_at: dt.datetime
    version: str
    built_known_at: dt.datetime | None = None
    built_as_of: dt.date | None = None
    rebuild: tuple[dt.date, dt.date] | None = None


def write_settings(
    con: duckdb.DuckDBPyConnection,
    config: CompanyConfig,
    clocks: Clocks,
    horizon: tuple[int | None, bool] = (None, True),
) -> None:
    """Write `audit.refresh_settings`, the one row that dbt's staging reads.

    Args:
        con: the warehouse.
        config: the company.
        clocks: of the coming build.
        horizon: that of the model in use, and whether another may be tried.
    """
    company, lifecycle = config.company, config.company.lifecycle
    of_scores = {key: value for name in scores() for key, value in company.block(name).sql().items()}
    con.execute(
        f"""
        create or replace table audit.refresh_settings as select
          $company as company, $title as title, $currency as currency, $timezone as timezone,
          $week_start::integer as week_start_iso, $fiscal::integer as fiscal_year_start_month,
          $new_days::integer as new_days, $at_risk::integer as at_risk_after_days,
          $lost::integer as lost_after_days,
          {"".join(f"${key}::{kind} as {key}, " for key, (kind, _) in of_scores.items())}
          $kept_horizon::integer as kept_horizon_days, $horizon_open::boolean as is_horizon_open,
          $channel_min_contacts::integer as channel_min_contacts, $risky_grades as risky_grades,
          $risky_score_below::double as risky_score_below, $risky_score_above::double as risky_score_above,
          $rate_age::integer as exchange_rate_max_age_days, $refund_returns::boolean as refund_by_return,
          $refund_payments::boolean as refund_by_payment,
          $as_of::date as as_of, $as_of_end::timestamp as as_of_end,
          $known_at::timestamp as known_at, $version as version, $known_at::timestamp as built_at,
          $built_known_at::timestamp as built_known_at, $built_as_of::date as built_as_of,
          $rebuild_from::date as rebuild_from, $rebuild_to::date as rebuild_to
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
            **{key: value for key, (_, value) in of_scores.items()},
            "kept_horizon": horizon[0],
            "horizon_open": horizon[1],
            "channel_min_contacts": company.channel.min_contacts,
            "risky_grades": f"|{'|'.join(company.credit.risky_grades)}|",
            "risky_score_below": company.credit.risky_score_below,
            "risky_score_above": company.credit.risky_score_above,
            "rate_age": company.exchange_rate_max_age_days,
            "refund_returns": company.refunds.returns,
            "refund_payments": company.refunds.payments,
            "as_of": clocks.as_of,
            "as_of_end": end_of(clocks.as_of, config),
            "known_at": naive_utc(clocks.known_at),
            "version": clocks.version,
            "built_known_at": clocks.built_known_at,
            "built_as_of": clocks.built_as_of,
            "rebuild_from": clocks.rebuild[0] if clocks.rebuild else None,
            "rebuild_to": clocks.rebuild[1] if clocks.rebuild else None,
        },
    )
    con.execute("create or replace table audit.matrix_class (kind varchar, code varchar, letter varchar)")
    con.executemany("insert into audit.matrix_class values (?, ?, ?)", company.matrix.letters())
    write_survivorship(con, config)
    write_strategies(con, config)
    write_quarantined_orders(con, config, naive_utc(clocks.known_at))
    con.execute("create or replace table audit.rfm_threshold (measure varchar, score integer, bound double)")
    con.executemany("insert into audit.rfm_threshold values (?, ?, ?)", company.rfm.thresholds())


def keep_horizon(con: duckdb.DuckDBPyConnection, days: int) -> None:
    """The next build of the features has this horizon, however far the rhythm has moved."""
    con.execute("update audit.refresh_settings set kept_horizon_days = $days, is_horizon_open = false", {"days": days})


def write_quarantined_orders(con: duckdb.DuckDBPyConnection, config: CompanyConfig, known_at: dt.datetime) -> None:
    """Write audit.quarantined_order: orders with a line in quarantine that never came right, and since when."""
    line = config.contracts["order_line"]
    assert line.parent is not None
    con.execute("create or replace table audit.quarantined_order (order_key bigint, quarantined_at timestamp)")
    names = ", ".join(
        f"json_extract_string(record_key, '$.{name}')::{line.columns[name].sql_type} as {name}" for name in line.key
    )
    for system, source in config.sources.items():
        if "order_line" in source.maps:
            con.execute(
                f"""
                insert into audit.quarantined_order
                select order_key, min(quarantined_at) from (
                  select {record_key(system, line, line.parent.columns)} as order_key,
                    {record_key(system, line, line.key)} as line_key, quarantined_at
                  from (select {names}, quarantined_at from quarantine.order_line where source_system = $system)
                  where {line.parent.columns[0]} is not null
                ) anti join (
                  select _record_key as line_key from input.order_line
                  where source_system = $system and _loaded_at <= $known_at
                ) using (line_key)
                group by 1
                """,
                {"system": system, "known_at": known_at},
            )


def write_survivorship(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> None:
    """Write audit.survivorship_rule (a row per field group) and audit.source_priority (one per source system)."""
    con.execute(
        "create or replace table audit.survivorship_rule (field_group varchar, rule_1 varchar, rule_2 varchar, "
        "rule_3 varchar)"
    )
    rules = [(group, *rules, None, None)[:4] for group, rules in config.company.identity.rules.items()]
    con.executemany("insert into audit.survivorship_rule values (?, ?, ?, ?)", rules)
    con.execute("create or replace table audit.source_priority (source_system varchar, priority integer)")
    named = config.company.identity.source_priority
    places = [(name, named.index(name) if name in named else len(named)) for name in config.sources]
    con.executemany("insert into audit.source_priority values (?, ?)", places)


# The last whole build -------------------------------------------------------------------------------


def built_before(
    con: duckdb.DuckDBPyConnection, fingerprint: str, serving: str | None, as_of: dt.date
) -> tuple[dt.datetime, dt.date] | None:
    """`known_at` and `as_of` of the last whole build, if a build may continue it: facts by changed months.

    Args:
        con: the warehouse.
        fingerprint: of code and configuration; another one means everything anew.
        serving: version that `serve.duckdb` holds.
        as_of: of the coming build; an earlier one than before means everything anew.
    """
    found = con.execute("select version, fingerprint, known_at, as_of from audit.built").fetchone()
    if found is None or found[0] != serving or found[1] != fingerprint or as_of < found[3]:
        return None
    return found[2], found[3]


def note_built(con: duckdb.DuckDBPyConnection, clocks: Clocks, fingerprint: str) -> None:
    """Note a whole build, so that the next one may continue it."""
    con.execute("delete from audit.built")
    con.execute(
        "insert into audit.built values (?, ?, ?, ?)",
        [clocks.version, fingerprint, naive_utc(clocks.known_at), clocks.as_of],
    )


def forget_built(con: duckdb.DuckDBPyConnection) -> None:
    """The next build makes everything anew."""
    con.execute("delete from audit.built")

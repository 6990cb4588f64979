"""Figures of an entity's data quality, in SQL: one row of them per source system and entity."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb

from orchestration.config.contracts import Contract
from orchestration.conform.overlap import FLAG
from orchestration.connectors.rejects import REPEATED_HEADER
from orchestration.platform.literals import quote

ENOUGH = 30  # rows below which a share or a median says little
RECENT_DAYS = 28  # with one load only, its last four weeks are compared with what came before
WEEKS = 8  # a usual week is the median of so many
NUMBERS = ("integer", "number", "money", "quantity")


def fetch_row(con: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """The only row of a query, by column."""
    cursor = con.execute(sql, values or {})
    names = [column[0] for column in cursor.description or []]
    row = cursor.fetchone()
    return dict(zip(names, row, strict=True)) if row else {}


def business_date(contract: Contract) -> str | None:
    """The entity's first business date."""
    return next(iter(contract.business_dates.values()), None)


def current_rows(system: str, entity: str) -> str:
    """SQL of a system's current records of an entity."""
    return f"select * from input.{entity} where source_system = {quote(system)} and _superseded_at is null"


def measure(
    con: duckdb.DuckDBPyConnection,
    system: str,
    contract: Contract,
    contracts: dict[str, Contract],
    tables: set[str],
    as_of: dt.date,
    today: dt.date,
    base: str,
    rate_age: int,
) -> tuple[dict[str, float | None], dict[str, float], float | None] | None:
    """Measures, completeness by column, and the longest usual gap; None where the system gave no rows of the entity.

    Args:
        con: the warehouse.
        system: source system.
        contract: the entity.
        contracts: all of them, for references.
        tables: raw tables that the system's map of the entity reads.
        as_of: last business day of the data.
        today: last business day that has ended.
        base: the company's currency.
        rate_age: days for which an exchange rate holds.

    Measures are named after their rule, with `__column` where there is one; null where there is too little to
    say: fewer than 30 rows, one load without dates, a reference to an entity that nobody fills.
    """
    rows = current_rows(system, contract.entity)
    day = business_date(contract)
    seen = fetch_row(con, f"select count(*) as n, count(distinct _load_id) as loads from ({rows})")
    if not seen["n"]:
        # Nothing was accepted: nothing to measure, unless that is because all of it went to quarantine.
        refused = quarantined_share(con, system, contract.entity, tables)
        return ({"quarantine": refused}, {}, None) if refused else None
    found: dict[str, float | None] = {}
    completeness = compare(con, contract, rows, is_new(rows, day, seen["loads"], today), found)
    unknown_references(con, contract, contracts, rows, found)
    found["quarantine"] = quarantined_share(con, system, contract.entity, tables)
    gap = None
    if day:
        gap = rhythm(con, rows, day, as_of, found)
        if (idle := found.pop("last_seen", None)) is not None:
            found["age"] = idle + (today - as_of).days
    if contract.entity == "sales_order":
        found |= order_amounts(con, system) | {"currency": without_rate(con, system, base, rate_age)}
    found |= counts(con, contract, rows, today)
    return found, completeness, gap


def counts(con: duckdb.DuckDBPyConnection, contract: Contract, rows: str, today: dt.date) -> dict[str, float | None]:
    """Rows dated after the day that follows `today`, the last one that has ended; rows of exports that overlap."""
    days = {name: contract.business_dates.get(name, f"{name}::date") for name in contract.columns}
    ahead = [days[name] for name, spec in contract.columns.items() if spec.ahead == "flag"]
    parts = {}
    if ahead:
        parts["ahead"] = " or ".join(f"{day} > $today::date + 1" for day in ahead)
    if contract.entity in ("sales_order", "order_line"):
        parts["overlap"] = f"contains(_flags, '{FLAG}')"
    if not parts:
        return {}
    columns = ", ".join(f"count(*) filter ({condition}) as {name}" for name, condition in parts.items())
    return fetch_row(con, f"select {columns} from ({rows})", {"today": today} if ahead else {})


def is_new(rows: str, day: str | None, loads: int, today: dt.date) -> str | None:
    """SQL that tells the rows that are judged from those that they are compared with; rows dated ahead set no day."""
    if loads > 1:
        return f"_load_id = (select max(_load_id) from ({rows}))"
    known = f"select max({day}) - {RECENT_DAYS} from ({rows}) where {day} <= date '{today}' + 1"
    return f"{day} > ({known})" if day else None


def compare(
    con: duckdb.DuckDBPyConnection, contract: Contract, rows: str, new: str | None, found: dict[str, float | None]
) -> dict[str, float]:
    """Completeness of each column, and new rows against those before: completeness and medians."""
    parts = ["count(*) as n", f"count(*) filter ({new or 'false'}) as n_new"]
    numbers = [n for n, spec in contract.columns.items() if spec.type in NUMBERS and n not in contract.key]
    for name in contract.columns:
        parts += [f"count({name}) as all__{name}", f"count({name}) filter ({new or 'false'}) as new__{name}"]
    if new:
        for name in numbers:
            parts.append(f"median({name}) filter ({new}) as mid_new__{name}")
            parts.append(f"median({name}) filter (not {new}) as mid__{name}")
    row = fetch_row(con, f"select {', '.join(parts)} from ({rows})")
    before = row["n"] - row["n_new"]
    enough = min(before, row["n_new"]) >= ENOUGH
    for name, spec in contract.columns.items():
        # A required column is never without a value: conform has seen to that, and the check could not fail.
        if enough and not spec.required and (share := (row[f"all__{name}"] - row[f"new__{name}"]) / before) >= 0.05:
            found[f"drop__{name}"] = row[f"new__{name}"] / row["n_new"] / share
        if enough and name in numbers and (row[f"mid__{name}"] or 0) > 0 and row[f"mid_new__{name}"] is not None:
            found[f"shift__{name}"] = float(row[f"mid_new__{name}"]) / float(row[f"mid__{name}"])
    return {name: row[f"all__{name}"] / row["n"] for name in contract.columns if row[f"all__{name}"]}


def unknown_references(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    contracts: dict[str, Contract],
    rows: str,
    found: dict[str, float | None],
) -> None:
    """Share of each reference's values that name no record of an entity which somebody fills."""
    references = {n: spec.references for n, spec in contract.columns.items() if spec.references}
    if contract.parent:
        references[contract.parent.columns[0]] = contract.parent.entity
    for name, entity in references.items():
        key = contracts[entity].key[0]
        row = fetch_row(
            con,
            f"""
            with used as (select {name} as value, count(*) as n from ({rows}) where {name} is not null group by 1)
            select (select count(*) from input.{entity}) as offered, sum(n) as n,
              sum(n) filter (value not in (select {key} from input.{entity})) as unknown
            from used
            """,
        )
        if row["offered"] and row["n"]:
            found[f"unknown__{name}"] = float(row["unknown"] or 0) / float(row["n"])


def quarantined_share(con: duckdb.DuckDBPyConnection, system: str, entity: str, tables: set[str]) -> float | None:
    """Share of the newest load's candidates that went to quarantine, with the lines that its reader rejected.

    A header that is repeated within a file is no row, so it counts for nothing.

    Args:
        con: the warehouse, with the books of the lake.
        system: source system.
        entity: input entity.
        tables: raw tables that its map reads.
    """
    row = fetch_row(
        con,
        """
        with loads as (
          select load_id from audit.load_audit where source_system = $system and list_contains($tables, table_name)
          union
          select load_id from audit.conform_audit where source_system = $system and entity = $entity
        ),
        newest as (select max(load_id) as load_id from loads),
        conformed as (
          select sum(quarantined) as refused, sum(candidates - filtered) as n
          from audit.conform_audit semi join newest using (load_id)
          where source_system = $system and entity = $entity
        ),
        rejected as (
          select count(*) as n from quarantine._rejected_row semi join newest using (load_id)
          where source_system = $system and list_contains($tables, table_name) and reason_code <> $repeated
        )
        select coalesce(c.refused, 0) + r.n as refused, coalesce(c.n, 0) + r.n as n from conformed c, rejected r
        """,
        {"system": system, "entity": entity, "tables": sorted(tables), "repeated": REPEATED_HEADER},
    )
    is_telling = row["n"] >= ENOUGH or (row["n"] and row["refused"] == row["n"])
    return float(row["refused"]) / float(row["n"]) if is_telling else None


def rhythm(
    con: duckdb.DuckDBPyConnection, rows: str, day: str, as_of: dt.date, found: dict[str, float | None]
) -> float | None:
    """Days since the last business day, and the last week's rows against usual ones; returns the longest gap."""
    row = fetch_row(
        con,
        f"""
        with days as (select {day} as day, count(*) as n from ({rows}) where {day} <= $as_of group by 1),
        gaps as (select day - lag(day) over (order by day) as gap from days),
        weeks as (
          select ($as_of - day) // 7 as weeks_ago, sum(n) as n from days
          where day > $as_of - {7 * (WEEKS + 1)} group by 1
        )
        select $as_of - (select max(day) from days) as idle, (select count(*) from days) as days,
          (select max(gap) from gaps) as gap,
          (select n from weeks where weeks_ago = 0) as last_week,
          (select median(n) from weeks where weeks_ago > 0) as usual,
          (select count(*) from weeks where weeks_ago > 0) as weeks
        """,
        {"as_of": as_of},
    )
    if row["idle"] is not None:
        found["last_seen"] = float(row["idle"])
        if row["days"] >= ENOUGH:
            found["freshness"] = found["last_seen"]
    if row["weeks"] == WEEKS and row["usual"] >= ENOUGH:
        found["volume"] = float(row["last_week"] or 0) / float(row["usual"])
    return float(row["gap"]) if row["gap"] is not None else None


def order_amounts(con: duckdb.DuckDBPyConnection, system: str) -> dict[str, float | None]:
    """What headers differ from their lines, as a share of the orders' amounts; and the share of orders without one.

    An order without an accepted line is worth its header's amount, which then differs from nothing.
    """
    row = fetch_row(
        con,
        f"""
        with lines as (
          select _parent_key as order_key, sum(net_amount) as net_amount
          from ({current_rows(system, "order_line")}) group by 1
        ),
        orders as (
          select o.net_amount as header, l.net_amount as lines,
            coalesce(l.net_amount, o.net_amount, o.gross_amount - coalesce(o.discount_amount, 0)) as amount
          from ({current_rows(system, "sales_order")}) o
          left join lines l on l.order_key = o._record_key
        )
        select count(*) as n, count(*) filter (amount is null) as unvalued, count(header) as headers,
          sum(abs(header - lines)) as off, sum(abs(amount)) as total
        from orders
        """,
    )
    has_headers = row["headers"] and row["total"]
    return {
        "reconcile": float(row["off"] or 0) / float(row["total"]) if has_headers else None,
        "unvalued": row["unvalued"] / row["n"] if row["n"] else None,
    }


def without_rate(con: duckdb.DuckDBPyConnection, system: str, base: str, rate_age: int) -> float | None:
    """Share of a system's orders for which no exchange rate is known; None where all are in the company's currency."""
    row = fetch_row(
        con,
        f"""
        with orders as (
          select currency, ordered_on, count(*) as n from ({current_rows(system, "sales_order")}) group by all
        ),
        rated as (
          select o.n, o.currency is not null and o.currency <> $base as is_foreign, exists (
              select 1 from input.exchange_rate r
              where r._superseded_at is null and r.currency = o.currency and r.rate_to_base > 0
                and r.rate_to_base <= 1000000
                and r.day between o.ordered_on - $age::integer and o.ordered_on
            ) as has_rate
          from orders o
        )
        select sum(n) as n, sum(n) filter (is_foreign) as foreign_orders,
          sum(n) filter (is_foreign and not has_rate) as off
        from rated
        """,
        {"base": base, "age": rate_age},
    )
    return float(row["off"] or 0) / float(row["n"]) if row["foreign_orders"] else None

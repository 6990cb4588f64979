"""Features of a cut-off know nothing after it: the same with and without the future. A planted leak is caught."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest

from tests.support.compiled import compiled, warehouse

AS_OF, HORIZON = dt.date(2024, 12, 31), 30
PURCHASE = "warehouse.intermediate.int_customer_purchase_day"
SIGNAL = "warehouse.intermediate.int_customer_signal"


def history() -> duckdb.DuckDBPyConnection:
    """Purchase days and signals of thirty customers over a year, at a rhythm of their own."""
    con = warehouse()
    con.execute(
        f"""
        create table {PURCHASE} as
        with days as (
          select c as customer_key, n + 1 as no,
            date '2024-01-01' + (c % 7 + n * (3 + c % 17))::integer as purchased_on,
            case when n > 0 then 3 + c % 17 end as gap_days, 10.0 + (c * n) % 9 as net_amount
          from range(30) t(c), range(120) u(n)
        )
        select customer_key::bigint as customer_key, purchased_on, 1 as orders, 1 as valued_orders,
          net_amount::decimal(18, 4) as net_amount,
          (net_amount + 1)::decimal(18, 4) as gross_amount, 1::decimal(18, 4) as discount_amount,
          2::decimal(18, 4) as units, 1 as line_count, 1 as categories, no::integer as purchase_day_no,
          lag(purchased_on) over who as previous_on, lead(purchased_on) over who as next_on,
          min(purchased_on) over (partition by customer_key) as first_on, gap_days::integer as gap_days,
          net_amount::decimal(18, 4) as spend_year
        from days where purchased_on <= date '{AS_OF}'
        window who as (partition by customer_key order by purchased_on)
        """
    )
    con.execute(
        f"create table {SIGNAL} as select customer_key, purchased_on + 1 as signal_on, 'response' as signal, "
        f"1 as signals from {PURCHASE} where purchase_day_no % 4 = 0"
    )
    con.execute(
        "create table warehouse.features.feat_rhythm as select 1000 as sample_per_mille, date '2024-01-01' as first_day"
    )
    cutoffs = ", ".join(f"({n}, date '{AS_OF - dt.timedelta(days=n * HORIZON // 2)}')" for n in (0, 2, 4, 6))
    con.execute(
        f"create table warehouse.features.feat_cutoff as select no as cutoff_no, day as cut_off, {HORIZON} as "
        f"horizon_days, day + {HORIZON} as label_until, no > 0 as is_labelled from (values {cutoffs}) t(no, day)"
    )
    return con


def differing(sql: str) -> set[int]:
    """Cut-offs at which some feature is another one once everything after the cut-off is gone."""
    con = history()
    con.execute(f"create temp table whole as {sql}")
    found = set()
    for number, day in con.execute("select cutoff_no, cut_off from warehouse.features.feat_cutoff").fetchall():
        then = history()
        then.execute(f"delete from {PURCHASE} where purchased_on > ?", [day])
        then.execute(f"delete from {SIGNAL} where signal_on > ?", [day])
        rows = then.execute(f"select * from ({sql}) where cutoff_no = {number} order by all").fetchall()
        assert rows
        if rows != con.execute(f"select * from whole where cutoff_no = {number} order by all").fetchall():
            found.add(number)
    return found


@pytest.fixture(scope="module")
def sql() -> str:
    return compiled("feat_customer_cutoff")["feat_customer_cutoff"]


def test_features_are_the_same_without_the_future(sql: str) -> None:
    assert differing(sql) == set()


@pytest.mark.parametrize(
    ("honest", "leaking"),
    [
        ("days.purchased_on <= cut.cut_off", "days.purchased_on <= cut.cut_off + 20"),
        ("signals.signal_on <= cut.cut_off", "signals.signal_on <= cut.cut_off + 20"),
        ("cutoffs.cut_off >= days.purchased_on", "cutoffs.cut_off + 200 >= days.purchased_on"),
    ],
    ids=["purchases", "signals", "rhythm"],
)
def test_a_planted_leak_is_caught(sql: str, honest: str, leaking: str) -> None:
    assert honest in sql
    assert differing(sql.replace(honest, leaking)) >= {2, 4, 6}

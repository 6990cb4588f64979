"""The default as_of is the last complete business day in the data; rows dated ahead move nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import duckdb
import pytest

from orchestration.config.company import load_company
from orchestration.conform.tables import prepare
from orchestration.quality.run import measure_all
from orchestration.run.clocks import BusinessDays, business_days, default_as_of
from orchestration.warehouse.connections import open_warehouse
from tests.support.conforming import START, load_and_conform, rows
from tests.support.shop import Shop

Row = tuple[str, str, bool]  # business day, status, whether a later version took its place


def put(con: duckdb.DuckDBPyConnection, orders: Sequence[Row]) -> None:
    """Orders as conform leaves them."""
    for number, (day, status, superseded) in enumerate(orders):
        con.execute(
            "insert into input.sales_order by name select 'till' as source_system, 'O' || $1 as order_id, "
            "timestamp '2024-01-01' as ordered_at, $2::date as ordered_on, $3 as status, $1 as _record_key, "
            "1 as _record_hash, 'L' as _load_id, timestamp '2024-01-01' as _loaded_at, "
            "timestamp '2024-01-01' as _version_at, case when $4 then timestamp '2024-02-01' end as _superseded_at",
            [number, day, status, superseded],
        )


def sale(day: str) -> Row:
    return day, "completed", False


@pytest.mark.parametrize(
    ("orders", "now", "expected"),
    [
        ([sale("2024-05-10")], "2024-06-01", "2024-05-10"),  # the data end before yesterday
        ([sale("2024-05-31")], "2024-06-01", "2024-05-31"),  # they end yesterday
        ([sale("2024-05-10"), sale("2024-06-01")], "2024-06-01", "2024-05-10"),  # today is still open
        ([sale("2024-05-10"), sale("2024-06-02")], "2024-06-01", "2024-05-10"),  # a clock that is hours fast
        ([sale("2024-05-10"), sale("2089-01-01")], "2024-06-01", "2024-05-10"),  # a typing error
        ([sale("2099-01-01")], "2024-06-01", "2024-05-31"),  # nothing but rows dated ahead
        ([sale("2024-05-10"), ("2024-05-20", "cancelled", False)], "2024-06-01", "2024-05-10"),
        ([sale("2024-05-10"), ("2024-05-20", "completed", True)], "2024-06-01", "2024-05-10"),  # its date was corrected
        ([sale("2024-05-10"), sale("2024-06-02")], "2024-06-03", "2024-06-02"),  # its day has come
        ([], "2024-06-01", "2024-05-31"),  # no orders at all
    ],
)
def test_default_as_of(shop: Shop, orders: list[Row], now: str, expected: str) -> None:
    config = load_company("shop")
    with open_warehouse(config) as con:
        prepare(con, config.contracts)
        put(con, orders)
        noon = dt.datetime.fromisoformat(now).replace(hour=12, tzinfo=dt.UTC)
        assert str(default_as_of(con, config, noon)) == expected


def test_the_next_day_that_moves_as_of_is_known(shop: Shop) -> None:
    """`nothing_new` waits for it, and for nothing where no row is ahead."""
    config = load_company("shop")
    with open_warehouse(config) as con:
        prepare(con, config.contracts)
        put(con, [sale("2024-05-10"), sale("2031-03-03"), sale("2030-02-02"), ("2025-01-01", "cancelled", False)])
        days = business_days(con, config, dt.date(2024, 5, 31))
        assert days == BusinessDays(dt.date(2024, 5, 10), dt.date(2030, 2, 2))
        assert business_days(con, config, dt.date(2031, 3, 3)) == BusinessDays(dt.date(2031, 3, 3), None)


def test_orders_dated_ahead_are_flagged_and_kept(shop: Shop) -> None:
    """Loaded on 1 January 2025: what is more than a day ahead of that can be no clock's fault."""
    times = {"A": "2024-12-31 10:00", "B": "2025-01-01 20:00", "C": "2025-01-04 10:00", "D": "2090-01-01 10:00"}
    values = ", ".join(f"('{no}', timestamp '{at}')" for no, at in times.items())
    shop.put(
        "orders",
        f"select *, 'C1' as customer, 'completed' as state, 1 as total from (values {values}) t(order_no, placed_at)",
    )
    config = load_company("shop")
    audit = load_and_conform(config)["sales_order"]
    assert (audit.accepted, audit.flagged) == (4, 2)
    flags = rows(config, "select order_id, _flags from input.sales_order where _flags is not null order by 1")
    assert flags == [("C", "dated_ahead:ordered_at"), ("D", "dated_ahead:ordered_at")]
    with open_warehouse(config) as con:
        assert default_as_of(con, config, START) == dt.date(2024, 12, 31)
        measured = measure_all(con, config, dt.date(2024, 12, 31), START)
    [ahead] = [
        check for part in measured for check in part.checks if check.rule == "ahead" and check.entity == "sales_order"
    ]
    figures = {part.entity: part.measures for part in measured}
    assert (figures["sales_order"]["ahead"], ahead.high, ahead.stops) == (2.0, 0, False)

"""A refresh with a row of the year 3 and one of the year 2090: neither moves what the others say."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb

from orchestration.serving.publish import build_info
from tests.support.shop import ORDERS, Shop


def test_bad_and_future_dates_neither_stretch_the_calendar_nor_move_the_last_day(tmp_path: Path) -> None:
    """The shop's last order is of 12 October 2024 (400 x 17 hours after 3 January, 10:00)."""
    shop = Shop(tmp_path)
    shop.write()
    shop.put(
        "orders",
        "select * from {table} union all select 'AHEAD', 'C1', timestamp '2090-01-01 10:00', 'completed', 10 "
        "union all select 'OLD', 'C2', timestamp '0003-04-21 10:00', 'completed', 10",
    )
    done = shop.regulars("refresh", timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert build_info(shop.published)[2] == "2024-10-12"
    with duckdb.connect(str(shop.published), read_only=True) as con:
        days = con.execute("select min(date_day), max(date_day) from core.dim_date").fetchone()
        states = dict(con.execute("select state_basic, count(*) from marts.customer_360 group by 1").fetchall())
        orders = con.execute("select count(*) from core.fct_order").fetchone()
    assert days == (dt.date(2024, 1, 1), dt.date(2024, 12, 31))
    assert states["active"] > 0
    assert "lost" not in states  # each buyer comes at least once in forty orders, which take 28 days
    assert orders == (ORDERS,)
    with duckdb.connect(str(shop.state / "warehouse.duckdb"), read_only=True) as con:
        ahead = con.execute("select order_id, _flags from input.sales_order where _flags is not null").fetchall()
        refused = con.execute("select reason_code, value from quarantine.sales_order").fetchall()
    assert ahead == [("AHEAD", "dated_ahead:ordered_at")]
    assert refused == [("implausible_year", "0003-04-21 10:00:00")]
    again = shop.regulars("refresh")
    assert "Nothing new" in again.stdout
    checks = shop.regulars("check")
    assert "rows dated after today" in checks.stdout

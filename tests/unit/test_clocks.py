"""The default as_of is the last complete business day in the data."""

from __future__ import annotations

import datetime as dt

import pytest

from orchestration.clocks import default_as_of
from orchestration.company import load_company
from orchestration.conform.tables import prepare
from orchestration.warehouse import open_warehouse
from tests.support.shop import Shop


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        ("2024-05-10", "2024-06-01", "2024-05-10"),  # the data end before yesterday
        ("2024-05-31", "2024-06-01", "2024-05-31"),  # they end yesterday
        ("2024-06-01", "2024-06-01", "2024-05-31"),  # today is still open
        ("2099-01-01", "2024-06-01", "2024-05-31"),  # a row dated ahead moves nothing
        (None, "2024-06-01", "2024-05-31"),  # no orders at all
    ],
)
def test_default_as_of(shop: Shop, last: str | None, now: str, expected: str) -> None:
    config = load_company("shop")
    with open_warehouse(config) as con:
        prepare(con, config.contracts)
        if last:
            con.execute(
                "insert into input.sales_order by name select 'till' as source_system, 'O1' as order_id, "
                "timestamp '2024-01-01' as ordered_at, ?::date as ordered_on, 1 as _record_key, 1 as _record_hash, "
                "'L' as _load_id, timestamp '2024-01-01' as _loaded_at, timestamp '2024-01-01' as _version_at",
                [last],
            )
        noon = dt.datetime.fromisoformat(now).replace(hour=12, tzinfo=dt.UTC)
        assert str(default_as_of(con, config, noon)) == expected

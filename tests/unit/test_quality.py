"""A planted fault of each dimension of data quality is caught by a check; a clean load is caught by none."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from orchestration.config.company import CompanyConfig, load_company
from orchestration.platform.errors import ConfigError
from orchestration.quality import expectations
from orchestration.quality.run import Result, measure_all, order_of, results_of, scores
from orchestration.run.clocks import default_as_of
from orchestration.warehouse.connections import open_warehouse
from tests.support.conforming import START, load_and_conform
from tests.support.shop import SOURCE, Shop

DAYS, PER_DAY = 120, 10
FIRST = "timestamp '2024-01-01 10:00'"


def orders(first_day: int, days: int, **changes: str) -> str:
    """Ten orders a day from 2024-01-01 on, by customers 1 to 40 in turn; columns may be changed by SQL over `i`."""
    columns = {
        "customer": "'C' || (1 + i % 40)", "placed_at": f"{FIRST} + to_days((i // {PER_DAY})::integer)",
        "state": "'completed'", "total": "10.0 + i % 7",
    } | changes  # fmt: skip
    chosen = ", ".join(f"{sql} as {name}" for name, sql in columns.items())
    start, end = first_day * PER_DAY, (first_day + days) * PER_DAY
    return f"select 'O' || i as order_no, {chosen} from range({start}, {end}) t(i)"


def lines(first_day: int, days: int, **changes: str) -> str:
    """One line per order, of products 1 to 12 in turn."""
    columns = {
        "sku": "'P' || (1 + i % 12)",
        "pieces": "1 + i % 3",
        "gross": "10.0 + i % 7",
        "net": "10.0 + i % 7",
    } | changes
    chosen = ", ".join(f"{sql} as {name}" for name, sql in columns.items())
    start, end = first_day * PER_DAY, (first_day + days) * PER_DAY
    return f"select 'O' || i as order_no, 1 as line_no, {chosen} from range({start}, {end}) t(i)"


@pytest.fixture(scope="module", autouse=True)
def buffered() -> Callable[..., None]:
    """The work-around, as the judge's process switches it on; the listener."""
    return expectations.buffer_results()


@pytest.fixture
def steady(shop: Shop) -> Shop:
    """A shop with 120 steady days, loaded; tests add a file of seven more days."""
    tables = {
        name: {"path": f"{name}*.parquet", "load": {"mode": "files"}}
        for name in ("customers", "products", "orders", "lines")
    }
    shop.configure(source={"tables": tables, "quality": {"customer": {"distinct": {"full_name": 0.9}}}})
    shop.put("orders", orders(0, DAYS))
    shop.put("lines", lines(0, DAYS))
    load_and_conform(load_company("shop"))
    return shop


def check(config: CompanyConfig, now: dt.datetime = START + dt.timedelta(days=3)) -> list[Result]:
    """Measure and judge, in this process."""
    with open_warehouse(config) as con:
        as_of = default_as_of(con, config, now)
        measured = measure_all(con, config, as_of, now)
        con.execute("checkpoint")
    order, checks = order_of(config, measured)
    return results_of(checks, judge(order), measured, as_of)


def judge(order: dict[str, Any]) -> list[dict[str, Any]]:
    """Judge a copy of the database: GX keeps its file open until its process ends."""
    original = Path(order["database"])
    seen = Path(shutil.copyfile(original, original.with_name(f"judged-{time.monotonic_ns()}.duckdb")))
    results, document = expectations.validate(order | {"database": str(seen)})
    document()
    assert (Path(order["docs"]) / "index.html").exists()
    return results


def failures(config: CompanyConfig) -> set[tuple[str, str, str | None]]:
    return {(r.check.rule, r.check.entity, r.check.column) for r in check(config) if not r.passed}


def add(
    shop: Shop, order_changes: dict[str, str] | None = None, line_changes: dict[str, str] | None = None
) -> CompanyConfig:
    """Load seven more days, with changes."""
    shop.put("orders_2", orders(DAYS, 7, **(order_changes or {})))
    shop.put("lines_2", lines(DAYS, 7, **(line_changes or {})))
    config = load_company("shop")
    load_and_conform(config, day=1)
    return config


def test_an_entity_of_which_nothing_was_accepted_stops_the_refresh(shop: Shop) -> None:
    """No order has a readable time: there is no row to look at, and that is the finding."""
    shop.put("orders", orders(0, DAYS, placed_at="'soon'"))
    shop.put("lines", lines(0, DAYS))
    config = load_company("shop")
    load_and_conform(config)
    found = {(r.check.rule, r.check.stops, r.observed) for r in check(config) if r.check.entity == "sales_order"}
    assert found == {("quarantine", False, 1.0), ("quarantine", True, 1.0)}
    assert ("quarantine", "sales_order", None) in failures(config)


def test_orders_of_no_known_amount_are_counted_and_may_stop_a_refresh(shop: Shop) -> None:
    """Of 100 orders 20 are in francs, 10 of them before any rate; 5 more have neither an amount nor a line."""
    columns = SOURCE["maps"]["sales_order"]["columns"] | {"currency": "currency"}  # type: ignore[index]
    rates = {"from": "rates", "columns": {"currency": "currency", "day": "day", "rate_to_base": "rate"}}
    maps = {"sales_order": {"from": "orders", "columns": columns}, "exchange_rate": rates}
    stop = {"stop": {"currency": 0.05}}
    shop.configure(source={"tables": {"orders": None, "rates": None}, "maps": maps, "quality": {"sales_order": stop}})
    currency = "case when i < 20 then ' chf' when i < 50 then 'EUR' end"
    shop.put("orders", orders(0, 10, currency=currency, total="case when i < 95 then 10.0 end"))
    shop.put("rates", "select 'Chf' as currency, '2024-01-02' as day, 1.05 as rate")
    config = load_company("shop")
    load_and_conform(config)
    found = {(r.check.rule, r.check.stops): (r.observed, r.passed) for r in check(config)}
    assert found["currency", False] == found["currency", True] == (0.1, False)
    assert found["unvalued", False] == (0.05, False)
    assert found["unvalued", True] == (0.05, True)
    assert found["reconcile", False] == (0.0, True)  # headers are all there is, and it is looked at
    assert config.quality_of("till", "sales_order").stop["quarantine"] == 0.5  # a bound of its own leaves the others


def test_a_clean_first_load_and_a_clean_increment_raise_nothing(steady: Shop) -> None:
    first = check(load_company("shop"))
    assert {r.check.dimension for r in first} == {
        "completeness", "validity", "uniqueness", "consistency", "timeliness", "accuracy",
    }  # fmt: skip
    assert [str(r) for r in first if not r.passed] == []
    assert failures(add(steady)) == set()


def same_name(shop: Shop) -> CompanyConfig:
    shop.put(
        "customers_2",
        "select 'D' || i as id, 'Test Test' as name, 'female' as gender, timestamp '2024-05-01' as changed_at "
        "from range(60) t(i)",
    )
    return add(shop)


def one_week_short(shop: Shop) -> CompanyConfig:
    """Seven days of which all but a tenth of the orders are missing."""
    shop.put("orders_2", orders(DAYS, 7) + " where i % 10 = 0")
    shop.put("lines_2", lines(DAYS, 7) + " where i % 10 = 0")
    config = load_company("shop")
    load_and_conform(config, day=1)
    return config


FAULTS: dict[str, tuple[Callable[[Shop], CompanyConfig], tuple[str, str, str | None]]] = {
    "completeness": (
        lambda shop: add(shop, {"customer": "case when i % 5 = 0 then 'C1' end"}),
        ("drop", "sales_order", "customer_id"),
    ),
    "validity": (
        lambda shop: add(shop, {"state": "case when i % 4 = 0 then 'beamed' else 'completed' end"}),
        ("quarantine", "sales_order", None),
    ),
    "uniqueness": (same_name, ("distinct", "customer", "full_name")),
    "consistency: reference": (
        lambda shop: add(shop, None, {"sku": "'X' || i"}), ("unknown", "order_line", "product_id"),
    ),
    "consistency: two tables": (
        lambda shop: add(shop, {"total": "30.0 + i % 7"}), ("reconcile", "sales_order", None),
    ),
    "timeliness": (one_week_short, ("volume", "sales_order", None)),
    "accuracy": (
        lambda shop: add(shop, {"total": "100 * (10.0 + i % 7)"}, {"net": "100 * (10.0 + i % 7)"}),
        ("shift", "order_line", "net_amount"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("dimension", FAULTS)
def test_a_planted_fault_is_caught(steady: Shop, dimension: str) -> None:
    plant, expected = FAULTS[dimension]
    assert expected in failures(plant(steady))


def test_freshness_is_held_against_the_other_data_or_against_a_promise(steady: Shop) -> None:
    source = {"tables": {name: {"path": f"{name}*.parquet", "load": {"mode": "files"}} for name in SOURCE["tables"]}}  # type: ignore[attr-defined]
    assert failures(load_company("shop")) == set()
    steady.configure(source=source | {"quality": {"sales_order": {"freshness_days": 2}}})
    assert failures(load_company("shop")) == {("freshness", "sales_order", None)}


def test_a_bound_that_stops_is_a_second_stricter_check(steady: Shop) -> None:
    config = add(steady, {"state": "'beamed'"})
    found = {(r.check.rule, r.check.stops, r.passed) for r in check(config) if r.check.entity == "sales_order"}
    assert {("quarantine", False, False), ("quarantine", True, False)} <= found
    message = next(str(r) for r in check(config) if r.check.stops and not r.passed)
    assert message == (
        "till.sales_order: share of the newest load's rows in quarantine or rejected is 1, expected at most 0.5"
    )


def test_scores_are_shares_by_column(steady: Shop) -> None:
    config = add(steady, {"state": "case when i % 2 = 0 then 'beamed' else 'completed' end"}, {"sku": "'X' || i"})
    with open_warehouse(config) as con:
        as_of = default_as_of(con, config, START)
        measured = measure_all(con, config, as_of, START)
        con.execute("checkpoint")
        order, checks = order_of(config, measured)
    results = results_of(checks, judge(order), measured, as_of)
    with open_warehouse(config) as con:
        rows = {(r["entity"], r["column_name"]): r for r in scores(con, measured, results, as_of)}
    total = (DAYS + 7) * PER_DAY
    assert rows["sales_order", "status"]["validity"] == pytest.approx(1 - 35 / total, abs=1e-6)
    assert rows["order_line", "product_id"]["consistency"] == pytest.approx(1 - 70 / total, abs=1e-6)
    assert rows["sales_order", "order_id"]["completeness"] == 1


def test_wrong_bounds_are_said_with_their_place(shop: Shop) -> None:
    for wrong in ({"nothing": {}}, {"customer": {"distinct": {"nickname": 0.5}}}, {"customer": {"unknown": 5}}):
        shop.configure(source={"quality": wrong})
        with pytest.raises(ConfigError, match=r"till\.yml: key 'quality\."):
            load_company("shop")


def test_the_work_around_is_needed_and_works(steady: Shop, buffered: Callable[..., None]) -> None:
    """A result is lost with its connection, as GX closes it; when it no longer is, the work-around can go."""
    warehouse = load_company("shop").paths.warehouse
    copy = shutil.copyfile(warehouse, warehouse.with_name("seen.duckdb"))

    def fetched_late() -> int:
        engine = sa.create_engine(f"duckdb:///{copy}?access_mode=read_only", poolclass=sa.NullPool)
        with engine.connect() as con:
            result = con.execute(sa.text("select count(*) from input.sales_order"))
        try:
            return len(result.fetchall())
        except Exception:  # noqa: BLE001 - whatever the driver raises, the rows are lost
            return -1

    assert fetched_late() == 1
    event.remove(Engine, "after_cursor_execute", buffered)
    try:
        assert fetched_late() != 1
    finally:
        event.listen(Engine, "after_cursor_execute", buffered)


def till_of_text(shop: Shop, lines: list[str], **settings_: Any) -> CompanyConfig:
    """The orders as a CSV file of these lines, loaded; the other tables as they are."""
    (shop.data / "orders.csv").write_text("\n".join(["order_no,customer,placed_at,state,total", *lines]) + "\n")
    shop.configure(
        source={
            "connector": {"kind": "csv", "path": str(shop.data)},
            "tables": {"orders": settings_ or None},
            "maps": {"sales_order": SOURCE["maps"]["sales_order"]},  # type: ignore[index]
        }
    )
    config = load_company("shop")
    load_and_conform(config)
    return config


def quarantine_of(config: CompanyConfig) -> set[tuple[bool, bool, float | None]]:
    """Whether it stops, whether it passed, and the share, of the orders' quarantine checks."""
    return {(r.check.stops, r.passed, r.observed) for r in check(config) if r.check.rule == "quarantine"}


GOOD, RAGGED = "O{0},C1,2024-01-03 10:00:00,completed,10.5", "O{0},C1,2024-01-03 10:00:00,completed, or so,10.5"


def test_lines_that_the_reader_rejects_count_and_stop(shop: Shop) -> None:
    """60 of 100 lines have a comma too many; 0.6 is over both bounds."""
    lines = [(RAGGED if i < 60 else GOOD).format(i) for i in range(100)]
    assert quarantine_of(till_of_text(shop, lines)) == {(False, False, 0.6), (True, False, 0.6)}


def test_rejected_and_quarantined_lines_add_up(shop: Shop) -> None:
    """Of 50 lines 5 have a comma too many and 10 a state that there is not: 15 of 50."""
    lines = [(RAGGED if i < 5 else GOOD).format(i) for i in range(50)]
    lines[20:30] = [line.replace("completed", "beamed") for line in lines[20:30]]
    assert {share for _, _, share in quarantine_of(till_of_text(shop, lines))} == {0.3}


def test_a_file_of_which_no_line_can_be_read_stops_however_short(shop: Shop) -> None:
    lines = [RAGGED.format(i) for i in range(4)]
    assert quarantine_of(till_of_text(shop, lines)) == {(False, False, 1.0), (True, False, 1.0)}


def test_a_header_that_is_repeated_in_a_file_counts_for_nothing(shop: Shop) -> None:
    lines = [GOOD.format(i) for i in range(40)]
    lines[10:10] = ["order_no,customer,placed_at,state,total"] * 20
    assert {share for _, _, share in quarantine_of(till_of_text(shop, lines))} == {0.0}


def test_only_the_newest_load_is_judged(shop: Shop) -> None:
    config = till_of_text(shop, [RAGGED.format(i) for i in range(100)])
    (shop.data / "orders.csv").write_text(
        "\n".join(["order_no,customer,placed_at,state,total", *(GOOD.format(i) for i in range(100))])
    )
    load_and_conform(config, day=1)
    assert {share for _, _, share in quarantine_of(config)} == {0.0}

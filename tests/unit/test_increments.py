"""Loads by cursor and by file, drift, and increments that end equal to one full load."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.config.company import load_company
from orchestration.conform.run import check_columns
from orchestration.connectors.base import Unreachable
from orchestration.connectors.parquet import ParquetConnector
from orchestration.landing.drift import compare
from orchestration.landing.lake import Lake, Manifest
from orchestration.landing.load import LoadRequest, load_tables, wanted_tables
from orchestration.landing.lost import recover
from orchestration.platform.clock import stamp
from orchestration.platform.errors import ConfigError, RegularsError
from orchestration.platform.state import State
from tests.support.conforming import START, conform_only, load_and_conform, rows
from tests.support.shop import Shop

ORDERS = "select * from (values {}) t(order_no, customer, placed_at, state, total)"


def put_orders(shop: Shop, *orders: tuple[str, str], folder_table: str = "orders") -> None:
    """Write the orders file: (number, local time stamp)."""
    values = ", ".join(f"('{no}', 'C1', timestamp '{at}', 'completed', 10.0)" for no, at in orders)
    shop.put(folder_table, ORDERS.format(values))


def load_orders(day: int, again: tuple[str, str] | None = None) -> Manifest | None:
    """Load the orders table alone."""
    config = load_company("shop")
    lake = Lake(config.paths.lake)
    now = START + dt.timedelta(days=day)
    found: list[Manifest | None] = []

    def check(system: str, table: str, columns: dict[str, str]) -> None:
        check_columns(config, lake, system, table, columns)

    with State(config.paths.state) as state:
        recover(config, lake, state, now)
        request = LoadRequest(stamp(now), now, again, check)
        load_tables(config, lake, state, [("till", "orders")], request, lambda _, manifest: found.append(manifest))
    return found[0]


def accepted() -> list[str]:
    conform_only(load_company("shop"))
    return [row[0] for row in rows(load_company("shop"), "select order_id from input.sales_order order by 1")]


def test_a_cursor_reads_what_is_new_and_looks_back_by_its_lag(shop: Shop) -> None:
    shop.with_table("orders", load={"mode": "incremental", "cursor": "placed_at", "lag": "2d"})
    put_orders(shop, ("A", "2024-01-01 10:00"), ("B", "2024-01-10 10:00"))
    first = load_orders(0)
    assert first is not None
    assert (first.rows_read, first.cursor_from, first.cursor_to) == (2, "2024-01-01 10:00:00", "2024-01-10 10:00:00")
    assert not first.is_partial
    assert load_orders(1) is None
    # C is new, D is late by a day, E is late by a week: beyond the lag.
    late = ("E", "2024-01-03 10:00")
    put_orders(shop, ("A", "2024-01-01 10:00"), ("B", "2024-01-10 10:00"), ("C", "2024-01-11 10:00"),
               ("D", "2024-01-09 10:00"), late)  # fmt: skip
    second = load_orders(2)
    assert second is not None
    assert (second.rows_read, second.is_partial) == (3, True)
    assert accepted() == ["A", "B", "C", "D"]
    # A backfill of the week takes it in; rows that are known add nothing.
    third = load_orders(3, again=("2024-01-01", "2024-01-10"))
    assert third is not None
    assert third.rows_read == 3
    assert accepted() == ["A", "B", "C", "D", "E"]
    # and does not move the watermark
    assert third.fingerprint["watermark"] == second.fingerprint["watermark"] == "2024-01-11 10:00:00"


def test_a_row_dated_ahead_does_not_keep_later_rows_out(shop: Shop) -> None:
    shop.with_table("orders", load={"mode": "incremental", "cursor": "placed_at"})
    put_orders(shop, ("A", "2024-01-01 10:00"), ("Z", "2099-01-01 00:00"))
    load_orders(0)
    put_orders(shop, ("A", "2024-01-01 10:00"), ("Z", "2099-01-01 00:00"), ("B", "2025-01-01 12:00"))
    load_orders(2)
    assert accepted() == ["A", "B", "Z"]


def test_rows_without_a_cursor_value_are_read_each_time(shop: Shop) -> None:
    shop.with_table("lines", load={"mode": "incremental", "cursor": "batch"})
    header = "select * from (values {}) t(order_no, line_no, sku, pieces, gross, net, batch)"
    shop.put("lines", header.format("('A', 1, 'P1', 1, 2, 2, 7)"))
    load_and_conform(load_company("shop"))
    shop.put("lines", header.format("('A', 1, 'P1', 1, 2, 2, 7), ('B', 1, 'P1', 1, 2, 2, null)"))
    audit = load_and_conform(load_company("shop"), day=1)["order_line"]
    assert (audit.candidates, audit.accepted, audit.unchanged) == (2, 1, 1)


def test_files_are_taken_once_by_content(shop: Shop) -> None:
    shop.with_table("orders", path="orders*.parquet", load={"mode": "files"})
    put_orders(shop, ("A", "2024-01-01 10:00"))
    load_orders(0)
    put_orders(shop, ("B", "2024-01-02 10:00"), folder_table="orders_2")
    second = load_orders(1)
    assert second is not None
    assert (second.rows_read, second.is_partial) == (1, True)
    (shop.data / "orders_2.parquet").rename(shop.data / "orders_3.parquet")
    assert load_orders(2) is None
    for file in shop.data.glob("orders*.parquet"):  # a source may clear its outbox
        file.unlink()
        assert load_orders(3) is None
    assert accepted() == ["A", "B"]


def test_of_several_days_files_in_one_load_the_last_that_has_a_key_counts(shop: Shop) -> None:
    """Order A was written on two of the days. What one file says twice is refused."""
    shop.with_table("orders", path="orders_*.parquet", load={"mode": "files"}, key=["order_no"])
    put_orders(shop, ("A", "2024-01-01 10:00"), ("B", "2024-01-01 11:00"), folder_table="orders_2024-01-01")
    put_orders(shop, ("A", "2024-01-02 10:00"), folder_table="orders_2024-01-02")
    put_orders(shop, ("C", "2024-01-03 10:00"), ("C", "2024-01-03 11:00"), folder_table="orders_2024-01-03")
    audit = load_and_conform(load_company("shop"))["sales_order"]
    assert (audit.candidates, audit.accepted, audit.quarantined) == (4, 3, 1)
    found = rows(load_company("shop"), "select order_id, ordered_on::varchar from input.sales_order order by 1")
    assert found == [("A", "2024-01-02"), ("B", "2024-01-01"), ("C", "2024-01-03")]
    put_orders(shop, ("B", "2024-01-04 10:00"), folder_table="orders_2024-01-04")
    audit = load_and_conform(load_company("shop"), day=1)["sales_order"]
    assert (audit.candidates, audit.accepted) == (1, 1)


def put_totals(shop: Shop, file: str, *orders: tuple[str, float]) -> None:
    """Write a day's orders: (number, total)."""
    values = ", ".join(f"('{no}', 'C1', timestamp '2024-05-01 10:00', 'completed', {total})" for no, total in orders)
    shop.put(file, ORDERS.format(values))


def totals_of(shop: Shop, days: list[list[tuple[str, float]]], at_once: bool) -> tuple[dict[str, float], list[object]]:
    """Current totals by order, and quarantined keys, after the days' files."""
    (shop.data / "orders.parquet").unlink()
    audits = []
    for day, orders in enumerate(days):
        put_totals(shop, f"orders_{day}", *orders)
        if not at_once or day == len(days) - 1:
            audits.append(load_and_conform(load_company("shop"), day)["sales_order"])
    for audit in audits:
        assert audit.candidates == audit.accepted + audit.unchanged + audit.quarantined + audit.filtered
    sql = "select order_id, net_amount::double from input.sales_order where _superseded_at is null"
    waiting = rows(
        load_company("shop"), "select record_key, reason_code, row_id from quarantine.sales_order order by all"
    )
    return dict(rows(load_company("shop"), sql)), list(waiting)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("source", ["orders", "select * from orders", "select * from orders where total > 0"])
def test_without_a_key_too_a_later_days_file_is_right(shop: Shop, source: str, at_once: bool) -> None:
    """A is corrected and corrected back; B says two things on one day, of which the first stays."""
    shop.with_table("orders", path="orders*.parquet", load={"mode": "files"})
    path = shop.companies / "shop" / "sources" / "till.yml"
    path.write_text(path.read_text().replace("from: orders", f"from: {source}"))
    days = [[("A", 1.0), ("B", 1.0)], [("A", 2.0), ("B", 5.0), ("B", 6.0), ("C", 3.0), ("C", 3.0)], [("A", 1.0)]]
    totals, waiting = totals_of(shop, days, at_once)
    assert totals == {"A": 1.0, "B": 5.0, "C": 3.0}
    assert {(key, reason) for key, reason, _ in waiting} == {('{"order_id":"B"}', "duplicate_key")}


def test_files_that_are_no_days_are_not_judged_by_their_names(shop: Shop) -> None:
    """A whole load of several files: which branch is right about an order nobody can tell."""
    shop.with_table("orders", path="orders*.parquet")
    (shop.data / "orders.parquet").unlink()
    put_totals(shop, "orders_east", ("A", 1.0))
    put_totals(shop, "orders_west", ("A", 2.0), ("B", 2.0))
    audit = load_and_conform(load_company("shop"))["sales_order"]
    assert (audit.candidates, audit.accepted, audit.quarantined) == (3, 2, 1)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    days=st.lists(
        st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from([1.0, 2.0, 3.0])), min_size=1, max_size=3),
        min_size=2, max_size=4,
    )
)  # fmt: skip
def test_any_days_without_dates_end_as_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, days: list[list[tuple[str, float]]]
) -> None:
    """What counts in the end, and what waits, do not depend on which days are loaded together."""
    results = []
    days = [[*orders, (f"day {day}", 1.0)] for day, orders in enumerate(days)]  # no two files are the same
    for at_once in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            shop = Shop(tmp_path_factory.mktemp("days"))
            patch.setenv("REGULARS_HOME", str(shop.home))
            patch.setenv("REGULARS_COMPANIES", str(shop.companies))
            shop.write()
            shop.with_table("orders", path="orders*.parquet", load={"mode": "files"})
            results.append(totals_of(shop, days, at_once))
    assert results[0] == results[1]
    expected: dict[str, float] = {}
    for orders in days:
        expected |= dict(reversed(orders))  # of a day the first
    assert results[0][0] == expected


def test_a_lost_state_is_read_from_the_lake(shop: Shop) -> None:
    shop.with_table("orders", load={"mode": "incremental", "cursor": "placed_at"})
    put_orders(shop, ("A", "2024-01-01 10:00"))
    load_orders(0)
    load_company("shop").paths.state.unlink()
    assert load_orders(1) is None
    put_orders(shop, ("A", "2024-01-01 10:00"), ("B", "2024-01-02 10:00"), ("C", "2023-01-02 10:00"))
    second = load_orders(2)
    assert second is not None
    assert second.rows_read == 2


def test_a_query_over_partial_loads_sees_the_whole_table(shop: Shop) -> None:
    shop.configure(
        source={
            "tables": {
                "customers": None, "products": None,
                "orders": {"load": {"mode": "incremental", "cursor": "placed_at"}, "key": ["order_no"]},
                "lines": {"load": {"mode": "files"}, "path": "lines*.parquet", "key": ["order_no", "line_no"]},
            },
        }
    )  # fmt: skip
    line = "select * from (values {}) t(order_no, line_no, sku, pieces, gross, net)"
    put_orders(shop, ("A", "2024-01-01 10:00"))
    shop.put("lines", line.format("('A', 1, 'P1', 1, 10, 10)"))
    totals = "select o.*, (select sum(net) from lines l where l.order_no = o.order_no) as lines_total from orders o"
    path = shop.companies / "shop" / "sources" / "till.yml"
    text = path.read_text().replace("from: orders", f"from: {totals}")
    path.write_text(text.replace("net_amount: total", "net_amount: lines_total"))
    load_and_conform(load_company("shop"))
    # The line of a known order comes in a later file: the order is a new version with the new total.
    shop.put("lines_2", line.format("('A', 2, 'P1', 1, 5, 5)"))
    load_and_conform(load_company("shop"), day=1)
    found = rows(
        load_company("shop"), "select net_amount::int, _superseded_at is null from input.sales_order order by 1"
    )
    assert found == [(10, False), (15, True)]


@pytest.mark.parametrize("load", [{"mode": "full"}, {"mode": "incremental", "cursor": "placed_at"}])
def test_a_row_that_is_gone_ends_its_record_and_may_come_back(shop: Shop, load: dict[str, str]) -> None:
    shop.with_table("orders", load=load, key=["order_no"], deletes=True)
    a, b, c = ("A", "2024-01-01 10:00"), ("B", "2024-01-10 10:00"), ("C", "2024-01-11 10:00")
    current = "select order_id from input.sales_order where _superseded_at is null order by 1"

    def state_after(day: int, *orders: tuple[str, str]) -> tuple[int | None, list[str]]:
        put_orders(shop, *orders)
        manifest = load_orders(day)
        conform_only(load_company("shop"))
        found = [row[0] for row in rows(load_company("shop"), current)]
        return (manifest.rows_deleted if manifest else None), found

    assert state_after(0, a, b, c) == (0, ["A", "B", "C"])
    assert state_after(1, a, c) == (1, ["A", "C"])
    assert state_after(2, a, c) == (None, ["A", "C"])
    assert state_after(3, a, b, c)[1] == (["A", "B", "C"] if load["mode"] == "full" else ["A", "C"])
    assert state_after(4, c) == (1 if load["mode"] == "incremental" else 2, ["C"])
    # The lake alone tells the same.
    load_company("shop").paths.warehouse.unlink()
    conform_only(load_company("shop"))
    assert [row[0] for row in rows(load_company("shop"), current)] == ["C"]
    versions = rows(load_company("shop"), "select count(*) from input.sales_order where order_id = 'A'")
    assert versions == [(1,)]


def test_a_customer_that_is_gone_keeps_the_last_version(shop: Shop) -> None:
    shop.with_table("customers", key=["id"], deletes=True)
    load_and_conform(load_company("shop"))
    shop.put("customers", "select * from {table} where id <> 'C1'")
    load_and_conform(load_company("shop"), day=1)
    current = "select count(*) from input.customer where _superseded_at is null"
    assert rows(load_company("shop"), current) == [(40,)]


def test_a_map_of_several_tables_ends_what_it_no_longer_gives(shop: Shop) -> None:
    """An order that is made of two tables ends when its row is gone from either."""
    shop.configure(
        source={
            "tables": {
                "customers": None, "products": None, "lines": None,
                "orders": {"key": ["order_no"], "deletes": True},
            },
        }
    )  # fmt: skip
    path = shop.companies / "shop" / "sources" / "till.yml"
    joined = "select o.* from orders o where exists (select 1 from lines l where l.order_no = o.order_no)"
    path.write_text(path.read_text().replace("from: orders", f"from: {joined}"))
    load_and_conform(load_company("shop"))
    shop.put("orders", "select * from {table} where order_no not in ('O1', 'O2')")
    load_and_conform(load_company("shop"), day=1)
    current = "select count(*) from input.sales_order where _superseded_at is null"
    assert rows(load_company("shop"), current) == [(398,)]


def test_deletes_need_a_key(shop: Shop) -> None:
    shop.with_table("orders", deletes=True)
    with pytest.raises(ConfigError, match="deletes with a key"):
        load_company("shop")


def test_a_cursor_that_is_no_column_is_said_with_its_place(shop: Shop) -> None:
    shop.with_table("orders", load={"mode": "incremental", "cursor": "changed_at"})
    with pytest.raises(RegularsError, match=r"till\.yml: key 'tables\.orders\.load\.cursor': value 'changed_at'"):
        load_orders(0)
    assert Lake(load_company("shop").paths.lake).manifests() == []


def test_a_system_that_does_not_answer_is_asked_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    config, said, tries = load_company("shop"), list[str](), list[int]()
    columns = ParquetConnector.columns

    def flaky(self: ParquetConnector, table: str) -> dict[str, str]:
        tries.append(1)
        if len(tries) <= 2:
            raise Unreachable("till does not answer", "Wait")
        return columns(self, table)

    monkeypatch.setattr(ParquetConnector, "columns", flaky)
    request = LoadRequest("L1", START, patience=(0, 0), said=lambda table, message: said.append(f"{table}: {message}"))
    lake = Lake(config.paths.lake)
    with State(config.paths.state) as state:
        load_tables(config, lake, state, [("till", "orders")], request, lambda *_: None)
        assert said == ["till.orders: till does not answer; tried again in 0 s"] * 2
        assert [m.table_name for m in lake.manifests()] == ["orders"]
        tries.clear()
        with pytest.raises(Unreachable):
            load_tables(config, lake, state, [("till", "lines")], replace(request, patience=(0,)), lambda *_: None)


# drift -------------------------------------------------------------------------------------------


def test_differences_are_named() -> None:
    before = {"id": "BIGINT", "name": "VARCHAR", "born": "DATE", "old": "DOUBLE"}
    drift = compare(before, {"id": "VARCHAR", "full_name": "VARCHAR", "born": "DATE", "extra": "JSON"})
    assert drift.retyped == {"id": ("BIGINT", "VARCHAR")}
    assert drift.renamed == {"name": "full_name"}
    assert drift.missing == {"old": "DOUBLE"}
    assert drift.added == {"extra": "JSON"}
    assert "column name seems to be called full_name now" in str(drift)
    assert not compare(before, dict(before))


def widen(shop: Shop) -> None:
    shop.put("orders", "select *, 'x' as gift_note from {table}")


@pytest.mark.parametrize(("policy", "landed"), [("evolve", True), ("discard", False)])
def test_a_new_column_is_landed_or_left_out(shop: Shop, policy: str, landed: bool) -> None:
    shop.configure(source={"drift": policy})
    load_orders(0)
    widen(shop)
    manifest = load_orders(1)
    assert manifest is not None
    assert ("gift_note" in manifest.columns) is landed
    assert "gift_note" in str(manifest.drift)
    with State(load_company("shop").paths.state) as state:
        [(reported)] = state.rows("select drift from load_audit where drift is not null")
    assert "gift_note" in reported["drift"]


def test_freeze_refuses_with_the_exact_difference(shop: Shop) -> None:
    shop.with_table("orders", drift="freeze")
    load_orders(0)
    widen(shop)
    with pytest.raises(RegularsError, match=r"till, table orders.*freeze: new column gift_note VARCHAR"):
        load_orders(1)
    assert len(Lake(load_company("shop").paths.lake).manifests()) == 1


def test_a_mapped_column_that_is_gone_is_refused_before_it_lands(shop: Shop) -> None:
    """A bad load in the lake would stop every later conform; none is left behind."""
    load_and_conform(load_company("shop"))
    shop.put("orders", "select * rename (total as amount) from {table}")
    with pytest.raises(ConfigError, match=r"till\.yml: key 'maps\.sales_order\.columns\.net_amount': value 'total'"):
        load_orders(1)
    shop.put("orders", "select * rename (amount as total) from {table}")
    assert load_orders(2) is None


# optional tables ---------------------------------------------------------------------------------


def test_an_optional_table_is_loaded_once_asked_for(shop: Shop) -> None:
    shop.with_table("orders", optional=True)
    config = load_company("shop")
    orders = ("till", "orders")
    assert orders not in wanted_tables(config, [])
    assert orders in wanted_tables(config, [], [orders])
    assert orders in wanted_tables(config, [orders])


def test_configuration_says_what_goes_together(shop: Shop) -> None:
    for load in ({"mode": "incremental"}, {"cursor": "placed_at"}, {"mode": "files", "lag": "2d"}):
        shop.with_table("orders", load=load)
        with pytest.raises(ConfigError, match=r"till\.yml: key 'tables\.orders\.load"):
            load_company("shop")


# increments --------------------------------------------------------------------------------------

RECORDS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 20), st.sampled_from(["female", "male", "other", "robot"])),
    min_size=1, max_size=14, unique_by=lambda record: (record[0], record[1]),
)  # fmt: skip


@given(records=RECORDS, data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_split_in_any_order_ends_equal_to_one_load(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    """Dated records, dirty ones among them: the versions, the current one and quarantine do not depend on the split."""

    def final(batches: list[list[tuple[int, int, str]]], root: Path) -> list[list[tuple[object, ...]]]:
        shop = Shop(root)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("REGULARS_HOME", str(shop.home))
            patch.setenv("REGULARS_COMPANIES", str(shop.companies))
            shop.write()
            shop.with_table("customers", path="customers*.parquet", load={"mode": "files"})
            (shop.data / "customers.parquet").unlink()
            for day, batch in enumerate(batches):
                values = ", ".join(
                    f"('C{who}', 'Name {day_of}', '{gender}', timestamp '2024-01-01' + to_days({day_of}), {seq})"
                    for seq, (who, day_of, gender) in enumerate(batch)
                )
                shop.put(f"customers_{day}", f"select * from (values {values}) t(id, name, gender, changed_at, seq)")
                load_and_conform(load_company("shop"), day)
            config = load_company("shop")
            return [
                rows(config, "select customer_id, full_name, gender, updated_at, _superseded_at is null "
                             "from input.customer order by all"),
                rows(config, "select reason_code, value, record_key from quarantine.customer order by all"),
                rows(config, "select sum(candidates), sum(accepted), sum(quarantined) from audit.conform_audit "
                             "where entity = 'customer' group by entity"),
            ]  # fmt: skip

    shuffled = data.draw(st.permutations(records))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(records) - 1)), max_size=3)))
    batches = [part for a, b in zip([0, *cuts], [*cuts, None], strict=True) if (part := shuffled[a:b])]
    assert final(batches, tmp_path_factory.mktemp("split")) == final([records], tmp_path_factory.mktemp("whole"))

"""The main job by the command line, on a small company."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration.platform.state import State
from tests.integration.conftest import Copier
from tests.support.equality import contents, difference
from tests.support.shop import Shop

PUBLIC = ("core", "marts")
pytestmark = pytest.mark.slow


def query(shop: Shop, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(shop.published), read_only=True) as con:
        return con.execute(sql).fetchall()


def files(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.lstat().st_mtime_ns, p.lstat().st_size) for p in folder.rglob("*")}


def test_first_refresh_publishes_what_the_source_holds(refreshed: Shop) -> None:
    with duckdb.connect() as con:
        [(expected, anonymous)] = con.execute(
            f"""
            select sum(net), sum(net) filter (where customer is null)
            from '{refreshed.data}/lines.parquet' join '{refreshed.data}/orders.parquet' using (order_no)
            where state <> 'cancelled'
            """
        ).fetchall()
    assert query(refreshed, "select sum(net_amount) from core.fct_order where not is_cancelled") == [(expected,)]
    for grain in ("week", "month", "quarter"):
        [(sales, apart)] = query(
            refreshed,
            "select sum(value) filter (where node_code = 'sales'), "
            "sum(value) filter (where node_code = 'anonymous_sales') "
            f"from marts.kpi_tree where period_grain = '{grain}' and root_code = 'sales' and dimension = 'all'",
        )
        assert sales == pytest.approx(float(expected), rel=1e-9)
        assert apart == pytest.approx(float(anonymous), rel=1e-9)


def test_a_product_that_is_sold_but_not_delivered_is_inferred(refreshed: Shop) -> None:
    assert query(refreshed, "select product_id, name from core.dim_product where member_type = 'inferred'") == [
        ("P99", None)
    ]
    assert query(
        refreshed,
        "select count(*) from core.fct_order_line join core.dim_product using (product_key) where product_id = 'P99'",
    ) == [(80,)]


def test_anonymous_orders_are_nobodys(refreshed: Shop) -> None:
    [(orders, customers)] = query(
        refreshed, "select count(*), count(distinct customer_key) from core.fct_order where not is_identified"
    )
    assert (orders, customers) == (44, 1)
    assert query(refreshed, "select * from marts.customer_lifecycle where customer_key = -1") == []


def test_every_tree_evaluates_to_its_own_values(refreshed: Shop) -> None:
    """Each inner node's value is the sum or product of its children's, so that the tree is one equation."""
    broken = query(
        refreshed,
        """
        with child as (
          select parent.period_grain, parent.period_start, parent.dimension, parent.member,
            parent.node_code, parent.operator, parent.value,
            sum(case when k.node_code = 'discount_per_order' then -1 else 1 end * coalesce(k.value, 0)) as total,
            product(coalesce(k.value, 0)) as product
          from marts.kpi_tree parent join marts.kpi_tree k
            on k.parent_code = parent.node_code and k.period_grain = parent.period_grain
              and k.period_start = parent.period_start and k.dimension = parent.dimension
              and k.member = parent.member and k.node_code not in ('new_member', 'vanished_member')
          group by all
        )
        select * from child
        where abs(coalesce(value, 0) - case operator when 'sum' then total else product end)
          > 1e-9 * greatest(abs(value), 1)
        """,
    )
    assert broken == []


def test_nothing_new_writes_nothing(refreshed: Shop) -> None:
    before = files(refreshed.home)
    done = refreshed.regulars("refresh")
    assert done.returncode == 0, done.stderr
    assert "Nothing new" in done.stdout
    assert files(refreshed.home) == before


def test_changed_months_end_equal_to_a_full_rebuild_from_the_lake(copy: Copier) -> None:
    """Orders move to another month, are cancelled, change a line, come late; a customer and a product change."""
    shop = copy()
    shop.put(
        "orders",
        """
        select * replace (
          case order_no when 'O5' then placed_at + interval 60 day when 'O400' then placed_at - interval 90 day
            else placed_at end as placed_at,
          case when order_no = 'O77' then 'cancelled' else state end as state)
        from {table} union all select 'LATE', 'C3', timestamp '2024-03-05 10:00', 'completed', 10
        """,
    )
    shop.put(
        "lines",
        "select * replace (case when order_no = 'O100' then net + 1 else net end as net) from {table} "
        "union all select 'LATE', 1, 'P3', 1, 12, 10",
    )
    shop.put("products", "select * replace (case when sku = 'P3' then 'Other' else name end as name) from {table}")
    shop.put(
        "customers",
        "select * from {table} union all select id, name, 'other', timestamp '2024-04-01' from {table} where id = 'C3'",
    )
    done = shop.regulars("refresh")
    assert done.returncode == 0, done.stderr
    assert "facts changed months" in done.stdout
    assert query(shop, "select count(*), sum(net_amount) from core.fct_order where order_id = 'LATE'") == [(1, 10)]
    assert query(shop, "select date_key from core.fct_order where order_id = 'O5'") == [(20240306,)]
    # A type-2 dimension gives the attribute that held at the time of the fact.
    assert query(
        shop,
        """
        select h.gender, count(*) from core.fct_order o
        join core.dim_customer_history h on h.customer_key = o.customer_key
          and o.ordered_at >= h.valid_from and (h.valid_to is null or o.ordered_at < h.valid_to)
        join core.customer_xref x on x.customer_key = o.customer_key and x.customer_id = 'C3' group by all order by all
        """,
    ) == query(
        shop,
        """
        select case when ordered_at < '2024-03-31 22:00' then 'female' else 'other' end, count(*) from core.fct_order
        join core.customer_xref x using (customer_key) where x.customer_id = 'C3' group by all order by all
        """,
    )
    before = contents(shop.published, PUBLIC)
    done = shop.regulars("refresh", "--full", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "succeeded"
    assert difference(contents(shop.published, PUBLIC), before) is None
    versions = json.loads(shop.regulars("versions", "--json").stdout)
    assert [v["current"] for v in versions] == ["yes", "", ""]


def test_a_past_as_of_is_built_aside_and_knows_nothing_later(copy: Copier) -> None:
    shop = copy()
    shown = shop.published.resolve()
    done = shop.regulars("refresh", "--as-of", "2024-05-31", "--json")
    assert done.returncode == 0, done.stderr
    with duckdb.connect(json.loads(done.stdout)["database"], read_only=True) as con:
        past = con.execute(
            "select count(*), max(date_key), sum(net_amount), (select as_of::varchar from marts.build_info), "
            "(select max(last_purchase_on)::varchar from marts.customer_lifecycle) from core.fct_order"
        ).fetchall()
    assert past == query(
        shop,
        "select count(*), max(date_key), sum(net_amount), '2024-05-31', "
        "max(ordered_at + interval 2 hour) filter (where customer_key <> -1 and not is_cancelled)::date::varchar "
        "from core.fct_order where date_key <= 20240531",
    )
    assert shop.published.resolve() == shown
    assert sorted(path.name for path in (shop.state / "as_of" / "2024-05-31").iterdir()) == [
        "models",
        "regulars.duckdb",
    ]
    assert "2024-05-31" in shop.regulars("sql", "--as-of", "2024-05-31", "select as_of from build_info").stdout
    with State(shop.state / "state.sqlite", read_only=True) as state:
        last = state.last_run()
        assert last is not None
        assert last.command == "refresh"  # a build aside does not make the next refresh think that it is behind
    for wrong in (["--as-of", "2999-01-01"], ["--as-of", "2024-05-31", "--full"], ["--known-at", "2024-05-31"]):
        assert shop.regulars("refresh", *wrong).returncode == 2


def test_new_data_is_published_and_can_be_rolled_back(copy: Copier) -> None:
    shop = copy()
    shop.put(
        "orders",
        "select * from {table} union all "
        "select 'NEW', 'C7', (select max(placed_at) from {table}) + interval 1 day, 'completed', 42.0",
    )
    shop.put("lines", "select * from {table} union all select 'NEW', 1, 'P1', 1, 42.0, 42.0")
    done = shop.regulars("refresh")
    assert done.returncode == 0, done.stderr
    assert query(shop, "select net_amount from core.fct_order where order_id = 'NEW'") == [(42,)]
    assert shop.regulars("rollback").returncode == 0
    assert query(shop, "select net_amount from core.fct_order where order_id = 'NEW'") == []
    assert "Nothing new" in shop.regulars("refresh").stdout
    assert shop.regulars("publish").returncode == 0
    assert query(shop, "select net_amount from core.fct_order where order_id = 'NEW'") == [(42,)]


def test_bad_rows_are_quarantined_and_the_rest_is_published(copy: Copier) -> None:
    shop = copy()
    shop.put(
        "orders", "select * replace (case when order_no = 'O5' then 'teleported' else state end as state) from {table}"
    )
    done = shop.regulars("refresh")
    assert done.returncode == 0, done.stderr
    status = json.loads(shop.regulars("status", "--json").stdout)
    assert status["quarantine"] == [{"source_system": "till", "entity": "sales_order", "quarantined": 1}]
    [waiting] = json.loads(shop.regulars("quarantine", "list", "--json").stdout)
    assert (waiting["entity"], waiting["reason"], waiting["example"]) == (
        "sales_order",
        "value_not_allowed",
        "teleported",
    )
    [row] = json.loads(shop.regulars("quarantine", "show", "sales_order", "--json").stdout)
    assert (row["key"], row["value"]) == ('{"order_id":"O5"}', "teleported")
    # The refused row brings no new version: what was known of the order before stays.
    assert query(shop, "select status from core.fct_order where order_id = 'O5'") == [("completed",)]


def test_a_failed_data_test_stops_before_publishing_with_exit_code_three(copy: Copier) -> None:
    shop = copy()
    version = shop.published.resolve()
    with duckdb.connect(str(shop.state / "warehouse.duckdb")) as con:
        con.execute("update audit.conform_audit set accepted = accepted + 1 where entity = 'product'")
    shop.put("products", "select * from {table} union all select 'P50', 'New', 'Family 1'")
    done = shop.regulars("refresh")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "conform_audit_rows" in done.stderr
    assert shop.published.resolve() == version
    assert "failed" in shop.regulars("status").stdout


def test_a_blocking_quality_check_keeps_the_publication_with_exit_code_three(copy: Copier) -> None:
    shop = copy()
    shown = shop.published.resolve()
    shop.put("orders", "select * replace ('beamed ' || state as state) from {table}")
    done = shop.regulars("refresh")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "1 quality check(s) stopped the refresh" in done.stderr
    assert "till.sales_order: share of the newest load's rows in quarantine or rejected is 1" in done.stderr
    assert shop.published.resolve() == shown
    state = shop.regulars("check")
    assert state.returncode == 3
    assert "STOP" in state.stdout
    assert (shop.state / "quality" / "index.html").exists()
    shop.put("orders", "select * replace (replace(state, 'beamed ', '') as state) from {table}")
    assert shop.regulars("refresh").returncode == 0
    assert shop.regulars("check").returncode == 0
    assert query(shop, "select count(*) > 0, bool_and(passed) from marts.data_quality_check where stops") == [
        (True, True)
    ]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("missing", ["till", "table orders", "orders.parquet", "no file"]),
        ("damaged", ["till", "table orders", "not readable as Parquet"]),
        ("column", ["till.yml", "maps.order_line.columns.net_amount", "nett"]),
        ("unmapped", ["till.yml", "maps.order_line.columns.nonsense", "no such column"]),
        ("unwritable", ["tmp: file exists", "Move it away"]),
    ],
)
def test_bad_input_is_one_line_and_leaves_the_publication(copy: Copier, fault: str, expected: list[str]) -> None:
    shop = copy()
    version = shop.published.resolve()
    orders = shop.data / "orders.parquet"
    columns = {"order_id": "order_no", "line_no": "line_no", "quantity": "pieces", "net_amount": "net"}
    if fault == "missing":
        orders.unlink()
    elif fault == "damaged":
        orders.write_bytes(orders.read_bytes()[:1000])
    elif fault == "column":
        shop.with_map("order_line", columns=columns | {"net_amount": "nett"})
    elif fault == "unmapped":
        shop.with_map("order_line", columns=columns | {"nonsense": "1"})
    else:
        shop.put("orders", "select * from {table} limit 3")
        # A file where the spill folder belongs: refused for every user, root included.
        (shop.state / "tmp").rmdir()
        (shop.state / "tmp").write_text("in the way")
    done = shop.regulars("refresh")
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert all(part in lines[0] for part in expected), lines[0]
    assert shop.published.resolve() == version
    assert query(shop, "select count(*) from core.fct_order") == [(400,)]


def test_sql_reads_the_published_version(refreshed: Shop) -> None:
    done = refreshed.regulars("sql", "select count(*) as orders from fct_order", "--json")
    assert json.loads(done.stdout) == [{"orders": 400}]
    done = refreshed.regulars("sql", "select order_id from fct_order order by 1 limit 2", "--csv")
    assert done.stdout.split() == ["order_id", "O1", "O10"]
    done = refreshed.regulars("sql", "select '=cmd()' as a, -1 as b, '-1' as c", "--csv")
    assert done.stdout.split() == ["a,b,c", "'=cmd(),-1,'-1"]
    bad = refreshed.regulars("sql", "select * from nowhere")
    assert bad.returncode == 1
    assert "nowhere" in bad.stderr


def test_wrong_use_is_exit_code_two(copy: Copier) -> None:
    shop = copy()
    assert shop.regulars("refresh", "--company", "nowhere").returncode == 2
    assert shop.regulars("refresh", "--nonsense").returncode == 2
    assert shop.regulars("rollback", "V0").returncode == 2


def test_doctor_finds_nothing_on_a_sound_company_and_the_fault_on_a_broken_one(copy: Copier) -> None:
    shop = copy()
    sound = shop.regulars("doctor")
    assert sound.returncode == 0, sound.stdout
    (shop.data / "orders.parquet").unlink()
    broken = shop.regulars("doctor", "--json")
    assert broken.returncode == 1
    [problem] = [f for f in json.loads(broken.stdout) if f["state"] == "problem"]
    assert "orders.parquet" in problem["message"]
    assert problem["cure"]


def test_an_empty_company_publishes_empty_marts(copy: Copier) -> None:
    shop = copy()
    for table in ("orders", "lines", "customers", "products"):
        shop.put(table, "select * from {table} limit 0")
    shutil.rmtree(shop.state)
    done = shop.regulars("refresh", "--full")
    assert done.returncode == 0, done.stdout + done.stderr
    assert query(shop, "select count(*) from marts.kpi_tree") == [(0,)]
    assert query(shop, "select customer_key from core.dim_customer") == [(-1,)]

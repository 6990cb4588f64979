"""SQL of maps sees its source's tables, and nothing of the machine beside them; nor does what a source brings."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration.authoring.preview import map_error, rows_as_mapped, tried
from orchestration.config.company import load_company
from orchestration.conform.map_sql import Refused, check_expression, shut, statement, tables_of, trees
from orchestration.connectors.base import resolve_folder
from orchestration.platform.errors import ConfigError, RegularsError
from tests.support.conforming import load_and_conform, rows
from tests.support.shop import ORDERS, SOURCE, Shop
from tests.support.systems import connector_of, take

READS_FILES = [
    "(select content from read_text('/etc/passwd'))",
    "(select max(column0) from read_csv('/etc/passwd'))",
    "(select max(content) from read_blob('/etc/hostname'))",
    "(select max(file) from glob('/etc/*'))",
    "(select max(name) from sniff_csv('/etc/passwd'))",
    "(select max(columns) from '/etc/passwd')",
    "(select 'x' from parquet_file_metadata('/etc/*'))",
    "(select max(path) from duckdb_databases())",
    "(select max(a) from query('select 1 as a'))",
    "(select max(full_name) from input.customer)",
    "(select max(table_name) from information_schema.tables)",
    "(select max(name) from (describe orders) d(name))",
    "getenv('HOME')",
]
BREAKS_OUT = [
    "1) from orders; copy (select 1) to '/tmp/broken_out.csv'; select (1",
    "1) from orders; attach '/tmp/broken_out.duckdb' as b; select (1",
    "1) from orders; install httpfs; select (1",
    "1) from orders; load '/tmp/x.duckdb_extension'; select (1",
    "1) from orders; set enable_external_access = true; select (1",
    "1) from orders union all select (2",
    "1) as a, (2",
    "1 --",
]


@pytest.mark.parametrize("expression", READS_FILES + BREAKS_OUT)
@pytest.mark.parametrize("key", ["columns", "where"])
def test_a_map_reads_no_file_and_runs_no_other_statement(shop: Shop, expression: str, key: str) -> None:
    own = SOURCE["maps"]["sales_order"]  # type: ignore[index]
    changed = (
        {"where": f"{expression} is null"} if key == "where" else {"columns": {**own["columns"], "status": expression}}
    )
    if key == "where" and expression in BREAKS_OUT:
        changed = {"where": expression}
    shop.with_map("sales_order", **changed)
    load = load_company("shop")
    known = {"orders": {"order_no": "VARCHAR", "customer": "VARCHAR", "placed_at": "TIMESTAMP", "state": "VARCHAR"}}
    known["orders"] |= {"total": "DECIMAL(18,2)"}
    told = map_error(load, "till", "sales_order", known) or ""
    assert f"key 'maps.sales_order.{'where' if key == 'where' else 'columns.status'}'" in told
    assert "not valid here" in told


def test_a_map_that_breaks_out_is_refused_when_it_runs(shop: Shop, tmp_path: Path) -> None:
    own, out = SOURCE["maps"]["sales_order"], tmp_path / "broken_out.csv"  # type: ignore[index]
    text = f"1) from orders; copy (select 1) to '{out}'; select (1"
    shop.with_map("sales_order", columns={**own["columns"], "status": text})
    with pytest.raises(ConfigError, match=r"columns\.status.*not valid here: Only SELECT statements"):
        load_and_conform(load_company("shop"))
    assert not out.exists()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("select * from read_csv('/etc/passwd')", r"reads its source's tables only, and read_csv\(\) reads something"),
        ("select o.* from orders o, glob('/etc/*')", r"glob\(\) reads something"),
        ("with a as (from read_text('/etc/passwd')) select * from a", r"read_text\(\) reads something"),
        ("from '/etc/passwd'", "no table '/etc/passwd'"),
        ("select * from input.customer", "not input.customer"),
        ("select * from orders; copy orders to '/tmp/broken_out.csv'", "Only SELECT|more than one statement"),
        ("select * from orders; select 1", "more than one statement"),
        ("copy orders to '/tmp/broken_out.csv'", "Only SELECT statements"),
    ],
)
def test_a_query_of_a_map_reads_its_tables_alone(shop: Shop, source: str, reason: str) -> None:
    shop.with_map("sales_order", **{"from": source})
    with pytest.raises(ConfigError, match=reason):
        load_and_conform(load_company("shop"))
    with pytest.raises(ConfigError, match=reason):
        rows_as_mapped(load_company("shop"), "till", "sales_order", 1)
    assert any("map of sales_order" in str(one.row()) for one in tried(load_company("shop"), ["till"]))


def test_what_maps_may_say_they_may_still_say(shop: Shop) -> None:
    """Subqueries over their own tables, lists, windows, and rows made of values."""
    own = SOURCE["maps"]["sales_order"]  # type: ignore[index]
    columns = own["columns"] | {
        "status": "case when total = (select min(total) from orders) then 'completed' else 'completed' end",
        "customer_id": "(with a as (select customer as c) select c from a, unnest([1]) u(n) where n = 1)",
    }
    query = "select o.*, row_number() over (order by order_no) as place from orders o, range(1) r(n), (values (1)) v(w)"
    shop.with_map("sales_order", columns=columns, **{"from": query})
    audit = load_and_conform(load_company("shop"))["sales_order"]
    assert (audit.candidates, audit.accepted) == (ORDERS, ORDERS)


def test_the_second_lock_holds_where_the_first_is_passed(tmp_path: Path) -> None:
    """Whatever a text could hide from the parse tree, nothing outside the lake is opened or made."""
    (tmp_path / "lake").mkdir()
    inside, outside = tmp_path / "lake" / "a.parquet", tmp_path / "b.parquet"
    with duckdb.connect() as con:
        for path in (inside, outside):
            con.execute(f"copy (select 7 as n) to '{path}'")
        shut(con, tmp_path / "lake")
        shut(con, tmp_path)  # too late to widen it
        assert con.execute(f"select n from '{inside}'").fetchall() == [(7,)]
        for sql in (
            f"from '{outside}'", f"from read_text('{tmp_path}/lake/../b.parquet')",
            f"copy (select 1) to '{tmp_path}/c.csv'",
            f"attach '{tmp_path}/d.duckdb'", "load httpfs", "install httpfs", "set enable_external_access = true",
            "set allowed_directories = ['/']", f"export database '{tmp_path}/e'",
        ):  # fmt: skip
            with pytest.raises(duckdb.Error):
                con.execute(sql).fetchall()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.parquet", "lake"]


def test_the_warehouse_is_shut_while_maps_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the first lock picked, a map still cannot read a file."""
    monkeypatch.setattr("orchestration.conform.mapping.check_expression", lambda *_: None)
    own = SOURCE["maps"]["sales_order"]  # type: ignore[index]
    text = "(select content from read_text('/etc/hostname'))"
    shop.with_map("sales_order", columns={**own["columns"], "status": text})
    with pytest.raises(ConfigError, match="file system operations are disabled"):
        load_and_conform(load_company("shop"))
    assert rows(load_company("shop"), "select count(*) from input.sales_order") == [(0,)]


def test_texts_of_several_parts_are_no_expression() -> None:
    """`trees` is asked for `select (text)`; whatever adds a clause, a column or a statement is refused."""
    with duckdb.connect() as con:
        for text in (
            "1) order by (1",
            "1) limit (1",
            "1) from t where (true",
            "1) group by (1",
            "a), (b",
            "1) having (true",
        ):
            with pytest.raises(Refused):
                check_expression(statement(trees(con, [f"select ({text})"])[0]), {"t"})
        [tree] = trees(con, ["with a as (select 1) select * from a, T, (select * from U) b"])
        assert tables_of(statement(tree)) == {"t", "u"}


@pytest.mark.parametrize("inner", ["/../../../../../../etc", "//etc", "/a/../../.."])
def test_a_package_path_stays_in_its_package(inner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_ROOTS", "/srv/data")
    with pytest.raises(RegularsError, match=r"package://duckdb/.*: leads out of the package.*Name a folder inside"):
        connector_of({"kind": "csv", "path": f"package://duckdb{inner}"})
    with pytest.raises(RegularsError, match="leads out of the package"):
        take(connector_of({"kind": "sqlite", "path": f"package://duckdb{inner}/x.db"}))


def test_a_folder_that_is_no_package_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python imports any folder below its path; other companies' lakes may be such."""
    (tmp_path / "runtime" / "other").mkdir(parents=True)
    (tmp_path / "wheel").mkdir()
    (tmp_path / "wheel" / "__init__.py").touch()
    (tmp_path / "wheel" / "own").mkdir()
    (tmp_path / "wheel" / "out").symlink_to(tmp_path / "runtime")
    monkeypatch.syspath_prepend(tmp_path)
    for location in ("package://runtime/other", "package://docs/how-to"):
        with pytest.raises(RegularsError, match="is not installed"):
            resolve_folder(location)
    with pytest.raises(RegularsError, match="leads out of the package"):
        resolve_folder("package://wheel/out/other")
    assert resolve_folder("package://wheel/own") == (tmp_path / "wheel" / "own", "package://wheel/own/")


def test_a_view_in_a_database_file_reads_no_other_file(tmp_path: Path) -> None:
    """Neither by itself nor by a macro; views over the file's own tables are read."""
    (tmp_path / "secret.csv").write_text("a\nhidden\n")
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as con:
        con.execute("create table t as select 1 as id; create view own as select id + 1 as id from t")
        con.execute(f"create view bad as select * from read_csv('{tmp_path}/secret.csv')")
        con.execute(f"create macro peek() as (select max(a) from read_csv('{tmp_path}/secret.csv'))")
        con.execute("create view worse as select peek() as a")
    connector = connector_of(
        {"kind": "duckdb", "path": str(tmp_path / "shop.duckdb")}, dict.fromkeys(("t", "own", "bad", "worse"))
    )
    assert take(connector, "own").rows == [(2,)]
    for table in ("bad", "worse"):
        with pytest.raises(RegularsError, match=f"table {table}: is a view that reads files outside the database"):
            take(connector, table)
        with pytest.raises(RegularsError, match="outside the database"):
            connector.columns(table)

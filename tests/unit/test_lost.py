"""What was committed once is loaded again or missed by name; never is less published without a word."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from orchestration.config.company import CompanyConfig, load_company
from orchestration.conform.run import write_load_audit
from orchestration.landing.lake import DELETED_PART, MANIFEST, PART, REJECTED_PART, Lake
from orchestration.landing.load import load_tables, table_ids
from orchestration.landing.lost import settle_erasure
from orchestration.platform.errors import RegularsError
from orchestration.platform.state import State
from orchestration.run.refresh import open_session
from orchestration.warehouse.connections import open_warehouse
from tests.support.conforming import rows
from tests.support.shop import Shop


@pytest.fixture
def config(loaded: Shop) -> CompanyConfig:
    return load_company("shop")


def refresh(config: CompanyConfig, accept_loss: bool = False, full: bool = False) -> list[str]:
    """Load and conform in a session of its own; returns what was said."""
    said: list[str] = []
    with open_session(
        config, "refresh", (lambda _, message, __: said.append(message),), full, accept_loss=accept_loss
    ) as session:
        load_tables(config, session.lake, session.state, table_ids(config), session.load_request(), lambda *_: None)
        session.conform()
    return said


def folder_of(config: CompanyConfig, table: str, number: int = -1) -> Path:
    """Folder of a table's load."""
    return sorted(p for p in (config.paths.lake / "till" / table).iterdir() if p.is_dir())[number]


def orders(config: CompanyConfig) -> int:
    [(found,)] = rows(config, "select count(distinct order_id) from input.sales_order")
    return int(found)


def fewer_rows(folder: Path) -> None:
    part = folder / PART
    with duckdb.connect() as con:
        con.execute(f"copy (from read_parquet('{part}') limit 7) to '{folder}/x' (format parquet)")
    (folder / "x").replace(part)


def half(folder: Path) -> None:
    content = (folder / PART).read_bytes()
    (folder / PART).write_bytes(content[: len(content) // 2])


def noise(folder: Path) -> None:
    with (folder / PART).open("r+b") as file:
        file.seek(600)
        file.write(b"\x55\xaa" * 200)


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "folder gone": (shutil.rmtree, "is gone from the lake"),
    "manifest gone": (lambda folder: (folder / MANIFEST).unlink(), "its manifest is gone"),
    "manifest broken": (lambda folder: (folder / MANIFEST).write_text("{"), "not a readable manifest"),
    "manifest empty": (lambda folder: (folder / MANIFEST).write_text(""), "not a readable manifest"),
    "manifest noise": (lambda folder: (folder / MANIFEST).write_bytes(b"{\xa0\xff"), "not a readable manifest"),
    "part gone": (lambda folder: (folder / PART).unlink(), "part-0.parquet is gone"),
    "part empty": (lambda folder: (folder / PART).write_bytes(b""), "part-0.parquet cannot be read"),
    "part cut": (half, "part-0.parquet cannot be read"),
    "fewer rows": (fewer_rows, "part-0.parquet holds 7 rows, its manifest says 400"),
    "noise": (noise, "part-0.parquet is not as it was written"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_newest_load_of_an_unchanged_source_is_loaded_again(config: CompanyConfig, damage: str) -> None:
    harm, reason = DAMAGE[damage]
    folder = folder_of(config, "orders")
    harm(folder)
    [said] = [text for text in refresh(config) if "till.orders" in text and "lost" not in text and "load " in text]
    assert f"load {folder.name} of till.orders (400 rows): " in said
    assert reason in said
    assert said.endswith("its table is loaded again")
    assert orders(config) == 400
    assert not folder.exists()
    kept = list(config.paths.aside.rglob(folder.name))
    assert len(kept) == (0 if damage == "folder gone" else 1)  # what was left of it is not deleted
    books = "select source_system, sum(rows_landed) from audit.load_audit group by all"
    [(_, landed)] = rows(config, books)
    with State(config.paths.state) as state:
        assert landed == sum(row["rows_landed"] for row in state.known_loads())
    assert not [text for text in refresh(config, full=True) if "load " in text]
    assert orders(config) == 400


@pytest.mark.parametrize("damage", ["folder gone", "manifest broken", "fewer rows", "noise"])
def test_a_load_that_no_source_has_any_more_stops_the_refresh(config: CompanyConfig, loaded: Shop, damage: str) -> None:
    loaded.put("orders", "select * from {table} where order_no <> 'O1'")
    before = shutil.copytree(config.paths.lake, loaded.root / "kept")
    DAMAGE[damage][0](folder_of(config, "orders"))
    for full in (False, True):
        with pytest.raises(RegularsError) as stopped:
            refresh(config, full=full)
        assert f"load {folder_of(Config(before), 'orders').name} of till.orders (400 rows)" in stopped.value.message
        assert "the source holds something else by now" in stopped.value.message
        assert "regulars restore FILE --replace" in stopped.value.cure
    shutil.rmtree(config.paths.lake)
    shutil.copytree(before, config.paths.lake)  # the first cure: what was lost is put back
    refresh(config)
    assert orders(config) == 400


class Config:
    """As much of a configuration as `folder_of` needs."""

    def __init__(self, lake: Path) -> None:
        self.paths = self
        self.lake = lake


def test_a_loss_is_accepted_by_name_only(config: CompanyConfig, loaded: Shop) -> None:
    loaded.put("orders", "select * from {table} where order_no <> 'O1'")
    lost = folder_of(config, "orders")
    shutil.rmtree(lost)
    with pytest.raises(RegularsError, match=r"regulars refresh --accept-loss"):
        refresh(config)
    [said] = [text for text in refresh(config, accept_loss=True) if lost.name in text]
    assert "done without it, since the source holds something else by now" in said
    assert orders(config) == 399
    assert not [text for text in refresh(config, full=True) if lost.name in text]


def test_an_older_load_is_missed_although_the_table_has_a_newer_one(config: CompanyConfig, loaded: Shop) -> None:
    loaded.put("orders", "select * from {table} where order_no <> 'O1'")
    refresh(config)
    assert orders(config) == 400  # a record that is gone from the source stays
    shutil.rmtree(folder_of(config, "orders", 0))
    with pytest.raises(RegularsError, match="younger loads of its table are there"):
        refresh(config, full=True)


def test_what_the_product_remembers_is_never_done_without_silently(config: CompanyConfig) -> None:
    with open_session(config, "review") as session:
        session.lake.remember("note", pa.table({"said": ["a", "b"]}), session.run_id, session.now)
    refresh(config)
    shutil.rmtree(config.paths.lake / "_regulars")
    with pytest.raises(RegularsError, match=r"of _regulars\.note \(2 rows\).*which no source has"):
        refresh(config)


def test_a_vanished_lake_is_no_new_company(config: CompanyConfig) -> None:
    with open_session(config, "review") as session:
        session.lake.remember("note", pa.table({"said": ["a"]}), session.run_id, session.now)
        session.state.put_load_audit(m.audit() for m in session.lake.manifests())
    config.paths.lake.rename(config.paths.root / "elsewhere")
    config.paths.lake.mkdir()  # as a disk that is not mounted
    with pytest.raises(RegularsError, match=r"is gone from the lake.*which no source has"):
        refresh(config, full=True)


def test_new_files_of_a_folder_are_loaded_again_while_all_are_there(shop: Shop) -> None:
    folder = shop.data / "days"
    folder.mkdir()
    shop.configure(
        source={
            "tables": {"orders": {"path": "days/*.parquet", "load": {"mode": "files"}},
                       "customers": None, "products": None, "lines": None}
        }
    )  # fmt: skip
    config = load_company("shop")
    for day, condition in (("1", "<= 200"), ("2", "> 200")):
        with duckdb.connect() as con:
            con.execute(
                f"copy (from '{shop.data}/orders.parquet' where substr(order_no, 2)::int {condition}) "
                f"to '{folder}/{day}.parquet'"
            )
        refresh(config)
    lost = folder_of(config, "orders")
    shutil.rmtree(lost)
    assert any(lost.name in text for text in refresh(config))
    assert orders(config) == 400
    [(held,)] = rows(config, "select sum(rows_landed) from audit.load_audit where table_name = 'orders'")
    assert held == 400  # the first day's file is not landed twice
    shutil.rmtree(folder_of(config, "orders"))
    (folder / "2.parquet").unlink()
    with pytest.raises(RegularsError, match="1 of its files are gone from the source"):
        refresh(config)


@pytest.mark.parametrize("gone", [0, 3])
def test_an_increment_is_read_again_while_the_source_has_as_many_rows(shop: Shop, gone: int) -> None:
    shop.with_table("orders", key=["order_no"], load={"mode": "incremental", "cursor": "placed_at"})
    config = load_company("shop")
    refresh(config)
    shop.put("orders", "from {table} union all select 'N' || order_no, customer, placed_at + interval 1 year, state, "
                       "total from {table} where substr(order_no, 2)::int <= 10")  # fmt: skip
    refresh(config)
    assert orders(config) == 410
    lost = folder_of(config, "orders")
    shutil.rmtree(lost)
    shop.put(
        "orders", f"from {{table}} where not (order_no[1] = 'N' and try_cast(substr(order_no, 3) as int) <= {gone})"
    )
    if gone:
        with pytest.raises(RegularsError, match=rf"{lost.name} of .*\(11 rows\).*the source has 8 rows of it"):
            refresh(config)
    else:
        assert any(lost.name in text for text in refresh(config))
        assert orders(config) == 410


def test_a_load_that_was_pruned_on_purpose_is_not_missed(config: CompanyConfig) -> None:
    with open_session(config, "score") as session:
        session.lake.remember("churn", pa.table({"score": [0.5]}), session.run_id, session.now)
        session.state.put_load_audit(m.audit() for m in session.lake.manifests())
    lake = Lake(config.paths.lake)
    [manifest] = lake.loads("_regulars", "churn")
    lake.drop(manifest)
    assert not [text for text in refresh(config) if "load " in text]
    with State(config.paths.state) as state:
        assert "churn" not in {row["table_name"] for row in state.known_loads()}


def test_a_load_that_was_never_committed_goes_and_one_that_was_does_not(config: CompanyConfig) -> None:
    half_written = config.paths.lake / "till" / "orders" / "20990101T000000000Z"
    shutil.copytree(folder_of(config, "orders"), half_written)
    (half_written / MANIFEST).unlink()
    refresh(config)
    assert not half_written.exists()
    assert not config.paths.aside.exists()


@pytest.mark.parametrize("content", [b"", b"no database" * 900, None], ids=["empty", "other", "gone"])
def test_lost_books_are_made_again_from_lake_and_warehouse(loaded: Shop, content: bytes | None) -> None:
    config = load_company("shop")
    loaded.put("orders", "select * from {table} where order_no <> 'O1'")
    with open_session(config, "conform") as session, open_warehouse(config) as con:
        write_load_audit(con, session.lake)  # the warehouse has the books, too, as after every refresh
    config.paths.state.unlink()
    if content is not None:
        config.paths.state.write_bytes(content)
    lost = folder_of(config, "orders")
    held = lost.rename(loaded.root / "held")
    with pytest.raises(RegularsError, match=rf"load {lost.name} of till.orders \(400 rows\): is gone"):
        refresh(config)
    held.rename(lost)
    refresh(config)
    assert orders(config) == 400


def test_an_erasure_that_was_killed_leaves_manifests_that_fit(config: CompanyConfig) -> None:
    folder = folder_of(config, "orders")
    fewer_rows(folder)
    settle_erasure(Lake(config.paths.lake))
    [manifest] = Lake(config.paths.lake).loads("till", "orders")
    assert (manifest.rows_read, manifest.rows_landed, manifest.rows_erased) == (7, 7, 393)
    assert Lake(config.paths.lake).problem(manifest, deep=True) is None
    assert not (folder / DELETED_PART).exists()
    assert not (folder / REJECTED_PART).exists()

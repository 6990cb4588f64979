"""Publishing moves readers in one step, never breaks an open one, and can be taken back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration.config.company import CompanyConfig, load_company
from orchestration.platform.errors import RegularsError, UsageError
from orchestration.run.doctor import diagnose
from orchestration.serving.publish import (
    current_file,
    current_version,
    publish,
    read_published,
    rollback,
    verify,
    versions,
)
from tests.support.shop import Shop

REQUIRED = frozenset({"core.thing", "marts.build_info"})


def build(config: CompanyConfig, version: str, rows: int = 1) -> None:
    """Write a serve.duckdb of a version."""
    config.paths.root.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(config.paths.serve)) as con:
        con.execute("create schema if not exists core; create schema if not exists marts")
        con.execute(f"create or replace table core.thing as select i from range({rows}) t(i)")
        con.execute(
            "create or replace table marts.build_info as select ? as version, timestamp '2025-01-01' as built_at, "
            "date '2024-12-31' as as_of",
            [version],
        )


def rows_seen(config: CompanyConfig) -> object:
    with duckdb.connect(str(config.paths.current_database), read_only=True) as con:
        return con.execute("select count(*) from core.thing").fetchone()


def test_publish_and_roll_back(config: CompanyConfig) -> None:
    for number in (1, 2, 3):
        build(config, f"V{number}", rows=number)
        assert publish(config, REQUIRED) == f"V{number}"
    assert rows_seen(config) == (3,)
    assert [v.name for v in versions(config.paths)] == ["V3", "V2", "V1"]
    assert rollback(config.paths, None) == "V2"
    assert rollback(config.paths, None) == "V1"
    assert rows_seen(config) == (1,)
    with pytest.raises(UsageError, match="no older version"):
        rollback(config.paths, None)
    with pytest.raises(UsageError, match=r"no version 'V9'.*V3, V2, V1"):
        rollback(config.paths, "V9")
    assert rollback(config.paths, "V3") == "V3"


def test_publishing_the_same_build_again_only_moves_the_link(config: CompanyConfig) -> None:
    build(config, "V1")
    publish(config, REQUIRED)
    build(config, "V2")
    publish(config, REQUIRED)
    stamp = (config.paths.versions / "V2" / "regulars.duckdb").stat().st_mtime_ns
    rollback(config.paths, "V1")
    assert publish(config, REQUIRED) == "V2"
    assert (config.paths.versions / "V2" / "regulars.duckdb").stat().st_mtime_ns == stamp


def test_a_published_file_holds_nothing_of_what_was_masked_or_deleted(config: CompanyConfig) -> None:
    """Pages that a build has freed still hold the old texts: they stay in the owner's file."""
    name = "Zebulon Quaxley"
    build(config, "V1", rows=3)
    with duckdb.connect(str(config.paths.serve)) as con:
        for table in ("updated", "deleted", "dropped"):
            con.execute(
                f"create table core.{table} as select i, hash(i) || ' {name} ' || i as said from range(50000) t(i)"
            )
        con.execute("checkpoint")
        con.execute("update core.updated set said = 'text ' || i")
        con.execute("delete from core.deleted where i > 0")
        con.execute("update core.deleted set said = 'text'")
        con.execute("drop table core.dropped")
        con.execute("checkpoint")
        con.execute("create table core.kept (i integer not null, said varchar default 'x')")
    assert name.encode() in config.paths.serve.read_bytes()
    publish(config, REQUIRED)
    assert name.encode() not in config.paths.current_database.read_bytes()
    with duckdb.connect(str(config.paths.current_database), read_only=True) as con:
        assert con.execute("select count(*), min(said), max(said) from core.updated").fetchall() == [
            (50000, "text 0", "text 9999")
        ]
        assert con.execute("select i, said from core.updated limit 1 offset 49999").fetchall() == [
            (49999, "text 49999")
        ]
        assert con.execute(
            "select column_name, is_nullable, column_default from duckdb_columns() where table_name = 'kept'"
        ).fetchall() == [("i", False, None), ("said", True, "'x'")]


def test_an_open_reader_keeps_its_version_and_a_new_one_sees_the_new(config: CompanyConfig) -> None:
    build(config, "V1", rows=1)
    publish(config, REQUIRED)
    with duckdb.connect(str(config.paths.current_database), read_only=True) as reader:
        build(config, "V2", rows=2)
        publish(config, REQUIRED)
        assert reader.execute("select count(*) from core.thing").fetchone() == (1,)
        with read_published(current_file(config.paths)) as fresh:
            assert fresh.execute("select count(*) from thing").fetchone() == (2,)


def test_a_build_that_lacks_a_table_is_not_published(config: CompanyConfig) -> None:
    build(config, "V1")
    publish(config, REQUIRED)
    build(config, "V2")
    with pytest.raises(RegularsError, match=r"lacks marts\.kpi_tree"):
        publish(config, REQUIRED | {"marts.kpi_tree"})
    assert current_version(config.paths) == "V1"
    assert publish(config, REQUIRED) == "V2"  # the refused copy left nothing in the way
    assert [p.name for p in config.paths.versions.iterdir() if p.name.startswith(".")] == []


def test_a_copy_with_other_rows_is_refused(config: CompanyConfig) -> None:
    build(config, "V1", rows=2)
    with pytest.raises(RegularsError, match=r"other row counts in core\.thing"):
        verify(config.paths.serve, {"core.thing": 3, "marts.build_info": 1}, REQUIRED)


def test_only_the_last_versions_are_kept_but_never_without_the_current(shop: Shop) -> None:
    shop.configure(company={"publish": {"keep": 2}})
    config = load_company("shop")
    for number in (1, 2, 3):
        build(config, f"V{number}")
        publish(config, REQUIRED)
    assert [v.name for v in versions(config.paths)] == ["V3", "V2"]


def test_nothing_built_says_what_to_do(config: CompanyConfig) -> None:
    with pytest.raises(RegularsError, match=r"serve\.duckdb: does not exist.*regulars refresh"):
        publish(config, REQUIRED)
    with pytest.raises(UsageError, match="nothing is published"):
        current_file(config.paths)


def test_a_reader_can_neither_write_nor_reach_other_files(config: CompanyConfig, tmp_path: Path) -> None:
    build(config, "V1")
    publish(config, REQUIRED)
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with read_published(current_file(config.paths)) as con:
        for sql in (
            "create table core.x (a integer)",
            "delete from core.thing",
            f"select * from read_csv('{secret}')",
            f"copy core.thing to '{tmp_path / 'out.csv'}'",
            f"attach '{tmp_path / 'other.duckdb'}'",
            "set enable_external_access = true",
        ):
            with pytest.raises(duckdb.Error):
                con.execute(sql)


def write_contacts(_: CompanyConfig, path: Path) -> None:
    path.write_bytes(b"names")


def findings(what: str) -> list[tuple[str, str, str]]:
    return [(f.state, f.message, f.cure) for f in diagnose("shop") if f.what == what and f.state != "ok"]


def test_published_files_are_read_only_and_old_versions_still_go(shop: Shop) -> None:
    shop.configure(company={"publish": {"keep": 1}})
    config = load_company("shop")
    config.paths.root.mkdir(parents=True)
    duckdb.connect(str(config.paths.warehouse)).close()
    for number in (1, 2):
        build(config, f"V{number}", rows=number)
        publish(config, REQUIRED, write_contacts)
    folder = config.paths.versions / "V2"  # V1 goes with the next publication: it was read until now
    assert {path.name for path in config.paths.versions.iterdir()} == {"V1", "V2"}
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {"regulars.duckdb": 0o444, "contacts.duckdb": 0o400, "seal.json": 0o444}
    assert findings("publication") == []
    (folder / "regulars.duckdb").chmod(0o644)
    [(state, message, cure)] = findings("publication")
    assert (state, message) == ("problem", f"{folder}/regulars.duckdb is writable")
    assert cure == f"Run: chmod a-w {folder}/regulars.duckdb"


def change_in_place(database: Path) -> None:
    """What a tool does that opens the file for writing; size and time are put back."""
    before = database.stat()
    database.chmod(0o644)
    with database.open("r+b") as handle:
        handle.seek(-1, os.SEEK_END)
        last = handle.read(1)
        handle.seek(-1, os.SEEK_END)
        handle.write(bytes([last[0] ^ 1]))
    os.utime(database, ns=(before.st_atime_ns, before.st_mtime_ns))
    database.chmod(0o444)


def add_a_log(database: Path) -> None:
    database.with_name(database.name + ".wal").write_bytes(b"x")


def lose(database: Path) -> None:
    database.unlink()


def truncate(database: Path) -> None:
    database.chmod(0o644)
    database.write_bytes(b"nothing")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (change_in_place, "regulars.duckdb was changed"),
        (add_a_log, "regulars.duckdb.wal lies beside what was published"),
        (lose, "regulars.duckdb is gone"),
        (truncate, "regulars.duckdb was changed"),
    ],
)
def test_a_changed_version_is_noticed_and_publishing_mends_it(
    config: CompanyConfig, harm: Callable[[Path], None], said: str
) -> None:
    for number in (1, 2):
        build(config, f"V{number}", rows=number)
        publish(config, REQUIRED)
    harm(config.paths.versions / "V2" / "regulars.duckdb")
    state, message, cure = findings("publication")[0]
    assert (state, message) == ("problem", f"version V2: {said} and readers see it")
    assert cure.startswith("Run: regulars publish; if that does not help: regulars refresh --full")
    assert rollback(config.paths, None) == "V1"
    with pytest.raises(RegularsError, match=f"version V2 is not as it was published: {said}"):
        rollback(config.paths, "V2")
    [(_, message, cure)] = findings("publication")
    assert message == f"version V2: {said}"
    assert cure.endswith(f"rm -r {config.paths.versions}/V2")
    assert publish(config, REQUIRED) == "V2"
    assert findings("publication") == []
    assert rows_seen(config) == (2,)


def test_a_reader_of_a_changed_version_keeps_its_file_while_it_is_mended(config: CompanyConfig) -> None:
    build(config, "V1", rows=3)
    publish(config, REQUIRED)
    add_a_log(config.paths.current_database)
    inode = config.paths.current_database.stat().st_ino
    with config.paths.current_database.open("rb") as reader:
        publish(config, REQUIRED)
        assert os.fstat(reader.fileno()).st_ino == inode
        assert config.paths.current_database.stat().st_ino != inode
    assert rows_seen(config) == (3,)


def test_a_version_from_before_the_seal_is_a_note(config: CompanyConfig) -> None:
    build(config, "V1")
    publish(config, REQUIRED)
    (config.paths.versions / "V1" / "seal.json").unlink()
    assert findings("publication") == [("note", "version V1 was published before files were sealed", "")]

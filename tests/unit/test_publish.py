"""Publishing moves readers in one step, never breaks an open one, and can be taken back."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration.company import CompanyConfig
from orchestration.errors import RegularsError, UsageError
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
    from orchestration.company import load_company

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

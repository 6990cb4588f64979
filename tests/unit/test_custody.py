"""A company's files are their owner's; scratch goes with its process; damage and a wrong clock are found and said."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pytest

from orchestration import launch
from orchestration.config.company import CompanyConfig, load_company
from orchestration.connectors.registry import connect
from orchestration.landing.lake import Lake
from orchestration.platform import scratch
from orchestration.platform.custody import in_charge, open_to_others
from orchestration.platform.damage import damage_of
from orchestration.platform.errors import RegularsError
from orchestration.platform.paths import PROJECT
from orchestration.platform.pseudonym import secret_in
from orchestration.platform.state import State
from orchestration.quality.run import Judge
from orchestration.run.doctor import diagnose
from orchestration.run.refresh import SEEN, nothing_new, open_session
from orchestration.serving.publish import publish, rollback, versions
from tests.breaking import REQUIRED, build_version, do_load, lake_of
from tests.support.conforming import rows
from tests.support.shop import Shop


@pytest.fixture
def config(loaded: Shop) -> CompanyConfig:
    return load_company("shop")


def problems(what: str) -> list[tuple[str, str]]:
    return [(f.message, f.cure) for f in diagnose("shop") if f.what == what and f.state == "problem"]


def test_nothing_but_the_publication_can_be_read_by_others(config: CompanyConfig) -> None:
    os.umask(0o022)  # as a shell has it
    with in_charge(config.paths):
        build_version(config, "V1", 1)
        publish(config, REQUIRED)
    root, published = config.paths.root, config.paths.published
    assert open_to_others(config.paths) == []
    for path in root.rglob("*"):
        if published not in (path, *path.parents):
            assert path.stat().st_mode & 0o077 == 0, path
    # A reader's account passes through the company's folder, sees no list of it, and opens what is published.
    assert root.stat().st_mode & 0o777 == 0o711
    for folder in (published, config.paths.versions, config.paths.versions / "V1"):
        assert folder.stat().st_mode & 0o777 == 0o755
    assert config.paths.current_database.stat().st_mode & 0o777 == 0o444


def test_a_company_that_was_open_to_others_is_closed_and_doctor_says_so_before(config: CompanyConfig) -> None:
    for path in (config.paths.lake, *config.paths.lake.rglob("*"), config.paths.state, config.paths.root):
        path.chmod(0o755 if path.is_dir() else 0o644)
    [(message, cure)] = problems("permission")
    assert "more can be read by others" in message
    subprocess.run(cure.removeprefix("Run: "), shell=True, check=True)
    assert problems("permission") == []
    assert config.paths.root.stat().st_mode & 0o777 == 0o755  # the company's own choice
    config.paths.state.chmod(0o640)
    assert problems("permission") == [
        (f"{config.paths.state} can be read by others", f"Run: chmod 600 {config.paths.state}")
    ]
    with in_charge(config.paths):
        pass
    assert problems("permission") == []


def test_a_folder_of_versions_keeps_the_mode_that_the_company_chose(config: CompanyConfig) -> None:
    for version in ("V1", "V2"):
        with in_charge(config.paths):
            build_version(config, version, 1)
            publish(config, REQUIRED)
        config.paths.published.chmod(0o750)
    assert config.paths.published.stat().st_mode & 0o777 == 0o750


HOLD = """
import sys, time
from orchestration.platform import scratch
from orchestration.platform.paths import CompanyPaths
scratch.of_company(CompanyPaths.of("shop"))
(scratch.folder() / "clear.csv").write_text("Ann,ann@example.org")
print("held", flush=True)
time.sleep(60)
"""


def test_scratch_of_the_dead_goes_and_that_of_the_living_stays(config: CompanyConfig) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, cwd=PROJECT)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    left = config.paths.temp / "duckdb_temp_storage_DEFAULT-0.tmp"
    left.write_bytes(b"rows in clear")
    with in_charge(config.paths):
        assert not left.exists()
        assert [path.name for path in config.paths.temp.glob("*/clear.csv")] == ["clear.csv"]
        process.send_signal(signal.SIGKILL)
        process.wait()
    process.stdout.close()
    with in_charge(config.paths) as said:
        assert list(config.paths.temp.glob("*/clear.csv")) == []
        assert "temporary files of a killed command were removed" in said
        inside = Path(tempfile.mkdtemp())  # whatever a library makes
        assert config.paths.temp in inside.parents
        assert os.environ["TMPDIR"] == str(inside.parent)
    assert list(config.paths.temp.iterdir()) == []


def test_copies_of_sources_lie_below_the_company_and_reading_alone_makes_none(config: CompanyConfig) -> None:
    scratch.of_company(config.paths)
    connector = connect(config.sources["till"].as_system())
    connector.fingerprint("orders")
    assert list(config.paths.temp.glob("*")) == []
    assert config.paths.temp in Path(connector.scratch.name).parents  # type: ignore[attr-defined]
    scratch.remove()


def test_a_judge_ends_with_the_refresh_that_was_killed() -> None:
    code = (
        "import time\nfrom orchestration.quality.run import Judge\nj = Judge()\n"
        "print(j.process.pid, flush=True)\ntime.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=PROJECT)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{child}").exists() and state_of(child) != "Z":
        assert time.monotonic() < deadline, "the judge outlives its refresh"
        time.sleep(0.05)


def state_of(pid: int) -> str:
    """The state letter of a process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize(
    ("code", "words", "said", "cure"),
    [
        (-9, "", "ended from outside (SIGKILL)", "Run: regulars refresh"),
        (-15, "", "ended from outside (SIGTERM)", "Run: regulars refresh"),
        (1, "ModuleNotFoundError: No module named 'altair'", "No module named 'altair'", "make install"),
        (1, "RuntimeError: a column is gone", "a column is gone", "Run: regulars refresh"),
    ],
)
def test_a_judge_that_ended_says_why_and_what_to_do(code: int, words: str, said: str, cure: str) -> None:
    judge = Judge()
    judge.errors.write(words)
    error = judge.failure(code)
    judge.close()
    assert said in error.message
    assert cure in error.cure
    assert ("make install" in error.cure) == (cure == "make install")


def test_a_judge_killed_while_it_judges_is_told(config: CompanyConfig) -> None:
    judge = Judge()
    judge.process.kill()
    with pytest.raises(RegularsError, match=r"SIGKILL.*Run: regulars refresh"):
        judge.judge({"suites": []})
    judge.close()


@pytest.mark.parametrize("content", [b"\xff\xfe\0", None])
def test_a_key_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    key = tmp_path / "pseudonym.key"
    assert secret_in(key) is None
    key.write_bytes(b"abc\n")
    assert secret_in(key) == "abc"
    key.unlink()
    key.mkdir() if content is None else key.write_bytes(content)
    with pytest.raises(RegularsError, match=r"pseudonym\.key: cannot be read: .*Bring the file back"):
        secret_in(key)


def test_books_that_hold_no_numbers_are_made_again(config: CompanyConfig) -> None:
    before = lake_of(config)
    with contextlib.closing(sqlite3.connect(config.paths.state)) as con:
        con.execute("update load_audit set rows_landed = 'many'")
        con.commit()
    with open_session(config, "refresh"):
        pass
    assert lake_of(config) == before


def as_published(config: CompanyConfig) -> None:
    """A company that a refresh has published, as the journal says it."""
    do_load(config)  # its files lie elsewhere now
    with open_session(config, "refresh") as session:
        build_version(config, "V1", 1)
        session.published = publish(config, REQUIRED)
        session.state.set_fact("as_of", "2025-01-01")
        session.state.set_fact("following_business_day", "")


def test_nothing_is_new_over_a_whole_version_only(config: CompanyConfig) -> None:
    as_published(config)
    now = dt.datetime.now(dt.UTC)
    assert nothing_new(config, now) == "V1"
    with State(config.paths.state) as state:
        state.set_fact(SEEN, "")  # no marks: the files are compared with the seal
    assert nothing_new(config, now) == "V1"
    database = config.paths.versions / "V1" / "regulars.duckdb"
    whole = database.read_bytes()
    for content in (b"", whole[: len(whole) // 2], whole[:9000] + b"noise" * 99 + whole[9495:], None):
        database.chmod(0o600)
        database.unlink()
        if content is not None:
            database.write_bytes(content)
        assert nothing_new(config, now) is None
        database.write_bytes(whole)
    assert nothing_new(config, now) == "V1"
    for path in (config.paths.state, next(config.paths.lake.glob("till/orders/*/_manifest.json"))):
        kept = path.read_bytes()
        path.write_bytes(b"x" * 9000)
        if path == config.paths.state:
            assert nothing_new(config, now) is None
            path.write_bytes(kept)
        else:
            path.unlink()
            assert nothing_new(config, now) is None
            path.write_bytes(kept)


def test_a_damaged_block_is_found_before_it_is_published(config: CompanyConfig) -> None:
    with in_charge(config.paths):
        build_version(config, "V1", 50_000)
        publish(config, REQUIRED)
        build_version(config, "V2", 60_000)
    with config.paths.serve.open("r+b") as file:
        file.seek(config.paths.serve.stat().st_size - 300_000)
        file.write(os.urandom(2000))
    with in_charge(config.paths), pytest.raises(RegularsError, match=r"damaged.*regulars refresh --full"):
        publish(config, REQUIRED)
    assert [v.name for v in versions(config.paths) if v.is_current] == ["V1"]
    assert damage_of(config.paths.serve, deep=True)


@pytest.mark.parametrize("content", [b"", b"no database" * 900], ids=["empty", "other"])
def test_a_damaged_cache_is_named_and_made_again(config: CompanyConfig, content: bytes) -> None:
    before = rows(config, "select count(*) from input.sales_order")
    config.paths.warehouse.write_bytes(content)
    said: list[str] = []
    with open_session(config, "refresh", (lambda _, message, __: said.append(message),)) as session:
        session.conform()
    assert any("warehouse.duckdb is" in text and "made again from the lake" in text for text in said)
    assert rows(config, "select count(*) from input.sales_order") == before


def test_damage_within_a_database_is_named_and_the_next_refresh_mends_it(config: CompanyConfig) -> None:
    with config.paths.warehouse.open("r+b") as file:
        for place in range(20_480, config.paths.warehouse.stat().st_size - 4096, 262_144):
            file.seek(place)
            file.write(os.urandom(512))
    said: list[str] = []
    try:
        with open_session(config, "refresh", (lambda _, message, __: said.append(message),)) as session:
            session.conform()
    except RegularsError as error:
        said.append(str(error))
    assert any("warehouse.duckdb" in text and "from the lake" in text for text in said), said
    do_load(config)
    assert rows(config, "select count(*) from input.sales_order") == [(400,)]


def test_a_version_that_is_damaged_is_listed_and_not_rolled_back_to(config: CompanyConfig) -> None:
    for version in ("V1", "V2"):
        with in_charge(config.paths):
            build_version(config, version, 1)
            publish(config, REQUIRED)
    old = config.paths.versions / "V1" / "regulars.duckdb"
    old.chmod(0o600)
    old.write_bytes(b"")
    assert [(v.name, v.built_at.split(";")[0]) for v in versions(config.paths)][1] == ("V1", "damaged")
    with pytest.raises(RegularsError, match="not as it was published"):
        rollback(config.paths, "V1")


def test_a_clock_that_was_set_back_names_nothing_before_what_is_there(
    config: CompanyConfig, loaded: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = max(str(row[2]) for row in lake_of(config))
    loaded.put("orders", "select * replace (total + 7 as total) from {table}")
    past = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=30)
    monkeypatch.setattr("orchestration.run.refresh.utc_now", lambda: past)
    said: list[str] = []
    with open_session(config, "refresh", (lambda _, message, __: said.append(message),)) as session:
        assert session.run_id > newest
    assert any("the machine's clock says" in text and "dated after it" in text for text in said)
    do_load(config)
    assert max(str(row[2]) for row in lake_of(config)) > session.run_id
    latest = "select sum(net_amount)::double from input.sales_order where _superseded_at is null"
    with duckdb.connect() as con:
        wanted = con.execute(f"select sum(total) from '{loaded.data}/orders.parquet'").fetchall()
    assert rows(config, latest) == wanted


def test_fewer_candidates_than_landed_rows_take_nothing_in(
    config: CompanyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed = "orchestration.landing.lake.Lake.landed"
    whole = Lake.landed
    config.paths.warehouse.unlink()  # all of it is conformed again
    monkeypatch.setattr(landed, lambda self, seen: f"select * from ({whole(self, seen)}) limit 3")
    with pytest.raises(RegularsError, match=r"3 rows of load \S+ were read, but \d+ were landed"):
        do_load(config)
    monkeypatch.setattr(landed, whole)
    do_load(config)
    assert rows(config, "select count(*) from input.sales_order") == [(400,)]


@pytest.mark.parametrize("content", [b"", b"no database" * 900, None], ids=["empty", "other", "scribbled over"])
def test_a_damaged_history_of_dagster_is_set_aside(config: CompanyConfig, content: bytes | None) -> None:
    damaged, sound = config.paths.dagster / "storage" / "runs.db", config.paths.dagster / "history" / "index.db"
    for path in (damaged, sound):
        path.parent.mkdir(parents=True)
        with contextlib.closing(sqlite3.connect(path)) as con:
            con.executescript("create table runs (body text); create index by_body on runs (body);")
            con.executemany("insert into runs values (?)", [(f"{number:05d}" * 20,) for number in range(2000)])
            con.commit()
    if content is None:
        whole = damaged.read_bytes()
        content = whole[:8192] + os.urandom(8192) + whole[16_384:]
    damaged.write_bytes(content)
    with open_session(config, "refresh") as session:
        assert launch.set_damaged_aside(session) == ["storage/runs.db"]
        assert launch.set_damaged_aside(session) == []
    assert not damaged.exists()
    assert sound.exists()
    assert next(config.paths.aside.glob("runs.db-*")).read_bytes() == content

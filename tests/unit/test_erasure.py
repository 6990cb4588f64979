"""The journal of an erasure, and the search that proves it."""

from __future__ import annotations

import base64
import bz2
import contextlib
import gzip
import json
import lzma
import sqlite3
import unicodedata
import zipfile
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest

from orchestration.config.company import CompanyConfig, load_company
from orchestration.identity import resolve_identity
from orchestration.landing.lake import Lake
from orchestration.platform.errors import RegularsError, UsageError
from orchestration.platform.state import State
from orchestration.privacy import erasure, forms, scrub
from orchestration.privacy.person import Person, find_person
from orchestration.privacy.scrub import Scrubber, clear_runtime, schemas_of
from orchestration.privacy.search import search
from orchestration.privacy.subject import RawTable, subjects_of
from orchestration.privacy.suppression import TEXT, VALUE, Sealed, Suppression
from orchestration.run import refresh
from orchestration.run.refresh import open_session
from orchestration.serving.backup import backup
from orchestration.warehouse.connections import locked_warehouse, open_warehouse
from tests.support.conforming import START, load_and_conform
from tests.support.shop import SOURCE, Shop

NAME, EMAIL, PHONE, HAN = "Zoë Quaxley", "zq@planted.example", "0171 5550199", "王小明"
TEXTS = (NAME, EMAIL, PHONE, HAN)
ERASURE = erasure.Erasure((Sealed("customer:till", "C5"),), TEXTS)


def ways(text: str) -> list[str]:
    """Ways in which a text is written."""
    found = [
        text, text.upper(), unicodedata.normalize("NFD", text), quote(text), quote(quote(text)), quote(text.upper()),
        "".join(f"%{b:02x}" for b in text.encode()), "".join(f"&#{ord(c)};" for c in text),
        "".join(f"&#x{ord(c):x};" for c in text), json.dumps(text), "".join(f"\\u{ord(c):04x}" for c in text),
        base64.b64encode(text.encode()).decode(), base64.b64encode(f"<{text}>".encode()).decode(),
        base64.urlsafe_b64encode(f"say {text}".encode()).decode(),
    ]  # fmt: skip
    if " " in text:
        found += [text.replace(" ", ""), text.replace(" ", "-"), text.replace(" ", "&nbsp;"), text.replace(" ", "+")]
    return found


def test_the_journal_names_nobody_and_only_its_owner_reads_it(config: CompanyConfig) -> None:
    config.paths.root.mkdir(parents=True, exist_ok=True)
    assert erasure.pending(config) is None
    erasure.begin(config, ERASURE)
    file = erasure.journal_of(config)
    assert file.stat().st_mode & 0o777 == 0o600
    assert search(config.paths.root, [*TEXTS, "customer:till"]).hits == []
    assert erasure.pending(config) == ERASURE
    other = erasure.Erasure((Sealed("customer:till", "C6"),), ("somebody else",))
    erasure.begin(config, other)
    assert erasure.pending(config) == erasure.Erasure(ERASURE.sealed + other.sealed, TEXTS + other.texts)
    enclosed = file.read_bytes()
    for place in (len(erasure.HEAD), len(erasure.HEAD) + erasure.NONCE, -1):  # number used once, text, mark
        changed = bytearray(enclosed)
        changed[place] ^= 1
        file.write_bytes(changed)
        with pytest.raises(RegularsError, match=r"erasure\.pending: cannot be read with .*suppression\.key"):
            erasure.pending(config)
    file.write_bytes(enclosed[:20])
    with pytest.raises(RegularsError, match="cannot be read with"):
        erasure.pending(config)


@pytest.mark.parametrize("name", ["suppression.parquet", "suppression.key"])
def test_a_list_that_cannot_be_read_stops_what_would_bring_persons_back(config: CompanyConfig, name: str) -> None:
    suppression = Suppression(config.paths.root)
    suppression.add(ERASURE.sealed, START)
    assert suppression.covers(ERASURE.sealed)
    path = config.paths.root / name
    whole = path.read_bytes()
    for content in (b"\xff noise", b"", None):
        path.unlink() if content is None else path.write_bytes(content)
        if content is None and name == "suppression.parquet":
            continue  # there is no list
        with pytest.raises(RegularsError, match=rf"{name}: .*says who was forgotten.*regulars restore"):
            suppression.entries()
    path.write_bytes(whole)
    assert suppression.covers(ERASURE.sealed)


def test_the_same_journal_is_never_written_the_same_twice() -> None:
    first, second = erasure.enclose("secret", b"text"), erasure.enclose("secret", b"text")
    assert first != second
    assert erasure.disclose("secret", first) == erasure.disclose("secret", second) == b"text"
    assert erasure.disclose("another", first) is None


def test_a_journal_of_before_is_refused_by_name(config: CompanyConfig) -> None:
    """It was encrypted by an own cipher, which is gone."""
    config.paths.root.mkdir(parents=True, exist_ok=True)
    Suppression(config.paths.root).secret()
    erasure.journal_of(config).write_bytes(bytes(range(200)))
    with pytest.raises(RegularsError, match=r"erasure\.pending: is of an older version of the product") as refused:
        erasure.pending(config)
    assert "delete the file and run regulars forget again" in refused.value.cure


def test_a_pending_erasure_keeps_backups_from_being_made(config: CompanyConfig, tmp_path: Path) -> None:
    config.paths.root.mkdir(parents=True, exist_ok=True)
    erasure.begin(config, ERASURE)
    with pytest.raises(UsageError, match="erasure of a person is not ended"):
        backup(config, tmp_path / "b.tar", "now")


@pytest.mark.parametrize("text", TEXTS)
def test_the_search_finds_every_way_of_writing_in_every_kind_of_file(tmp_path: Path, text: str) -> None:
    for number, way in enumerate(ways(text)):
        folder = tmp_path / str(number)
        folder.mkdir()
        said = f"he said {way} then"
        (folder / "log.jsonl").write_text(said)
        (folder / "utf16.txt").write_text(f"he said {text} then", "utf-16-le")
        (folder / "a.gz").write_bytes(gzip.compress(said.encode()))
        (folder / "a.bz2").write_bytes(bz2.compress(said.encode()))
        (folder / "a.xz").write_bytes(lzma.compress(said.encode()))
        with zipfile.ZipFile(folder / "a.zip", "w") as archive:
            archive.writestr("inner", said)
        with duckdb.connect(str(folder / "d.duckdb")) as con:
            con.execute("create table t as select 1 as n, $1 as said, [$1] as several", [said])
            con.execute(f"copy t to '{folder}/p.parquet'")
        con2 = sqlite3.connect(folder / "s.sqlite")
        con2.execute("create table t (said text)")
        con2.execute("insert into t values (?)", (said,))
        con2.commit()
        con2.close()
        hits = {hit.path.name for hit in search(folder, ["another person", text]).hits if hit.number == 1}
        assert hits == {path.name for path in folder.iterdir()}, way
        assert search(folder, ["another person"]).hits == []


def test_the_search_does_not_take_parts_of_words_or_numbers_for_a_person(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hannah buys 12345, and Joanna Bell; 171555019")
    with duckdb.connect() as con:
        con.execute(f"copy (select 44551234 as n, 'Hannah Bxy' as said) to '{tmp_path}/p.parquet'")
    assert search(tmp_path, ["anna B", "51234", "nna b", PHONE]).hits == []
    assert [hit.path.name for hit in search(tmp_path, ["44551234"]).hits] == ["p.parquet"]


def test_the_search_names_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "broken.gz").write_bytes(gzip.compress(b"text " * 1000)[:40])
    (tmp_path / "d.duckdb").write_bytes(b"12345678DUCK and nothing else")
    (tmp_path / "z.zst").write_bytes(b"\x28\xb5\x2f\xfd....")
    hits = search(tmp_path, ["somebody"]).hits
    assert {(hit.path.name, hit.number) for hit in hits} == {("broken.gz", -1), ("d.duckdb", -1), ("z.zst", -1)}


def scrubbed(suppression: Suppression, tmp_path: Path, said: list[str], raw: RawTable) -> list[str | None]:
    """What a load's column says after a scrub."""
    path = tmp_path / "part-0.parquet"
    with duckdb.connect() as con:
        con.execute("create table t (n integer, said varchar, _source_row bigint)")
        con.executemany("insert into t values (?, ?, ?)", [[n, text, n] for n, text in enumerate(said)])
        con.execute(f"copy t to '{path}'")
    scrubber = Scrubber.of(suppression)
    scrubber.scrub(path, raw)
    scrubber.con.close()
    with duckdb.connect() as con:
        return [row[0] for row in con.execute(f"select said from '{path}' order by n").fetchall()]


@pytest.mark.parametrize("text", TEXTS)
def test_a_later_load_is_cleaned_by_seals_alone(tmp_path: Path, text: str) -> None:
    suppression = Suppression(tmp_path)
    suppression.add(Person(1, [("till", "C5")], [], values=[text]).sealed(), START.replace(tzinfo=None))
    said = [f"he said {way} then" for way in ways(text)]
    others = ["he said nothing then", "Zoe Else", "0171 5550198", "王大明"]
    raw = RawTable(text=frozenset({"said"}))
    assert scrubbed(suppression, tmp_path, said + others, raw) == [None] * len(said) + others


def of_numbers(tmp_path: Path, suppression: Suppression, raw: RawTable, clear: tuple[str, ...] = ()) -> list[object]:
    """Rows of a table of numbers after a scrub."""
    path = tmp_path / "part-0.parquet"
    with duckdb.connect() as con:
        con.execute(
            "create table t as select * from (values (1, 1715550199::bigint, 491715550199::double, "
            "77822150000::decimal(18, 0), 1715550199::bigint), (2, 1715550198::bigint, 491715550198::double, "
            "77822150001::decimal(18, 0), "
            "5550199::bigint), (3, null, 1.5, 0, 17)) v (n, phone, mobile, card, no)"
        )
        con.execute("alter table t add column _source_row bigint; update t set _source_row = n")
        con.execute(f"copy t to '{path}'")
    scrubber = Scrubber.of(suppression, clear)
    scrubber.scrub(path, raw)
    scrubber.con.close()
    with duckdb.connect() as con:
        return con.execute(f"select * exclude (_source_row) from '{path}' order by n").fetchall()


@pytest.mark.parametrize("is_known", [True, False])
def test_telephone_and_card_numbers_go_from_columns_of_numbers(tmp_path: Path, is_known: bool) -> None:
    """At the erasure itself, and by the list alone from later loads."""
    suppression = Suppression(tmp_path)
    texts = (PHONE, "7782-2150-000")
    suppression.add(Person(1, [("till", "C5")], [], values=list(texts)).sealed(), START.replace(tzinfo=None))
    spoken = RawTable(text=frozenset({"phone", "mobile", "card", "no"}), needed=frozenset({"no"}))
    rows = of_numbers(tmp_path, suppression, spoken, texts if is_known else ())
    assert [row[:4] for row in rows] == [
        (1, None, None, None), (2, 1715550198, 491715550198.0, 77822150001), (3, None, 1.5, 0),
    ]  # fmt: skip
    assert rows[0][4] < 0  # a row needs it, so it is another number
    assert [row[4] for row in rows[1:]] == [5550199, 17]
    assert search(tmp_path, texts).hits == []
    direct = RawTable(direct=frozenset({"phone"}))
    assert [row[0] for row in of_numbers(tmp_path, suppression, direct, texts if is_known else ())] == [2, 3]


def test_the_search_reads_numbers(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute(f"copy (select 491715550199::double as n) to '{tmp_path}/a.parquet'")
        con.execute(f"copy (select 1715550199::decimal(12, 0) as n) to '{tmp_path}/b.parquet'")
        con.execute(f"copy (select 99171555019900::bigint as n, 171555019.9::double as m) to '{tmp_path}/c.parquet'")
    assert [hit.path.name for hit in search(tmp_path, [PHONE]).hits] == ["a.parquet", "b.parquet"]


def test_figures_are_no_telephone_numbers(shop: Shop) -> None:
    """What a map takes for an amount stays, whatever it equals; a column that no map reads may name a person."""
    shop.put("orders", "select *, 1715550199 as called, 1715550199.0::double as price from {table}")
    shop.with_map("sales_order", columns={**SOURCE["maps"]["sales_order"]["columns"], "net_amount": "price"})
    config = load_company("shop")
    load_and_conform(config)
    subjects = subjects_of(config, schemas_of(Lake(config.paths.lake).manifests()))
    text = subjects["till", "orders"].text
    assert "called" in text
    assert "price" not in text


def test_a_list_of_before_is_still_kept_to(tmp_path: Path) -> None:
    suppression = Suppression(tmp_path)
    suppression.add([Sealed(VALUE, "Ann Quaxley")], START.replace(tzinfo=None))
    raw = RawTable(text=frozenset({"said"}))
    assert scrubbed(suppression, tmp_path, ["by Ann Quaxley, twice", "by Ann"], raw) == [None, "by Ann"]


@pytest.mark.parametrize("name", ["Υάννης Παπαδόπουλος", "İbrahim Işıkoğlu", "Søren Kjærgård"])
def test_a_list_whose_letters_were_folded_otherwise_is_still_kept_to(tmp_path: Path, name: str) -> None:
    suppression = Suppression(tmp_path)
    before = forms.folded_before(name).replace(" ", "")
    suppression.add([Sealed(TEXT, before, 2)], START.replace(tzinfo=None))
    said = [f"says {name} twice", "says nobody"]
    assert scrubbed(suppression, tmp_path, said, RawTable(text=frozenset({"said"}))) == [None, "says nobody"]


def test_what_a_row_needs_is_replaced_the_same_everywhere(tmp_path: Path) -> None:
    suppression = Suppression(tmp_path)
    suppression.add([Sealed(TEXT, "zqplantedexample", 3)], START.replace(tzinfo=None))
    raw = RawTable(text=frozenset({"said"}), needed=frozenset({"said"}))
    first = scrubbed(suppression, tmp_path, [f"{EMAIL}-1", f"{EMAIL}-2", "O-3"], raw)
    assert first[2] == "O-3"
    assert len(set(first)) == 3
    assert all(text is not None and text.startswith("erased ") for text in first[:2])
    assert scrubbed(suppression, tmp_path, ["O-3", f"{EMAIL}-2"], raw) == ["O-3", first[1]]


def test_what_runs_left_behind_is_cleared_in_every_way_of_writing(config: CompanyConfig) -> None:
    paths = config.paths
    paths.logs.mkdir(parents=True)
    storage = paths.dagster / "storage" / "run"
    storage.mkdir(parents=True)
    (paths.dagster / "dagster.yaml").write_text("telemetry:\n")
    (storage / "out.err").write_text(f"failed for {quote(EMAIL)}")
    said = [f"refused {way}" for text in TEXTS for way in ways(text)]
    (paths.logs / "1.jsonl").write_text("\n".join([*said, "all is well"]))
    paths.translation.write_bytes(b"x")
    with State(paths.state) as state:
        for number, text in enumerate(said):
            state.start_run(f"r{number}", "refresh", START)
            state.finish_run(f"r{number}", "failed", START, None, None, text)
            state.start_stage(f"r{number}", "load", START)
            state.finish_stage(f"r{number}", "load", START, "failed", {"error": text})
        clear_runtime(config, state, TEXTS)
    assert search(paths.root, TEXTS).hits == []
    assert (paths.logs / "1.jsonl").read_text() == "all is well"
    assert not paths.translation.exists()


STEPS = {
    "the journal is written": (erasure, "begin"),
    "the list": (Suppression, "add"),
    "the lake": (refresh, "scrub_lake"),
    "a load of the lake": (scrub, "commit"),
    "a file of the lake": (Scrubber, "rewrite"),
    "what was made of the lake": (scrub, "remove_database"),
    "the logs": (refresh, "clear_runtime"),
    "the state": (State, "forget"),
    "the proof": (erasure, "search"),
}


@pytest.mark.parametrize(
    ("step", "when"), [*((s, "before") for s in STEPS), ("the journal is written", "after"), ("the state", "after")]
)
def test_an_erasure_that_is_killed_is_ended_by_the_next_session(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    """Killed before or after each step, and once more at the same place."""
    name = "Zoë Quaxley"
    shop.put("customers", f"select * replace (case when id = 'C5' then '{name}' else name end as name) from {{table}}")
    config = load_company("shop")
    load_and_conform(config)
    with open_warehouse(config) as con:
        resolve_identity(con, config, Lake(config.paths.lake), "L1", START)
    config.paths.logs.mkdir(parents=True, exist_ok=True)
    (config.paths.logs / "old.jsonl").write_text(f"refused {quote(name)}\n")
    with locked_warehouse(config, "forget") as con:
        person = find_person(con, config, "till:C5")
    assert name in person.values
    owner, function = STEPS[step]
    whole = getattr(owner, function)

    def die(*arguments: object, **named: object) -> None:
        if when == "after":
            whole(*arguments, **named)
        raise KeyboardInterrupt

    def run(command: str) -> None:
        with open_session(config, command) as session:
            if command == "forget":
                session.forget(person)
            session.published = "a version without the person"
            (config.paths.versions / session.published).mkdir(parents=True, exist_ok=True)

    for command in ("forget", "refresh"):
        if command == "refresh" and not erasure.is_pending(config):
            break
        with monkeypatch.context() as broken:
            broken.setattr(owner, function, die)
            with contextlib.suppress(KeyboardInterrupt):
                run(command)
    if (step, when) == ("the journal is written", "before"):
        assert not erasure.is_pending(config)  # nothing was begun, nothing is touched
        assert search(config.paths.lake, [name]).hits
        return
    run("refresh")
    assert not erasure.is_pending(config)
    assert search(config.paths.root, person.values).hits == []
    assert Suppression(config.paths.root).covers(person.sealed())

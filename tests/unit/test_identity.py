"""Keys of customers: stable, independent of order, unique, and remembered in the lake."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import random

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.config.company import CompanyConfig, load_company
from orchestration.identity import keys as minting
from orchestration.identity import ledger, resolve_identity
from orchestration.identity.keys import HISTORY_SCHEMA, alone, assign_keys
from orchestration.identity.ledger import LEDGER, read_history, rekey
from orchestration.landing.lake import Lake
from orchestration.platform.errors import ConfigError
from orchestration.warehouse.connections import open_warehouse
from tests.support.conforming import START, load_and_conform, rows
from tests.support.shop import CUSTOMERS, Shop

EMPTY = HISTORY_SCHEMA.empty_table()
SECRET = "of this company"


def records(pairs: list[tuple[str, str]]) -> pa.Table:
    return pa.table({"source_system": [p[0] for p in pairs], "customer_id": [p[1] for p in pairs]})


def dated(ledger: pa.Table, day: int = 1) -> pa.Table:
    """Ledger rows as they are read back: with the time from which they hold."""
    moment = pa.array([dt.datetime(2024, 1, day)] * ledger.num_rows, pa.timestamp("us"))
    return ledger.append_column("valid_from", moment).cast(HISTORY_SCHEMA)


def clusters_of(*groups: str) -> pa.Table:
    """Clusters of records of system s; a group is written as its ids, the first stands for it."""
    rows = [
        {"source_system": "s", "customer_id": x, "cluster_system": "s", "cluster_id": group[0],
         "rule": "fuzzy" if len(group) > 1 else "source_key", "weight": 1.0 if len(group) > 1 else None}
        for group in groups for x in group
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def step(history: pa.Table, day: int, *groups: str) -> tuple[pa.Table, dict[str, int]]:
    """One more run: the history after it, and each record's key."""
    history = pa.concat_tables([history, dated(assign_keys(clusters_of(*groups), history, SECRET), day)])
    return history, {record[1]: key for record, key in keys(history).items()}


def keys(ledger: pa.Table) -> dict[tuple[str, str], int]:
    return {(r["source_system"], r["customer_id"]): r["customer_key"] for r in ledger.to_pylist()}


ids = st.lists(
    st.tuples(st.sampled_from(["shop", "crm"]), st.text(st.characters(codec="utf-8"), min_size=1, max_size=4)),
    max_size=30,
)


@settings(max_examples=30, deadline=None)
@given(ids, st.randoms(use_true_random=False))
def test_keys_do_not_depend_on_order_or_on_how_records_arrive(pairs: list[tuple[str, str]], rng: random.Random) -> None:
    whole = keys(assign_keys(alone(records(pairs)), EMPTY, SECRET))
    shuffled = list(pairs)
    rng.shuffle(shuffled)
    ledger = EMPTY
    cut = rng.randrange(len(shuffled) + 1)
    for day, part in enumerate((shuffled[:cut], shuffled), 1):
        fresh = assign_keys(alone(records(part)), ledger, SECRET)
        ledger = pa.concat_tables([ledger, dated(fresh, day)])
    assert keys(ledger) == whole
    assert len(set(whole.values())) == len(set(pairs))
    assert ledger.num_rows == len(set(pairs))
    assert all(0 < key <= 2**53 for key in whole.values())


def test_keys_are_pinned() -> None:
    """A key is a promise to everybody who stored it: a change of the hash must not go unnoticed."""
    for secret in (SECRET, "s" * 64, "longer than a block of the hash " * 3):
        expected = int(hmac.new(secret.encode(), b"shop\x1f1\x1f0", hashlib.sha256).hexdigest()[:13], 16) + 1
        assert keys(assign_keys(alone(records([("shop", "1")])), EMPTY, secret)) == {("shop", "1"): expected}


def test_system_and_id_are_not_run_together() -> None:
    found = keys(assign_keys(alone(records([("a", "bc"), ("ab", "c")])), EMPTY, SECRET))
    assert len(set(found.values())) == 2


def test_colliding_hashes_get_different_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minting, "KEY_SPACE", 64)
    monkeypatch.setattr(minting, "MAX_ATTEMPTS", 400)
    pairs = [("shop", str(i)) for i in range(40)]
    first = dated(assign_keys(alone(records(pairs[:25])), EMPTY, SECRET))
    second = dated(assign_keys(alone(records(pairs)), first, SECRET), 2)
    assert second.num_rows == 15
    assert len(set(keys(pa.concat_tables([first, second])).values())) == 40


def test_a_new_record_joins_the_key_of_its_cluster() -> None:
    known = dated(assign_keys(alone(records([("crm", "7")])), EMPTY, SECRET))
    clusters = pa.table(
        {
            "source_system": ["crm", "shop"],
            "customer_id": ["7", "1"],
            "cluster_system": ["crm", "crm"],
            "cluster_id": ["7", "7"],
            "rule": ["email", "email"],
            "weight": [None, 12.5],
        }
    )
    old, new = assign_keys(clusters, known, SECRET).to_pylist()
    assert old["customer_key"] == new["customer_key"] == known.column("customer_key")[0].as_py()
    assert new["source_customer_key"] != new["customer_key"]
    assert (old["rule"], new["weight"]) == ("email", 12.5)


def test_a_merge_keeps_the_older_key_and_its_end_brings_both_back() -> None:
    history, first = step(EMPTY, 1, "a", "c")
    history, second = step(history, 2, "a", "b", "c")
    history, merged = step(history, 3, "ab", "c")
    assert merged == {"a": second["a"], "b": second["a"], "c": second["c"]}
    history, parted = step(history, 4, "a", "b", "c")
    assert parted == second
    assert {k: first[k] for k in "ac"} == {k: parted[k] for k in "ac"}
    again, _ = step(history, 5, "a", "b", "c")
    assert again.num_rows == history.num_rows


def test_a_key_stays_with_its_founder_and_the_rest_get_a_key_of_their_own() -> None:
    history, before = step(EMPTY, 1, "abcd")
    assert set(before.values()) == {before["a"]}
    history, after = step(history, 2, "a", "bcd")
    assert after["a"] == before["a"]
    assert after["b"] == after["c"] == after["d"] != before["a"]
    _, joined = step(history, 3, "abcd")
    assert joined == before


def test_a_key_whose_founder_has_gone_stays_with_the_larger_part() -> None:
    history, before = step(EMPTY, 1, "abcd")
    _, after = step(history, 2, "bc", "d")
    assert after["b"] == after["c"] == before["a"]
    assert after["d"] != before["a"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=5))
def test_keys_name_clusters_one_to_one_however_they_move(walks: list[list[int]]) -> None:
    history = EMPTY
    for day, walk in enumerate(walks, 1):
        groups = ["".join("abcdef"[i] for i in range(6) if walk[i] == g) for g in range(4)]
        found = [group for group in groups if group]
        history, named = step(history, day, *found)
        assert len({named[group[0]] for group in found}) == len(found)
        assert all(len({named[x] for x in group}) == 1 for group in found)


def test_records_that_only_facts_mention_get_a_customer_too(config: CompanyConfig, shop: Shop) -> None:
    shop.put("customers", "select * from {table} where id <> 'C2'")
    load_and_conform(config)
    lake = Lake(config.paths.lake)
    with open_warehouse(config) as con:
        result = resolve_identity(con, config, lake, "L1", START)
        assert (result.records, result.customers, result.new_records) == (CUSTOMERS, CUSTOMERS, CUSTOMERS)
        again = resolve_identity(con, config, lake, "L2", START)
        assert again.new_records == 0
    assert [m.load_id for m in lake.manifests() if m.table_name == "identity_ledger"] == ["L1"]


def guesses(system: str, name: str) -> set[int]:
    """What somebody with an id but without the secret can try: hashes of it, cut as keys are."""
    found = set()
    for text in (name, f"{system}\x1f{name}", f"{system}\x1f{name}\x1f0", f"{system}|{name}", f"{system}:{name}"):
        for kind in ("md5", "sha1", "sha256", "sha512"):
            digest = hashlib.new(kind, text.encode()).hexdigest()
            found |= {int(digest[:13], 16) + 1, int(digest[:13], 16), int(digest[:15], 16), int(digest[:16], 16)}
    return found


def resolve_again(config: CompanyConfig, load_id: str) -> dict[str, int]:
    """Run the identity step; each record's own key."""
    with open_warehouse(config) as con:
        resolve_identity(con, config, Lake(config.paths.lake), load_id, START)
    return dict(rows(config, "select customer_id, source_customer_key from identity.customer_link"))


@pytest.mark.parametrize("clear_keys", [False, True])
def test_who_has_the_ids_but_not_the_secret_finds_nobody(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, clear_keys: bool
) -> None:
    monkeypatch.delenv("REGULARS_PSEUDONYM_KEY", raising=False)
    shop.configure(company={"privacy": {"clear_keys": clear_keys}})
    config = load_company("shop")
    load_and_conform(config)
    own = resolve_again(config, "L1")
    assert len(own) == CUSTOMERS
    assert not {key for name in own for key in guesses("till", name)} & set(own.values())
    assert resolve_again(config, "L2") == own


def test_another_secret_mints_every_key_again_and_the_old_one_brings_them_back(
    config: CompanyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the lake remembers by customer key follows."""
    monkeypatch.setenv("REGULARS_PSEUDONYM_KEY", "first")
    load_and_conform(config)
    first = resolve_again(config, "L1")
    lake = Lake(config.paths.lake)
    score = pa.table({"customer_key": [first["C1"], first["C2"], -1], "score": [0.1, 0.2, 0.3]})
    lake.remember("churn_score", score, "L1", START)
    monkeypatch.setenv("REGULARS_PSEUDONYM_KEY", "second")
    second = resolve_again(config, "L2")
    assert not set(first.values()) & set(second.values())
    translation = config.paths.translation
    pairs = pq.read_table(translation)
    assert translation.stat().st_mode & 0o777 == 0o600
    assert dict(zip(pairs["old_key"].to_pylist(), pairs["new_key"].to_pylist(), strict=True)) == {
        first[name]: second[name] for name in first
    }

    def scores() -> list[tuple[int, float]]:
        file = lake.files(lake.loads("_regulars", "churn_score")[0])
        with duckdb.connect() as con:
            return con.execute("select customer_key, score from read_parquet($1) order by score", [file]).fetchall()

    assert scores() == [(second["C1"], 0.1), (second["C2"], 0.2), (-1, 0.3)]
    assert resolve_again(config, "L3") == second
    monkeypatch.setenv("REGULARS_PSEUDONYM_KEY", "first")
    assert resolve_again(config, "L4") == first
    assert scores() == [(first["C1"], 0.1), (first["C2"], 0.2), (-1, 0.3)]


@pytest.mark.parametrize("killed_at", ["write_private", "translate", "remember_keys", "drop", None])
def test_a_ledger_of_before_there_were_secrets_is_minted_again_once(
    config: CompanyConfig, monkeypatch: pytest.MonkeyPatch, killed_at: str | None
) -> None:
    """Also when the change is killed on its way."""
    load_and_conform(config)
    names = [f"C{i}" for i in range(1, CUSTOMERS + 1)]
    old = {name: 1000 + i for i, name in enumerate(names)}
    history = pa.Table.from_pylist(
        [{"source_system": "till", "customer_id": name, "source_customer_key": old[name],
          "customer_key": old["C1"] if name == "C2" else 77 if name == "C3" else old[name], "rule": "email",
          "weight": None, "valid_from": dt.datetime(2024, 1, 1)} for name in names], HISTORY_SCHEMA,
    )  # fmt: skip
    lake = Lake(config.paths.lake)
    lake.remember(LEDGER, history, "L0", START)
    lake.remember("churn_score", pa.table({"customer_key": [old["C5"], 77]}), "L0", START)
    arguments = (lake, SECRET, "L1", START, config.paths.translation)
    if killed_at:
        with monkeypatch.context() as broken:

            def die(*_: object) -> None:
                raise KeyboardInterrupt

            broken.setattr(*(Lake, "drop") if killed_at == "drop" else (ledger, killed_at), die)
            with pytest.raises(KeyboardInterrupt):
                rekey(*arguments)
    rekey(lake, SECRET, "L2", START, config.paths.translation)
    assert rekey(*arguments) == 0
    with open_warehouse(config) as con:
        found = {row["customer_id"]: row for row in read_history(con, lake).to_pylist()}
    assert len(lake.loads("_regulars", LEDGER)) == 1
    own = {name: row["source_customer_key"] for name, row in found.items()}
    digest = hmac.new(SECRET.encode(), b"till\x1fC1\x1f0", hashlib.sha256).hexdigest()
    assert own["C1"] == int(digest[:13], 16) + 1
    assert len(set(own.values())) == CUSTOMERS
    assert found["C2"]["customer_key"] == own["C1"]
    part = found["C3"]["customer_key"]
    assert part not in {77, *own.values()}
    file = lake.files(lake.loads("_regulars", "churn_score")[0])
    with duckdb.connect() as con:
        assert con.execute("select customer_key from read_parquet($1)", [file]).fetchall() == [(own["C5"],), (part,)]


def test_published_ids_are_pseudonyms_unless_the_company_clears_them(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REGULARS_PSEUDONYM_KEY", raising=False)
    shop.configure(company={"privacy": {"clear_keys": False}})
    config = load_company("shop")
    load_and_conform(config)
    with open_warehouse(config) as con:
        resolve_identity(con, config, Lake(config.paths.lake), "L1", START)
    shown = {row[0] for row in rows(config, "select public_customer_id from identity.customer_link")}
    assert len(shown) == CUSTOMERS
    assert all(len(value) == 32 for value in shown)
    assert (config.paths.root / "pseudonym.key").stat().st_mode & 0o777 == 0o600


def test_a_system_that_uses_anothers_customer_ids_makes_no_customers_of_its_own(shop: Shop) -> None:
    """The helpdesk knows the till's customers 1 to 3 by the till's ids, and one whom the till has not delivered."""
    shop.put(
        "calls", "select 'H' || i as no, 'C' || case i when 4 then 999 else i end as customer from range(1, 5) t(i)"
    )
    (shop.companies / "shop" / "sources" / "helpdesk.yml").write_text(
        """
        system: helpdesk
        timezone: Europe/Berlin
        customer_ids_of: till
        connector: {kind: parquet, path: "${SHOP_DATA}"}
        tables: {calls: }
        maps:
          contact:
            from: calls
            columns: {contact_id: "no", customer_id: customer, contacted_at: "'2024-03-01 10:00:00'",
                      channel: "'hotline'", contact_type: "'care'"}
        """
    )
    config = load_company("shop")
    load_and_conform(config)
    with open_warehouse(config) as con:
        result = resolve_identity(con, config, Lake(config.paths.lake), "L1", START)
    assert (result.records, result.customers) == (CUSTOMERS + 1, CUSTOMERS + 1)
    lent = rows(
        config,
        "select h.customer_id, h.customer_key = t.customer_key, h.public_customer_id = t.public_customer_id "
        "from identity.customer_link h join identity.customer_link t using (customer_id) "
        "where h.source_system = 'helpdesk' and t.source_system = 'till' and h.rule = 'shared_id' order by 1",
    )
    assert lent == [("C1", True, True), ("C2", True, True), ("C3", True, True), ("C999", True, True)]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"customer_ids_of": "crm"}, "value 'crm': expected: another source system"),
        ({"customer_ids_of": "till"}, "has no customers of its own"),
    ],
)
def test_whose_ids_a_system_uses_is_checked(shop: Shop, changed: dict[str, str], expected: str) -> None:
    other = shop.companies / "shop" / "sources" / "till2.yml"
    till = (shop.companies / "shop" / "sources" / "till.yml").read_text()
    other.write_text(till.replace("system: till", "system: till2") + yaml.safe_dump(changed))
    with pytest.raises(ConfigError, match=expected):
        load_company("shop")

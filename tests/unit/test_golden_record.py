"""The golden record: a group comes from one record, the same in the build and in clear contact data."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.config.dictionary.catalog import columns_of
from orchestration.config.dictionary.survivorship import RECORDS, survivorship
from orchestration.serving.contacts import golden_sql
from tests.support.compiled import compiled, warehouse

MODELS = ("int_customer_survivor", "int_customer_golden")
KINDS = {
    "customer_key": "bigint", "source_customer_key": "bigint", "record_key": "bigint", "is_verified": "boolean",
    "priority": "integer", "version_at": "timestamp", "registered_at": "timestamp", "registered_on": "date",
    "birth_date": "date", "household_size": "bigint", "home_owner": "boolean", "employees": "bigint",
    "is_listed": "boolean",
}  # fmt: skip


@dataclass
class Record:
    """What one source says of a customer."""

    key: int
    said: dict[str, Any]
    customer: int = 1
    verified: bool = False
    priority: int = 0
    changed: int = 1  # day of January 2024

    def row(self) -> dict[str, Any]:
        """As a row of int_customer_record."""
        return {
            "customer_key": self.customer, "source_customer_key": self.key, "record_key": self.key,
            "source_system": "crm", "customer_id": f"C{self.key:03}", "is_verified": self.verified,
            "priority": self.priority, "version_at": dt.datetime(2024, 1, self.changed),
            "customer_type": "person", **self.said,
        }  # fmt: skip


@dataclass
class Golden:
    """What was chosen, per customer: published fields, contact fields, and the record of each group."""

    published: dict[int, dict[str, Any]] = field(default_factory=dict)
    contact: dict[int, dict[str, Any]] = field(default_factory=dict)
    record: dict[tuple[int, str], int] = field(default_factory=dict)


def rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """Rows by column."""
    cursor = con.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def choose(records: list[Record], own: dict[str, tuple[Any, ...]] | None = None) -> Golden:
    """The golden record by the models' own SQL and by that of contacts."""
    con = warehouse()
    con.register("given", pd.DataFrame([record.row() for record in records]))
    given = {name for record in records for name in record.row()}
    columns = ", ".join(
        f"cast({name if name in given else 'null'} as {KINDS.get(name, 'varchar')}) as {name}"
        for name in columns_of(RECORDS)
    )
    con.execute(f"create table warehouse.intermediate.int_customer_record as select {columns} from given")
    rules = [(group, *chosen, None, None)[:4] for group, chosen in survivorship().rules(own or {}).items()]
    con.execute(
        "create table warehouse.staging.stg_regulars__survivorship_rule "
        "(field_group varchar, rule_1 varchar, rule_2 varchar, rule_3 varchar)"
    )
    con.executemany("insert into warehouse.staging.stg_regulars__survivorship_rule values (?, ?, ?, ?)", rules)
    for model in MODELS:
        con.execute(f"create table warehouse.intermediate.{model} as {compiled(*MODELS)[model]}")
    con.execute("use warehouse")
    con.execute("create temp table record as select * from intermediate.int_customer_record")
    survivors = rows(con, "select customer_key, field_group, record_key from intermediate.int_customer_survivor")
    return Golden(
        {row["customer_key"]: row for row in rows(con, "select * from intermediate.int_customer_golden")},
        {row["customer_key"]: row for row in rows(con, golden_sql(survivorship()))},
        {(row["customer_key"], row["field_group"]): row["record_key"] for row in survivors},
    )


def test_a_record_with_only_a_postcode_gives_the_whole_address() -> None:
    """It is verified, so it stands for the address, and the city of the other record is nobody's."""
    only_postcode = Record(1, {"postal_code": "10115"}, verified=True)
    whole = Record(
        2, {"address_line": "High St 1", "postal_code": "20095", "city": "Hamburg", "country": "DE"}, changed=9
    )
    golden = choose([only_postcode, whole])
    assert golden.record[1, "address"] == 1
    assert (golden.published[1]["city"], golden.published[1]["country"]) == (None, None)
    assert {name: golden.contact[1][name] for name in survivorship().contacts["address"]} == {
        "address_line": None, "postal_code": "10115", "city": None, "region": None, "country": None,
    }  # fmt: skip


def test_a_record_with_only_a_street_does_not_split_the_address_either() -> None:
    street = Record(1, {"address_line": "Low Rd 3"}, changed=9)
    city = Record(2, {"city": "Bonn", "postal_code": "53111"})
    golden = choose([street, city])
    assert (golden.published[1]["city"], golden.contact[1]["city"]) == (None, None)
    assert (golden.contact[1]["address_line"], golden.contact[1]["postal_code"]) == ("Low Rd 3", None)


def test_groups_take_their_own_records() -> None:
    """The name is the verified record's, the e-mail address of the only one that has any; nobody has a mobile."""
    golden = choose([
        Record(1, {"full_name": "Ann Lee", "given_name": "Ann"}, verified=True),
        Record(2, {"full_name": "A. Lee", "title": "Dr", "email": "ann@example.com", "city": "Bonn"}, changed=9),
    ])  # fmt: skip
    shown = golden.contact[1]
    assert (shown["full_name"], shown["given_name"], shown["title"]) == ("Ann Lee", "Ann", None)
    assert (shown["email"], shown["mobile"], shown["city"]) == ("ann@example.com", None, "Bonn")
    assert {group for _, group in golden.record} == {"name", "email", "address"}


def test_a_companys_rule_for_persons_chooses_their_names_too() -> None:
    records = [Record(1, {"full_name": "Ann Lee"}, verified=True), Record(2, {"full_name": "Ann Maria Lee"})]
    assert choose(records).contact[1]["full_name"] == "Ann Lee"
    assert choose(records, {"person": ("longest",)}).contact[1]["full_name"] == "Ann Maria Lee"


FIELDS = ("full_name", "given_name", "email", "phone", "address_line", "postal_code", "city", "country", "gender")
records_ = st.lists(
    st.builds(
        lambda said, customer, verified, priority, changed: (said, customer, verified, priority, changed),
        st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(["x", "yy", "zzz"])),
        st.integers(1, 3),
        st.booleans(),
        st.integers(0, 2),
        st.integers(1, 28),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(records_)
def test_whatever_records_say_a_group_is_one_records(drawn: list[tuple[Any, ...]]) -> None:
    """By the rules of the file, worked in Python: verified, then trusted, then changed last, then the first id."""
    records = [Record(key, *rest) for key, rest in enumerate(drawn, start=1)]
    golden = choose(records)
    assert golden.contact.keys() == golden.published.keys() == {record.customer for record in records}
    for customer in golden.contact:
        for group, fields in survivorship().chosen.items():
            if group not in ("person", *survivorship().contacts):
                continue
            candidates = [r for r in records if r.customer == customer and any(r.said.get(name) for name in fields)]
            best = min(candidates, key=lambda r: (not r.verified, r.priority, -r.changed, r.key), default=None)
            assert golden.record.get((customer, group)) == (best.key if best else None)
            said = best.said if best else {}
            for name in fields:
                shown = [side[customer][name] for side in (golden.contact, golden.published) if name in side[customer]]
                assert shown
                assert all(value == said.get(name) for value in shown)

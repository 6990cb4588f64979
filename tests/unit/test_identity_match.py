"""Matching on bad input: a clear result, and no blow-up of pairs."""

from __future__ import annotations

import duckdb
import pytest

from models_ml.identity.match import resolve_records
from models_ml.identity.standardise import RAW

KINDS = {"birth_date": "date", "email_verified_at": "timestamp", "phone_verified_at": "timestamp"}


def matched(sql: str) -> duckdb.DuckDBPyConnection:
    """A connection in which the records of a query are matched; columns that it lacks are null."""
    con = duckdb.connect()
    con.execute(f"create table given as {sql}")
    have = {column[0] for column in con.execute("select * from given limit 0").description or []}
    values = ", ".join(
        f"cast({name if name in have else 'null'} as {KINDS.get(name, 'varchar')}) as {name}" for name in RAW
    )
    con.execute(f"create table record as select {values} from given")
    resolve_records(con, "record", "DE")
    return con


def sizes(con: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Records and customers."""
    row = con.execute("select count(*), count(distinct (cluster_system, cluster_id)) from cluster_person").fetchone()
    assert row is not None
    return row


ANN = "'s' as source_system, i::varchar as customer_id, 'Ann' as given_name, 'Lee' as family_name"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (f"select {ANN}, date '1980-01-01' as birth_date, 'ann@lee.com' as email from range(50000) t(i)", (50_000, 1)),
        (f"select {ANN} from range(50000) t(i)", (50_000, 50_000)),
        ("select 's' as source_system, i::varchar as customer_id from range(500) t(i)", (500, 500)),
        ("select 's' as source_system, 'x' as customer_id where false", (0, 0)),
        ("select 's' as source_system, 'x' as customer_id, '郭 Smith さん' as full_name", (1, 1)),
    ],
)
def test_a_clear_result(sql: str, expected: tuple[int, int]) -> None:
    """Identical records that say enough are one; those that say a common name only are compared with nobody."""
    assert sizes(matched(sql)) == expected


def test_what_was_not_compared_is_reported() -> None:
    con = matched(f"select {ANN} from range(300) t(i)")
    found = con.execute(
        "select kind, rule, value, records, pairs from identity.uncompared where rule = 'name'"
    ).fetchall()
    assert found == [("person", "name", "ann lee", 300, 300 * 299 // 2)]


def test_a_number_that_everybody_has_links_nobody() -> None:
    con = matched(
        "select 's' as source_system, i::varchar as customer_id, chr(97 + (i % 26)::int) || 'nn' || i as given_name, "
        "chr(97 + (i * 7 % 26)::int) || 'ee' || (i * 31) as family_name, '030 4567 812' as phone from range(600) t(i)"
    )
    assert sizes(con) == (600, 600)
    assert con.execute("select rule, value, records from identity.shared_value").fetchall() == [
        ("phone", "+49304567812", 600)
    ]


def test_titles_and_scripts_do_not_part_a_person() -> None:
    con = matched(
        "select * from (values ('a', '1', '郭倉義教授', '0171 2345678'), ('b', '2', '郭仓义先生', '+49 171 2345678'), "
        "('c', '3', 'Guo Cangyi', '0171/2345678'), ('a', '4', 'Prof. Dr. Jane van Dyke', '0172 9876543'), "
        "('b', '5', 'Mr J v. Dyke', '0172-9876543'), ('c', '6', 'Jane Miller', '0173 5550123')) "
        "t(source_system, customer_id, full_name, phone)"
    )
    rows = con.execute("select customer_id, cluster_id from cluster_person order by 1").fetchall()
    assert rows == [("1", "1"), ("2", "1"), ("3", "1"), ("4", "4"), ("5", "4"), ("6", "6")]

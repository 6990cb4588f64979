"""Matching on bad input: a clear result, and no blow-up of pairs."""

from __future__ import annotations

import duckdb
import pytest

from models_ml.identity.standardise import RAW
from orchestration.identity.once import resolve_records

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


SITES = (
    "('crm', '1', 'Muster Technik GmbH', 'Hauptstr. 1', 'Berlin', '10115', {0}), "
    "('crm', '2', 'Muster Technik GmbH', 'Ring 7', 'Hamburg', '20095', {0}), "
    "('erp', '3', 'MUSTER TECHNIK', 'Hauptstraße 1', 'Berlin', '10115', {0}), "
    "('erp', '4', 'Muster Technik Niederlassung Hamburg', 'Ring 7', 'Hamburg', '20095', {0}), "
    "('crm', '5', 'Beispiel AG', 'Am Hafen 3', 'Bremen', '28195', '0421 5550177'), "
    "('erp', '6', 'Beispiel Aktiengesellschaft', null, null, null, '0421 5550177')"
)


@pytest.mark.parametrize("column", ["phone", "email", "national_id"])
def test_what_a_companys_branches_share_joins_none_of_them(column: str) -> None:
    """Switchboard, mailbox and tax number are the company's where one system has them at several places; what only
    one place has still joins its records."""
    shared = {"phone": "'030 5550123'", "email": "'info@muster.example'", "national_id": "'DE987650123'"}[column]
    own = {"phone": "'0421 5550177'", "email": "'info@beispiel.example'", "national_id": "'DE812340177'"}[column]
    values = SITES.format(shared).replace("'0421 5550177'", own)
    con = matched(
        "select *, 'organisation' as customer_type from "
        f"(values {values}) t(source_system, customer_id, organisation_name, address_line, city, postal_code, {column})"
    )
    rows = con.execute("select customer_id, cluster_id from cluster_organisation order by 1").fetchall()
    assert rows == [("1", "1"), ("2", "2"), ("3", "1"), ("4", "2"), ("5", "5"), ("6", "5")]


def test_characters_that_only_look_alike_in_letters_are_other_names() -> None:
    """Zhang and Huang, Li and Liu; the same sound may be a slip of the pen."""
    con = matched(
        "select * from (values ('a', '1', '张冠宇', '世纪大道174号', '北京'), "
        "('b', '2', '黄冠宇', '世纪大道174号', '北京'), "
        "('a', '3', '李仓义', '中山路67号', '上海'), ('b', '4', '刘仓义', '中山路67号', '上海'), "
        "('a', '5', '王丽华', '长安街12号', '天津'), ('b', '6', '王丽花', '长安街12号', '天津')) "
        "t(source_system, customer_id, full_name, address_line, city)"
    )
    levels = con.execute("select evidence->'name'->>0 from identity.form_pair order by 1 desc").fetchall()
    assert levels == [("same given name, family name alike",), ("same given name only",), ("same given name only",)]


def test_titles_and_scripts_do_not_part_a_person() -> None:
    con = matched(
        "select * from (values ('a', '1', '郭倉義教授', '0171 2345678'), ('b', '2', '郭仓义先生', '+49 171 2345678'), "
        "('c', '3', 'Guo Cangyi', '0171/2345678'), ('a', '4', 'Prof. Dr. Jane van Dyke', '0172 9876543'), "
        "('b', '5', 'Mr J v. Dyke', '0172-9876543'), ('c', '6', 'Jane Miller', '0173 5550123')) "
        "t(source_system, customer_id, full_name, phone)"
    )
    rows = con.execute("select customer_id, cluster_id from cluster_person order by 1").fetchall()
    assert rows == [("1", "1"), ("2", "1"), ("3", "1"), ("4", "4"), ("5", "4"), ("6", "6")]

"""Where rows of a map's own query come from: told where the query shows it, and nothing else of it changes."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from orchestration.config.company import load_company
from orchestration.conform.places import placed
from tests.support.conforming import load_and_conform, rows
from tests.support.shop import SOURCE, Shop


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(
            """
            create table t as select * from (values
              (1, 'a', 10, 'f1', 1), (1, 'b', 20, 'f1', 2), (2, 'a', 30, 'f2', 1), (2, 'a', 30, 'f2', 2),
              (3, null, 50, null, 3)
            ) t(k, w, n, _source_file, _source_row);
            create table u as
            select * from (values (1, 'x', 'g', 7), (2, 'y', 'g', 8)) u(k, z, _source_file, _source_row)
            """
        )
        yield con


def names(con: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    return [row[0] for row in con.execute(f"describe {sql}").fetchall()]


# A query, and the places of its rows, in the order of all its columns.
TOLD = {
    "select k, n from t": [("f1", 1), ("f1", 2), ("f2", 1), ("f2", 2), (None, 3)],
    "select k as b from t x where n > 20": [("f2", 1), ("f2", 2), (None, 3)],
    "select t.n, u.z from t left join u using (k)": [("f1", 1), ("f1", 2), ("f2", 1), ("f2", 2), (None, 3)],
    "select u.z, t.n from u, t where u.k = t.k": [("g", 7), ("g", 7), ("g", 8), ("g", 8)],
    "select k, sum(n) as n from t group by k": [("f1", 1), ("f2", 1), (None, 3)],
    "select k, sum(n) as n from t group by all having count(*) > 1": [("f1", 1), ("f2", 1)],
    "select max(n) as n from t": [("f1", 1)],
    "select distinct w from t": [("f1", 1), ("f1", 2), (None, 3)],
    "select distinct k, w from t order by k limit 2": [("f1", 1), ("f1", 2)],
    "select s.k from (select k from t where n > 20) s": [("f2", 1), ("f2", 2), (None, 3)],
    "select * from (select k, n from t) s": [("f1", 1), ("f1", 2), ("f2", 1), ("f2", 2), (None, 3)],
    "with c as (select k, count(*) as n from t group by k) select c.*, z from c left join u using (k)": [
        ("f1", 1), ("f2", 1), (None, 3),
    ],
    "with c as (select k from t), d as (select k as q from c) select q from d where q < 3": [
        ("f1", 1), ("f1", 2), ("f2", 1), ("f2", 2),
    ],
    "select k, n from t where n < 20 union all select k, 0 from u": [("g", 7), ("f1", 1), ("g", 8)],
    "select k, min(min(n)) over (partition by k) as n from t group by k, w": [
        ("f1", 1), ("f1", 2), ("f2", 1), (None, 3),
    ],
    "with c as (select k, w from t) select u.k from u join (select distinct * from c) x using (k)": [
        ("g", 7), ("g", 7), ("g", 8),
    ],
    "select k, unnest([1, 2]) as i from t where n = 10": [("f1", 1), ("f1", 1)],
    "select distinct on (k) k, n from t order by k, n desc": [("f1", 2), ("f2", 1), (None, 3)],
    "select k, true as b, timestamp '2024-01-01 00:00:00.5' as t, 'it''s' as q from t where k = 3": [(None, 3)],
}  # fmt: skip
# What cannot be told, or would change by telling it.
SILENT = [
    "select distinct * from (select k, w from t) s",
    "select *, count(*) as c from (select k, w from t) s group by all",
    "select s from (select k from t) s",
    "select to_json(s) as j from (select k from t) s",
    "select hash(c) as h from (select k, w from t) c",
    "select columns(*) from (select k, w from t) s",
    "with c as (select k from t) select c.k from c where k in (select k from c)",
    "with c as (select k, w from t) select c.k from c join (select distinct * from c) x using (k)",
    "select k from t union select k from u",
    "select k from t except select k from u",
    "select k, n from t union all select k, 0 from u limit 2",
    "select u.z, t.n from u right join t using (k)",
    "select i from range(3) r(i)",
    "select 1 as one",
    "select distinct k, count(*) over () as c from t",
    "select a from (select k, n from t) s(a, b)",
    "with recursive r as (select 1 as i union all select i + 1 from r where i < 3) select i from r",
    "pivot t on w using sum(n) group by k",
]


@pytest.mark.parametrize("sql", TOLD)
def test_the_place_is_told_and_the_query_says_the_same(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    columns = names(con, sql)
    found = placed(con, sql, columns)
    own = ", ".join(f'"{name}"' for name in columns)
    plain = con.execute(f"select {own} from ({sql}) order by all").fetchall()
    assert con.execute(f"select {own} from ({found}) order by all").fetchall() == plain
    places = con.execute(f"select _place from ({found}) order by {own}, _place").fetchall()
    assert [(place["f"], place["r"]) for (place,) in places] == TOLD[sql]


@pytest.mark.parametrize("sql", SILENT)
def test_no_place_is_told_where_it_would_change_the_rows_or_there_is_none(
    con: duckdb.DuckDBPyConnection, sql: str
) -> None:
    assert placed(con, sql, names(con, sql)) is None


def test_quarantine_tells_the_first_row_of_a_group(shop: Shop) -> None:
    """Orders made of lines by a query of the map's own: the third line of the file is the first of the bad order."""
    lines = "select * from (values ('A', 1), ('A', 2), ('B', -1), ('B', 5)) l(no, net)"
    shop.put("lines", lines)
    maps = {
        **SOURCE["maps"],  # type: ignore[dict-item]
        "order_line": {
            "from": "select no, any_value(net) as pieces, sum(net) as net from lines group by no",
            "columns": {"order_id": "no", "line_no": "1", "quantity": "case when no = 'B' then 'x' else '1' end",
                        "net_amount": "net"},
        },
    }  # fmt: skip
    shop.configure(source={"maps": maps})
    load_and_conform(load_company("shop"))
    assert rows(load_company("shop"), "select order_id, _source_row from input.order_line") == [("A", 1)]
    [(value, file, row)] = rows(
        load_company("shop"), "select value, _source_file, _source_row from quarantine.order_line"
    )
    assert (value, row) == ("x", 3)
    assert file.endswith("lines.parquet")

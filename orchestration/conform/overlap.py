"""Orders that several export files hold: which file's lines count (decision 0025)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.config.company import CompanyConfig
from orchestration.conform.map_sql import nodes, trees
from orchestration.conform.mapping import ROW, Mapping
from orchestration.connectors.files import column_key
from orchestration.platform.errors import ConfigError
from orchestration.platform.literals import quote_name

# Aggregates that a row which comes twice does not change.
UNMOVED = {
    "min", "max", "any_value", "arbitrary", "first", "last", "arg_min", "arg_max", "argmin", "argmax", "min_by",
    "max_by", "arg_min_null", "arg_max_null", "arg_min_nulls_last", "arg_max_nulls_last", "bool_and", "bool_or",
    "bit_and", "bit_or", "approx_count_distinct",
}  # fmt: skip
FILE = ("_load_id", "_source_file")  # one file as it was read once; a later one is greater
FLAG = "overlapping_exports"
WHOLE_ROWS = {"DISTINCT_MODIFIER", "SET_OPERATION_NODE"}  # parts of a query that look at columns which it does not name


@dataclass(frozen=True)
class Overlap:
    """What a table's files have in common, in temporary tables of the warehouse's connection.

    Args:
        by: columns that name an order.
        dropped: table of the files' orders (`by` and file) that a later file replaced.
        doubtful: table of orders (`by`) of which several files count, since a later one lacks lines of an earlier one.
        orders: orders that several files hold.
        replaced: lines that a later file's took the place of.
        kept: orders in `doubtful`.
    """

    by: tuple[str, ...]
    dropped: str
    doubtful: str
    orders: int
    replaced: int
    kept: int

    def without_replaced(self, rows: str) -> str:
        """SQL of rows without the lines that a later file replaced."""
        names = listed((*self.by, *FILE))
        return f"select * from ({rows}) anti join {self.dropped} using ({names})" if self.replaced else rows

    def flag(self, raw_columns: Collection[str]) -> dict[str, str]:
        """The flag of lines of a doubtful order, by its condition on a raw row (`ROW`); none where none can be told."""
        if not self.kept or not set(self.by) <= set(raw_columns):
            return {}
        same = " and ".join(f"d.{quote_name(name)} = {ROW}.{quote_name(name)}" for name in self.by)
        return {FLAG: f"exists (select 1 from {self.doubtful} d where {same})"}

    def __str__(self) -> str:
        said = f"{self.orders} orders are in several files"
        if self.replaced:
            said += f"; {self.replaced} lines were replaced by a later file's"
        if self.kept:
            said += (
                f"; of {self.kept} orders a later file lacks lines of an earlier one: each file's count, flagged {FLAG}"
                ". If a later file always holds the whole order, set key to the columns that name an order"
            )
        return said


def listed(names: Iterable[str]) -> str:
    """Columns as a list in SQL."""
    return ", ".join(quote_name(name) for name in names)


def parsed(con: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """DuckDB's parse tree of a query."""
    return trees(con, [sql])[0]


def columns_in(tree: Any) -> list[str]:
    """Names of the columns that a parse tree refers to, in their order."""
    found = [node["column_names"][-1] for node in nodes(tree) if node.get("class") == "COLUMN_REF"]
    return list(dict.fromkeys(found))


def counts_rows(con: duckdb.DuckDBPyConnection, tree: Any) -> bool:
    """Whether a parse tree says something that rows which come twice would change.

    That is their place, and every aggregate and window function but those that take the least, the greatest, any or
    each different value.
    """
    used: set[str] = set()
    for node in nodes(tree):
        if node.get("class") == "COLUMN_REF" and node["column_names"][-1].lower() == "_source_row":
            return True
        if node.get("class") in ("FUNCTION", "WINDOW") and not node.get("distinct"):
            used.add(node["function_name"].lower())
    rows = con.execute("select distinct function_name from duckdb_functions() where function_type = 'aggregate'")
    return not used.isdisjoint({name for (name,) in rows.fetchall()} - UNMOVED)


def order_columns(con: duckdb.DuckDBPyConnection, mapping: Mapping, columns: Collection[str]) -> tuple[str, ...]:
    """Raw columns that a map makes its order id of; empty where that cannot be told."""
    known = {column_key(name): name for name in columns}
    query = parsed(con, mapping.from_sql())
    found: list[str] = []
    for name in columns_in(parsed(con, f"select {mapping.map.columns['order_id']}")):
        aliased = [columns_in(n) for n in nodes(query) if str(n.get("alias", "")).lower() == name.lower()]
        sources = [name] if column_key(name) in known else aliased[0] if aliased else []
        if not sources or any(column_key(source) not in known for source in sources):
            return ()
        found += [known[column_key(source)] for source in sources]
    return tuple(dict.fromkeys(found))


def overlap_columns(
    con: duckdb.DuckDBPyConnection, config: CompanyConfig, system: str, table: str, columns: Collection[str]
) -> tuple[str, ...]:
    """Columns that name an order in a table whose files may overlap; empty where each row counts.

    A table says so itself (`overlap`); by default it is one without a key, of several files, whose map numbers the
    lines of an order by their place, adds them up or counts them: rows that come twice would count twice.

    Raises:
        ConfigError: `overlap` names no column of the table.
    """
    source = config.sources[system]
    spec = source.tables[table]
    known = {column_key(name): name for name in columns}
    if spec.overlap is not None:
        for name in spec.overlap:
            if column_key(name) not in known:
                raise ConfigError(
                    f"{config.source_file(system)}: key 'tables.{table}.overlap': no column '{name}'; "
                    f"expected one of: {', '.join(columns)}"
                )
        return tuple(known[column_key(name)] for name in spec.overlap)
    if spec.key or not (spec.load.mode == "files" or re.search(r"[*?\[]", spec.path or "")):
        return ()
    for entity in ("order_line", "sales_order"):
        if entity not in source.maps:
            continue
        mapping = Mapping.of(config, system, entity)
        expressions = [e for e in (*mapping.map.columns.values(), mapping.map.where) if e]
        said = (mapping.from_sql(), f"select {', '.join(expressions)}")
        is_moved = any(counts_rows(con, parsed(con, sql)) for sql in said)
        if is_moved and table in mapping.raw_tables(con, set(source.tables)):
            return order_columns(con, mapping, columns)
    return ()


def line_columns(
    con: duckdb.DuckDBPyConnection, config: CompanyConfig, system: str, table: str, columns: Collection[str]
) -> list[str]:
    """Columns that tell whether two lines of an order are the same: those of which its map makes a line.

    What no line is made of, such as the day of the export or a state of the whole order, may change from file to file.
    All columns where a map does not name what it reads.
    """
    source = config.sources[system]
    for entity in ("order_line", "sales_order"):
        if entity not in source.maps:
            continue
        mapping = Mapping.of(config, system, entity)
        if table not in mapping.raw_tables(con, set(source.tables)):
            continue
        expressions = [e for e in (*mapping.map.columns.values(), mapping.map.where) if e]
        trees_read = [parsed(con, f"select {', '.join(expressions)}")]
        if not mapping.is_table():
            trees_read.append(parsed(con, mapping.from_sql()))
        if any(str(node.get("type")) in WHOLE_ROWS for tree in trees_read for node in nodes(tree)):
            return list(columns)
        read = {column_key(name) for tree in trees_read for name in columns_in(tree)}
        return [name for name in columns if column_key(name) in read] or list(columns)
    return list(columns)


def find_overlap(
    con: duckdb.DuckDBPyConnection, name: str, rows: str, by: Sequence[str], content: Sequence[str]
) -> Overlap | None:
    """What the files of a table have in common; None where no order is in two of them.

    A file's lines of an order are dropped if a later file holds every one of them, as often; so are those that a
    later file repeats to the letter.

    Args:
        con: the warehouse.
        name: name for the temporary tables.
        rows: SQL of the table's rows.
        by: columns that name an order; rows without one of them count as they are.
        content: columns that tell whether two lines are the same.
    """
    order, file = listed(by), listed(FILE)
    shared, dropped, doubtful = (f'temp."{kind}__{name}"' for kind in ("shared", "dropped", "doubtful"))
    con.execute(
        f"""
        create or replace temp table {shared.removeprefix("temp.")} as
        with several as (
          select {order} from (select distinct {order}, {file} from ({rows})) group by all having count(*) > 1
        ),
        lines as (
          select {order}, {file}, md5(to_json(row({listed(content)}))::varchar) as line, count(*) as n
          from ({rows}) semi join several using ({order}) group by all
        )
        select *, count(*) over same as lines, string_agg(line || n, ' ') over (same order by line
          rows between unbounded preceding and unbounded following) as content
        from lines window same as (partition by {order}, {file})
        """
    )
    if con.execute(f"select 1 from {shared} limit 1").fetchone() is None:
        return None
    same = " and ".join(f"e.{quote_name(column)} = f.{quote_name(column)}" for column in by)
    earlier = ", ".join(f"e.{quote_name(column)}" for column in (*by, *FILE))
    con.execute(
        f"""
        create or replace temp table {dropped.removeprefix("temp.")} as
        with contents as (select distinct {order}, {file}, content from {shared}),
        repeated as (
          select {order}, {file} from contents
          qualify row_number() over (partition by {order}, content order by {descending(FILE)}) > 1
        ),
        rest as (
          select * from {shared} anti join repeated using ({order}, {file})
          qualify count(distinct content) over (partition by {order}) > 1
        ),
        held as (
          select {earlier} from rest e
          join rest f on {same} and e.line = f.line and f.n >= e.n
            and (f._load_id, f._source_file) > (e._load_id, e._source_file)
          group by {earlier}, f._load_id, f._source_file, e.lines having count(*) = e.lines
        )
        select * from repeated union select * from held
        """
    )
    con.execute(
        f"""
        create or replace temp table {doubtful.removeprefix("temp.")} as
        select {order} from (select distinct {order}, {file} from {shared}) anti join {dropped} using ({order}, {file})
        group by all having count(*) > 1
        """
    )
    found = con.execute(
        f"""
        select (select count(*) from (select distinct {order} from {shared})),
          (select coalesce(sum(n), 0) from {shared} semi join {dropped} using ({order}, {file})),
          (select count(*) from {doubtful})
        """
    ).fetchone()
    con.execute(f"drop table {shared}")
    assert found is not None
    return Overlap(tuple(by), dropped, doubtful, *(int(count) for count in found))


def descending(names: Iterable[str]) -> str:
    """Columns as an order in SQL, the greatest first."""
    return ", ".join(f"{quote_name(name)} desc" for name in names)

"""Records of JSON that have a key twice in an object inside them: every reader takes one of the two without a word.

DuckDB tells it exactly (`json_tree`), and slowly. So each record is first taken apart by Python's parser, which is
shown every object as it is written; what may have a key twice is then judged by DuckDB.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

BATCH = 50_000
SCHEMA = pa.schema([("_source_file", pa.string()), ("_source_row", pa.int64()), ("line", pa.string())])
# What letters written as escapes, or keys with blanks at an end, cannot do without.
ODD_KEYS = ("\\u", '{" ', '," ', ', " ', '{ " ', '  "', ' ":', '" :', "\t")


def nested_twice(con: duckdb.DuckDBPyConnection, records: str) -> pa.Table:
    """Places (file, row) of records that have a key twice, or in two cases, in an object inside them.

    Args:
        con: a connection.
        records: SQL of records that are valid JSON objects: `line`, `_source_file`, `_source_row`.
    """
    finder = Finder()
    found: list[dict[str, Any]] = []
    inner = f"select _source_file, _source_row, line from ({records}) where contains(ltrim(line)[2:], '{{')"
    for batch in con.execute(inner).to_arrow_reader(BATCH):
        found += [row for row in batch.to_pylist() if finder.may_have_twice(row["line"])]
    con.register("json_suspect", pa.Table.from_pylist(found, schema=SCHEMA))
    twice = con.execute(f"select file, row from ({twice_sql('json_suspect')})").to_arrow_table()
    con.unregister("json_suspect")
    return twice


def twice_sql(records: str) -> str:
    """SQL of the same, of all records: exact, and slow."""
    return f"""
        select file, row from (
          select r._source_file as file, r._source_row as row from {records} r, json_tree(r.line) t
          where t.key is not null and t.parent > 0
          group by r._source_file, r._source_row, t.parent, t.path, lower(trim(t.key)) having count(*) > 1
        ) group by all
        """


class Finder:
    """Tells records without any key twice; of the others DuckDB has to say."""

    def __init__(self) -> None:
        self.found = False
        self.plain = json.JSONDecoder(object_pairs_hook=self.look, strict=False)
        self.careful = json.JSONDecoder(object_pairs_hook=self.look_closely, strict=False)

    def may_have_twice(self, line: str) -> bool:
        """Whether some object of a record may have a key twice, whatever the case of letters."""
        self.found = False
        try:
            if any(odd in line for odd in ODD_KEYS):
                self.careful.decode(line)
            else:
                self.plain.decode(line.lower())
        except (ValueError, RecursionError):
            return True
        return self.found

    def look(self, pairs: Sequence[tuple[str, Any]]) -> None:
        """An object whose keys are in small letters."""
        if len(dict(pairs)) < len(pairs):
            self.found = True

    def look_closely(self, pairs: Sequence[tuple[str, Any]]) -> None:
        """An object whose keys may be written in any way."""
        if len({key.strip(" ").lower() for key, _ in pairs}) < len(pairs):
            self.found = True

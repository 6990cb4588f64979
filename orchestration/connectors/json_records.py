"""JSON: one record per line (NDJSON), or a document with a list of records somewhere in it.

Each key of a record is a text column; a value that is an object or a list stays JSON, for maps to look into
(`address ->> '$.city'`). Keys that differ by case or by blanks around them are one column.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import duckdb
import pyarrow as pa
from pydantic import Field

from orchestration.connectors.base import WHOLE, Part, SourceFile, System
from orchestration.connectors.files import INVISIBLE, column_key, distinct_names
from orchestration.connectors.json_twice import nested_twice
from orchestration.connectors.lines import LineConnector
from orchestration.connectors.numbers import number_text_sql
from orchestration.connectors.rejects import KEY_TWICE, NO_OBJECT, NUL
from orchestration.connectors.text import TextSettings, unpacked_name
from orchestration.platform.errors import RegularsError
from orchestration.platform.literals import quote, quote_name
from orchestration.platform.scratch import memory_database

MAX_DOCUMENT = 1 << 30  # bytes of a document that is read as a whole; larger files are written a record a line


class JsonSettings(TextSettings):
    """JSON files."""

    has_numbers: ClassVar[bool] = True

    kind: Literal["json"]
    records: str | None = Field(
        default=None,
        pattern=r"^[^\s]+$",
        description="path of the list of records in a document: data.items; $ for a list; default: a record a line, "
        "or the list that a .json file is",
    )


@dataclass(frozen=True)
class Keys:
    """Keys of a table's records.

    Args:
        by_file: file → its records' keys, in alphabetical order.
        twice: lists of keys, as records have them, that name a column twice.
        has_nul: whether some record has a key with a NUL character.
        nested: places (file, row) of records that have a key twice in an object inside them.
    """

    by_file: dict[str, list[str]]
    twice: list[list[str]]
    has_nul: bool
    nested: pa.Table

    def spellings(self) -> dict[str, list[str]]:
        """Column → the keys that are it, in alphabetical order of the first."""
        found: dict[str, list[str]] = {}
        keys_of_all = {key for keys in self.by_file.values() for key in keys}
        for key in sorted(keys_of_all, key=lambda key: (column_key(key), key)):
            found.setdefault(column_key(key), []).append(key)
        return dict(zip(distinct_names([keys[0] for keys in found.values()]), found.values(), strict=True))


class JsonConnector(LineConnector):
    """Tables of a folder of JSON files."""

    suffixes = (".ndjson", ".jsonl", ".json")
    what = "JSON file"
    reason = NO_OBJECT

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.known: dict[str, Keys] = {}

    def settings(self, table: str) -> JsonSettings:
        """A table's settings."""
        settings = self.at(table).settings
        assert isinstance(settings, JsonSettings)
        return settings

    def lines_to_skip(self, table: str) -> int:  # noqa: ARG002 - the interface's
        """None."""
        return 0

    def lines(self, table: str, files: list[SourceFile], connection: duckdb.DuckDBPyConnection) -> str:
        """Lines of the files, or the records of their documents as lines."""
        paths = {file.name: self.path_of(table, file) for file in files}
        documents = [file for file in files if paths[file.name]]
        lines = super().lines(table, [file for file in files if not paths[file.name]], connection)
        if not documents:
            return lines
        rows = [
            (record, file.name, number)
            for file in documents
            for number, record in enumerate(self.records(table, file, paths[file.name] or ""), start=1)
        ]
        schema = pa.schema([("line", pa.string()), ("_source_file", pa.string()), ("_source_row", pa.int64())])
        columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
        arrays = [pa.array(list(c), f.type) for c, f in zip(columns, schema, strict=True)]
        connection.register("json_record", pa.Table.from_arrays(arrays, schema=schema))
        return f"select * from json_record union all {lines}"

    def path_of(self, table: str, file: SourceFile) -> str | None:
        """Path of the records in a file that is one document; None where each line is a record."""
        declared = self.settings(table).records
        if declared or not unpacked_name(file.path).lower().endswith(".json"):
            return declared
        with self.plain(table, file).open("rb") as handle:
            return "$" if handle.read(1 << 10).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[") else None

    def records(self, table: str, file: SourceFile, path: str) -> list[str]:
        """Records of a document, each as JSON.

        Raises:
            RegularsError: it is no JSON, too large to be read as a whole, or has no list there.
        """
        source = self.plain(table, file)
        if source.stat().st_size > MAX_DOCUMENT:
            raise RegularsError(
                f"{self.place(table, file)}: a document of more than {MAX_DOCUMENT:,} bytes",
                "Have it written a record a line",
            )
        try:
            node = json.loads(source.read_text(encoding="utf-8-sig"), object_pairs_hook=as_object)
        except (ValueError, RecursionError) as error:
            raise RegularsError(
                f"{self.place(table, file)}: no JSON document: {error}", "Fetch the file again, whole"
            ) from error
        for step in [] if path == "$" else path.removeprefix("$.").split("."):
            node = node.get(step) if isinstance(node, dict) else None
        if not isinstance(node, list):
            raise RegularsError(
                f"{self.place(table, file)}: no list of records at '{path}'", "Mend format.records of the table"
            )
        return [dumped(record) for record in node]

    def keys(self, table: str) -> Keys:
        """Keys of all files' records, found once.

        Raises:
            RegularsError: there is no record.
        """
        if table not in self.known:
            with memory_database() as con:
                lines = self.lines(table, self.files(table), con)
                self.found(
                    con,
                    table,
                    "create temp table seen as select distinct _source_file as file, json_keys(line) as keys "
                    f"from ({lines}) where {IS_OBJECT}",
                )
                same = f"lower(nfc_normalize(trim(key, {quote(INVISIBLE)})))"
                is_twice = f"len(keys) <> list_unique(list_transform(keys, lambda key: {same}))"
                pairs = con.execute(
                    "select * from (select distinct file, unnest(keys) as key from seen "
                    f"where not {is_twice} or file not in (select file from seen where not {is_twice})) "
                    "where not contains(key, chr(0)) order by all"
                ).fetchall()
                has_nul = con.execute(f"select coalesce(bool_or({has_nul_key('keys')}), false) from seen").fetchall()
                twice = con.execute(
                    f"select distinct keys from seen where {is_twice} and not {has_nul_key('keys')} order by all"
                ).fetchall()
                nested = nested_twice(con, f"select * from ({lines}) where {IS_OBJECT}")
            by_file: dict[str, list[str]] = {}
            for file, key in pairs:
                by_file.setdefault(file, []).append(key)
            self.known[table] = Keys(by_file, [row[0] for row in twice], has_nul[0][0], nested)
        if not self.known[table].by_file:
            raise RegularsError(f"{self.place(table)}: holds no JSON object", self.hint(table))
        return self.known[table]

    def hint(self, table: str) -> str:
        """What to try where no line is a record: lists that the document holds at its top."""
        try:
            document = json.loads(self.plain(table, self.files(table)[0]).read_text(encoding="utf-8-sig"))
        except (ValueError, RecursionError, OSError):
            return "Check the file: a record a line, or format.records"
        lists = (
            [key for key, value in document.items() if isinstance(value, list)] if isinstance(document, dict) else []
        )
        return f"Set format.records of the table to the list of records: {', '.join(lists) or 'data.items'}"

    def columns(self, table: str) -> dict[str, str]:
        """Keys of all records, in alphabetical order."""
        return dict.fromkeys(self.keys(table).spellings(), "VARCHAR")

    def headers(self, table: str, part: Part = WHOLE) -> dict[str, list[str]]:
        """Keys of each file's records; a file without records misses none."""
        by_file = self.keys(table).by_file
        names = {key: name for name, keys in self.keys(table).spellings().items() for key in keys}
        return {
            file.name: [names[key] for key in by_file[file.name]]
            for file in self.wanted(table, part)
            if file.name in by_file
        }

    def good(self, table: str) -> str:
        """Whether the line is a JSON object that names no column twice, nor by a NUL character."""
        keys, tests = self.keys(table), [IS_OBJECT]
        if keys.twice:
            tests.append(f"{OBJECT_KEYS} not in ({', '.join(list_sql(names) for names in keys.twice)})")
        if keys.has_nul:
            tests.append(f"not {has_nul_key(OBJECT_KEYS)}")
        if keys.nested.num_rows:
            tests.append("(_source_file, _source_row) not in (select (file, row) from json_twice)")
        return " and ".join(tests)

    def why(self, table: str) -> str:  # noqa: ARG002 - the interface's
        """No object, or one with a key twice, or with NUL in a key."""
        return (
            f"case when {IS_OBJECT} then case when {has_nul_key(OBJECT_KEYS)} then {quote(NUL)} "
            f"else {quote(KEY_TWICE)} end else {quote(self.reason)} end"
        )

    def read(self, con: duckdb.DuckDBPyConnection, table: str, part: Part = WHOLE) -> str:
        """Good records as rows."""
        con.register("json_twice", self.keys(table).nested)
        return super().read(con, table, part)

    def parsed(self, table: str, names: list[str]) -> str:
        """The record's values, as JSON: a struct of each way to write keys, since a struct's names differ by more."""
        spellings = self.keys(table).spellings()
        ways = max(len(spellings[name]) for name in names)
        line = "case when json_valid(line) then line end"
        structs = [
            json.dumps({spellings[name][way]: "JSON" for name in names if way < len(spellings[name])})
            for way in range(ways)
        ]
        fields = (f"w{way}: json_transform({line}, {quote(struct)})" for way, struct in enumerate(structs))
        return f"{{{', '.join(fields)}}}"

    def fields(self, table: str, names: list[str]) -> str:
        """The values as columns."""
        spellings = self.keys(table).spellings()
        columns = []
        for name in names:
            ways = ", ".join(
                f"struct_extract(m.w{way}, {quote(key)})::varchar" for way, key in enumerate(spellings[name])
            )
            columns.append(f"{value_text(f'coalesce({ways})' if ',' in ways else ways)} as {quote_name(name)}")
        return ", ".join(columns)


OBJECT_KEYS = "json_keys(case when json_valid(line) then line end)"
IS_OBJECT = "json_valid(line) and json_type(case when json_valid(line) then line end) = 'OBJECT'"


def has_nul_key(keys: str) -> str:
    """SQL of whether one of some keys holds NUL, which no column's name may."""
    return f"len(list_filter({keys}, lambda key: contains(key, chr(0)))) > 0"


def value_text(value: str) -> str:
    """SQL of a JSON value as text: strings without quotes, numbers as `numbers` has them, the rest as JSON."""
    is_number = f"{value} >= '-' and {value} < ':'"
    fraction = f"(contains({value}, '.') or contains({value}, 'e') or contains({value}, 'E'))"
    return (
        f"case when {value} like '\"%' then json_extract_string({value}, '$') "
        f"when {is_number} and {fraction} then {number_text_sql(value)} else {value} end"
    )


def list_sql(texts: Iterable[str]) -> str:
    """A list of texts as SQL."""
    return f"[{', '.join(quote(text) for text in texts)}]"


class Twice(dict[str, Any]):
    """An object of a document that has a key twice, or holds such a one; keeps its pairs."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def as_object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Pairs of a document's object; of those with a key twice both are kept."""
    found = dict(pairs)
    return Twice(pairs) if len(found) < len(pairs) or any(map(holds_twice, found.values())) else found


def holds_twice(value: Any) -> bool:
    """Whether a value is, or is a list that holds, an object with a key twice."""
    return isinstance(value, Twice) or (isinstance(value, list) and any(map(holds_twice, value)))


def dumped(record: Any) -> str:
    """A record as JSON, with both values of a key that it has twice; a half character stays an escape."""
    if isinstance(record, Twice):
        return "{" + ", ".join(f"{json.dumps(key)}: {dumped(value)}" for key, value in record.pairs) + "}"
    if holds_twice(record):
        return f"[{', '.join(map(dumped, record))}]"
    return json.dumps(record)

"""JSON: one record per line (NDJSON), or a document with a list of records somewhere in it.

Each key of a record is a text column; a value that is an object or a list stays JSON, for maps to look into
(`address ->> '$.city'`).
"""

from __future__ import annotations

import json
from typing import Literal

import duckdb
import pyarrow as pa
from pydantic import Field

from orchestration.connectors.base import SourceFile
from orchestration.connectors.files import distinct_names
from orchestration.connectors.lines import LineConnector
from orchestration.connectors.text import TextSettings
from orchestration.errors import RegularsError
from orchestration.literals import quote, quote_name

MAX_DOCUMENT = 1 << 30  # bytes of a document that is read as a whole; larger files are written a record a line


class JsonSettings(TextSettings):
    """JSON files."""

    kind: Literal["json"]
    records: str | None = Field(
        default=None,
        pattern=r"^[^\s]+$",
        description="path of the list of records in a document: data.items; $ for a list; default: a record a line",
    )


class JsonConnector(LineConnector):
    """Tables of a folder of JSON files."""

    suffixes = (".ndjson", ".jsonl", ".json")
    what = "JSON file"
    reason = "not_a_json_object"

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
        path = self.settings(table).records
        if path is None:
            return super().lines(table, files, connection)
        rows = [(r, file.name, n) for file in files for n, r in enumerate(self.records(table, file, path), start=1)]
        schema = pa.schema([("line", pa.string()), ("_source_file", pa.string()), ("_source_row", pa.int64())])
        columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
        arrays = [pa.array(list(c), f.type) for c, f in zip(columns, schema, strict=True)]
        connection.register("json_record", pa.Table.from_arrays(arrays, schema=schema))
        return "select * from json_record"

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
            node = json.loads(source.read_text(encoding="utf-8-sig"), parse_float=str)
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
        return [json.dumps(record, ensure_ascii=False) for record in node]

    def columns(self, table: str) -> dict[str, str]:
        """Keys of all records, in alphabetical order."""
        with duckdb.connect() as con:
            lines = self.lines(table, self.files(table), con)
            rows = self.found(
                con,
                table,
                f"select distinct unnest(json_keys(line)) as key from ({lines}) where {self.good(table)} order by key",
            )
        names = [row[0] for row in rows]
        if not names:
            raise RegularsError(f"{self.place(table)}: holds no JSON object", "Check the file, or format.records")
        if distinct_names(names) != names:
            raise RegularsError(
                f"{self.place(table)}: keys that differ by case or blanks only: {', '.join(names)}",
                "Have the source write each key one way",
            )
        return dict.fromkeys(names, "VARCHAR")

    def good(self, table: str) -> str:  # noqa: ARG002 - the interface's
        """Whether the line is a JSON object."""
        return "json_valid(line) and json_type(case when json_valid(line) then line end) = 'OBJECT'"

    def parsed(self, table: str, names: list[str]) -> str:  # noqa: ARG002 - the interface's
        """The record's values."""
        structure = json.dumps(dict.fromkeys(names, "VARCHAR"))
        return f"json_transform(case when json_valid(line) then line end, {quote(structure)})"

    def fields(self, table: str, names: list[str]) -> str:  # noqa: ARG002 - the interface's
        """The values as columns."""
        return ", ".join(f"struct_extract(m, {quote(name)}) as {quote_name(name)}" for name in names)

"""XML: one element per record, read as a stream; no entities, no network, no DTD."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field

from orchestration.connectors.base import WHOLE, Part, SourceFile
from orchestration.connectors.files import FileSettings, TextColumnsConnector
from orchestration.errors import RegularsError

BATCH = 10_000
HEAD = 1 << 16


class XmlSettings(FileSettings):
    """XML files."""

    kind: Literal["xml"]
    record: str | None = Field(default=None, description="path of the record element from the root: catalogue/product")


class XmlConnector(TextColumnsConnector):
    """Tables of a folder of XML files.

    An attribute is a column of its name, a child element one of its name, deeper ones joined by an underscore;
    a repeated child gives a JSON list. Namespaces are left out of names.
    """

    suffixes = (".xml",)
    what = "XML file"

    def settings(self, table: str) -> XmlSettings:
        """A table's settings.

        Raises:
            RegularsError: it does not say which element is a record.
        """
        settings = self.at(table).settings
        assert isinstance(settings, XmlSettings)
        if not settings.record:
            raise RegularsError(
                f"{self.place(table)}: no record element is declared",
                "Add format: {record: root/element} to the table",
            )
        return settings

    def elements(self, table: str, file: SourceFile) -> Iterator[tuple[int, dict[str, str | None]]]:
        """Line and columns of each record; memory holds one record at a time.

        Raises:
            RegularsError: the file is not well-formed, or declares entities.
        """
        from lxml import etree

        with file.path.open("rb") as handle:
            head = handle.read(HEAD)
        if b"<!ENTITY" in head or "<!ENTITY".encode("utf-16-le") in head or "<!ENTITY".encode("utf-16-be") in head:
            raise RegularsError(
                f"{self.place(table, file)}: declares entities, which are never expanded",
                "Have it written without a document type",
            )
        path = (self.settings(table).record or "").strip("/").split("/")
        depth: list[str] = []
        try:
            events = etree.iterparse(
                str(file.path), events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False,
                huge_tree=False, remove_comments=True, remove_pis=True,
            )  # fmt: skip
            for event, node in events:
                if event == "start":
                    depth.append(local(node.tag))
                    continue
                if depth == path:
                    yield node.sourceline or 0, flat(node)
                    node.clear()
                    while node.getprevious() is not None:
                        del node.getparent()[0]
                depth.pop()
        except (etree.XMLSyntaxError, OSError) as error:
            raise RegularsError(
                f"{self.place(table, file)}: not well-formed XML: {error}", "Fetch the file again, whole"
            ) from error

    def header(self, table: str, file: SourceFile) -> list[str]:
        """Names of all records' columns, in the order in which they first appear."""
        names = list(dict.fromkeys(name for _, record in self.elements(table, file) for name in record))
        if not names:
            raise RegularsError(
                f"{self.place(table, file)}: no element {self.settings(table).record}", "Mend format.record"
            )
        return names

    def count(self, table: str, part: Part = WHOLE) -> int:
        """Records, counted by a pass of its own."""
        return sum(1 for file in self.wanted(table, part) for _ in self.elements(table, file))

    def rows(self, table: str, file: SourceFile, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Records in batches; `_source_row` is the number of the record."""
        chunk: list[dict[str, str | None]] = []
        first = 1
        for _, record in self.elements(table, file):
            chunk.append(record)
            if len(chunk) == BATCH:
                yield batch_of(chunk, names, first)
                first += len(chunk)
                chunk = []
        if chunk:
            yield batch_of(chunk, names, first)


def batch_of(records: list[dict[str, str | None]], names: list[str], first: int) -> pa.RecordBatch:
    """Records as a batch of text columns, numbered from `first`."""
    arrays = [pa.array([record.get(name) for record in records], pa.string()) for name in names]
    numbers = pa.array(range(first, first + len(records)), pa.int64())
    return pa.RecordBatch.from_arrays([*arrays, numbers], names=[*names, "_source_row"])


def local(tag: Any) -> str:
    """A tag without its namespace."""
    return str(tag).rpartition("}")[2]


def flat(node: Any, prefix: str = "") -> dict[str, str | None]:
    """An element's attributes and children as columns."""
    found: dict[str, str | None] = {}
    for name, value in node.attrib.items():
        found[prefix + local(name)] = value
    groups: dict[str, list[Any]] = {}
    for child in node:
        groups.setdefault(local(child.tag), []).append(child)
    for name, children in groups.items():
        if len(children) > 1:
            found[prefix + name] = json.dumps([nested(child) for child in children], ensure_ascii=False)
        elif len(children[0]) or children[0].attrib:
            inner = flat(children[0], f"{prefix}{name}_")
            text = (children[0].text or "").strip()
            found |= ({prefix + name: text} if text else {}) | inner
        else:
            found[prefix + name] = children[0].text
    if not prefix and not len(node) and (node.text or "").strip():
        found["value"] = node.text
    return found


def nested(node: Any) -> Any:
    """A repeated element as JSON: its text, or its columns."""
    return flat(node) if len(node) or node.attrib else node.text

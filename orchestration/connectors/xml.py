"""XML: one element per record, read as a stream; no entities, no network, no DTD."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pyarrow as pa
from pydantic import Field

from orchestration.connectors.base import WHOLE, Part, SourceFile, System
from orchestration.connectors.files import FileSettings, TextColumnsConnector, distinct_names
from orchestration.platform.errors import RegularsError

BATCH = 10_000
HEAD = 1 << 16
BLANK = b"\xef\xbb\xbf \t\r\n"

Step = tuple[str, str, str]  # attribute or element, namespace, name
Trail = tuple[Step, ...]  # steps from the record to what a column holds
ATTRIBUTE, ELEMENT, TEXT = "attribute", "element", "value"


class XmlSettings(FileSettings):
    """XML files."""

    has_numbers: ClassVar[bool] = False

    kind: Literal["xml"]
    record: str | None = Field(default=None, description="path of the record element from the root: catalogue/product")
    lists: tuple[str, ...] = Field(
        default=(),
        description="children that are lists even in files where none stands twice; default: those that some record "
        "of the table's files has twice",
    )


@dataclass
class Shape:
    """What the records of a table's files have.

    Args:
        trails: file → what its records have, in the order in which it first appears.
        lists: elements that stand twice in some record.
        together: columns' plain names, in lower case, that some record has from two places.
        prefixes: namespace → its prefix.
        rows: file → number of records.
    """

    trails: dict[str, dict[Trail, None]] = field(default_factory=dict)
    lists: set[Trail] = field(default_factory=set)
    together: set[str] = field(default_factory=set)
    prefixes: dict[str, str] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def columns(self, file: str) -> list[Trail]:
        """What a file's records have as columns: nothing below a list is one."""
        return list(dict.fromkeys(self.place(trail) for trail in self.trails[file]))

    def place(self, trail: Trail) -> Trail:
        """The outermost list that a trail leads into, or the trail itself."""
        return next((trail[:n] for n in range(1, len(trail)) if trail[:n] in self.lists), trail)

    def names(self) -> dict[Trail, str]:
        """Column of each trail of all files; places that no record has both of are one column."""
        trails = list(dict.fromkeys(trail for file in self.trails for trail in self.columns(file)))
        found: dict[Trail, str] = {}
        several = [trail for trail in trails if plain_name(trail).lower() in self.together]
        for trail in trails:
            if trail not in several:
                found[trail] = plain_name(trail)
        taken = list(dict.fromkeys(found.values()))
        for trail in sorted(several, key=lambda one: rank(one, self.prefixes)):
            name = told_apart(trail, self.prefixes) if plain_name(trail) in taken else plain_name(trail)
            taken = distinct_names([*taken, name])
            found[trail] = taken[-1]
        return found


class XmlConnector(TextColumnsConnector):
    """Tables of a folder of XML files.

    An attribute is a column of its name, a child element one of its name, deeper ones joined by an underscore.
    A child that stands twice in some record of the table is a JSON list in all of them. Namespaces are left out of
    names, but where a record has two things of one name: then attributes end in `_attribute`, and elements of another
    namespace than their parent's begin with its prefix.
    """

    suffixes = (".xml",)
    what = "XML file"
    cure_of_empty = "Mend format.record, or fetch the file again"

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.known: dict[str, Shape] = {}

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

    def elements(self, table: str, file: SourceFile) -> Iterator[Any]:
        """Each record's element; memory holds one record at a time.

        Raises:
            RegularsError: the file is not well-formed, or declares entities.
        """
        from lxml import etree

        with file.path.open("rb") as handle:
            head = handle.read(HEAD)
        if not head.strip(BLANK):
            return
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
                    if next(node.iter(etree.Entity), None) is not None:
                        raise RegularsError(
                            f"{self.place(table, file)}, line {node.sourceline}: an entity that is declared nowhere",
                            "Have it written without entities but those of XML itself",
                        )
                    yield node
                    node.clear()
                    while node.getprevious() is not None:
                        del node.getparent()[0]
                depth.pop()
        except (etree.XMLSyntaxError, OSError) as error:
            raise RegularsError(
                f"{self.place(table, file)}: not well-formed XML: {error}", "Fetch the file again, whole"
            ) from error

    def shape(self, table: str) -> Shape:
        """What the records of all the table's files have, found once.

        Raises:
            RegularsError: a file has no record.
        """
        if table not in self.known:
            found = Shape()
            declared = {name.lower() for name in self.settings(table).lists}
            for file in self.files(table):
                trails = found.trails.setdefault(file.name, {})
                found.rows[file.name] = 0
                for node in self.elements(table, file):
                    found.rows[file.name] += 1
                    own: dict[str, Trail] = {}
                    for trail, _ in whole(node, found.lists, found.lists):
                        trails[trail] = None
                        for place in (trail[:n] for n in range(1, len(trail) + 1)):
                            name = plain_name(place).lower()
                            if name in declared:
                                found.lists.add(place)
                            if own.setdefault(name, place) != place:  # a place above may yet turn out to be a list
                                found.together.add(name)
                    found.prefixes |= prefixes_of(node)
                if not found.rows[file.name]:
                    self.check_is_without(table, file)
            self.known[table] = found
            if not any(found.trails.values()):
                self.filled(table)
        return self.known[table]

    def check_is_without(self, table: str, file: SourceFile) -> None:
        """Whether a file without records is one that has none, rather than one that holds them elsewhere.

        Raises:
            RegularsError: its root is another, or it holds the record's element at another place.
        """
        from lxml import etree

        root, *_, record = f"{self.settings(table).record}".strip("/").split("/") * 2
        with file.path.open("rb") as handle:
            if not handle.read(HEAD).strip(BLANK):
                return
        last, is_elsewhere = "", False
        for _, node in etree.iterparse(str(file.path), tag="*", resolve_entities=False, no_network=True):
            is_elsewhere = is_elsewhere or last == record
            last = local(node.tag)
            node.clear()
        if last != root or is_elsewhere:
            raise RegularsError(
                f"{self.place(table, file)}: no element {self.settings(table).record}", "Mend format.record"
            )

    def lacking(self, table: str, file: SourceFile) -> str:
        """That it has no byte, or no record."""
        if self.shape(table).rows[file.name]:
            return ""
        return f"holds no element {self.settings(table).record}" if file.path.stat().st_size else "is empty"

    def header(self, table: str, file: SourceFile) -> list[str]:
        """Names of all records' columns, in the order in which they first appear."""
        shape = self.shape(table)
        names = shape.names()
        return list(dict.fromkeys(names[trail] for trail in shape.columns(file.name)))

    def count(self, table: str, part: Part = WHOLE) -> int:
        """Records, counted by a pass of its own."""
        return sum(self.shape(table).rows[file.name] for file in self.wanted(table, part))

    def rows(self, table: str, file: SourceFile, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Records in batches; `_source_row` is the number of the record."""
        shape = self.shape(table)
        columns = shape.names()
        chunk: list[dict[str, str | None]] = []
        first = 1
        for node in self.elements(table, file):
            chunk.append({columns[trail].lower(): value for trail, value in whole(node, shape.lists)})
            if len(chunk) == BATCH:
                yield batch_of(chunk, names, first)
                first += len(chunk)
                chunk = []
        if chunk:
            yield batch_of(chunk, names, first)


def batch_of(records: list[dict[str, str | None]], names: list[str], first: int) -> pa.RecordBatch:
    """Records, by names in lower case, as a batch of text columns, numbered from `first`."""
    arrays = [pa.array([record.get(name.lower()) for record in records], pa.string()) for name in names]
    numbers = pa.array(range(first, first + len(records)), pa.int64())
    return pa.RecordBatch.from_arrays([*arrays, numbers], names=[*names, "_source_row"])


def step(kind: str, tag: Any) -> Step:
    """A tag or an attribute's name as a step."""
    space, _, name = str(tag).rpartition("}")
    return kind, space.lstrip("{"), name


def local(tag: Any) -> str:
    """A tag without its namespace."""
    return str(tag).rpartition("}")[2]


def plain_name(trail: Trail) -> str:
    """A column's name without namespaces."""
    return "_".join(name for _, _, name in trail)


def rank(trail: Trail, prefixes: dict[str, str]) -> tuple[bool, int, int, int]:
    """Order in which places may keep a plain name: elements without prefixes, of no or one namespace; then others,
    and attributes."""
    spaces = [space for kind, space, _ in trail if kind == ELEMENT]
    prefixed = sum(bool(prefixes.get(space)) for space in spaces)
    return trail[-1][0] == ATTRIBUTE, prefixed, len(set(spaces)), sum(map(bool, spaces))


def told_apart(trail: Trail, prefixes: dict[str, str]) -> str:
    """A column's name where another one has the plain name."""
    if trail[-1][0] == ATTRIBUTE:
        return f"{plain_name(trail)}_{ATTRIBUTE}"
    spaces = [prefixes.get(space, "") for _, space, _ in trail]
    return "_".join(f"{space}_{name}" if space else name for space, (_, _, name) in zip(spaces, trail, strict=True))


def flat(
    node: Any, lists: set[Trail], new: set[Trail] | None = None, above: Trail = ()
) -> Iterator[tuple[Trail, str | None]]:
    """An element's attributes and children as columns.

    Args:
        node: the element.
        lists: children that are lists.
        new: where children that stand twice are noted, while they are not known yet.
        above: steps from the record to the element.
    """
    for name, value in node.attrib.items():
        yield (*above, step(ATTRIBUTE, name)), value
    groups: dict[Any, list[Any]] = {}
    for child in node:
        groups.setdefault(child.tag, []).append(child)
    for tag, children in groups.items():
        trail = (*above, step(ELEMENT, tag))
        if new is not None and len(children) > 1:
            new.add(trail)
        if trail in lists:
            yield trail, json.dumps([nested(child, lists, new, trail) for child in children], ensure_ascii=False)
        elif len(children[0]) or children[0].attrib:
            if text := own_text(children[0]):
                yield trail, text
            yield from flat(children[0], lists, new, trail)
        else:
            yield trail, children[0].text


def whole(
    node: Any, lists: set[Trail], new: set[Trail] | None = None, above: Trail = ()
) -> Iterator[tuple[Trail, str | None]]:
    """As `flat`, with the text that a record, or an element of a list, has of its own."""
    yield from flat(node, lists, new, above)
    if text := own_text(node):
        yield (*above, (TEXT, "", TEXT)), text


def own_text(node: Any) -> str:
    """Text before an element's children; all that is in it, in its order, where some stands behind a child."""
    if any((child.tail or "").strip() for child in node):
        return "".join(node.itertext()).strip()
    return (node.text or "").strip()


def nested(node: Any, lists: set[Trail], new: set[Trail] | None, above: Trail) -> Any:
    """An element of a list as JSON: its text, or its columns."""
    if not len(node) and not node.attrib:
        return node.text
    found = list(whole(node, lists, new, above))
    trails = dict.fromkeys(trail[len(above) :] for trail, _ in found)
    names = Shape(
        {"": trails}, together=twice(plain_name(trail).lower() for trail in trails), prefixes=prefixes_of(node)
    ).names()
    return {names[trail[len(above) :]]: value for trail, value in found}


def prefixes_of(node: Any) -> dict[str, str]:
    """Namespace → prefix, of an element and of what is in it; empty where it has none."""
    inner = {child.tag[1:].partition("}")[0]: child.prefix for child in node.iter() if child.prefix}
    return inner | {uri: prefix or "" for prefix, uri in node.nsmap.items()}


def twice(names: Iterable[str]) -> set[str]:
    """Names that occur more than once."""
    seen: set[str] = set()
    return {name for name in names if name in seen or seen.add(name)}  # type: ignore[func-returns-value]

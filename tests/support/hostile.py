"""Files that a stranger sends: each is read whole, rejected line by line, or refused by name; none ends the process.

The readers are tried as the lake uses them; what they do in detail is tested where they are.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl

from orchestration.platform.errors import RegularsError
from orchestration.platform.yaml_model import Strict, read_yaml
from tests.support.systems import Taken, connector_of, take

READ, REFUSED = "read whole", "refused by name"
TOKEN = re.compile(r"T\d{5}")
NAMES = (
    "r", "t", "d", "s", "rowid", "filename", "file_row_number", "_source_row", "_source_file", "_load_id", "_raw_row",
    "_source_flags", "select", '"', "'", "--", "\\", "a;b", "{x}", "%s", " lead", "n" * 10_000,
)  # fmt: skip


def table(folder: Path, kind: str, name: str, content: bytes, **settings: Any) -> Taken:
    """What a reader makes of one file, its count compared with what it gave."""
    (folder / name).write_bytes(content)
    return take(connector_of({"kind": kind, "path": str(folder), **settings}))


def outcome_of(folder: Path, kind: str, name: str, content: bytes, **settings: Any) -> str:
    """Whether a file is read or refused."""
    try:
        table(folder, kind, name, content, **settings)
    except RegularsError as error:
        if not error.cure:
            raise
        return REFUSED
    return READ


def text_file(seed: int) -> tuple[bytes, str, int]:
    """A random delimited file whose cells are tokens; returns it with its delimiter and the lines above its header.

    Titles, header names and cells may hold line breaks and quotes, and the line ends may change within the file; two in
    five files have one stray character among their rows.
    """
    draw = random.Random(seed)
    delimiter, width = draw.choice(",;\t|"), draw.randint(1, 5)
    ends = draw.choice([["\n"], ["\r\n"], ["\r\n", "\n"]])
    quoting = draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    number = iter(range(10_000))

    def line(cells: list[str]) -> str:
        text = io.StringIO(newline="")
        style = csv.QUOTE_ALL if any("\n" in cell for cell in cells) else quoting
        csv.writer(text, delimiter=delimiter, lineterminator=draw.choice(ends), quoting=style).writerow(cells)
        return text.getvalue()

    def cell() -> str:
        token = f"T{next(number):05d}"
        return draw.choice(
            [token, token, token, f'{token} "x"', f"{token}\n{token}", f"{token}{delimiter}", f" {token}"]
        )

    titles = [draw.choice(["Report", "", '"Title\nof two"', 'May "24"']) + draw.choice(ends)
              for _ in range(draw.choice([0, 0, 1, 2]))]  # fmt: skip
    header = line([draw.choice(["c{}", "c{}", "c\n{}", 'c "{}"']).format(place) for place in range(width)])
    rows = [line([cell() for _ in range(width)]) for _ in range(draw.randint(0, 12))]
    if rows and draw.random() < 0.4:
        place = draw.randrange(len(rows))
        cut = draw.randrange(len(rows[place]) + 1)
        rows[place] = rows[place][:cut] + draw.choice(['"', "\0", delimiter, '""', "\ufeff", "\n"]) + rows[place][cut:]
    mark = "\ufeff" if draw.random() < 0.25 else ""
    above = "".join(titles)
    return (mark + above + header + "".join(rows)).encode(), delimiter, len(above.splitlines())


def nothing_vanishes(folder: Path, seed: int) -> str:
    """Read a random file: every cell is in a row or in a rejected record."""
    content, delimiter, skip = text_file(seed)
    try:
        taken = table(folder, "csv", "t.csv", content, delimiter=delimiter, skip=skip)
    except RegularsError:
        return REFUSED
    kept = [str(cell) for row in taken.rows for cell in row] + [str(line["raw_record"]) for line in taken.rejected]
    lost = set(TOKEN.findall(content.decode())) - set(TOKEN.findall(" ".join(kept)))
    assert not lost, f"file {seed}: {sorted(lost)} vanished"
    return READ


def column_called(folder: Path, name: str) -> str:
    """Read a column of any name from text, JSON and a workbook: its value is there, under some name."""
    header, row = io.StringIO(), {"id": "1", name: "kept"}
    csv.writer(header).writerows([row.keys(), row.values()])
    book = openpyxl.Workbook()
    book.active.append(list(row))
    book.active.append(list(row.values()))
    sheet = io.BytesIO()
    book.save(sheet)
    files = {"csv": header.getvalue().encode(), "json": json.dumps(row).encode(), "excel": sheet.getvalue()}
    suffixes = {"csv": "csv", "json": "json", "excel": "xlsx"}
    for kind, content in files.items():
        (folder / kind).mkdir()
        settings = {"delimiter": ","} if kind == "csv" else {}
        taken = table(folder / kind, kind, f"t.{suffixes[kind]}", content, **settings)
        assert [sorted(row) for row in taken.rows] == [["1", "kept"]], f"{kind}: {taken.rows}"
        assert len(set(map(str.lower, taken.columns))) == 2, taken.columns
    return READ


def far_cell(folder: Path) -> str:
    """A workbook with one cell at its far end."""
    book = openpyxl.Workbook()
    book.active.append(["id", "name"])
    book.active["XFD1048576"] = "far"
    file = io.BytesIO()
    book.save(file)
    return outcome_of(folder, "excel", "t.xlsx", file.getvalue())


def packed_workbook(folder: Path) -> str:
    """A workbook of which a part unpacks to a gigabyte."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("xl/workbook.xml", "w") as part:
            for _ in range(64):
                part.write(b" " * (16 << 20))
    return outcome_of(folder, "excel", "t.xlsx", file.getvalue())


class Anything(Strict):
    """A configuration for the YAML below."""

    a: Any = None


def yaml_text(folder: Path, text: str) -> str:
    """Read a configuration file."""
    (folder / "a.yml").write_text(text)
    try:
        read_yaml(folder / "a.yml", Anything)
    except RegularsError:
        return REFUSED
    return READ


LAUGHS = "x: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(12)
)
XML_LAUGHS = '<!DOCTYPE c [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><c><p>&b;</p></c>'
HOSTILE: dict[str, tuple[Callable[[Path], str], str]] = {
    **{f"column {name[:20]}": (lambda f, name=name: column_called(f, name), READ) for name in NAMES},  # type: ignore[misc]
    "a far cell": (far_cell, REFUSED),
    "a packed workbook": (packed_workbook, REFUSED),
    "a packed text": (
        lambda f: outcome_of(f, "csv", "t.csv.gz", gzip.compress(b"id,name\n" + b"0,0\n" * 40_000_000)), REFUSED,
    ),
    "entities": (lambda f: outcome_of(f, "xml", "t.xml", XML_LAUGHS.encode(), record="c/p"), REFUSED),
    "a file of the system as an entity": (
        lambda f: outcome_of(f, "xml", "t.xml", b'<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
                                                b"<c><p>&x;</p></c>", record="c/p"), REFUSED,
    ),
    "nested JSON": (lambda f: outcome_of(f, "json", "t.json", b"[" * 200_000), REFUSED),
    "nested YAML": (lambda f: yaml_text(f, "a: " + "[" * 200_000), REFUSED),
    "aliases in YAML": (lambda f: yaml_text(f, LAUGHS), REFUSED),
    "an object in YAML": (lambda f: yaml_text(f, "a: !!python/object/apply:os.system ['true']"), REFUSED),
    "a workbook that is none": (lambda f: outcome_of(f, "excel", "t.xlsx", b"PK\x03\x04" + b"\0" * 999), REFUSED),
    "Parquet that is none": (lambda f: outcome_of(f, "parquet", "t.parquet", b"PAR1" + b"\0" * 999 + b"PAR1"), REFUSED),
    "a database that is none": (
        lambda f: outcome_of(f, "sqlite", "t.db", b"SQLite format 3\0" + b"\xff" * 999, path=str(f / "t.db")), REFUSED,
    ),
    "a line of forty megabytes": (
        lambda f: outcome_of(f, "csv", "t.csv", b"id,name\n1," + b"x" * (40 << 20) + b"\n2,b\n", delimiter=","), READ,
    ),
    "NUL alone": (lambda f: outcome_of(f, "csv", "t.csv", b"\0" * 9999), REFUSED),
}  # fmt: skip

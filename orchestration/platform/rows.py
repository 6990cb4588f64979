"""Rows on a terminal: a table where it fits, else a block per record; also as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestration.platform.literals import no_formula, visible

GAP = 2  # blanks between two columns
MOST_LINES = 4  # lines that a cell of a table may take before the rows go vertical
LONGEST_DOUBLE = 14  # signs of a double that are shown as they are
LONGEST_NAME = 40  # columns of a terminal that names of fields take beside their values


class Format(StrEnum):
    """How rows are printed; without one, a table where it fits and blocks where it does not."""

    TABLE = "table"
    VERTICAL = "vertical"
    CSV = "csv"
    JSON = "json"


def text_of(value: object) -> str:
    """A value as text, as SQL writes it; a double without the digits that it does not know."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict | tuple):
        return visible(json.dumps(value, default=str, ensure_ascii=False))
    text = str(value)
    return f"{value:.12g}" if isinstance(value, float) and len(text) > LONGEST_DOUBLE else visible(text)


def texts_of(rows: Sequence[Mapping[Any, Any]]) -> tuple[list[str], list[list[str]]]:
    """Names of the columns, and the cells of each row as text that a terminal only shows."""
    names = [visible(str(name)) for name in rows[0]]
    return names, [[text_of(value) for value in row.values()] for row in rows]


def longest_word(text: str) -> int:
    """Columns that a text needs at least: ids, numbers and names are never broken."""
    return max((Text(word).cell_len for word in text.split()), default=0)


def lines_of(text: str, width: int) -> int:
    """Lines that a text takes in a column of a width."""
    return len(textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)) if text else 1


def column_widths(names: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """Widths with which a table fits a terminal, no word broken and no cell too tall; None where there are none."""
    columns = [[name, *values] for name, values in zip(names, zip(*cells, strict=True), strict=True)]
    least = [max(longest_word(text) for text in column) for column in columns]
    widths = [max(Text(text).cell_len for text in column) for column in columns]
    room = width - GAP * (len(columns) - 1)
    if sum(least) > room:
        return None
    while sum(widths) > room:  # the widest column that can give way does
        widest = max((i for i in range(len(widths)) if widths[i] > least[i]), key=widths.__getitem__)
        widths[widest] -= 1
    tall = any(
        lines_of(text, size) > MOST_LINES
        for column, size in zip(columns, widths, strict=True) for text in column[1:] if len(text) > size
    )  # fmt: skip
    return None if tall else widths


def is_number(value: object) -> bool:
    """Whether a value stands to the right of its column."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def as_lines(rows: Sequence[Mapping[Any, Any]]) -> RenderableType:
    """A line per row, however long: for a wide terminal, a pager or a file."""
    names, cells = texts_of(rows)
    widths = [max(Text(text).cell_len for text in column) for column in zip(names, *cells, strict=True)]
    numeric = [is_number(value) for value in rows[0].values()]

    def line(texts: Sequence[str]) -> str:
        padded = (" " * (width - Text(text).cell_len) + text if right else text + " " * (width - Text(text).cell_len)
                  for text, width, right in zip(texts, widths, numeric, strict=True))  # fmt: skip
        return (" " * GAP).join(padded).rstrip()

    return Group(Text(line(names), style="bold"), *(Text(line(row)) for row in cells))


def as_table(rows: Sequence[Mapping[Any, Any]], widths: Sequence[int]) -> Table:
    """Rows as a table of given widths, whose longer cells are wrapped between words."""
    names, cells = texts_of(rows)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, value, width in zip(names, rows[0].values(), widths, strict=True):
        table.add_column(Text(name), justify="right" if is_number(value) else "left", width=width, overflow="fold")
    for row in cells:
        table.add_row(*(Text(text) for text in row))
    return table


def as_blocks(rows: Sequence[Mapping[Any, Any]], width: int) -> RenderableType:
    """Rows as blocks: a line per field, longer values indented below their beginning."""
    names, cells = texts_of(rows)
    label = min(max(Text(name).cell_len for name in names), LONGEST_NAME)
    parts: list[Text] = []
    for number, row in enumerate(cells, start=1):
        head = f"── {number} of {len(cells)} "
        parts.append(Text(head + "─" * max(0, min(width, 60) - len(head)), style="dim"))
        for name, value in zip(names, row, strict=True):
            room = max(width - label - GAP, 20)
            lines = textwrap.wrap(value, room, break_long_words=False, break_on_hyphens=False) or [""]
            shown = ("\n" + " " * (label + GAP)).join(lines)
            parts.append(Text.assemble((name.ljust(label), "bold"), " " * GAP, shown))
    return Group(*parts)


def laid_out(rows: Sequence[Mapping[Any, Any]], width: int, form: Format | None = None) -> RenderableType:
    """Rows for a terminal of a width."""
    if form is Format.TABLE:
        return as_lines(rows)
    names, cells = texts_of(rows)
    widths = None if form is Format.VERTICAL else column_widths(names, cells, width)
    return as_table(rows, widths) if widths else as_blocks(rows, width)


def as_json(rows: object) -> str:
    """Rows as JSON; what JSON has no type for is text."""
    return json.dumps(rows, default=str, indent=1)


def as_csv(columns: Sequence[str], rows: Sequence[Mapping[Any, Any]]) -> str:
    """Rows as CSV, in which no spreadsheet finds a formula, neither in a value nor in a name."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(no_formula(name) for name in columns)
    writer.writerows([no_formula(value) for value in row.values()] for row in rows)
    return target.getvalue()

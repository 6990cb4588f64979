"""How a delimited file is written, and one record of it taken apart by that grammar (RFC 4180, read leniently)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

BREAK = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Dialect:
    """Delimiter, quote and escape as bytes of UTF-8; without a quote every line is a record.

    A field is quoted where the quote is its first character (blanks before it are passed over) and the closing one
    its last; any other quote is a character like others.
    """

    delimiter: bytes
    quote: bytes
    escape: bytes

    @property
    def doubles(self) -> bool:
        """Whether a quote within quotes is written twice, rather than behind an escape character."""
        return self.escape in (self.quote, b"")

    @cached_property
    def plain_field(self) -> bytes:
        """Pattern of a field without quoting."""
        mark = re.escape(self.delimiter)
        return b"[^%s\\r\\n]*+" % mark if len(self.delimiter) == 1 else b"(?:(?!%s)[^\\r\\n])*+" % mark

    @cached_property
    def quoted_field(self) -> bytes:
        """Pattern of a quoted field; its one group is what stands between the quotes."""
        if not self.quote:
            return b"(?!)()"
        mark, escape = re.escape(self.quote), re.escape(self.escape)
        inner = b"[^%s]*+(?:%s%s[^%s]*+)*+" % (mark, mark, mark, mark)
        if not self.doubles:
            inner = b"(?:[^%s%s]|%s[\\s\\S])*+" % (mark, escape, escape)
        return b" *+%s(%s)%s *+(?=%s|[\\r\\n]|\\Z)" % (mark, inner, mark, re.escape(self.delimiter))

    @cached_property
    def record(self) -> re.Pattern[bytes]:
        """A record and its line end; no match where a quote opens a field and does not close it as it should."""
        field = b"(?:%s|%s%s)" % (self.quoted_field, self.not_open, self.plain_field)
        return re.compile(b"%s(?:%s%s)*+(?P<end>\\r\\n|\\n|\\r|\\Z)" % (field, re.escape(self.delimiter), field))

    @property
    def not_open(self) -> bytes:
        """Pattern of a place at which no quote is."""
        return b"(?!%s)" % re.escape(self.quote) if self.quote else b""

    @cached_property
    def field(self) -> re.Pattern[bytes]:
        """One field, quoted (group 1) or plain (group 2, which may begin with a quote), and what follows it."""
        return re.compile(b"(?:%s|(%s))(%s|)" % (self.quoted_field, self.plain_field, re.escape(self.delimiter)))

    @cached_property
    def open_field(self) -> re.Pattern[bytes]:
        """A quote at the beginning of a field that no other in the line closes."""
        mark = re.escape(self.quote)
        return re.compile(
            b"(?:\\A|%s)%s[^%s]*+(?:%s%s[^%s]*+)*+\\Z" % (re.escape(self.delimiter), mark, mark, mark, mark, mark)
        )

    def cells(self, record: bytes) -> tuple[list[bytes], list[bytes]]:
        """Cells of a record without its line end; and of them those that begin with a quote which quotes nothing."""
        cells: list[bytes] = []
        stray: list[bytes] = []
        place, more = 0, True
        while more:
            found = self.field.match(record, place)
            assert found is not None
            if found[1] is not None:
                cells.append(self.unescaped(found[1]))
            else:
                cells.append(found[2])
                if self.quote and found[2].startswith(self.quote):
                    stray.append(found[2])
            place, more = found.end(), bool(found[3])
        return cells, stray

    def unescaped(self, inner: bytes) -> bytes:
        """What stands between quotes, as it is meant."""
        if self.doubles:
            return inner.replace(self.quote + self.quote, self.quote)
        return re.sub(re.escape(self.escape) + rb"([\s\S])", rb"\1", inner)

    def written(self, cells: list[bytes], always: bool = False) -> bytes:
        """Cells as a record that needs no leniency, without its line end; quotes are doubled.

        Args:
            cells: the cells.
            always: whether each is quoted, rather than those that must be.
        """
        if cells == [b""]:
            return self.quote * 2  # a blank line would be no record
        odd = self.odd
        return self.delimiter.join([self.quoted(cell) if always or odd.search(cell) else cell for cell in cells])

    def quoted(self, cell: bytes) -> bytes:
        """A cell within quotes."""
        return self.quote + cell.replace(self.quote, self.quote + self.quote) + self.quote

    @cached_property
    def odd(self) -> re.Pattern[bytes]:
        """What makes that a cell has to be quoted; nothing does where there is no quote."""
        if not self.quote:
            return re.compile(b"(?!)")
        return re.compile(b"[%s\\r\\n]|%s" % (re.escape(self.quote), re.escape(self.delimiter)))


def physical_lines(text: bytes) -> list[bytes]:
    """Lines of a text, without their ends."""
    return BREAK.split(text)

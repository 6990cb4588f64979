"""A file's bytes, a stretch at a time, as its records are taken from them."""

from __future__ import annotations

import re
from io import BufferedReader

STRETCH = 1 << 20  # bytes looked at together
LINE = re.compile(rb"([^\r\n]*+)(?:\r\n|\n|\r|\Z)")


class Stretches:
    """A file's bytes from a place on, as many at a time as are wanted."""

    def __init__(self, handle: BufferedReader, at: int) -> None:
        self.handle, self.data, self.place, self.read = handle, b"", 0, at
        self.is_last = False
        handle.seek(at)

    @property
    def offset(self) -> int:
        """Offset in the file of the place."""
        return self.read - len(self.data) + self.place

    def more(self, size: int) -> bool:
        """See to it that so many bytes follow the place, as far as there are any; whether there is one."""
        missing = size - (len(self.data) - self.place)
        if missing > 0 and not self.is_last:
            read = self.handle.read(max(missing, STRETCH))
            self.is_last = not self.handle.peek(1)
            self.read += len(read)
            self.data, self.place = self.data[self.place :] + read, 0
        return self.place < len(self.data)

    def next(self, size: int) -> tuple[bytes, bool]:
        """About so many bytes from the place on, and whether the file ends with them."""
        end = self.place + size
        if len(self.data) <= end:
            return self.data[self.place :], self.is_last
        return self.data[self.place : end], False

    def starts_with(self, text: bytes) -> bool:
        """Whether the bytes go on so."""
        self.more(len(text))
        return self.data.startswith(text, self.place)

    def is_done(self) -> bool:
        """Whether nothing but line ends follows."""
        self.more(STRETCH)
        return self.is_last and not self.data[self.place :].strip(b"\r\n")

    def match(self, pattern: re.Pattern[bytes], limit: int) -> re.Match[bytes] | None:
        """A match at the place that more bytes would not change; of at most about so many bytes."""
        while True:
            found = pattern.match(self.data, self.place)
            is_cut = found is None or found.end() == len(self.data)
            size = len(self.data) - self.place
            if not is_cut or self.is_last or size >= limit:
                return found
            self.more(min(limit, 2 * size + 1))

    def line(self, limit: int) -> bytes:
        """The line at the place, without its end; the place moves below it."""
        found = self.match(LINE, limit)
        assert found is not None
        self.place = found.end()
        return found[1]

    def peek(self) -> bytes:
        """The line at the place; the place stays."""
        found = self.match(LINE, STRETCH)
        assert found is not None
        return found[1]

"""What a record of a file looks like: ids, dates and numbers have few shapes, so a line of text is told from them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

DIGITS, LETTERS = re.compile(rb"[0-9]+"), re.compile(rb"[A-Za-z\x80-\xff]+")
ENOUGH = 5  # values from which a column's shapes say something
MOST = 0.7  # share of a column's values that have one of its shapes; the sample may hold lines that are no records
FEW = 4  # shapes of a column that has a form, such as an id of two kinds


class Shapes:
    """Shapes of the columns that have few of them, all with digits; 2024-05-01 is 9-9-9, W25 is a9.

    Args:
        rows: cells of lines that are records, most of them.
    """

    def __init__(self, rows: Sequence[Sequence[bytes]]) -> None:
        self.columns: dict[int, set[bytes]] = {}
        for place, cells in enumerate(zip(*rows, strict=True)):
            shapes = Counter(shape(cell) for cell in cells if cell.strip())
            common = {one: times for one, times in shapes.most_common(FEW) if b"9" in one}
            if shapes.total() >= ENOUGH and sum(common.values()) >= MOST * shapes.total():
                self.columns[place] = set(common)

    @property
    def are_known(self) -> bool:
        """Whether any column has a form."""
        return bool(self.columns)

    def fit(self, cells: Sequence[bytes]) -> bool:
        """Whether most of the columns that have a form have it in a record."""
        fitting = sum(shape(cells[place]) in shapes for place, shapes in self.columns.items())
        return 2 * fitting > len(self.columns)


def shape(cell: bytes) -> bytes:
    """A value with its digits and letters taken together."""
    return LETTERS.sub(b"a", DIGITS.sub(b"9", cell.strip(b' "')))

"""Find many names in many texts: every text is read once, however many names there are.

Names and texts are compared in glued form (`orchestration.privacy.forms`), as UTF-8. A name of eight bytes and more is
found wherever it begins: its first eight bytes, a number of 64 bits, are looked up at each byte of a text. A shorter
one counts from the begin of a word to the end of one. Numbers go through a table of marks first, which is of one size
whatever the names are and lets by few that are none; only those are compared in full.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from orchestration.privacy import forms

HEAD = 8  # bytes of a name that are looked up; a shorter name is looked up whole
MORE = 4  # bytes after them that count, too, where a name has them: many names begin with the same given name
SHORTEST = 4  # bytes of a name
LONGEST = 96  # bytes of a name that are compared
BITS = 27  # of a place in the table of marks, which has 128 MB
MIX = np.uint64(0x165667B19E3779F9)
FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)  # odd, without a pattern: they spread the numbers over the table
BEGIN, END = 1, 2  # a word begins at a byte, or ends with it
LETTER = np.array([chr(code).isalnum() for code in range(128)] + [True] * 128)
LOWER = np.array([ord(chr(code).lower()) for code in range(128)] + list(range(128, 256)), dtype=np.uint8)
MASKS = np.array([(1 << (8 * size)) - 1 for size in range(HEAD + 1)], np.uint64)
# Text that needs none of our functions: nothing escaped or coded, and no word that begins within another.
NOT_PLAIN = re.compile(r"[\\&%=<\x00\x1f]|[^\x00-\x7f]|[a-z][A-Z]|[A-Za-z][0-9]|[0-9][A-Za-z]|[A-Z]{2}[A-Z0-9+/]{6}")

Numbers = np.ndarray  # of uint64


@dataclass(frozen=True)
class Glued:
    """Texts in glued form, one after the other with gaps of zeros between them.

    Args:
        data: their bytes.
        edges: for each byte whether a word begins or ends there.
        owner: for each byte the number of its text.
    """

    data: np.ndarray
    edges: np.ndarray
    owner: np.ndarray

    def heads(self) -> Numbers:
        """The eight bytes from each byte on, as a number."""
        padded = np.concatenate([self.data, np.zeros(HEAD, np.uint8)])
        found = np.zeros(len(self.data), np.uint64)
        for place in range(HEAD):
            found |= padded[place : place + len(self.data)].astype(np.uint64) << np.uint64(8 * place)
        return found


@dataclass
class Marks:
    """Whether a number may be one of those that were put in; it never says no of one that was."""

    table: np.ndarray = field(default_factory=lambda: np.zeros(1 << BITS, bool))

    def places(self, numbers: Numbers) -> Iterator[np.ndarray]:
        """Two places of the table for each number."""
        for factor in FACTORS:
            yield (numbers * np.uint64(factor)) >> np.uint64(64 - BITS)

    def put(self, numbers: Numbers) -> None:
        """Put numbers in."""
        for place in self.places(numbers):
            self.table[place] = True

    def has(self, numbers: Numbers) -> np.ndarray:
        """Which of the numbers may be in it."""
        first, second = self.places(numbers)
        found: np.ndarray = self.table[first]
        found[found] = self.table[second[found]]
        return found


def glued_plain(texts: list[str], numbers: np.ndarray) -> Glued:
    """Glued form of ASCII texts, by arithmetic on all their bytes at once.

    Args:
        texts: without anything that `NOT_PLAIN` finds.
        numbers: of the texts.
    """
    data = np.frombuffer("\0".join([*texts, ""]).encode(), np.uint8)
    is_end = data == 0
    owner = np.cumsum(is_end) - is_end
    is_letter = LETTER[data]
    edges = (~np.roll(is_letter, 1)).astype(np.uint8) * BEGIN + (~np.roll(is_letter, -1)).astype(np.uint8) * END
    kept = is_letter | is_end
    return Glued(LOWER[data[kept]], np.where(is_end, 0, edges)[kept].astype(np.uint8), numbers[owner[kept]])


def glued_text(text: str) -> tuple[bytes, bytes]:
    """Glued form of what stands in any text, decoded, and its edges; parts that do not touch have a zero between."""
    data, edges = bytearray(), bytearray()
    for part in forms.decoded(text).split(forms.SEPARATOR):
        for word in forms.words(forms.JOINT.sub(" ", part)):
            # In scripts without gaps a name may begin and end at each letter.
            for piece in word if forms.has_han(word) else (word,):
                raw = piece.encode(errors="ignore")
                data += raw
                edges += bytes([BEGIN | END]) if len(raw) == 1 else bytes([BEGIN, *bytes(len(raw) - 2), END])
        data.append(0)
        edges.append(0)
    return bytes(data), bytes(edges)


def glued(texts: list[str]) -> Iterator[Glued]:
    """Glued forms of what stands in texts: plain ones at once, others one by one."""
    is_other = [bool(NOT_PLAIN.search(text)) for text in texts]
    plain = [number for number, other in enumerate(is_other) if not other]
    if plain:
        yield glued_plain([texts[number] for number in plain], np.array(plain))
    others = [(number, *glued_text(texts[number])) for number, other in enumerate(is_other) if other]
    if others:
        sizes = [len(data) for _, data, _ in others]
        yield Glued(
            np.frombuffer(b"".join(data for _, data, _ in others), np.uint8),
            np.frombuffer(b"".join(edges for _, _, edges in others), np.uint8),
            np.repeat(np.array([number for number, *_ in others]), sizes),
        )


def glued_names(names: list[str]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Names in glued form: their bytes, where each begins and ends, and its number among the names."""
    is_plain = [name.isascii() for name in names] if not "".join(names).isascii() else [True] * len(names)
    plain = [number for number, chosen in enumerate(is_plain) if chosen]
    if plain:
        texts = names if len(plain) == len(names) else [names[number] for number in plain]
        data = glued_plain(texts, np.arange(len(texts))).data
        yield (data, *limits(data), np.array(plain))
    others = [number for number, chosen in enumerate(is_plain) if not chosen]
    if others:
        joined = b"".join(forms.glued(names[number]).encode(errors="ignore") + b"\0" for number in others)
        data = np.frombuffer(joined, np.uint8)
        yield (data, *limits(data), np.array(others))


def limits(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where texts begin and end that are parted by zeros."""
    ends = np.flatnonzero(data == 0)
    return np.concatenate([[0], ends[:-1] + 1]), ends


def heads_of(data: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> Numbers:
    """A number of the first bytes of each name, by which it is looked up."""
    padded = np.concatenate([data, np.zeros(HEAD + MORE, np.uint8)])
    found = np.zeros(len(begins), np.uint64)
    more = np.zeros(len(begins), np.uint64)
    for place in range(HEAD):
        found |= padded[begins + place].astype(np.uint64) << np.uint64(8 * place)
        more |= padded[begins + place + MORE].astype(np.uint64) << np.uint64(8 * place)
    found &= MASKS[np.minimum(ends - begins, HEAD)]
    return np.where(ends - begins >= HEAD + MORE, mixed(found, more), found)


def mixed(heads: Numbers, more: Numbers) -> Numbers:
    """One number of a name's first eight bytes and of the eight that begin four bytes later."""
    found: np.ndarray = heads * MIX ^ more
    return found


Spot = tuple[int, int, bytes]  # number of the text, head, and what stands there


@dataclass
class Lookup:
    """Which of many names stand in many texts.

    Args:
        names: gives batches of (names, kinds), as they are written; it is asked twice, so that nobody holds all.
    """

    names: Callable[[], Iterable[tuple[list[str], Sequence[str]]]]
    spots: set[Spot] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.sought = Marks()
        for names, _ in self.names():
            for data, begins, ends, _ in glued_names(names):
                is_one = ends - begins >= SHORTEST
                self.sought.put(heads_of(data, begins[is_one], ends[is_one]))

    def look(self, texts: list[str], first: int) -> None:
        """Look at texts, whose numbers begin with `first`."""
        for text in glued(texts):
            heads = text.heads()
            raw = text.data.tobytes()
            longer = mixed(heads, np.append(heads, np.zeros(MORE, np.uint64))[MORE:])
            for numbers, least in ((heads, HEAD), (longer, HEAD + MORE)):
                for place in np.flatnonzero(self.sought.has(numbers)).tolist():
                    if len(said := stretch(raw, place)) >= least:
                        self.spots.add((first + int(text.owner[place]), int(numbers[place]), said))
            begins = np.flatnonzero(text.edges & BEGIN)
            for size in range(SHORTEST, HEAD):
                fits = begins[begins + size <= len(raw)]
                fits = fits[(text.edges[fits + size - 1] & END) > 0]
                short = heads[fits] & MASKS[size]
                is_one = self.sought.has(short)
                for place, head in zip(fits[is_one].tolist(), short[is_one].tolist(), strict=True):
                    self.spots.add((first + int(text.owner[place]), head, raw[place : place + size]))

    def hits(self) -> Iterator[tuple[int, str, str, int]]:
        """Number of a text, the name that stands in it, its kind, and how often the names have it."""
        known = self.known()
        for number, head, said in self.spots:
            for size, names in known.get(head, {}).items():
                for kind, count in names.get(said[:size], {}).items():
                    yield number, said[:size].decode(), kind, count

    def known(self) -> dict[int, dict[int, dict[bytes, Counter[str]]]]:
        """Head → bytes → name → kind → how often, of the names whose head was seen."""
        seen = np.array(sorted({head for _, head, _ in self.spots}), np.uint64)
        found: dict[int, dict[int, dict[bytes, Counter[str]]]] = {}
        for names, kinds in self.names() if len(seen) else ():
            for data, begins, ends, numbers in glued_names(names):
                place = np.searchsorted(seen, heads := heads_of(data, begins, ends))
                chosen = np.flatnonzero(seen[np.minimum(place, len(seen) - 1)] == heads)
                raw = data.tobytes()
                for row in chosen.tolist():
                    name = raw[begins[row] : ends[row]]
                    if SHORTEST <= len(name) <= LONGEST:
                        of_head = found.setdefault(int(heads[row]), {}).setdefault(len(name), {})
                        of_head.setdefault(name, Counter())[kinds[numbers[row]]] += 1
        return found


def stretch(raw: bytes, place: int) -> bytes:
    """What stands from a place on, at most as long as the longest name."""
    said = raw[place : place + LONGEST]
    end = said.find(0)
    return said if end < 0 else said[:end]

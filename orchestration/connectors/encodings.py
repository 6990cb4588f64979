"""Which encoding a text file has: its mark, UTF-8 where it is valid, else what its lines say that are not ASCII.

The whole file is looked at: exports are often plain ASCII for megabytes before the first accent comes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
CHUNK = 1 << 20
EVIDENCE = 1 << 20  # bytes of lines that are not ASCII: more of them would not change the finding
# gb18030 holds GBK and GB2312. Central European code pages look like the Western one and have to be declared.
MULTIBYTE = ["gb18030", "big5hkscs", "shift_jis", "euc_kr"]
SINGLE = ["cp1252", "mac_roman", "cp850", "cp1251", "koi8_r", "cp866"]
CYRILLIC = {"cp1251", "koi8_r", "cp866"}
HIGH = re.compile(rb"[\x80-\xff]+")
NOT_ASCII_LINE = re.compile(rb"[^\r\n]*[\x80-\xff][^\r\n]*")
# Letters that European languages of these code pages use often; a wrong code page gives signs or rare letters.
USUAL = set("äöüßéèêëàâáãåæçñíìîïóòôõøúùûœÿýðþÄÖÜÉÈÊÀÂÁÃÅÆÇÑÍÓÔÕØÚ’ªº\xa0")
BEFORE_WORDS, AFTER_WORDS = set("«“‘„¿¡–—§"), set("€£°·”…»®™–—")  # signs; within a word they are wrong
CYRILLIC_LETTER = re.compile("[А-яЁёІіЇїЄєҐґ№]")
LATIN = re.compile("[A-Za-z]")
WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
LEAST = 0.7  # share of usual characters from which a single-byte encoding is believed
ENOUGH = 40  # bytes beyond ASCII from which one of several fitting two-byte encodings is believed


@dataclass(frozen=True)
class Found:
    """An encoding, and whether the file is sure to have it."""

    name: str
    is_sure: bool


def detect(opened: Callable[[], IO[bytes]], take: Callable[[IO[bytes], int], bytes]) -> Found:
    """The encoding of a file.

    Args:
        opened: opens the file's bytes, unpacked; more than once.
        take: reads some bytes; raises what says which file is broken.
    """
    with opened() as handle:
        first = take(handle, CHUNK)
        for mark, name in sorted(MARKS.items(), key=lambda item: -len(item[0])):
            if first.startswith(mark):
                return Found(name, True)
        if wide := without_mark(first):
            return Found(wide, True)
        decoder, chunk, is_valid = codecs.getincrementaldecoder("utf-8")(), first, True
        while chunk and is_valid:
            is_valid = is_utf8(decoder, chunk)
            chunk = take(handle, CHUNK) if is_valid else b""
        if is_valid and is_utf8(decoder, b"", final=True):
            return Found("utf-8", True)
    with opened() as handle:
        return judge(evidence(lambda: take(handle, CHUNK)))


def is_utf8(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    """Whether the next bytes go on as UTF-8."""
    if chunk.isascii() and not decoder.getstate()[0]:
        return True
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def without_mark(sample: bytes) -> str | None:
    """UTF-16 or UTF-32 without a byte-order mark: every second byte, or three of four, of Latin text are NUL."""
    if b"\0" not in sample:
        return None
    even = sample[: len(sample) // 4 * 4]
    for name in ("utf-32-le", "utf-32-be"):
        if even and decodes(even, name):
            return name
    pairs = len(sample) // 2
    low, high = sample[0 : 2 * pairs : 2], sample[1 : 2 * pairs : 2]
    zeros = {"utf-16-le": high.count(0), "utf-16-be": low.count(0)}
    name, other = sorted(zeros, key=lambda key: -zeros[key])
    if zeros[name] < max(2, pairs // 10) or zeros[name] < 5 * zeros[other]:
        return None
    text = sample[: 2 * pairs].decode(name, "replace")
    return name if "\n" in text or "\r" in text else None


def decodes(data: bytes, name: str) -> bool:
    """Whether bytes, perhaps cut at their end, are valid in an encoding."""
    try:
        codecs.getincrementaldecoder(name)().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def evidence(take: Callable[[], bytes]) -> list[bytes]:
    """Lines that are not ASCII, up to a megabyte of them."""
    lines: list[bytes] = []
    size, rest = 0, b""
    while size < EVIDENCE and (chunk := take()):
        if chunk.isascii() and rest.isascii():
            rest = b""
            continue
        chunk = rest + chunk
        cut = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        rest = chunk[cut:] if len(chunk) - cut < CHUNK else b""
        found = NOT_ASCII_LINE.findall(chunk[:cut] if rest else chunk)
        lines += found
        size += sum(map(len, found))
    return lines + NOT_ASCII_LINE.findall(rest)


def judge(lines: list[bytes]) -> Found:
    """The likeliest encoding of lines that are not ASCII and not all UTF-8."""
    if sum(decodes_whole(line, "utf-8") for line in lines) * 2 >= len(lines):
        return Found("utf-8", True)  # the others are broken lines, and are rejected as such
    text = b"\n".join(lines)
    scores = {name: usual_share(text, name) for name in SINGLE}
    best = max(scores, key=lambda name: scores[name])
    if is_western(text) and scores[best] >= LEAST:
        equal = [name for name in SINGLE if scores[name] >= scores[best] - 0.05]
        return Found(best, best == SINGLE[0] or len({text.decode(name, "replace") for name in equal}) == 1)
    fitting = [name for name in MULTIBYTE if decodes_whole(text, name)]
    if fitting:
        from charset_normalizer import from_bytes

        likely = from_bytes(text, cp_isolation=[*fitting, "cp1252", "cp1251"]).best()
        name = codecs.lookup(likely.encoding).name if likely else fitting[0]
        return Found(name, len(fitting) == 1 or sum(map(len, HIGH.findall(text))) >= ENOUGH)
    return Found(best, scores[best] >= LEAST)


def decodes_whole(data: bytes, name: str) -> bool:
    """Whether bytes are valid in an encoding, to their end."""
    try:
        data.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def is_western(text: bytes) -> bool:
    """Whether high bytes stand alone among more Latin letters, as accents do; two-byte characters stand in runs."""
    words = b"".join(WORD.findall(text))
    runs = list(HIGH.finditer(text))
    alone = [run for run in runs if run.end() - run.start() == 1]
    if len(alone) * 2 < len(runs) or sum(map(len, HIGH.findall(words))) > 0.45 * len(words):
        return False
    inside = sum(is_inside_word(text, run.start()) for run in alone)
    return inside >= 0.8 * len(alone)


def is_inside_word(text: bytes, at: int) -> bool:
    """Whether a byte's neighbours are letters or the end of a word, and go together in case."""
    before, after = text[at - 1 : at] if at else b"\n", text[at + 1 : at + 2] or b"\n"
    if before.islower() and after.isupper():
        return False
    ends = b" \t\r\n,;|\"'-./()0123456789"
    touches = before.isalpha() or after.isalpha() or (before in ends and after in ends)
    return touches and all(side.isalpha() or side in ends for side in (before, after))


def usual_share(text: bytes, name: str) -> float:
    """Share of the characters beyond ASCII that are usual ones of the languages of a single-byte encoding."""
    decoded = text.decode(name, "replace")
    usual = total = 0
    for place, char in enumerate(decoded):
        if char.isascii():
            continue
        total += 1
        before, after = decoded[max(place - 1, 0) : place], decoded[place + 1 : place + 2]
        if name in CYRILLIC:
            is_usual = CYRILLIC_LETTER.match(char) is not None and not LATIN.match(before) and not LATIN.match(after)
        else:
            is_usual = char in USUAL or (char in BEFORE_WORDS and not before.isalpha())
            is_usual = is_usual or (char in AFTER_WORDS and not after.isalpha())
        usual += is_usual and fits_in_case(before, char, after)
    return usual / total if total else 0.0


def fits_in_case(before: str, char: str, after: str) -> bool:
    """Whether a letter is written as its neighbours are: no capital within a word of small letters, nor the reverse."""
    if char.isupper():
        return not before.islower() and not (before.isalpha() and after.islower())
    return not (char.islower() and before.isupper() and after.isupper())

"""Which encoding a text file has: its mark, UTF-8 where it is valid, else what its lines say that are not ASCII.

The whole file is looked at: exports are often plain ASCII for megabytes before the first accent comes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from orchestration.connectors.languages import LATIN_WEST, single_byte_score, two_byte_score

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
CHUNK = 1 << 20
EVIDENCE = 1 << 20  # bytes of lines that are not ASCII: more of them would not change the finding
WEST = LATIN_WEST
CENTRAL = ("Polish", "Czech", "Slovak", "Hungarian", "Croatian", "Romanian", "German")
BALTIC = ("Lithuanian", "Latvian", "Estonian", "German")
TURKISH = ("Turkish", "German", "French")
CYRILLIC, GREEK, HEBREW = ("Russian", "Ukrainian", "Bulgarian", "Serbian"), ("Greek",), ("Hebrew",)
# Languages of each encoding of one byte per character, and how usual the encoding is in exports (a logarithm).
SINGLE: dict[str, tuple[tuple[str, ...], float]] = {
    "cp1252": (WEST, 0), "mac_roman": (WEST, -4), "cp850": (WEST, -4), "iso8859_15": (WEST, -5),
    "cp1250": (CENTRAL, -5), "iso8859_2": (CENTRAL, -5), "cp852": (CENTRAL, -6), "mac_latin2": (CENTRAL, -8),
    "cp1257": (BALTIC, -7), "iso8859_13": (BALTIC, -8), "cp775": (BALTIC, -9),
    "cp1254": (TURKISH, -5), "cp857": (TURKISH, -7), "mac_turkish": (TURKISH, -8), "cp1258": (("Vietnamese",), -7),
    "cp1251": (CYRILLIC, -2), "koi8_r": (CYRILLIC, -3), "koi8_u": (CYRILLIC, -4), "cp866": (CYRILLIC, -3),
    "iso8859_5": (CYRILLIC, -4), "mac_cyrillic": (CYRILLIC, -5), "cp855": (CYRILLIC, -6),
    "cp1253": (GREEK, -3), "iso8859_7": (GREEK, -3), "cp737": (GREEK, -4), "cp869": (GREEK, -6),
    "mac_greek": (GREEK, -6),
    "cp1255": (HEBREW, -3), "iso8859_8": (HEBREW, -3), "cp862": (HEBREW, -4),
    "cp1256": (("Arabic", "Persian"), -3), "iso8859_6": (("Arabic",), -4), "cp864": (("Arabic",), -7),
    "cp720": (("Arabic",), -6), "cp874": (("Thai",), -3),
}  # fmt: skip
# gb18030 holds GBK and GB2312.
MULTIBYTE = {"gb18030": -2.0, "big5hkscs": -2.0, "shift_jis": -2.0, "euc_jp": -3.0, "euc_kr": -2.0}
HIGH = re.compile(rb"[\x80-\xff]+")
NOT_ASCII_LINE = re.compile(rb"[^\r\n]*[\x80-\xff][^\r\n]*")
# Second bytes of two-byte characters begin at 0x40, so what is below parts words in every encoding.
TOKEN = re.compile(rb"[\x40-\x7f]*[\x80-\xff][\x40-\xff]*")
TOKENS = 1_500  # different words looked at: more would not change the finding
SURE = 4.0  # logarithm of how much likelier than any other reading one has to be
TODAY = ("cp125", "iso8859", *MULTIBYTE)
BY_LETTERS = {True: 0.5, False: 2.0}  # the same by letters alone, by whether the likeliest is an encoding of today
LEAST = -7.0  # per byte beyond ASCII; less likely readings are none
ENOUGH = 24  # bytes beyond ASCII from which a two-byte encoding is believed
SHOWN_WORDS = 3
ESCAPED = {
    "iso2022_jp": re.compile(rb"\x1b(?:\$[@B]|\([JI]|\$\(D)"),
    "iso2022_kr": re.compile(rb"\x1b\$\)C"),
    "hz": re.compile(rb"~\{(?:[!-~]{2})+~\}"),
}
SHIFTED = re.compile(rb"\+([A-Za-z0-9+/]{3,})")  # of UTF-7


@dataclass(frozen=True)
class Found:
    """An encoding, and whether the file is sure to have it.

    Args:
        name: the likeliest encoding.
        is_sure: whether it is much likelier than any other that reads the bytes otherwise.
        readings: likely encodings, and some words as each reads them.
    """

    name: str
    is_sure: bool
    readings: tuple[tuple[str, str], ...] = ()


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
            if chunk.isascii() and (escaped := in_seven_bits(chunk)):
                return escaped
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


def in_seven_bits(chunk: bytes) -> Found | None:
    """An encoding that writes other letters as ASCII, between signs that switch to them; never sure."""
    if b"\x1b" in chunk or b"~{" in chunk:
        for name, pattern in ESCAPED.items():
            if found := pattern.search(chunk):
                return Found(name, False, ((name, shown(words_at(chunk, found), name)),))
    if b"+" in chunk:
        found_words = {found[0]: found for found in SHIFTED.finditer(chunk) if is_shifted(found[1])}
        if len(found_words) > 1:
            first = next(iter(found_words.values()))
            return Found("utf_7", False, (("utf_7", shown(words_at(chunk, first), "utf_7")),))
    return None


def words_at(chunk: bytes, found: re.Match[bytes]) -> list[bytes]:
    """The line of a match."""
    start = chunk.rfind(b"\n", 0, found.start()) + 1
    end = chunk.find(b"\n", found.end())
    return [chunk[start : end if end >= 0 else len(chunk)].strip()]


def is_shifted(code: bytes) -> bool:
    """Whether a stretch of UTF-7 holds letters and nothing else."""
    try:
        text = (b"+" + code + b"-").decode("utf-7")
    except UnicodeDecodeError:
        return False
    if not text or code.isdigit() or (b"+" + code + b"-") != (text + "-").encode("utf-7").replace(b"--", b"-"):
        return False
    known = (("\u00c0", "\u06ff"), ("\u3040", "\u30ff"), ("\u4e00", "\u9fff"), ("\uac00", "\ud7a3"))
    return all(char.isalpha() and any(low <= char <= high for low, high in known) for char in text)


def judge(lines: list[bytes]) -> Found:
    """The likeliest encoding of lines that are not ASCII and not all UTF-8."""
    if sum(decodes_whole(line, "utf-8") for line in lines) * 2 >= len(lines):
        return Found("utf-8", True)  # the others are broken lines, and are rejected as such
    tokens = list(dict.fromkeys(token for line in lines for token in TOKEN.findall(line)))[:TOKENS]
    size = sum(len(run) for token in tokens for run in HIGH.findall(token))
    scores = {
        name: usual + single_byte_score([token.decode(name, "replace") for token in tokens], languages)
        for name, (languages, usual) in SINGLE.items()
    }
    for name, usual in MULTIBYTE.items():
        if all(decodes_whole(line, name) for line in lines):
            scores[name] = usual + two_byte_score([token.decode(name, "replace") for token in tokens], name)
    ranked = sorted(scores, key=lambda name: -scores[name])
    best = ranked[0]
    text = b" ".join(tokens)
    rivals = [name for name in ranked if is_rival(scores, best, name) and reads_otherwise(text, best, name)]
    is_sure = not rivals and scores[best] >= LEAST * size
    if best in MULTIBYTE and size < ENOUGH:
        is_sure = False
    likely = [best, *(rivals or [name for name in ranked if reads_otherwise(text, best, name)])][:4]
    return Found(best, is_sure, tuple((name, shown(tokens, name)) for name in likely))


def is_rival(scores: dict[str, float], best: str, name: str) -> bool:
    """Whether an encoding may be meant as well as the likeliest: by its score, or by the letters alone.

    Those of old computers do not count by letters alone against one of today.
    """
    if scores[name] > scores[best] - SURE:
        return True
    usual = {encoding: prior for encoding, (_, prior) in SINGLE.items()} | MULTIBYTE
    is_today = best.startswith(TODAY)
    is_near = scores[name] - usual[name] > scores[best] - usual[best] - BY_LETTERS[is_today]
    return is_near and (name.startswith(TODAY) or not is_today)


def reads_otherwise(text: bytes, name: str, other: str) -> bool:
    """Whether two encodings take the same bytes for different characters."""
    return text.decode(name, "replace") != text.decode(other, "replace")


def shown(tokens: list[bytes], name: str) -> str:
    """Some words as an encoding reads them."""
    text = ", ".join(token.decode(name, "replace") for token in tokens[:SHOWN_WORDS])[:80]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def decodes_whole(data: bytes, name: str) -> bool:
    """Whether bytes are valid in an encoding, to their end."""
    try:
        data.decode(name)
    except UnicodeDecodeError:
        return False
    return True

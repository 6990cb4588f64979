"""The ways in which one text is written: escapes, codes, marks, case, gaps and dashes.

A text is compared by its glued form: escapes undone, accents and case folded, everything but letters and digits taken
out. `Zebulon Quaxley`, `ZEBULON-QUAXLEY`, `zebulon%20quaxley`, `Z e b u l o n&nbsp;Quaxley` and `+49 171 23` against
`004917123` are told apart by nothing then. Beside it stands what a text holds in base64 or as hexadecimal digits.

All of it is Python; `bind` makes it functions of a database, which work on whole vectors.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from typing import Any

import duckdb
import pyarrow as pa
from duckdb.func import PythonUDFType
from duckdb.sqltypes import VARCHAR

SEPARATOR = chr(31)  # stands between texts that are looked at together; no form reaches over it
# Scripts that are written without gaps: Han with its extensions, kana, Hangul.
HAN_RANGES = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
HAN = f"[{HAN_RANGES}]"
HAN_NAME = range(2, 8)  # characters of a name in them; longer ones are looked for within others like any long text
NUMBER = 9  # digits that tell a telephone number without its country and area prefixes
LONGEST = 13  # digits of a telephone number with its country; longer ones are known by all their digits
ROUNDS = 2  # escapes within escapes
DEPTH = 3  # codes within codes
PIECE = 6  # bytes from which what a code seems to hold is text
WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
# Letters that are not taken apart into a letter and a mark, but that capitals or other keyboards write plainly.
PLAIN = str.maketrans({"ß": "ss", "ς": "σ", "ı": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe"})

CODED = re.compile(r"[A-Za-z0-9+/_-]{8,}")  # what may be base64
SEEMS_CODED = re.compile(r"[a-z0-9+/_-][A-Z]|[A-Z]{2}[A-Z0-9+/]{6}|[A-Za-z][0-9]+[A-Za-z]")  # and is no plain word
HEXADECIMAL = re.compile(r"[0-9a-fA-F]{12,}")
UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffd]")
TAG = re.compile(r"</?[A-Za-z][^<>]{0,300}>|<!--[^<>]{0,300}-->")
ESCAPE = re.compile(
    r"((?:\\x[0-9a-fA-F]{2})+)|((?:\\u[0-9a-fA-F]{4})+)|\\u\{([0-9a-fA-F]{1,6})\}|\\(.)", re.S
)  # fmt: skip
IN_URL = re.compile(r"(?:%[0-9a-fA-F]{2})+|%u[0-9a-fA-F]{4}")
IN_MAIL = re.compile(r"(?:=[0-9A-F]{2})+|=\r?\n")
# A word that begins within a word: zebulonQuaxley, order7, 客户Quaxley.
JOINT = re.compile(
    rf"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|(?<={HAN})(?=[^\W{HAN_RANGES}])"
    rf"|(?<=[^\W{HAN_RANGES}])(?={HAN})"
)
GLUE = bytes(code for code in range(128) if not chr(code).isalnum() and chr(code) != SEPARATOR)


def text_of_bytes(raw: bytes) -> str:
    """Bytes as UTF-8 or, where they are none, as Latin-1."""
    try:
        return raw.decode()
    except ValueError:
        return raw.decode("latin-1")


def of_code_points(points: list[int]) -> str:
    """Text of UTF-16 units; a half pair is left out."""
    raw = b"".join(point.to_bytes(2, "little") for point in points)
    return raw.decode("utf-16-le", errors="ignore")


def unescape(match: re.Match[str]) -> str:
    """The text that escapes of JSON and of programs stand for."""
    if match[1]:
        return text_of_bytes(bytes.fromhex(match[1].replace("\\x", "")))
    if match[2]:
        return of_code_points([int(unit, 16) for unit in match[2].split("\\u")[1:]])
    if match[3]:
        code = int(match[3], 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
    return " " if match[4] in "ntrbf" else match[4]


def unquote(match: re.Match[str]) -> str:
    """The text that escapes of a URL stand for."""
    if match[0][1] in "uU":
        return of_code_points([int(match[0][2:], 16)])
    return text_of_bytes(bytes.fromhex(match[0].replace("%", "")))


def unprinted(match: re.Match[str]) -> str:
    """The text that escapes of mail (quoted-printable) stand for."""
    return text_of_bytes(bytes.fromhex(match[0].replace("=", ""))) if match[0][1:].strip() else ""


def undone(text: str) -> str:
    """Text with the escapes of JSON, programs, HTML, URLs and mail undone."""
    for _ in range(ROUNDS):
        if "\\" in text:
            text = ESCAPE.sub(unescape, text)
        if "&" in text:
            text = html.unescape(text)
        if "%" in text:
            text = IN_URL.sub(unquote, text)
        if "=" in text:
            text = IN_MAIL.sub(unprinted, text)
    return text


def pieces(raw: bytes) -> Iterator[str]:
    """What of bytes may be text."""
    for piece in UNREADABLE.split(raw.decode(errors="replace")):
        if len(piece) >= PIECE or len(piece.encode()) >= PIECE:
            yield piece


def packed(text: str) -> Iterator[str]:
    """What a text holds in base64 or as hexadecimal digits, wherever within a longer run it begins."""
    for run in CODED.findall(text):
        if SEEMS_CODED.search(run):
            standard = run.replace("-", "+").replace("_", "/")
            for start in range(4):
                part = standard[start:]
                part = part[: len(part) // 4 * 4] if len(part) % 4 == 1 else part + "=" * (-len(part) % 4)
                yield from pieces(base64.b64decode(part))
    for run in HEXADECIMAL.findall(text):
        for start in (0, 1):
            part = run[start:]
            yield from pieces(binascii.unhexlify(part[: len(part) // 2 * 2]))


def decoded(text: str, depth: int = DEPTH) -> str:
    """Text with its escapes undone, and beside it the same without tags, and what it holds in codes."""
    plain = undone(text)
    found = [plain]
    if "<" in plain and (untagged := TAG.sub(" ", plain)) != plain:
        found.append(untagged)
    if depth:
        found += [decoded(piece, depth - 1) for piece in dict.fromkeys(packed(plain))]
    return SEPARATOR.join(found)


def folded(text: str) -> str:
    """Text without case, accents, wide forms and characters that nobody sees."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFD", text.translate(WIDE).lower())
    kept = "".join(c for c in parts if unicodedata.category(c) not in ("Mn", "Cf"))
    return unicodedata.normalize("NFC", kept).translate(PLAIN)


def folded_before(text: str) -> str:
    """Text as the forms of older suppression lists were folded."""
    parts = unicodedata.normalize("NFD", text.translate(WIDE).lower())
    kept = "".join(c for c in parts if unicodedata.category(c) != "Mn")
    return unicodedata.normalize("NFC", kept).replace("ß", "ss")


def glued(text: str) -> str:
    """Letters and digits of a text, folded."""
    said = folded(text)
    if said.isascii():
        return said.encode().translate(None, GLUE).decode()
    return "".join(c for c in said if c.isalnum() or c == SEPARATOR)


def has_han(text: str) -> bool:
    """Whether a text holds characters of a script that is written without gaps."""
    return not text.isascii() and bool(re.search(HAN, text))


def worded(text: str) -> str:
    """Text, folded, with words that begin within words parted beside it."""
    parted = JOINT.sub(" ", text)
    return folded(text) if parted == text else folded(text + SEPARATOR + parted)


def words(text: str) -> list[str]:
    """Words of a text, folded."""
    return [word for word in re.split(r"[\W_]+", folded(text)) if word]


def grams(text: str, most: int) -> set[str]:
    """Up to so many words of a text that follow each other, in glued form, and what may be a name in Han characters."""
    said = words(text)
    parted = JOINT.sub(" ", text)
    found = {"".join(said[i : i + n]) for n in range(1, most + 1) for i in range(len(said) - n + 1)}
    if parted != text:
        found |= grams(parted, most)
    found |= {gram[-NUMBER:] for gram in found if NUMBER < len(gram) <= LONGEST + 2 and re.fullmatch("[0-9]+", gram)}
    if has_han(text):
        for run in re.findall(HAN + "{2,}", folded(text)):
            found |= {run[i : i + n] for n in HAN_NAME for i in range(len(run) - n + 1)}
    return found


def national(digits: str) -> str:
    """The digits of a telephone number by which it is known however its prefixes are written."""
    return digits.lstrip("0")[-NUMBER:]


def forms_of(text: str) -> list[str]:
    """Glued forms by which a text is known: its own and, of a telephone or card number, its last digits."""
    form = glued(text).replace(SEPARATOR, "")
    found = [form] if form else []
    if form.isdigit() and NUMBER <= len(form.lstrip("0")) <= LONGEST:
        found.append(national(form))
    return list(dict.fromkeys(found))


# for databases -------------------------------------------------------------------------------------------------------


def bind(con: duckdb.DuckDBPyConnection) -> None:
    """Make the functions decoded, folded, folded_before, worded and glued on a connection, and the macro words_in."""
    made = (decoded, folded, folded_before, worded, glued)
    for function in made:
        con.create_function(function.__name__, over_vectors(function), [VARCHAR], VARCHAR, type=PythonUDFType.ARROW)
    con.execute(
        # Digits and dashes within words go, too.
        r"create or replace temp macro words_in(said) as list_filter(regexp_split_to_array(said, '[^\pL\pN]+'), "
        "lambda w: w <> '')"
    )


def over_vectors(function: Callable[[str], str]) -> Callable[..., Any]:
    """A function of texts as one of vectors of texts; null stays null."""

    def over(texts: pa.ChunkedArray | pa.Array) -> pa.Array:
        return pa.array([None if text is None else function(text) for text in texts.to_pylist()], pa.string())

    return over


def grams_sql(cells: str, most: int, lengths: Collection[int] | None = None) -> str:
    """SQL of cell and gram: up to so many words of each cell that follow each other, in glued form, what of a run of
    Han characters may be a name, and the last digits of what may be a telephone number.

    Args:
        cells: SQL of rows with `cell` and `said`, its decoded text, folded.
        most: words.
        lengths: numbers of words that count, besides one; groups of digits of any number do; default: all.
    """
    spans = " union all ".join(
        f"select cell, unnest(list_transform(range(1, len(w) - {n} + 2), "
        f"lambda i: array_to_string(list_slice(w, i, i + {n} - 1), ''))) as gram from "
        + ("word" if n == 1 or lengths is None or n in lengths else "digits")
        + f" where len(w) >= {n}"
        for n in range(1, most + 1)
    )
    han = " union all ".join(
        f"select cell, unnest(list_transform(range(1, length(run) - {n} + 2), lambda i: substr(run, i, {n}))) from run "
        f"where length(run) >= {n}"
        for n in HAN_NAME
    )
    return (
        f"with word as (select cell, words_in(said) as w from ({cells})), digits as (select cell, list_filter("
        "w, lambda x: regexp_full_match(x, '[0-9]+')) as w from word where len(w) > 1), "
        f"run as (select cell, unnest(regexp_extract_all(said, '{HAN}{{2,}}')) as run from ({cells}) "
        f"where regexp_matches(said, '{HAN}')), told as ({spans} union all {han}) "
        "select cell, unnest(case when "
        f"regexp_full_match(gram, '[0-9]{{{NUMBER + 1},{LONGEST + 2}}}') "
        f"then [gram, right(gram, {NUMBER})] else [gram] end) "
        "as gram from told"
    )

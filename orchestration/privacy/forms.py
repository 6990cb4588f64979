"""The ways in which one text is written: escapes of URLs, HTML and JSON, base64, marks, case, gaps and dashes.

A text is compared by its glued form: escapes undone, accents and case folded, everything but letters and digits taken
out. `Zebulon Quaxley`, `ZEBULON-QUAXLEY`, `zebulon%20quaxley`, `Zebulon&nbsp;Quaxley` and `+49 171 23` against
`004917123` are told apart by nothing then. The SQL macros of `bind` and the functions here do the same.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Collection
from html.entities import html5, name2codepoint

import duckdb

from orchestration.platform.literals import quote

SEPARATOR = chr(31)  # stands between texts that are looked at together; no form reaches over it
ENCODED = r"[A-Za-z0-9+/_-]{8,}"  # what may be base64
HAN = "[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]"  # scripts that are written without gaps
HAN_NAME = range(2, 5)  # characters of a name in them
NUMBER = 9  # digits that tell a telephone number without its country and area prefixes
LONGEST = 13  # digits of a telephone number with its country; longer ones are known by all their digits
ROUNDS = 2  # escapes within escapes
WIDE = "".join(chr(code) for code in range(0xFF01, 0xFF5F))
NARROW = "".join(chr(code) for code in range(0x21, 0x7F))
SIGNS = ("apos", "colon", "comma", "commat", "dash", "hyphen", "lowbar", "period", "plus", "sol")
NAMED = {name: html5[f"{name};"] for name in (*name2codepoint, *SIGNS)}


def macros() -> list[str]:
    """SQL of the macros decoded(said) and glued(said)."""
    names = ", ".join(quote(name) for name in NAMED)
    values = ", ".join(quote(value) for value in NAMED.values())
    hexadecimal = "chr(('0x' || regexp_extract(p, '[0-9a-fA-F]+', 0))::integer)"
    undone = {
        "json_undone": (
            "\\", r"(?s)\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\.|[^\\]+|\\",
            "when regexp_full_match(p, '\\\\u....|\\\\x..') then coalesce(try(chr(('0x' || p[3:])::integer)), '') "
            "when p in ('\\n', '\\t', '\\r', '\\b', '\\f') then ' ' when length(p) = 2 and p[1] = '\\' then p[2:] ",
        ),
        "html_undone": (
            "&", "&#[0-9]{1,7};?|&#[xX][0-9a-fA-F]{1,6};?|&[a-zA-Z]{2,8};|[^&]+|&",
            f"when lower(p[1:3]) = '&#x' then coalesce(try({hexadecimal}), '') "
            "when p[1:2] = '&#' and length(p) > 2 then coalesce(try(chr(regexp_extract(p, '[0-9]+', 0)::integer)), '') "
            f"when length(p) > 2 and p[1] = '&' then coalesce(map([{names}], [{values}])[trim(p, '&;')], p) ",
        ),
        "url_undone": (
            "%", "(?:%[0-9a-fA-F]{2})+|[^%]+|%",
            "when length(p) > 2 and p[1] = '%' then coalesce(try(decode(unhex(replace(p, '%', '')))), p) ",
        ),
    }  # fmt: skip
    found = [
        # A macro is text: a list of one keeps its argument from being written, and worked out, several times.
        f"create or replace temp macro {name}(said) as list_transform([said], lambda s: case when contains(s, "
        f"{quote(mark)}) then array_to_string(list_transform(regexp_extract_all(s, {quote(pattern)}), "
        f"lambda p: case {cases} else p end), '') else s end)[1]"
        for name, (mark, pattern, cases) in undone.items()
    ]
    once = "said"
    for _ in range(ROUNDS):
        once = f"url_undone(html_undone(json_undone({once})))"
    run = "rpad(translate(p, '-_', '+/'), ((length(p) + 3) // 4 * 4)::integer, '=')"
    return [
        *found,
        f"create or replace temp macro undone(said) as {once}",
        "create or replace temp macro unpacked(said) as array_to_string(list_filter(list_transform("
        f"regexp_extract_all(said, {quote(ENCODED)}), lambda p: try(decode(from_base64({run})))), "
        f"lambda t: t is not null), {quote(SEPARATOR)})",
        "create or replace temp macro decoded(said) as list_transform([undone(said)], lambda d: "
        f"case when regexp_matches(d, {quote(ENCODED)}) then concat_ws({quote(SEPARATOR)}, d, undone(unpacked(d))) "
        "else d end)[1]",
        "create or replace temp macro folded(said) as list_transform([said], lambda s: case when strlen(s) = length(s) "
        f"then lower(s) else replace(strip_accents(lower(translate(s, {quote(WIDE)}, {quote(NARROW)}))), 'ß', 'ss') "
        "end)[1]",
        r"create or replace temp macro glued(said) as regexp_replace(folded(said), '[^\pL\pN\x1f]', '', 'g')",
        # Words of a text as its parts in glued form; digits and dashes within them go, too.
        "create or replace temp macro words_in(said) as list_filter(regexp_split_to_array(folded(said), "
        r"'[^\pL\pN]+'), lambda w: w <> '')",
    ]


def bind(con: duckdb.DuckDBPyConnection) -> None:
    """Make the macros decoded, folded, glued and words_in on a connection."""
    for sql in macros():
        con.execute(sql)


def grams_sql(cells: str, most: int, lengths: Collection[int] | None = None) -> str:
    """SQL of cell and gram: up to so many words of each cell that follow each other, in glued form, what of a run of
    Han characters may be a name, and the last digits of what may be a telephone number.

    Args:
        cells: SQL of rows with `cell` and `said`, its decoded text.
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
        f"run as (select cell, unnest(regexp_extract_all(folded(said), '{HAN}{{2,}}')) as run from ({cells}) "
        f"where regexp_matches(said, '{HAN}')), told as ({spans} union all {han}) "
        "select cell, unnest(case when "
        f"regexp_full_match(gram, '[0-9]{{{NUMBER + 1},{LONGEST + 2}}}') "
        f"then [gram, right(gram, {NUMBER})] else [gram] end) "
        "as gram from told"
    )


# the same in Python, for texts that no database holds ----------------------------------------------------------------


def undone(text: str) -> str:
    """Text with the escapes of JSON, HTML and URLs undone."""
    for _ in range(ROUNDS):
        if "\\" in text:
            text = re.sub(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|\\(.)", unescape, text, flags=re.S)
        if "&" in text:
            text = html.unescape(text)
        if "%" in text:
            text = re.sub(r"(?:%[0-9a-fA-F]{2})+", unquote, text)
    return text


def unescape(match: re.Match[str]) -> str:
    """The character that an escape of JSON stands for."""
    code = match[1] or match[2]
    if code:
        return chr(int(code, 16))
    return " " if match[3] in "ntrbf" else match[3]


def unquote(match: re.Match[str]) -> str:
    """The text that escapes of a URL stand for, where it is UTF-8."""
    try:
        return bytes.fromhex(match[0].replace("%", "")).decode()
    except ValueError:
        return match[0]


def decoded(text: str) -> str:
    """Text with its escapes undone, and beside it what it holds in base64."""
    plain = undone(text)
    packed = []
    for run in re.findall(ENCODED, plain):
        with_gaps = run.translate(str.maketrans("-_", "+/"))
        try:
            packed.append(base64.b64decode(with_gaps + "=" * (-len(run) % 4), validate=True).decode())
        except (binascii.Error, ValueError):
            continue
    return SEPARATOR.join([plain, undone(SEPARATOR.join(packed))]) if packed else plain


def folded(text: str) -> str:
    """Text without case, accents and wide forms."""
    narrow = text.translate(str.maketrans(WIDE, NARROW)).lower()
    parts = unicodedata.normalize("NFD", narrow)
    return unicodedata.normalize("NFC", "".join(c for c in parts if unicodedata.category(c) != "Mn")).replace("ß", "ss")


def glued(text: str) -> str:
    """Letters and digits of a text, folded."""
    return "".join(c for c in folded(text) if c.isalnum() or c == SEPARATOR)


def has_han(text: str) -> bool:
    """Whether a text holds characters of a script that is written without gaps."""
    return bool(re.search(HAN, text))


def words(text: str) -> list[str]:
    """Words of a text, folded."""
    return [word for word in re.split(r"[\W_]+", folded(text)) if word]


def grams(text: str, most: int) -> set[str]:
    """Up to so many words of a text that follow each other, in glued form, and what may be a name in Han characters."""
    said = words(text)
    found = {"".join(said[i : i + n]) for n in range(1, most + 1) for i in range(len(said) - n + 1)}
    found |= {gram[-NUMBER:] for gram in found if NUMBER < len(gram) <= LONGEST + 2 and re.fullmatch("[0-9]+", gram)}
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

"""A drafted map of one entity, and its YAML: every guess is a comment, every open choice a question."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from orchestration.authoring.reading import Option, Reading, loud
from orchestration.config.company import Formats
from orchestration.config.questions import UNANSWERED
from orchestration.conform.casting import plain_number
from orchestration.platform.literals import quote
from orchestration.platform.yaml_model import without_env

WIDTH = 100  # characters of a line of comment
PLAIN = Formats()
BLANKS = " \u00a0\u202f\u2009\u3000"  # that are no line's end; of them Python calls only the first printable


@dataclass(frozen=True)
class MapColumn:
    """A column of a map.

    Args:
        sql: its expression over the rows of `from`.
        comment: what was guessed.
        options: expressions to choose from, each with its label; the column is then commented out.
        is_aggregate: whether the expression is one over the rows of a group already.
        is_optional: whether the contract does without the column; an open choice then needs a line that is refused.
    """

    sql: str
    comment: str = ""
    options: tuple[Option, ...] = ()
    is_aggregate: bool = False
    is_optional: bool = False


@dataclass(frozen=True)
class Style:
    """How a map's text is written, and of which kinds of value it has some: of others it may say anything."""

    formats: Formats = PLAIN
    has_numbers: bool = False
    has_dates: bool = False

    @property
    def numbers(self) -> tuple[str, str, str]:
        """Decimal mark, mark between thousands, and where it stands."""
        return self.formats.decimal, self.formats.thousands, self.formats.grouping

    @property
    def dates(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Formats of dates and of time stamps."""
        return self.formats.date, self.formats.timestamp

    def fits(self, formats: Formats) -> bool:
        """Whether the map's text is read rightly by the formats."""
        other = Style(formats)
        return (not self.has_numbers or self.numbers == other.numbers) and (
            not self.has_dates or self.dates == other.dates
        )


@dataclass(frozen=True)
class MapDraft:
    """A drafted map.

    Args:
        entity: input entity.
        table: table that it is drafted from.
        source: `from`: a table or a query.
        columns: contract column → expression.
        style: how the map's text is written.
        timezone: zone of its local times, if not the system's.
        comments: what was guessed of the whole.
        left_over: the table's columns that are not used.
        is_active: whether it is written as a map; otherwise as a comment.
        score: which of several drafts of an entity is taken: the greatest.
        lacking: required columns that nothing gives.
        question: what only the user knows of the whole map.
        where: which rows are kept, with its options where only the user knows.
    """

    entity: str
    table: str
    source: str
    columns: dict[str, MapColumn]
    style: Style = Style()
    timezone: str | None = None
    comments: tuple[str, ...] = ()
    left_over: tuple[str, ...] = ()
    is_active: bool = True
    score: float = 0.0
    lacking: tuple[str, ...] = ()
    question: str = ""
    where: MapColumn | None = None

    @property
    def questions(self) -> list[str]:
        """What only the user knows, one line for each column."""
        whole = [f"{self.entity}: {self.question}"] if self.question else []
        return whole + [
            f"{self.entity}.{name}: {' or '.join(option.label for option in column.options)}?"
            for name, column in self.asked.items()
            if column.options
        ]

    @property
    def asked(self) -> dict[str, MapColumn]:
        """What a question may be about: the columns, and which rows are kept."""
        return self.columns | ({"where": self.where} if self.where else {})


def formats_together(readings: Iterable[Reading]) -> Formats | None:
    """The `formats` that all readings of a map share; None where their numbers are written in different ways."""
    decimals, thousands, groupings = set(), set(), set()
    days: dict[str, None] = {}
    stamps: dict[str, None] = {}
    iso = False
    for reading in readings:
        if reading.options:
            continue
        if reading.formats.date or reading.formats.timestamp:
            days |= dict.fromkeys(reading.formats.date)
            stamps |= dict.fromkeys(reading.formats.timestamp)
        elif reading.needs_formats:
            decimals.add(reading.formats.decimal)
            thousands |= {reading.formats.thousands} - {""}
            groupings |= {reading.formats.grouping} if reading.formats.thousands else set()
        elif is_iso(reading):
            iso = True
    if iso and (days or stamps):
        days["%Y-%m-%d"] = None
        stamps |= dict.fromkeys(f"%Y-%m-%d{gap}%H:%M{rest}" for gap in " T" for rest in ("", ":%S", ":%S.%f"))
    if len(decimals) > 1 or len(thousands) > 1 or decimals & thousands or len(groupings) > 1:
        return None
    decimal = next(iter(decimals), ".")
    marks = {"decimal": decimal, "thousands": next(iter(thousands), ""), "grouping": next(iter(groupings), "thousands")}
    return Formats.model_validate(marks | {"date": tuple(days), "timestamp": tuple(stamps)})


def settled(readings: Sequence[Reading]) -> tuple[Style, list[Reading]]:
    """Style of a map and its readings; where numbers differ, each becomes a plain number in its expression."""
    shared, changed = formats_together(readings), list(readings)
    if shared is None:
        changed = [replace(r, text=as_plain(r), formats=PLAIN) if is_other_number(r) else r for r in readings]
        dates = [r for r in changed if r.formats.date or r.formats.timestamp or not r.needs_formats]
        shared = formats_together(dates) or PLAIN
    is_date = [is_iso(r) or bool(r.formats.date or r.formats.timestamp) or "strptime" in r.typed for r in readings]
    has_numbers = any(r.needs_formats and not date for r, date in zip(readings, is_date, strict=True))
    return Style(shared, has_numbers, any(is_date)), changed


def is_iso(reading: Reading) -> bool:
    """Whether a reading is of text that DuckDB casts to a time stamp."""
    return reading.typed.startswith("try_cast(trim(")


def is_other_number(reading: Reading) -> bool:
    """Whether a reading is of numbers that are not written with a point alone."""
    is_date = bool(reading.formats.date or reading.formats.timestamp)
    return reading.needs_formats and not is_date and not reading.options and reading.formats != PLAIN


def as_plain(reading: Reading) -> str:
    """SQL of a number's text with a decimal point; text that is not written in its form stays none."""
    formats = Formats(
        decimal=reading.formats.decimal, thousands=reading.formats.thousands, grouping=reading.formats.grouping
    )
    return f"coalesce({plain_number(reading.text, formats)}, {quote('? ')} || {reading.text})"


def yaml_text(value: str) -> str:
    """A scalar, quoted where YAML would read it otherwise."""
    if re.fullmatch(r"(?!(true|false|null|yes|no|on|off|y|n)$)[a-z_][a-z0-9_]*", value):
        return value
    text = without_env(value)
    return "'" + text.replace("'", "''") + "'" if is_plain(text) else flow_yaml(text)


def is_plain(text: str) -> bool:
    """Whether a text holds nothing that ends a line of YAML, or that it does not take: a header may hold anything."""
    return not any(is_odd(char) for char in text)


def is_odd(char: str) -> bool:
    """Whether a character ends a line for YAML, or is none that a file of YAML may hold as it is."""
    return not char.isprintable() and char not in BLANKS


def flow_yaml(value: object) -> str:
    """A value as YAML in one line, whatever its texts hold: line breaks of all kinds are written as escapes."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(f"\\u{ord(char):04x}" if is_odd(char) and ord(char) < 0x10000 else char for char in text)


def comment(text: str, indent: int) -> list[str]:
    """Text as lines of comment."""
    mark = " " * indent + "# "
    text = "".join(" " if is_odd(char) else char for char in text)
    return textwrap.wrap(text, WIDTH, initial_indent=mark, subsequent_indent=mark, break_long_words=False,
                         break_on_hyphens=False)  # fmt: skip


def formats_yaml(formats: Formats) -> str:
    """`formats` in one line; empty where nothing differs from the default."""
    given = {name: getattr(formats, name) for name in type(formats).model_fields}
    named = {n: list(v) if isinstance(v, tuple) else v for n, v in given.items() if v != getattr(PLAIN, n)}
    return flow_yaml(named) if named else ""


def source_lines(source: str) -> list[str]:
    """`from` of a map: one line, or a folded block of a query."""
    if re.fullmatch(r"[a-z][a-z0-9_]*", source):
        return [f"    from: {source}"]
    if not all(is_plain(line) for line in source.split("\n")):
        return [f"    from: {flow_yaml(without_env(source).strip())}"]
    lines = without_env(source).strip().split("\n")
    return ["    from: |-", *(f"      {line.rstrip()}" for line in lines if line.strip())]


def question_lines(name: str, column: MapColumn, decimal: str, indent: int = 6) -> list[str]:
    """An open choice: the lines of which the user takes one. Until then the map is refused, or not drafted further."""
    lines = comment(f"QUESTION: {name}: nothing proves how to read it. Take the # from one of the lines:", indent)
    blank = " " * indent
    for option in column.options:
        sql = loud(option.typed, option.raw, decimal) if column.is_optional and option.raw else option.typed
        lines += [*comment(f"  {option.label}", indent), f"{blank}# {name}: {yaml_text(sql)}"]
    if column.is_optional:
        lines.append(f"{blank}{name}: {UNANSWERED}   # and remove this line")
    return lines


def as_yaml(draft: MapDraft, formats: Formats = PLAIN) -> str:
    """A draft as it goes below `maps:`, with what is still to do as comments.

    Args:
        draft: the map.
        formats: of the system; what the map needs otherwise is its own.
    """
    lines = [f"  {draft.entity}:"]
    for text in draft.comments:
        lines += comment(text, 4)
    lines += source_lines(draft.source)
    if not draft.style.fits(formats):
        given = formats_yaml(draft.style.formats)
        lines.append(f"    formats: {given or '{}'}")
    if draft.timezone:
        lines.append(f"    timezone: {draft.timezone}")
    if draft.where:
        lines += question_lines("where", draft.where, draft.style.formats.decimal, 4)
    lines.append("    columns:")
    for name, column in draft.columns.items():
        if column.options:
            lines += question_lines(name, column, draft.style.formats.decimal)
            continue
        if column.comment:
            lines += comment(column.comment, 6)
        lines.append(f"      {name}: {yaml_text(column.sql)}")
    lines += [f"      # {name}: …          required; no column looks like it" for name in draft.lacking]
    if draft.left_over:
        lines += comment(f"not used: {', '.join(draft.left_over)}", 4)
    if not draft.is_active:
        return "\n".join(f"# {line}" if line.strip() else line for line in lines)
    return "\n".join(lines)


def maps_section(drafts: Sequence[MapDraft], formats: Formats) -> str:
    """The key `maps` with its blocks; where all of them are comments it is empty, with them below."""
    blocks = "\n".join(as_yaml(draft, formats) for draft in drafts)
    if any(draft.is_active for draft in drafts):
        return f"maps:\n{blocks}"
    return f"maps: {{}}\n{blocks}".rstrip()


def shared_formats(drafts: Sequence[MapDraft]) -> Formats:
    """The formats of a system: those of its maps, as far as they agree; the default where they do not."""
    styles = [draft.style for draft in drafts if draft.is_active]
    numbers = {style.numbers for style in styles if style.has_numbers}
    dates = {style.dates for style in styles if style.has_dates}
    decimal, thousands, grouping = next(iter(numbers)) if len(numbers) == 1 else (".", "", "thousands")
    days, stamps = next(iter(dates)) if len(dates) == 1 else ((), ())
    marks = {"decimal": decimal, "thousands": thousands, "grouping": grouping}
    return Formats.model_validate(marks | {"date": days, "timestamp": stamps})

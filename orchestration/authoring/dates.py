"""How a column writes days and times; where nothing proves day or month first, both readings to choose."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.authoring.naming import expression
from orchestration.authoring.profile import Profile
from orchestration.authoring.reading import Option, Reading
from orchestration.config.company import Formats
from orchestration.platform.literals import quote

TIME = r"(?P<gap>T| +|, *)(?P<clock>\d{1,2}:\d{2}(?P<seconds>:\d{2}(?P<part>\.\d+)?)?(?P<half> ?[AaPp][Mm])?)"
OFFSET = r"(?P<blank> ?)(?P<offset>Z|z|UTC|GMT|[+-]\d{2}(:?\d{2})?)"
STAMP = re.compile(rf"(?P<day>.+?)({TIME}({OFFSET})?)?")
NAMED = {3: "%b"}
LEAST = 0.5  # share of a column's values that must be dates for it to be a column of dates
EPOCHS = {10: 1, 13: 1_000}  # digits of seconds and of milliseconds since 1970, from 2001 to 2286


@dataclass(frozen=True)
class Pattern:
    """One way to write a day: strptime format, and that of the same text with day and month changed over."""

    day: str
    swapped: str = ""


def day_pattern(day: str) -> Pattern | None:
    """How a day is written, by one value."""
    if re.fullmatch(r"\d{4}-\d{1,2}-\d{1,2}", day):
        return Pattern("%Y-%m-%d")
    if match := re.fullmatch(r"\d{4}([/.])\d{1,2}\1\d{1,2}", day):
        return Pattern(f"%Y{match[1]}%m{match[1]}%d")
    if re.fullmatch(r"\d{4}年\d{1,2}月\d{1,2}日", day):
        return Pattern("%Y年%m月%d日")
    if match := re.fullmatch(r"\d{1,2}([./-])\d{1,2}\1(\d{4}|\d{2})", day):
        mark, year = match[1], "%Y" if len(match[2]) == 4 else "%y"
        return Pattern(f"%d{mark}%m{mark}{year}", f"%m{mark}%d{mark}{year}")
    if match := re.fullmatch(r"([A-Za-z]{3,9}) \d{1,2}(,?) (\d{4})", day):
        return Pattern(f"{NAMED.get(len(match[1]), '%B')} %d{match[2]} %Y")
    if match := re.fullmatch(r"\d{1,2}([ -])([A-Za-z]{3,9})\1(\d{4}|\d{2})", day):
        name, year = NAMED.get(len(match[2]), "%B"), "%Y" if len(match[3]) == 4 else "%y"
        return Pattern(f"%d{match[1]}{name}{match[1]}{year}")
    if re.fullmatch(r"(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])", day):
        return Pattern("%Y%m%d")
    return None


def is_month(day: str) -> bool:
    """Whether the letters of a day, if it has some, name a month in English."""
    names = re.findall(r"[A-Za-z]{3,}", day)
    return all(
        name[:3].title() in ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        for name in names
    )


@dataclass(frozen=True)
class Written:
    """A value's form: its day, what follows, and how many rows are written so."""

    day: Pattern
    rest: str
    is_zoned: bool
    is_iso: bool
    rows: int
    example: str


def written(value: str, rows: int) -> Written | None:
    """The form of a value; None where it is no date."""
    match = STAMP.fullmatch(value.strip())
    day = day_pattern(match["day"]) if match and is_month(match["day"]) else None
    if match is None or day is None:
        return None
    rest = ""
    if match["clock"]:
        hour = "%I" if match["half"] else "%H"
        gap = match["gap"] if match["gap"] != "T" else "T"
        rest = f"{gap}{hour}:%M" + (":%S" if match["seconds"] else "") + (".%f" if match["part"] else "")
        if match["half"]:
            rest += (" " if " " in match["half"] else "") + "%p"
    offset = match["offset"] or ""
    numeric = bool(re.match(r"[+-]", offset))
    if offset:
        rest += match["blank"] + ("%z" if numeric else offset)
    # What DuckDB casts by itself; a blank before a numeric offset it does not.
    is_iso = day.day == "%Y-%m-%d" and not match["half"] and not (numeric and match["blank"])
    is_iso = is_iso and match["gap"] in (None, "T", " ")
    return Written(day, rest, bool(offset), is_iso, rows, value.strip())


class Dates:
    """The forms of a column's dates.

    Args:
        profile: the table.
        column: its column.
    """

    def __init__(self, profile: Profile, column: str) -> None:
        self.profile, self.column = profile, column
        shapes = profile.shapes(column)
        total = sum(shape.rows for shape in shapes)
        found = [written(shape.example, shape.rows) for shape in shapes]
        self.forms = [form for form in found if form is not None]
        self.share = sum(form.rows for form in self.forms) / total if total else 0.0
        self.unit = self.epoch() if self.share < LEAST else None

    def epoch(self) -> int | None:
        """Fractions of a second that the column counts since 1970; None where it does not."""
        text = self.profile.text(self.column)
        for digits, unit in EPOCHS.items():
            matching = self.profile.one("count(*)", f"regexp_full_match({text}, '1[0-9]{{{digits - 1}}}')")
            if matching and matching >= 0.9 * self.profile.filled(self.column):
                return unit
        return None

    @property
    def are_dates(self) -> bool:
        """Whether most values are dates, or counts of seconds."""
        return (
            self.profile.types[self.column].startswith(("DATE", "TIMESTAMP")) or self.share >= LEAST or bool(self.unit)
        )

    def doubtful(self) -> dict[str, list[Pattern]]:
        """Mark and year of the days whose day and month may be changed over → the patterns."""
        found: dict[str, list[Pattern]] = {}
        for form in self.forms:
            if form.day.swapped:
                found.setdefault(form.day.day[2] + form.day.day[-1], []).append(form.day)
        return found

    def day_first(self, pattern: Pattern) -> bool | None:
        """Whether the days are day first by all values; None where they could be either, or are mixed."""
        mark = pattern.day[2]
        text = self.profile.text(self.column)
        parts = rf"^([0-9]{{1,2}})[{mark}]([0-9]{{1,2}})[{mark}]"
        first, second = (f"try_cast(regexp_extract({text}, {quote(parts)}, {i}) as integer)" for i in (1, 2))
        is_day = bool(self.profile.one("count(*)", f"{first} > 12"))
        is_month_first = bool(self.profile.one("count(*)", f"{second} > 12"))
        if is_day != is_month_first:
            return is_day
        return True if mark == "." and not is_month_first else None


def telling(profile: Profile, column: str, form: Written) -> str:
    """A value whose day and month differ; one made up where there is none."""
    for value in profile.values(column):
        found = re.match(r"(\d{1,2})[./-](\d{1,2})[./-]", value)
        if found and int(found[1]) != int(found[2]):
            return value
    return re.sub(r"^\d{1,2}([./-])\d{1,2}", r"1\g<1>2", form.example)


def swap(form: Written) -> str:
    """The form's format with month before day."""
    return (form.day.swapped or form.day.day) + form.rest


def strptime(text: str, patterns: Sequence[str]) -> str:
    """SQL of text as a time stamp by the first pattern that fits; null where none does."""
    return f"try_strptime({text}, [{', '.join(quote(p) for p in dict.fromkeys(patterns))}])"


def dated(text: str) -> str:
    """SQL of text that holds a digit, else empty: DuckDB 1.5's strptime reads `infinity` and `epoch` as 1900."""
    return f"regexp_extract({text}, '.*[0-9].*')"


def date(profile: Profile, column: str, decided: dict[str, bool] | None = None, name: str | None = None) -> Reading:
    """How a map reads a column of dates or times.

    Args:
        profile: the table.
        column: its column.
        decided: mark of days such as `/` → whether the day is first, as other columns of the table prove it.
        name: the column as a map writes it.
    """
    name = name or expression(column)
    if not profile.is_text(column) and "INT" not in profile.types[column]:
        return Reading(column, name, name)
    dates = Dates(profile, column)
    if dates.unit:
        seconds = f"try_cast({name} as double)" + (f" / {dates.unit}" if dates.unit > 1 else "")
        return Reading(column, f"to_timestamp({seconds})", f"to_timestamp({seconds})", note="counted since 1970")
    firsts: dict[str, bool | None] = {}
    for kind, patterns in dates.doubtful().items():
        proven = dates.day_first(patterns[0])
        firsts[kind] = proven if proven is not None else (decided or {}).get(kind[0])
    text = f"trim({name})"
    if all(form.is_iso for form in dates.forms):
        zoned = any(form.is_zoned for form in dates.forms)
        return Reading(column, name, f"try_cast({text} as {'timestamptz' if zoned else 'timestamp'})")
    if None in firsts.values():
        example = telling(profile, column, next(form for form in dates.forms if form.day.swapped))
        options = []
        for is_day_first in (True, False):
            chosen = {kind: is_day_first if first is None else first for kind, first in firsts.items()}
            formats = formats_by(dates.forms, chosen)
            label = "day first" if is_day_first else "month first"
            said = f"{label}: “{example}” is {shown(example, formats)}"
            options.append(Option(said, strptime(dated(text), formats), text))
        return Reading(column, name, options[0].typed, options=tuple(options))
    read = strptime(text, formats_by(dates.forms, {kind: bool(first) for kind, first in firsts.items()}))
    if any(form.is_zoned for form in dates.forms):
        read = strptime(dated(text), formats_by(dates.forms, {kind: bool(first) for kind, first in firsts.items()}))
        return Reading(column, read, read)
    split = {form_format(form, firsts): bool(form.rest) for form in dates.forms}
    written_so = Formats(
        date=tuple(sorted(p for p, has_time in split.items() if not has_time)),
        timestamp=tuple(sorted(p for p, has_time in split.items() if has_time)),
    )
    return Reading(column, name, read, written_so, needs_formats=True)


def form_format(form: Written, firsts: dict[str, bool | None]) -> str:
    """The strptime format of a form, with day and month as decided."""
    kind = form.day.day[2] + form.day.day[-1]
    return form.day.day + form.rest if not form.day.swapped or firsts.get(kind, True) else swap(form)


def formats_by(forms: Sequence[Written], firsts: dict[str, bool]) -> list[str]:
    """Formats of all forms, with day and month as decided."""
    return list(dict.fromkeys(form_format(form, dict(firsts)) for form in forms))


def shown(value: str, patterns: Sequence[str]) -> str:
    """A value's day in words, as the patterns read it."""
    for pattern in patterns:
        try:
            day = dt.datetime.strptime(value, pattern)
        except ValueError:
            continue
        return f"{day.day} {day:%B %Y}"
    return "no day"

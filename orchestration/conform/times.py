"""SQL that reads dates and times: stated offsets and zones, local times, business dates, plausible years."""

from __future__ import annotations

import datetime as dt
import functools
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass

from orchestration.config.company import Formats
from orchestration.platform.literals import quote

FIRST_YEAR, LAST_YEAR = 1996, 2100  # between which the days are known on which clocks change
EARLIEST, LATEST = "timestamp '0001-01-01'", "timestamp '9999-12-31'"  # farther ones overflow when they are moved
NO_END = 9999  # a greatest plausible year that stands for "no end": later values are its last day

OFFSET = r"[+-](?:0\d|1[0-4])(?::?[0-5]\d)?"
ZONE = rf"Z|UTC|GMT|UT|(?:UTC|GMT)?{OFFSET}|[a-z_]+(?:/[a-z0-9_+-]+)+"
STATES_ZONE = r":\d\d([.,]\d+)?\s*[A-Za-z+-]"  # something follows the time: an offset, a zone, or AM and PM
AS_ISO = rf".{{10}}[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|{OFFSET})"  # what DuckDB reads rightly by itself
OF_TIME = rf"(?i)^(.*:\d\d(?:\.\d+)?)\s*({ZONE})$"
OF_DATE = rf"^(\d{{4}}-\d\d-\d\d)(Z|{OFFSET})$"  # XML's dates
OF_ANY = rf"(?i)^(.*[\dm.])\s*({ZONE})$"  # whatever a format of the source's own makes of what stands before it
AFTER_TIME = rf"(?i)(:\d\d(?:\.\d+)?\s*)({ZONE})"
PLAIN_ZONE = r"(?i)(^|[^a-z/])(UTC|GMT|UT|[a-z_]+/[a-z][a-z0-9_/+-]*)($|[^a-z/])"
TAIL = re.compile(r"\s*(%z|%Z|Z|UTC|GMT|UT|\+00:?00)$")  # of a strptime format: it states an offset at its end


@functools.cache
def clock_moves(zone: str) -> tuple[tuple[dt.datetime, dt.timedelta], ...]:
    """Noons (UTC) before which the zone's clocks moved, and by how much, FIRST_YEAR to LAST_YEAR."""
    info = zoneinfo.ZoneInfo(zone)
    noon = dt.datetime(FIRST_YEAR, 1, 1, 12, tzinfo=dt.UTC)
    before = noon.astimezone(info).utcoffset() or dt.timedelta()
    moves = []
    while noon.year <= LAST_YEAR:
        noon += dt.timedelta(days=1)
        after = noon.astimezone(info).utcoffset() or dt.timedelta()
        if after != before:
            moves.append((noon, after - before))
        before = after
    return tuple(moves)


def set_back(zone: str) -> list[int]:
    """By how many minutes the zone's clocks are ever set back: times within occur twice. Mostly 60, somewhere 30."""
    minutes = {-round(move.total_seconds() / 60) for _, move in clock_moves(zone)}
    return sorted(m for m in minutes if m > 0) or [60]  # an hour, before the years that are looked at


@functools.cache
def clock_changes(zone: str) -> tuple[tuple[int, int, int], ...]:
    """Runs of days (month, first, last) around which the zone's clocks change, FIRST_YEAR to LAST_YEAR."""
    days: set[tuple[int, int]] = set()
    for noon, _ in clock_moves(zone):
        near = [noon + dt.timedelta(days=shift) for shift in (-2, -1, 0, 1)]
        days |= {(day.month, day.day) for day in near}
    runs: list[tuple[int, int, int]] = []
    for month, day in sorted(days):
        if runs and runs[-1][0] == month and runs[-1][2] == day - 1:
            runs[-1] = (month, runs[-1][1], day)
        else:
            runs.append((month, day, day))
    return tuple(runs)


@dataclass(frozen=True)
class Zones:
    """Time zones of a map's local times and of the company, and where its business day ends."""

    source: str
    company: str
    day_cut_minutes: int = 0

    def to_utc(self, local: str) -> str:
        """SQL of a local time stamp as UTC; null for times that are beyond what ICU converts."""
        if self.source == "UTC":
            return local
        return f"try((({local}) at time zone {quote(self.source)}) at time zone 'UTC')"

    def from_utc(self, moment: str, zone: str) -> str:
        """SQL of a UTC time stamp as local time."""
        return moment if zone == "UTC" else f"(({moment}) at time zone 'UTC') at time zone {quote(zone)}"

    def business_date(self, moment: str) -> str:
        """SQL of the company's business date of a UTC time stamp."""
        local = self.from_utc(moment, self.company)
        if self.day_cut_minutes:
            local = f"({local}) - interval {self.day_cut_minutes} minute"
        return f"({local})::date"

    def doubtful(self, local: str) -> str | None:
        """SQL that is true for local times that occur twice or not at all; None where there are none.

        Only days on which clocks change are looked at: six conversions of a time cost more than all else of its row.
        """
        if self.source == "UTC":
            return None
        utc = self.to_utc(local)
        again = "".join(
            f" or {self.from_utc(f'({utc}) {sign} interval {minutes} minute', self.source)} = {local}"
            for minutes in set_back(self.source)
            for sign in "+-"
        )
        doubt = f"(({self.from_utc(utc, self.source)}) <> {local}{again})"
        days = [f"year({local}) not between {FIRST_YEAR} and {LAST_YEAR}"]
        days += [
            f"month({local}) = {month} and day({local}) between {first} and {last}"
            for month, first, last in clock_changes(self.source)
        ]
        return f"case when {' or '.join(days)} then {doubt} end"


@dataclass(frozen=True)
class Patterns:
    """A source's strptime formats by where they state an offset or zone."""

    plain: tuple[str, ...]
    tail: tuple[str, ...]  # without the offset at their end
    inner: tuple[str, ...]

    @classmethod
    def of(cls, patterns: tuple[str, ...]) -> Patterns:
        """Sort formats."""
        tail = [pattern for pattern in patterns if TAIL.search(pattern)]
        inner = [p for p in patterns if p not in tail and re.search("%[zZ]", p)]
        plain = [p for p in patterns if p not in tail and p not in inner]
        return cls(tuple(plain), tuple(TAIL.sub("", p) for p in tail), tuple(inner))

    @property
    def before_offset(self) -> tuple[str, ...]:
        """Formats of what stands before an offset at the end: those that state one, and those with a time of day."""
        return tuple(dict.fromkeys([*self.tail, *(p for p in self.plain if re.search("%-?[HITcX]", p))]))


def dated(value: str, patterns: tuple[str, ...]) -> str:
    """SQL of text as a TIMESTAMP by the first pattern that fits; null where none does."""
    if not patterns:
        return "null"
    # DuckDB 1.5 reads these words as 1900-01-01 by any pattern.
    is_word = f"length({value}) in (5, 8, 9) and lower({value}) in ('epoch', 'infinity', '-infinity')"
    chosen = ", ".join(quote(pattern) for pattern in patterns)
    return f"try_strptime(case when not ({is_word}) then {value} end, [{chosen}])"


def first_of(choices: list[str]) -> str:
    """SQL of the first choice that has a value; a later one is only looked at where the others have none."""
    return f"coalesce({', '.join(choices)})" if len(choices) > 1 else choices[0]


def with_offset(value: str, sql: str) -> str:
    """SQL for text that is long enough for a day, a time and an offset.

    Without the case DuckDB takes what the SQL says twice out of a coalesce, and works it out for every row.
    """
    return f"case when length({value}) > 10 then {sql} end"


def part(value: str, pattern: str, group: int) -> str:
    """SQL of a part of a text; null where the pattern does not fit."""
    return f"nullif(regexp_extract({value}, {quote(pattern)}, {group}), '')"


def moved(value: str, pattern: str, local: Callable[[str], str]) -> str:
    """SQL of text as UTC by the offset or zone at its end: an offset, a word for UTC, or a name such as Europe/Berlin.

    An abbreviation such as EST or CET says different things in different places and months: null.

    Args:
        value: SQL of the text.
        pattern: regular expression with two groups: what stands before the zone, and the zone.
        local: gives SQL of the first as a time stamp.
    """
    parts = f"regexp_extract({value}, {quote(pattern)}, ['before', 'zone'])"
    read = (
        f"{{'local': {local('p.before')}, 'zone': upper(p.zone), 'digits': regexp_replace(p.zone, '[A-Z:]', '', 'gi')}}"
    )
    minutes = (
        "left(t.digits, 3)::integer * 60 + (left(t.digits, 1) || coalesce(nullif(t.digits[4:], ''), '0'))::integer"
    )
    utc = (
        "case when t.zone in ('Z', 'UTC', 'GMT', 'UT') then t.local "
        "when contains(t.zone, '/') then try_cast(t.local::varchar || ' ' || t.zone as timestamptz) at time zone 'UTC' "
        f"when t.zone <> '' and t.local between {EARLIEST} and {LATEST} then t.local - to_minutes({minutes}) end"
    )
    # Lambdas stand for names that SQL does not have within an expression: each part is worked out once.
    return f"list_transform(list_transform([{parts}], lambda p: {read}), lambda t: {utc})[1]"


def by_patterns(value: str, patterns: Patterns, zones: Zones) -> list[str]:
    """Choices of SQL for text as UTC by a source's formats."""
    choices = [zones.to_utc(dated(value, patterns.plain))] if patterns.plain else []
    if patterns.before_offset:
        zoned = moved(value, OF_ANY, lambda before: dated(before, patterns.before_offset))
        choices.append(with_offset(value, zoned))
    numeric = f"regexp_replace({value}, '(?i)(:\\d\\d(?:\\.\\d+)?\\s*)(Z|UTC|GMT|UT)\\b', '\\1+0000')"
    for pattern in patterns.inner:
        if "%Z" in pattern:
            known = f"regexp_matches({value}, {quote(PLAIN_ZONE)})"
            choices.append(f"case when {known} then {dated(value, (pattern,))} at time zone 'UTC' end")
        else:
            choices.append(with_offset(value, f"{dated(numeric, (pattern,))} at time zone 'UTC'"))
    return choices


def by_iso(value: str, zones: Zones) -> str:
    """SQL of ISO text as UTC: a stated offset wins over the source's zone."""
    stated = moved(value, OF_TIME, lambda before: f"try_cast({before} as timestamp)")
    return (
        f"case when length({value}) > 19 and regexp_full_match({value}, {quote(AS_ISO)}) "
        f"then try_cast({value} as timestamptz) at time zone 'UTC' "
        f"when length({value}) > 10 and regexp_matches({value}, {quote(STATES_ZONE)}) then {stated} "
        f"else {zones.to_utc(f'try_cast({value} as timestamp)')} end"
    )


def timestamp_sql(value: str, source_type: str, text: bool, zones: Zones, formats: Formats) -> str:
    """SQL of a value as UTC; null where it is no time.

    Args:
        value: SQL of the value, already cleaned.
        source_type: its DuckDB type.
        text: whether that is text.
        zones: how local times are read.
        formats: how the source writes dates and times.
    """
    if source_type == "TIMESTAMP WITH TIME ZONE":
        return f"({value}) at time zone 'UTC'"
    if not text:
        return zones.to_utc(value if source_type == "TIMESTAMP" else f"try_cast({value} as timestamp)")
    choices = by_patterns(value, Patterns.of(formats.timestamp + formats.date), zones)
    if not formats.timestamp:
        choices.append(by_iso(value, zones))
    return first_of(choices)


def date_sql(value: str, source_type: str, text: bool, zones: Zones, formats: Formats) -> str:
    """SQL of a value as a date: of a time with an offset the day as it is written; null where it is none."""
    if source_type == "TIMESTAMP WITH TIME ZONE":  # an instant is written nowhere: its day is the source's
        return f"try((({value}) at time zone {quote(zones.source)})::date)"
    if not text:
        return f"try_cast({value} as date)"
    patterns = Patterns.of(formats.date + formats.timestamp)
    choices = [dated(value, patterns.plain)] if patterns.plain else []
    if patterns.before_offset:
        choices.append(with_offset(value, dated(part(value, OF_ANY, 1), patterns.before_offset)))
    for pattern in patterns.inner:  # the same time with an offset of nothing: what is written is then the day
        zone = "UTC" if "%Z" in pattern else "+0000"
        neutral = rf"regexp_replace({value}, {quote(AFTER_TIME)}, '\1{zone}')"
        choices.append(with_offset(value, f"{dated(neutral, (pattern,))} at time zone 'UTC'"))
    if not formats.date:
        written = first_of([part(value, OF_TIME, 1), part(value, OF_DATE, 1)])
        stated = f"length({value}) > 10 and regexp_matches({value}, {quote(STATES_ZONE + '|' + OF_DATE)})"
        choices.append(f"try_cast(case when {stated} then {written} else {value} end as timestamp)")
    return f"({first_of(choices)})::date"


def doubtful(value: str, source_type: str, text: bool, zones: Zones, formats: Formats) -> str | None:
    """SQL that is true for a local time that occurs twice or not at all; None where the map has none."""
    if source_type == "TIMESTAMP WITH TIME ZONE":
        return None
    if not text:
        return zones.doubtful(value if source_type == "TIMESTAMP" else f"try_cast({value} as timestamp)")
    plain = Patterns.of(formats.timestamp + formats.date).plain
    choices = [dated(value, plain)] if plain else []
    iso = f"try_cast({value} as timestamp)"
    if not formats.timestamp:
        choices.append(iso)
    doubt = zones.doubtful(first_of(choices)) if choices else None
    if doubt is None or formats.timestamp:
        return doubt
    # The cast overlooks an offset; only the few doubtful times are asked whether they state one.
    return f"case when {doubt} then not regexp_matches({value}, {quote(STATES_ZONE)}) end"


def within(moment: str, kind: str, years: tuple[int, int]) -> str:
    """SQL of a date or UTC time stamp; null where its year is not among the plausible ones, or it is infinite.

    Args:
        moment: SQL of the value.
        kind: date or timestamp.
        years: the least and the greatest year; NO_END as the greatest stands for "no end", whose last day is then
            given for all that is later.
    """
    first = f"{kind} '{years[0]:04}-01-01'"
    if years[1] >= NO_END:
        last = f"{kind} '{NO_END}-12-31'"
        return f"case when {moment} > {last} then {last} when {moment} >= {first} then {moment} end"
    return f"case when {moment} >= {first} and {moment} < {kind} '{years[1] + 1:04}-01-01' then {moment} end"

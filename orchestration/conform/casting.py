"""SQL that casts a mapped value to its contract column, and the tests that send a row to quarantine."""

from __future__ import annotations

import datetime as dt
import functools
import re
import zoneinfo
from dataclasses import dataclass
from typing import NamedTuple

from orchestration.company import Formats
from orchestration.connectors.numbers import WHOLE_LIMITS, exact_text, is_float
from orchestration.contracts import Column, Contract
from orchestration.literals import quote

INTEGERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
}  # fmt: skip
SAFE_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
FIRST_YEAR, LAST_YEAR = 1996, 2100  # between which the days are known on which clocks change
OFFSET = r"(Z|[+-]\d\d(:?\d\d)?)$"

# Characters that are not seen: soft hyphen, joiners, marks of direction, word joiner, byte-order mark.
INVISIBLE = (
    r"\x{00AD}\x{034F}\x{061C}\x{180E}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{206F}\x{FEFF}"
)
ENDS = (0, 9, 10, 11, 12, 13, 28, 29, 30, 31)  # control characters that some program or other ends a field with
BLANK = rf"[\s\p{{Z}}\p{{Cc}}{INVISIBLE}]+"
# What spreadsheets show instead of a value, in English and German, and what the reader of workbooks says.
ERRORS = (
    "#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!",
    "#UNKNOWN!", "#CONNECT!", "#BUSY!", "#GETTING_DATA", "#NV", "#BEZUG!", "#WERT!", "#ZAHL!", "#ÜBERLAUF!",
    "#NOT CALCULATED!", "#MERGED!",
)  # fmt: skip
ROUNDED = r"[+-]?\d([.,]\d+)?[eE]\+\d{2,3}"  # how spreadsheets and doubles show an id that is too long for them

REASONS = {
    "cast_failed": "the value is not of the column's type",
    "required_missing": "a required value is missing",
    "value_not_allowed": "the value is not among the allowed ones",
    "duplicate_key": "another row of the same load has this key with other values",
}


DUPLICATE = "duplicate_key"
ISO = Formats()


class Check(NamedTuple):
    """A test on one column that sends the row to quarantine."""

    reason: str
    column: str
    predicate: str


def numbered(contract: Contract) -> dict[tuple[str, str], int]:
    """(reason, column) → its number as a verdict, from one; the same whatever the map and its types."""
    places = [(reason, name) for name in contract.columns for reason in REASONS if reason != DUPLICATE]
    return {place: i for i, place in enumerate([*places, (DUPLICATE, ", ".join(contract.key))], start=1)}


@functools.cache
def clock_changes(zone: str) -> tuple[tuple[int, int, int], ...]:
    """Runs of days (month, first, last) around which the zone's clocks change, FIRST_YEAR to LAST_YEAR."""
    info = zoneinfo.ZoneInfo(zone)
    noon = dt.datetime(FIRST_YEAR, 1, 1, 12, tzinfo=dt.UTC)
    before = noon.astimezone(info).utcoffset()
    days: set[tuple[int, int]] = set()
    while noon.year <= LAST_YEAR:
        noon += dt.timedelta(days=1)
        after = noon.astimezone(info).utcoffset()
        if after != before:
            near = [noon + dt.timedelta(days=shift) for shift in (-2, -1, 0, 1)]
            days |= {(day.month, day.day) for day in near}
        before = after
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
        """SQL of a local time stamp as UTC."""
        if self.source == "UTC":
            return local
        return f"(({local}) at time zone {quote(self.source)}) at time zone 'UTC'"

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
        back = [self.from_utc(f"({utc}) {shift}", self.source) for shift in ("+ interval 1 hour", "- interval 1 hour")]
        doubt = f"(({self.from_utc(utc, self.source)}) <> {local} or {back[0]} = {local} or {back[1]} = {local})"
        days = [f"year({local}) not between {FIRST_YEAR} and {LAST_YEAR}"]
        days += [
            f"month({local}) = {month} and day({local}) between {first} and {last}"
            for month, first, last in clock_changes(self.source)
        ]
        return f"case when {' or '.join(days)} then {doubt} end"


def is_text(source_type: str) -> bool:
    """Whether a DuckDB type is text."""
    return source_type == "VARCHAR" or source_type.startswith("ENUM")


def cleaned(value: str, source_type: str, is_id: bool = False) -> str:
    """Text without what is not seen around it, in one form of accents, null where nothing is left; other types as is.

    An id holds nothing invisible inside either, and one kind of blank. Most values are ASCII without blanks around,
    which a few comparisons tell; only the others are taken through regular expressions.
    """
    if not is_text(source_type):
        return value
    text = value if source_type == "VARCHAR" else f"{value}::varchar"
    ends = " or ".join(f"suffix({text}, {end})" for end in ("' '", *(f"chr({code})" for code in ENDS)))
    is_plain = f"strlen({text}) = length({text}) and {text} >= '!' and not ({ends})"
    whole = f"replace({text}, chr(0), '')"  # at which nfc_normalize would end
    bare = f"regexp_replace({whole}, {quote(f'^{BLANK}|{BLANK}$')}, '', 'g')"
    if is_id:
        seen = f"regexp_replace({bare}, {quote(f'[{INVISIBLE}]+')}, '', 'g')"
        bare = rf"regexp_replace({seen}, '\p{{Zs}}', ' ', 'g')"
    return f"case when {is_plain} then {text} else nullif(nfc_normalize({bare}), '') end"


def plain_number(value: str, formats: Formats) -> str:
    """SQL of a number's text with a point and without marks between thousands; null where it is not written so."""
    if formats == ISO:
        return f"case when not contains({value}, '_') then {value} end"  # DuckDB would read 1_000
    if formats.thousands == " ":
        value = f"translate({value}, chr(160) || chr(8239) || chr(8201), '   ')"  # blanks that do not break
    groups = rf"(\d{{1,3}}({re.escape(formats.thousands)}\d{{3}})+|\d+)" if formats.thousands else r"\d+"
    pattern = rf"[+-]?{groups}({re.escape(formats.decimal)}\d+)?([eE][+-]?\d+)?"
    bare = f"replace({value}, {quote(formats.thousands)}, '')" if formats.thousands else value
    point = f"replace({bare}, {quote(formats.decimal)}, '.')"
    return f"case when regexp_full_match({value}, {quote(pattern)}) then {point} end"


def is_number(source_type: str) -> bool:
    """Whether a DuckDB type is a number."""
    return source_type in INTEGERS or is_float(source_type) or source_type.startswith("DECIMAL")


def true_text(value: str, source_type: str) -> str:
    """SQL of a value as text; null where it only says that there was one: an error, or an id that lost its digits."""
    if is_float(source_type):
        is_lost = f"abs({value}) >= {WHOLE_LIMITS[source_type]} and not isinf({value}) or isnan({value})"
        return f"case when not ({is_lost}) then {exact_text(value, source_type)} end"
    if not is_text(source_type):
        return exact_text(value, source_type)
    is_error = f"{value} like '#%' and {value} in ({', '.join(quote(error) for error in ERRORS)})"
    is_rounded = f"contains({value}, '+') and regexp_full_match({value}, {quote(ROUNDED)})"
    # Both begin below the letters: most values are told by one comparison.
    return f"case when {value} >= ':' then {value} when {is_error} or {is_rounded} then null else {value} end"


def dated(value: str, patterns: tuple[str, ...]) -> str:
    """SQL of text as a TIMESTAMP by the first pattern that fits; null where none does."""
    return f"try_strptime({value}, [{', '.join(quote(pattern) for pattern in patterns)}])"


def local_timestamp(value: str, source_type: str, formats: Formats = ISO) -> str:
    """SQL of a value as a TIMESTAMP without a zone; null where it is none."""
    if is_number(source_type):
        return "null::timestamp"  # seconds or milliseconds since 1970: the map has to say, with epoch_ms and its like
    if is_text(source_type) and formats.timestamp:
        return dated(value, formats.timestamp + formats.date)
    if is_text(source_type) and formats.date:
        return f"coalesce({dated(value, formats.date)}, try_cast({value} as timestamp))"
    return f"try_cast({value} as timestamp)" if source_type != "TIMESTAMP" else value


def typed(value: str, source_type: str, spec: Column, zones: Zones, formats: Formats = ISO) -> str:
    """SQL of a mapped value in its contract type; null where the cast fails.

    Args:
        value: SQL of the value, already cleaned.
        source_type: its DuckDB type.
        spec: the contract column.
        zones: how local times are read.
        formats: how the source writes numbers and dates as text.
    """
    if is_text(source_type) and spec.type not in {"text", "json", "timestamp", "date", "boolean"}:
        value = plain_number(value, formats)
    match spec.type:
        case "text":
            text = true_text(value, source_type)
            return f"lower({text})" if spec.allowed else text
        case "json":
            if is_text(source_type) or source_type == "JSON":
                return f"case when json_valid({value}::varchar) then {value}::varchar end"
            return f"to_json({value})::varchar"
        case "timestamp":
            return utc_timestamp(value, source_type, zones, formats)
        case "date":
            cast = "null::date" if is_number(source_type) else f"try_cast({value} as date)"
            if is_text(source_type) and formats.date:
                cast = f"{dated(value, formats.date + formats.timestamp)}::date"
            return f"case when isfinite({cast}) then {cast} end"
        case "number":
            cast = f"try_cast({value} as double)"
            return f"case when isfinite({cast}) then {cast} end"
        case "integer" if source_type not in SAFE_INTEGERS:
            whole = f"try_cast({value} as bigint)"
            return f"case when try_cast({value} as double) = {whole}::double then {whole} end"
        case _:
            return value if source_type.lower() == spec.sql_type else f"try_cast({value} as {spec.sql_type})"


def utc_timestamp(value: str, source_type: str, zones: Zones, formats: Formats) -> str:
    """SQL of a value as UTC: a stated offset wins over the source's zone."""
    if source_type == "TIMESTAMP WITH TIME ZONE":
        utc = f"({value}) at time zone 'UTC'"
    else:
        utc = zones.to_utc(local_timestamp(value, source_type, formats))
        if is_text(source_type) and not formats.timestamp:
            offset = f"regexp_matches({value}, {quote(OFFSET)}) and length({value}) > 10"
            utc = f"case when {offset} then try_cast({value} as timestamptz) at time zone 'UTC' else {utc} end"
    return f"case when isfinite({utc}) then {utc} end"


def can_fail(source_type: str, spec: Column) -> bool:
    """Whether a cast from the DuckDB type can fail for some value."""
    match spec.type:
        case "text":
            return is_text(source_type) or is_float(source_type)
        case "json":
            return is_text(source_type)
        case "integer":
            return source_type not in SAFE_INTEGERS
        case "number":
            return source_type not in INTEGERS
        case _:
            return True


def checks(name: str, value: str, result: str, source_type: str | None, spec: Column) -> list[Check]:
    """Tests on one column, in the order in which they name the reason.

    Args:
        name: contract column.
        value: SQL of the cleaned source value.
        result: SQL of the typed value.
        source_type: DuckDB type of the source value; None where the map does not give the column.
        spec: the contract column.
    """
    found = []
    if source_type is not None and can_fail(source_type, spec):
        found.append(Check("cast_failed", name, f"{value} is not null and {result} is null"))
    if spec.required:
        found.append(Check("required_missing", name, f"{result} is null"))
    if spec.allowed:
        values = ", ".join(quote(v) for v in spec.allowed)
        found.append(Check("value_not_allowed", name, f"{result} not in ({values})"))
    return found

"""SQL that casts a mapped value to its contract column, and the tests that send a row to quarantine."""

from __future__ import annotations

import re
from typing import NamedTuple

from orchestration.company import Formats
from orchestration.conform.times import Zones, date_sql, timestamp_sql, within
from orchestration.contracts import YEARS, Column, Contract
from orchestration.literals import quote

INTEGERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
}  # fmt: skip
SAFE_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
REASONS = {
    "cast_failed": "the value is not of the column's type",
    "implausible_year": "the year is not one that the column can have: correct the row, or set years and formats",
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


def is_text(source_type: str) -> bool:
    """Whether a DuckDB type is text."""
    return source_type == "VARCHAR" or source_type.startswith("ENUM")


def cleaned(value: str, source_type: str) -> str:
    """Text without surrounding blanks, and null where nothing is left; other types as they are."""
    return f"nullif(trim({value}::varchar), '')" if is_text(source_type) else value


def plain_number(value: str, formats: Formats) -> str:
    """SQL of a number's text with a point and without marks between thousands; null where it is not written so."""
    if formats == ISO:
        return value
    groups = rf"(\d{{1,3}}({re.escape(formats.thousands)}\d{{3}})+|\d+)" if formats.thousands else r"\d+"
    pattern = rf"[+-]?{groups}({re.escape(formats.decimal)}\d+)?([eE][+-]?\d+)?"
    bare = f"replace({value}, {quote(formats.thousands)}, '')" if formats.thousands else value
    point = f"replace({bare}, {quote(formats.decimal)}, '.')"
    return f"case when regexp_full_match({value}, {quote(pattern)}) then {point} end"


def typed(value: str, source_type: str, spec: Column, zones: Zones, formats: Formats = ISO) -> str:
    """SQL of a mapped value in its contract type; null where the cast fails. Of years see `plausible`.

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
            text = value if is_text(source_type) else f"{value}::varchar"
            return f"lower({text})" if spec.allowed else f"upper({text})" if spec.case == "upper" else text
        case "json":
            if is_text(source_type) or source_type == "JSON":
                return f"case when json_valid({value}::varchar) then {value}::varchar end"
            return f"to_json({value})::varchar"
        case "timestamp":
            return timestamp_sql(value, source_type, is_text(source_type), zones, formats)
        case "date":
            return date_sql(value, source_type, is_text(source_type), zones, formats)
        case "number":
            cast = f"try_cast({value} as double)"
            return f"case when isfinite({cast}) then {cast} end"
        case "integer" if source_type not in SAFE_INTEGERS:
            whole = f"try_cast({value} as bigint)"
            return f"case when try_cast({value} as double) = {whole}::double then {whole} end"
        case _:
            return value if source_type.lower() == spec.sql_type else f"try_cast({value} as {spec.sql_type})"


def has_years(spec: Column) -> bool:
    """Whether a column holds dates or times, whose years are looked at."""
    return spec.type in ("date", "timestamp")


def plausible(result: str, spec: Column) -> str:
    """SQL of a typed value; null where its year is none that the column can have."""
    return within(result, spec.type, spec.years or YEARS) if has_years(spec) else result


def can_fail(source_type: str, spec: Column) -> bool:
    """Whether a cast from the DuckDB type can fail for some value."""
    match spec.type:
        case "text":
            return False
        case "json":
            return is_text(source_type)
        case "integer":
            return source_type not in SAFE_INTEGERS
        case "number":
            return source_type not in INTEGERS
        case _:
            return True


def checks(
    name: str, value: str, result: str, source_type: str | None, spec: Column, parsed: str | None = None
) -> list[Check]:
    """Tests on one column, in the order in which they name the reason.

    Args:
        name: contract column.
        value: SQL of the cleaned source value.
        result: SQL of the typed value.
        parsed: SQL of the typed value before its year was looked at; None where it has none.
        source_type: DuckDB type of the source value; None where the map does not give the column.
        spec: the contract column.
    """
    found = []
    if source_type is not None and parsed is not None:
        found.append(Check("implausible_year", name, f"{parsed} is not null and {result} is null"))
    if source_type is not None and can_fail(source_type, spec):
        found.append(Check("cast_failed", name, f"{value} is not null and {result} is null"))
    if spec.required:
        found.append(Check("required_missing", name, f"{result} is null"))
    if spec.allowed:
        values = ", ".join(quote(v) for v in spec.allowed)
        found.append(Check("value_not_allowed", name, f"{result} not in ({values})"))
    return found

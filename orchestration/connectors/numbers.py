"""Numbers of typed sources as text, so that they are read right beside text that people wrote (decision 0023).

A number that is not whole lands with an exponent, `1.234e0`, which no person writes: it is told from the text `1.234`,
which is 1234 where a source groups thousands with points. Maps see it as their source writes numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestration.platform.literals import quote, quote_name

MARK = "e0"
DIGITS = 15  # that Excel keeps of a number, and that every double keeps of a decimal one
WHOLE_LIMITS = {"DOUBLE": 1 << 53, "FLOAT": 1 << 24}  # from which on neighbouring whole numbers are one value

# Tokens of JSON text: strings, in which nothing is a number, and what stands between them.
JSON_TOKEN = r'"(?:[^"\\]|\\.)*"|[^"]+'


def number_text(value: float) -> str:
    """A number cell as its program shows it: whole without a point, others marked, longer ones with an exponent."""
    shown = format(value, f".{DIGITS}g")
    if shown == "-0":
        return "0"
    return shown + MARK if "." in shown and "e" not in shown else shown


def number_text_sql(value: str) -> str:
    """SQL of a number's text such as `17850.0` or `2.5`, written by a machine, in the form of `number_text`."""
    whole = rf"regexp_full_match({value}, '-?\d{{1,{DIGITS}}}\.0')"
    fraction = rf"regexp_full_match({value}, '-?\d+\.\d+')"
    longer = f"format('{{:.{DIGITS - 1}e}}', {value}::double)"
    exact = rf"regexp_full_match({value}, '-?\d+\.0')"
    return (
        f"case when {whole} then left({value}, -2) when {exact} then {longer} "
        f"when {fraction} then {value} || {quote(MARK)} else {value} end"
    )


def is_float(kind: str) -> bool:
    """Whether a DuckDB type is a binary fraction."""
    return kind in WHOLE_LIMITS


def has_fraction(kind: str) -> bool:
    """Whether a DuckDB type can hold a number that is not whole."""
    return is_float(kind) or (kind.startswith("DECIMAL") and not kind.endswith(",0)"))


def exact_text(value: str, kind: str) -> str:
    """SQL of a value as text: whole numbers without a point, so that an id is the same id in every type.

    Whole doubles beyond their precision come with an exponent, which no id column takes.
    """
    if is_float(kind):
        limit = WHOLE_LIMITS[kind]
        whole = f"{value} = trunc({value})"
        return (
            f"case when {whole} and abs({value}) < {limit} then {value}::bigint::varchar "
            f"when {whole} and not isinf({value}) then format('{{:.16e}}', {value}::double) else {value}::varchar end"
        )
    if has_fraction(kind):
        return (
            f"case when {value} = trunc({value}) then trunc({value})::decimal(38, 0)::varchar else {value}::varchar end"
        )
    return f"{value}::varchar"


def marked_text(value: str, kind: str) -> str:
    """SQL of a value of some type as text beside which text of people may stand."""
    text = exact_text(value, kind)
    if not has_fraction(kind):
        return text
    return f"case when {value} = trunc({value}) or strpos({text}, 'e') > 0 then {text} else {text} || {quote(MARK)} end"


def written(value: str, decimal: str) -> str:
    """SQL of landed text as a source with that decimal mark writes it: the mark of numbers is taken off."""
    plain = f"left({value}, -{len(MARK)})"
    is_marked = rf"{value} like '%{MARK}' and regexp_full_match({value}, '-?\d+\.\d+{MARK}')"
    if decimal == ".":
        return f"case when {is_marked} then {plain} else {value} end"
    point = f"replace({{}}, '.', {quote(decimal)})"
    is_long = rf"regexp_full_match({value}, '-?\d\.\d+e[+-]\d+')"
    number = rf"""regexp_replace(x, '(-?\d+)\.(\d+)((?:[eE][+-]?\d+)?)', '"\1{decimal}\2\3"', 'g')"""
    tokens = f"regexp_extract_all({value}, {quote(JSON_TOKEN)})"
    nested = f"array_to_string(list_transform({tokens}, lambda x: case when x[1] = '\"' then x else {number} end), '')"
    return (
        f"case when {is_marked} then {point.format(plain)} when {is_long} then {point.format(value)} "
        f"when left({value}, 1) in ('{{', '[') and json_valid({value}) then {nested} else {value} end"
    )


def day_written(value: str, day: str | None, moment: str | None) -> str:
    """SQL of a date or time cell, which landed as ISO, by the source's strptime formats; other text as it is."""
    cases = [
        f"when {value} like '____-__-__{tail}' and try_cast({value} as timestamp) is not null "
        f"then strftime({value}::timestamp, {quote(pattern)})"
        for tail, pattern in (("", day or moment), (" __:__:__%", moment))
        if pattern
    ]
    return f"case {' '.join(cases)} else {value} end" if cases else value


def as_written(
    rows: str, columns: Mapping[str, str], decimal: str, day: str | None = None, moment: str | None = None
) -> str:
    """SQL of landed rows as their source writes numbers, and days where it has cells of dates.

    Args:
        rows: SQL of the rows.
        columns: their columns, with DuckDB types.
        decimal: the source's decimal mark.
        day: strptime format of its dates, if they are to be written so.
        moment: the same of time stamps.
    """
    texts = [quote_name(name) for name, kind in columns.items() if kind == "VARCHAR"]
    if not texts:
        return rows
    shown = ", ".join(f"{day_written(written(name, decimal), day, moment)} as {name}" for name in texts)
    return f"select * replace ({shown}) from ({rows})"


def text_beside_numbers(tables: Iterable[Mapping[str, str]]) -> set[str]:
    """Columns, in lower case, that are text in one of some tables and numbers with fractions in another."""
    kinds: dict[str, set[str]] = {}
    for columns in tables:
        for name, kind in columns.items():
            kinds.setdefault(name.lower(), set()).add(kind)
    return {name for name, found in kinds.items() if "VARCHAR" in found and any(has_fraction(kind) for kind in found)}


def as_text(columns: Mapping[str, str], mixed: set[str]) -> list[str]:
    """SQL, for `replace`, of a table's numbers of columns that are text in other tables."""
    return [
        f"{marked_text(quote_name(name), kind)} as {quote_name(name)}"
        for name, kind in columns.items()
        if name.lower() in mixed and has_fraction(kind)
    ]

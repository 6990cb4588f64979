"""SQL that casts a mapped value to its contract column, and the tests that send a row to quarantine."""

from __future__ import annotations

import re
from typing import NamedTuple

from orchestration.config.company import Formats
from orchestration.config.contracts import YEARS, Column, Contract
from orchestration.conform.times import Zones, date_sql, timestamp_sql, within
from orchestration.connectors.numbers import WHOLE_LIMITS, exact_text, is_float
from orchestration.platform.literals import quote

INTEGERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
}  # fmt: skip
SAFE_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}

# Characters that are not seen: soft hyphen, joiners, marks of direction, word joiner, byte-order mark.
INVISIBLE = (
    r"\x{00AD}\x{034F}\x{061C}\x{180E}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{206F}\x{FEFF}"
)
ENDS = (0, 9, 10, 11, 12, 13, 28, 29, 30, 31)  # control characters that some program or other ends a field with
PLAIN_ID = "[!-~]([ -~]*[!-~])?"  # ASCII that is seen, and blanks within
BLANK = rf"[\s\p{{Z}}\p{{Cc}}{INVISIBLE}]+"
INNER_BLANK, UNSEEN = r"\p{Zs}|[\t-\r]", rf"[\p{{Cc}}{INVISIBLE}]+"
# What spreadsheets show instead of a value, in English, German and other languages of Europe, in a column that is too
# narrow, and what the reader of workbooks says.
ERRORS = (
    "#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!",
    "#UNKNOWN!", "#CONNECT!", "#BUSY!", "#GETTING_DATA", "#NV", "#BEZUG!", "#WERT!", "#ZAHL!", "#ÜBERLAUF!",
    "#FELD!", "#KALK!", "#BLOCKIERT!", "#UNBEKANNT!", "#VERBINDEN!", "#ADRESSE!",
    "#N/D", "#¡REF!", "#¡VALOR!", "#VALOR!", "#¡DIV/0!", "#¡NUM!", "#¡NULO!", "#NULO!", "#¿NOMBRE?", "#NOMBRE?",
    "#¡DESBORDAMIENTO!", "#¡CALC!", "#NOME?", "#NÚM!", "#DESPEJAR!", "#VALEUR!", "#NOM?", "#NOMBRE!", "#NUL!",
    "#PROPAGATION!", "#VALORE!", "#RIF!", "#NULLO!", "#ESPANSIONE!", "#WAARDE!", "#VERW!", "#NAAM?", "#GETAL!",
    "#LEEG!", "#N/B", "#OVERLOOP!", "#ARG!", "#ADR!", "#NAZWA?", "#LICZBA!", "#ZERO!", "#VÄRDEFEL!", "#REFERENS!",
    "#NAMN?", "#OGILTIGT!", "#SAKNAS!", "#VÆRDI!", "#REFERENCE!", "#NAVN?", "#I/T", "#VERDI!", "#HODNOTA!", "#ODKAZ!",
    "#NÁZEV?", "#ČÍSLO!", "#NENÍ_K_DISPOZICI",
    "#ERROR!", "#EXTERNAL!", "#PYTHON!", "#TIMEOUT!", "#MACRO?", "#ADDIN?", "#NAME!", "#DEPASSEMENT!",
    "#DÉPASSEMENT!",
    "#CALCUL!", "#DZIEL/0!", "#DIVISION/0!", "#SKÄRNING!", "#SPILD!", "#OVERLØB!", "#OVERFLYT!", "#DĚLENÍ_NULOU!",
    "#PŘESAH!", "#NÁZOV?", "#DELENIENULOU!", "#NEDOSTUPNÝ", "#HIV!", "#ÉRTÉK!", "#ZÉRÓOSZTÓ!", "#NÉV?", "#SZÁM!",
    "#NULLA!", "#HIÁNYZIK", "#ARVO!", "#VIITTAUS!", "#JAKO/0!", "#NIMI?", "#LUKU!", "#TYHJÄ!", "#PUUTTUU", "#YOK",
    "#BAŞV!", "#DEĞER!", "#SAYI/0!", "#AD?", "#SAYI!", "#BOŞ!", "#ССЫЛКА!", "#ЗНАЧ!", "#ДЕЛ/0!", "#ИМЯ?", "#ЧИСЛО!",
    "#Н/Д", "#ПУСТО!", "#ПЕРЕНОС!", "#ССИЛКА!", "#ПОСИЛАННЯ!", "#ЗНАЧЕННЯ!", "#ІМ'Я?", "#ΤΙΜΗ!", "#ΑΝΑΦ!", "#ΔΙΑΙΡ/0!",
    "#ΟΝΟΜΑ?", "#ΑΡΙΘ!", "#Δ/Υ", *("#" * width for width in range(3, 65)),
    "#NOT CALCULATED!", "#MERGED!",
)  # fmt: skip
OFFICE_WORDS = ("Err", "Fehler")  # with which errors of LibreOffice begin that have a number alone
OFFICE_ERROR = r"(Err|Erro|Fehler)\.?[ \x{A0}\x{202F}]?:5\d\d"  # Err:502 in English, Err :502 in French
ROUNDED = r"[+-]?\d([.,]\d+)?[eE]\+\d{2,3}"  # how spreadsheets and doubles show an id that is too long for them
ROUNDED_ID = r"[+-]?\d[.,]\d+[eE][+-]?\d{1,3}"  # as Java, JavaScript and JSON do; 12E5 may be an article's number

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


def cleaned(value: str, source_type: str, is_id: bool = False) -> str:
    """Text without what is not seen around it, in one form of accents, null where nothing is left; other types as is.

    An id holds nothing invisible and no control character inside either, and one kind of blank. Most values are ASCII
    without blanks around, which a few comparisons tell (for ids a pattern, 0.04 µs more); only the others are taken
    through further regular expressions.
    """
    if not is_text(source_type):
        return value
    text = value if source_type == "VARCHAR" else f"{value}::varchar"
    ends = " or ".join(f"suffix({text}, {end})" for end in ("' '", *(f"chr({code})" for code in ENDS)))
    is_plain = f"strlen({text}) = length({text}) and {text} >= '!' and not ({ends})"
    if is_id:
        is_plain = f"regexp_full_match({text}, {quote(PLAIN_ID)})"
    whole = f"replace({text}, chr(0), '')"  # at which nfc_normalize would end
    bare = f"regexp_replace({whole}, {quote(f'^{BLANK}|{BLANK}$')}, '', 'g')"
    if is_id:
        one_blank = f"regexp_replace({bare}, {quote(INNER_BLANK)}, ' ', 'g')"
        bare = f"regexp_replace({one_blank}, {quote(UNSEEN)}, '', 'g')"
    return f"case when {is_plain} then {text} else nullif(nfc_normalize({bare}), '') end"


def plain_number(value: str, formats: Formats) -> str:
    """SQL of a number's text with a point and without marks between thousands; null where it is not written so."""
    if formats == ISO:
        return f"case when not contains({value}, '_') then {value} end"  # DuckDB would read 1_000
    if formats.thousands == " ":
        value = f"translate({value}, chr(160) || chr(8239) || chr(8201), '   ')"  # blanks that do not break
    # 0.250 is no group of thousands: who writes it means a fraction, which the source's form does not have.
    groups = rf"({grouped(formats)}|\d+)" if formats.thousands else r"\d+"
    pattern = rf"[+-]?{groups}({re.escape(formats.decimal)}\d+)?([eE][+-]?\d+)?"
    bare = f"replace({value}, {quote(formats.thousands)}, '')" if formats.thousands else value
    point = f"replace({bare}, {quote(formats.decimal)}, '.')"
    return f"case when regexp_full_match({value}, {quote(pattern)}) then {point} end"


def grouped(formats: Formats) -> str:
    """Regular expression of a whole number with marks between its groups."""
    mark = re.escape(formats.thousands)
    if formats.grouping == "lakhs":
        return rf"[1-9]\d?({mark}\d\d)*{mark}\d{{3}}"
    return rf"[1-9]\d{{0,2}}({mark}\d{{3}})+"


def is_number(source_type: str) -> bool:
    """Whether a DuckDB type is a number."""
    return source_type in INTEGERS or is_float(source_type) or source_type.startswith("DECIMAL")


def true_text(value: str, source_type: str, is_id: bool = False) -> str:
    """SQL of a value as text; null where it only says that there was one: an error, or an id that lost its digits.

    What names a record is lost in any exponent form with a point; other text may well be 1.5E3.
    """
    if is_float(source_type):
        is_lost = f"abs({value}) >= {WHOLE_LIMITS[source_type]} and not isinf({value}) or isnan({value})"
        return f"case when not ({is_lost}) then {exact_text(value, source_type)} end"
    if not is_text(source_type):
        return exact_text(value, source_type)
    is_error = f"{value} like '#%' and {value} in ({', '.join(quote(error) for error in ERRORS)})"
    is_rounded = f"contains({value}, '+') and regexp_full_match({value}, {quote(ROUNDED)})"
    if is_id:
        has_point = f"contains({value}, '.') or contains({value}, ',')"
        is_rounded += f" or ({has_point}) and regexp_full_match({value}, {quote(ROUNDED_ID)})"
    # Both begin below the letters, and few texts with the words: most values are told by a few comparisons.
    has_word = " or ".join(f"prefix({value}, {quote(word)})" for word in OFFICE_WORDS)
    is_office = f"({has_word}) and regexp_full_match({value}, {quote(OFFICE_ERROR)})"
    return (
        f"case when {value} >= ':' then case when {is_office} then null else {value} end "
        f"when {is_error} or {is_rounded} then null else {value} end"
    )


def typed(value: str, source_type: str, spec: Column, zones: Zones, formats: Formats = ISO, is_id: bool = False) -> str:
    """SQL of a mapped value in its contract type; null where the cast fails. Of years see `plausible`.

    Args:
        value: SQL of the value, already cleaned.
        source_type: its DuckDB type.
        spec: the contract column.
        zones: how local times are read.
        formats: how the source writes numbers and dates as text.
        is_id: whether the column names a record.
    """
    if is_text(source_type) and spec.type not in {"text", "json", "timestamp", "date", "boolean"}:
        value = plain_number(value, formats)
    if has_years(spec) and is_number(source_type):
        return (
            f"null::{spec.type}"  # seconds or milliseconds since 1970: the map has to say, with epoch_ms and its like
        )
    match spec.type:
        case "text":
            text = true_text(value, source_type, is_id)
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
            return is_text(source_type) or is_float(source_type)
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

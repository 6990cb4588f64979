"""How a column writes its numbers: decimal mark, marks between thousands, currency signs, negatives.

Three digits after a lone mark may be decimals or thousands: `12,000`. They are read only where something proves which:
another value of the column (`0,250`, `12,50`, `1.234,50`), another column of the table, or an equation between
columns. Where nothing does, the user is asked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from orchestration.authoring.naming import expression
from orchestration.authoring.profile import Profile
from orchestration.authoring.reading import Option, Reading
from orchestration.authoring.vocabulary import vocabulary
from orchestration.config.company import Formats
from orchestration.conform.casting import plain_number
from orchestration.platform.literals import quote

Decimal = Literal[".", ","]
Thousands = Literal["", ".", ",", " ", "'"]

RARE = 0.02  # share of a column's values below which a form that contradicts the others proves nothing
MARKS = ".,' "
CORE = re.compile(r"[+-]?(\d[\d.,' ]*|[.,]\d+)")
LAKHS = re.compile(r"[1-9]\d?([.,' ])(\d\d\1)+\d{3}([.,]\d+)?")  # 1,23,456.50 and 12,34,567
BLANKS = "\u00a0\u202f\u2009"


@dataclass(frozen=True)
class Form:
    """Decimal mark, mark between thousands, and where it stands."""

    decimal: Decimal = "."
    thousands: Thousands = ""
    grouping: Literal["thousands", "lakhs"] = "thousands"

    def formats(self) -> Formats:
        """As `formats` of a source."""
        return Formats(decimal=self.decimal, thousands=self.thousands, grouping=self.grouping)

    def read(self, value: str) -> str:
        """A value's text as a plain number."""
        bare = value.replace(self.thousands, "") if self.thousands else value
        number = bare.replace(self.decimal, ".")
        return number.rstrip("0").rstrip(".") if "." in number else number


@dataclass
class Evidence:
    """What a column's values prove of their form.

    `decimals` and `thousands` count the rows that prove a mark to be one; `either` those whose lone mark with three
    digits after it may be both, with an example; `lakhs` those that are grouped as in India: 1,23,456.50.
    """

    numbers: int = 0
    others: int = 0
    decimals: Counter[str] = field(default_factory=Counter)
    thousands: Counter[str] = field(default_factory=Counter)
    either: Counter[str] = field(default_factory=Counter)
    lakhs: int = 0
    example: str = ""
    signs: set[str] = field(default_factory=set)
    nothing: set[str] = field(default_factory=set)
    in_brackets: bool = False
    minus_behind: bool = False
    long_minus: bool = False
    odd_blanks: bool = False

    @property
    def share(self) -> float:
        """Share of the values that are numbers, of those that are anything."""
        return self.numbers / (self.numbers + self.others) if self.numbers + self.others else 0.0

    def proven(self, counts: Counter[str]) -> set[str]:
        """Marks that more than a few rows prove."""
        least = RARE * max(self.numbers, 1)
        return {mark for mark, rows in counts.items() if rows > least}


def evidence_of(profile: Profile, column: str) -> Evidence:
    """What the whole column shows, form by form."""
    found = Evidence()
    for shape in profile.shapes(column):
        core = bare(shape.example, found)
        if core is None:
            continue
        if not CORE.fullmatch(core):
            found.others += shape.rows
            continue
        found.numbers += shape.rows
        judge(core.lstrip("+-"), shape.rows, found)
    return found


def bare(value: str, found: Evidence) -> str | None:
    """A value without signs of currency, brackets and the like, which are noted; None where it stands for nothing."""
    known = vocabulary()
    text = value.strip()
    if text.lower() in known.nothing:
        found.nothing.add(text)
        return None
    for sign in sorted(known.currency_signs, key=len, reverse=True):
        if sign in text:
            found.signs.add(sign)
            text = text.replace(sign, "").strip()
            break
    if any(blank in text for blank in BLANKS):
        found.odd_blanks = True
        text = re.sub(f"[{BLANKS}]", " ", text).strip()
    if text.startswith("−"):
        found.long_minus = True
        text = "-" + text[1:]
    if match := re.fullmatch(r"\((.*\d)\)", text):
        found.in_brackets = True
        text = "-" + match[1]
    if match := re.fullmatch(r"(\d.*)-", text):
        found.minus_behind = True
        text = "-" + match[1]
    return re.sub(r"^([+-])\s+", r"\1", text)


def judge(digits: str, rows: int, found: Evidence) -> None:
    """Count what an unsigned number's marks prove."""
    marks = [c for c in digits if c in MARKS]
    if not marks:
        return
    last = marks[-1]
    if LAKHS.fullmatch(digits):
        found.lakhs += rows
    whole, _, after = digits.rpartition(last)
    if len(set(marks)) > 1:
        if marks.count(last) == 1:
            found.decimals[last] += rows
            for mark in set(marks) - {last}:
                found.thousands[mark] += rows
    elif len(marks) > 1 or last in " '":
        found.thousands[last] += rows
    elif len(after) != 3 or not whole or len(whole) > 3 or whole.startswith("0"):
        found.decimals[last] += rows
    else:
        found.either[last] += rows
        found.example = found.example or digits


def forms_of(found: Evidence, table: Evidence | None = None, is_whole: bool = False) -> list[Form]:
    """The forms that the evidence leaves, grouped as in India where that is so: see `forms_by_marks`."""
    forms = forms_by_marks(found, table, is_whole)
    if found.lakhs > RARE * max(found.numbers, 1):
        return [replace(form, grouping="lakhs") if form.thousands else form for form in forms]
    return forms


def forms_by_marks(found: Evidence, table: Evidence | None = None, is_whole: bool = False) -> list[Form]:
    """The forms that the evidence leaves: one where it proves one, several where it does not.

    Args:
        found: of the column.
        table: of the table's other number columns; None leaves them out.
        is_whole: whether the contract's column holds whole numbers, which nobody writes with three decimals.
    """
    decimals, thousands = found.proven(found.decimals), found.proven(found.thousands)
    either = set(found.proven(found.either))
    if len(decimals) > 1 or decimals & thousands:
        return [Form(cast("Decimal", mark), grouping(mark, thousands - {mark} or decimals - {mark}))
                for mark in sorted(decimals & {".", ","})]  # fmt: skip
    if decimals:
        [mark] = decimals
        return [Form(cast("Decimal", mark), grouping(mark, thousands | (either - {mark})))]
    if thousands:
        left = either - thousands
        mark = next(iter(left), "." if "," in thousands else "," if "." in thousands else ".")
        return [Form(cast("Decimal", mark), grouping(mark, thousands))]
    if not either:
        return [Form()]
    if table is not None:
        if len(either) == 1 and either & table.proven(table.decimals) and not either & table.proven(table.thousands):
            return [Form(cast("Decimal", next(iter(either))))]
        if len(either) == 1 and either & table.proven(table.thousands) and not either & table.proven(table.decimals):
            return [as_thousands(next(iter(either)))]
    mark = max(sorted(either), key=lambda m: found.either[m])
    if is_whole:
        return [as_thousands(mark)]
    return [Form(cast("Decimal", mark), grouping(mark, either - {mark})), as_thousands(mark)]


def grouping(decimal: str, marks: set[str]) -> Thousands:
    """The mark between thousands beside a decimal mark."""
    others = sorted(marks - {decimal})
    return cast("Thousands", others[0]) if others else ""


def as_thousands(mark: str) -> Form:
    """The form whose thousands have the mark."""
    return Form("," if mark == "." else ".", cast("Thousands", mark))


def cleaned(profile: Profile, column: str, found: Evidence) -> str:
    """SQL of the column's text without what is no part of the number: signs, brackets, marks for nothing."""
    sql = profile.text(column)
    for text in sorted(found.nothing):
        sql = f"nullif({sql}, {quote(text)})"
    if len({vocabulary().currency_signs[sign] for sign in found.signs}) == 1:
        signs = "|".join(re.escape(sign) for sign in sorted(found.signs, key=len, reverse=True))
        sql = f"trim(regexp_replace({sql}, {quote(signs)}, '', 'g'))"
    if found.odd_blanks:
        sql = f"trim(regexp_replace({sql}, '[\\x{{00A0}}\\x{{202F}}\\x{{2009}}]', ' ', 'g'))"
    if found.long_minus:
        sql = f"replace({sql}, '−', '-')"
    if found.in_brackets:
        sql = f"regexp_replace({sql}, '^\\((.*)\\)$', '-\\1')"
    if found.minus_behind:
        sql = f"regexp_replace({sql}, '^([0-9].*)-$', '-\\1')"
    return sql if sql != profile.text(column) else expression(column)


def typed(text: str, form: Form) -> str:
    """SQL of a number's text as a decimal; null where it is not written in the form."""
    return f"try_cast({plain_number(text, form.formats())} as decimal(18,4))"


def number(profile: Profile, column: str, forms: Sequence[Form], found: Evidence) -> Reading:
    """How a map reads a column of numbers."""
    text = cleaned(profile, column, found)
    if not profile.is_text(column):
        return Reading(column, text, f"({text})::decimal(18,4)")
    form = forms[0]
    options: tuple[Option, ...] = ()
    if len(forms) > 1:
        options = tuple(Option(label(f, found.example), typed(text, f), text) for f in forms)
    signs = sorted(found.signs)
    currencies = {vocabulary().currency_signs[sign] for sign in signs}
    text_of_all = f"amounts in several currencies: {', '.join(signs)}; map currency and exchange_rate"
    note = text_of_all if len(currencies) > 1 else ""
    has_marks = bool(found.decimals or found.thousands or found.either)
    return Reading(column, text, typed(text, form), form.formats(), has_marks, options, note)


def label(form: Form, example: str) -> str:
    """A reading in words: by an example, or by its decimal mark where values contradict each other."""
    return f"“{example}” is {form.read(example)}" if example else f"“{form.decimal}” is the decimal mark"


def together(parts: Sequence[Evidence]) -> Evidence:
    """The evidence of several columns of a table."""
    whole = Evidence()
    for part in parts:
        whole.numbers += part.numbers
        for mine, theirs in ((whole.decimals, part.decimals), (whole.thousands, part.thousands)):
            for mark in part.proven(theirs):
                mine[mark] += part.numbers
    return whole

"""Readings of a table's columns for the contract's: dates, numbers that the whole table helps to read, statuses."""

from __future__ import annotations

import functools
import itertools
import re
from dataclasses import replace

from orchestration.authoring import dates, numbers
from orchestration.authoring.dates import Dates
from orchestration.authoring.maps import MapColumn
from orchestration.authoring.naming import expression
from orchestration.authoring.numbers import Evidence, Form
from orchestration.authoring.profile import Profile
from orchestration.authoring.reading import Reading, loud
from orchestration.authoring.vocabulary import plain, raw_words, vocabulary, words
from orchestration.config.contracts import Column
from orchestration.platform.literals import quote

AGREE = 0.95  # share of rows in which an equation between columns must hold to prove their forms
CLOSE = "0.011"  # difference that rounding to cents may make


class Columns:
    """How the columns of one table are read.

    Args:
        profile: the table.
        measures: its columns that are numbers of the contract; they help to read each other.
    """

    def __init__(self, profile: Profile, measures: tuple[str, ...] = ()) -> None:
        self.profile = profile
        self.measures = tuple(c for c in measures if profile.is_text(c))
        self.proof: dict[str, Form] = {}

    @functools.cache  # noqa: B019 - lives as long as a draft
    def evidence(self, column: str) -> Evidence:
        """What a column's values prove; whole numbers of a source with types prove nothing."""
        if "INT" in self.profile.types[column]:
            return Evidence()
        return numbers.evidence_of(self.profile, column)

    def is_number(self, column: str) -> bool:
        """Whether most of its values are numbers."""
        if not self.profile.is_text(column):
            return self.profile.is_numeric(column)
        return self.evidence(column).share >= 0.5

    @functools.cache  # noqa: B019 - as above
    def is_date(self, column: str) -> bool:
        """Whether most of its values are days or times."""
        kind = self.profile.types[column]
        if kind.startswith(("DATE", "TIMESTAMP")):
            return True
        if not self.profile.is_text(column) and ("INT" not in kind or "at" not in words(column)):
            return False
        return Dates(self.profile, column).are_dates

    def forms(self, column: str, is_whole: bool = False) -> list[Form]:
        """The forms in which its numbers may be written."""
        if column in self.proof:
            return [self.proof[column]]
        others = [self.evidence(c) for c in self.measures if c != column]
        return numbers.forms_of(self.evidence(column), numbers.together(others), is_whole)

    def number(self, column: str, is_whole: bool = False) -> Reading:
        """How a column of numbers is read; cents by name become whole units."""
        if not self.profile.is_text(column):
            found = numbers.number(self.profile, column, [Form()], Evidence())
        else:
            found = numbers.number(self.profile, column, self.forms(column, is_whole), self.evidence(column))
        is_minor = has_word(column, vocabulary().minor_words) and not self.evidence(column).decimals
        return in_units(found) if is_minor else found

    def zero(self, column: str) -> str:
        """SQL of a number that is 0 where nothing is written, and null where it is not readable."""
        text = numbers.cleaned(self.profile, column, self.evidence(column))
        return f"case when {text} is null then 0 else {self.number(column).typed} end"

    def total(self, column: str) -> str:
        """SQL of a sum of numbers, null where one of them is not readable."""
        text, typed = numbers.cleaned(self.profile, column, self.evidence(column)), self.number(column).typed
        return f"case when bool_and({typed} is not null or {text} is null) then sum({typed}) end"

    @functools.cache  # noqa: B019 - as above
    def date(self, column: str) -> Reading:
        """How a column of days or times is read; where it does not tell which comes first, others of the table do."""
        decided: dict[str, bool] = {}
        own = Dates(self.profile, column) if self.profile.is_text(column) else None
        kinds = own.doubtful().items() if own else ()
        if own and any(own.day_first(patterns[0]) is None for _, patterns in kinds):
            for other in self.profile.columns:
                if other != column and self.profile.is_text(other) and self.profile.filled(other):
                    for kind, patterns in Dates(self.profile, other).doubtful().items():
                        first = Dates(self.profile, other).day_first(patterns[0])
                        if first is not None:
                            decided.setdefault(kind[0], first)
        return dates.date(self.profile, column, decided)

    def prove_by_product(self, quantity: str, price: str, amount: str) -> bool:
        """Whether quantity times price is the amount; if just one way of reading them says so, it is theirs."""
        fitting = []
        for forms in itertools.product(*(self.forms(column) for column in (quantity, price, amount))):
            q, p, a = (
                numbers.number(self.profile, c, [f], self.evidence(c)).typed
                for c, f in zip((quantity, price, amount), forms, strict=True)
            )
            hits, rows = self.profile.all(
                f"select count(*) filter (abs(({q}) * ({p}) - ({a})) < {CLOSE}), "
                f"count(*) filter ({self.profile.text(amount)} is not null) from rows"
            )[0]
            if rows and hits >= AGREE * rows:
                fitting.append(forms)
        alike = [forms for forms in fitting if len({form for form in forms if form != Form()}) <= 1]
        fitting = alike if len(alike) == 1 else fitting  # a table seldom writes its numbers in two ways
        if len(fitting) == 1:
            self.proof |= dict(zip((quantity, price, amount), fitting[0], strict=True))
        return bool(fitting)

    def reading(self, column: str, spec: Column) -> Reading:
        """How a column is read for a contract's."""
        if spec.type in {"date", "timestamp"}:
            return self.date(column)
        if spec.type in {"number", "money", "quantity", "integer"} and self.profile.is_text(column):
            return self.number(column, spec.type == "integer")
        return Reading(column, expression(column), expression(column))


def in_units(reading: Reading) -> Reading:
    """An amount in hundredths as one in units of its currency."""

    def hundredth(typed: str) -> str:
        return f"(({typed}) / 100)::decimal(18,4)"

    options = tuple(replace(option, typed=hundredth(option.typed)) for option in reading.options)
    typed = hundredth(reading.typed)
    return Reading(
        reading.column, loud(typed, reading.text), typed, needs_formats=True, options=options,
        note=f"guess: {reading.column} is in hundredths by its name, so it is divided by 100",
    )  # fmt: skip


def zone_of(column: str) -> str | None:
    """The zone that a header states: Create Date (EST)."""
    match = re.search(r"\(([A-Za-z]{2,4})\)$", column.strip())
    return vocabulary().zones.get(match[1].lower()) if match else None


def translated(profile: Profile, column: str, entity: str, wanted: str, spec: Column) -> tuple[MapColumn, list[str]]:
    """A column with allowed values: as it is, or its values translated in a `case`; and the values nobody knows."""
    name = expression(column)
    known = vocabulary().translations(entity, wanted)
    values = [plain(value) for value in profile.values(column)]
    unknown = sorted({value for value in values if value not in spec.allowed and value not in known})
    changed = {v: known[v] for v in dict.fromkeys(values) if v in known and known[v] != v}
    if not changed:
        return MapColumn(name), unknown
    given = {raw.strip().lower(): changed[plain(raw)] for raw in profile.values(column) if plain(raw) in changed}
    whens = " ".join(f"when {quote(value)} then {quote(to)}" for value, to in given.items())
    sql = f"case lower(trim({name})) {whens} else {name} end"
    text = "guess: " + ", ".join(f"{value} is {to}" for value, to in given.items())
    return MapColumn(sql, text), unknown


def has_word(column: str, wanted: frozenset[str]) -> bool:
    """Whether a column's name has one of the words."""
    return bool(wanted & set(raw_words(column)))

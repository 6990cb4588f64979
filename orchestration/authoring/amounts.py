"""Which columns of a table of sales are amounts, and of what, by their names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestration.authoring.columns import Columns
from orchestration.authoring.vocabulary import raw_words, vocabulary, words

NO_AMOUNT = frozenset({
    "fee", "fees", "tip", "compare", "credit", "balance", "budget", "due", "count", "points",
    "items", "weight", "rate", "percent",
})  # fmt: skip
PERCENT = re.compile(r"-?\d+([.,]\d+)?\s?%?")


@dataclass(frozen=True)
class Amounts:
    """The columns of a table of sales that are amounts, by what their names say."""

    totals: tuple[str, ...] = ()
    goods: tuple[str, ...] = ()
    prices: tuple[str, ...] = ()
    quantities: tuple[str, ...] = ()
    shipping: tuple[str, ...] = ()
    tax: tuple[str, ...] = ()
    discount: tuple[str, ...] = ()
    percent: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every one."""
        return (*self.totals, *self.goods, *self.prices, *self.quantities, *self.shipping, *self.tax, *self.discount)


def amounts_of(columns: Columns) -> Amounts:
    """The amounts of a table."""
    found: dict[str, list[str]] = {}
    for column in columns.profile.columns:
        kind = kind_of_amount(column)
        if kind == "discount" and is_percent(columns, column):
            found.setdefault("percent", []).append(column)
            continue
        if kind and columns.profile.filled(column) and columns.is_number(column):
            found.setdefault(kind, []).append(column)
    return Amounts(**{kind: tuple(names) for kind, names in found.items()})


def is_percent(columns: Columns, column: str) -> bool:
    """Whether a column writes shares: 10%."""
    values = columns.profile.values(column)
    return any("%" in value for value in values) and all(PERCENT.fullmatch(value) for value in values)


def share(columns: Columns, column: str) -> str:
    """SQL of a share of 1 that a column writes as 10%; 0 where nothing is written, null where it is not readable."""
    text = columns.profile.text(column)
    number = f"try_cast(replace(replace(replace({text}, '%', ''), ' ', ''), ',', '.') as decimal(18,4)) / 100"
    return f"case when {text} is null then 0 else {number} end"


def kind_of_amount(column: str) -> str | None:
    """Which amount a column's name says that it is: a field of `Amounts`; None where it is none."""
    own, raw = set(words(column)), set(raw_words(column))
    if "quantity" in own:
        return "quantities"
    if raw & (NO_AMOUNT | vocabulary().refund_words) or own & {"id", "at"}:
        return None
    if "tax" in own and not raw & (vocabulary().net_words | vocabulary().gross_words):
        return "tax"
    for word, kind in (("shipping", "shipping"), ("discount", "discount")):
        if word in own:
            return kind
    if raw & vocabulary().goods_words:
        return "goods"
    if {"net", "amount"} <= own:
        return "totals"
    return "prices" if "price" in own else None

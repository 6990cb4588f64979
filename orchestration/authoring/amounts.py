"""Which columns of a table of sales are amounts, and of what, by their names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestration.authoring.columns import Columns
from orchestration.authoring.vocabulary import pieces, raw_words, vocabulary, words

NO_AMOUNT = frozenset({
    "fee", "fees", "tip", "compare", "credit", "balance", "budget", "due", "count", "points",
    "items", "weight", "rate", "percent", "running", "cumulative", "cumulated", "kumuliert", "kumulierte", "laufend",
    "laufende", "cumul", "cumule", "acumulado", "saldo", "solde", "累计",
})  # fmt: skip
ALL_PIECES = frozenset({"position", "pos", "zeile", "line", "row", "ligne", "linea", "extended", "positions"})
MOST_RATES = 4  # distinct rates of tax that a shop has
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
    for kind in ("totals", "goods"):
        found[kind] = [c for c in found.get(kind, []) if is_something(columns, c)]
    if "tax" in found:
        found["tax"] = [c for c in found["tax"] if not is_tax_rate(columns, c)]
    ordered = {kind: tuple(sorted(names, key=lambda c: order(columns, kind, c))) for kind, names in found.items()}
    return Amounts(**{kind: names for kind, names in ordered.items() if names})


def order(columns: Columns, kind: str, column: str) -> tuple[bool, bool, bool]:
    """The place of an amount among those of its kind: what is never anything last, then what is of several kinds.

    `tax_total` comes before `shipping_tax_total`, net prices before gross ones.
    """
    raw = set(raw_words(column))
    mixed = len({"shipping", "tax", "discount"} & set(words(column))) > 1
    is_gross = kind == "prices" and bool(raw & vocabulary().gross_words)
    return (not is_something(columns, column), mixed, is_gross)


def is_something(columns: Columns, column: str) -> bool:
    """Whether a column of numbers is more than zeros."""
    return any(any(c in "123456789" for c in value) for value in columns.profile.values(column, 2))


def is_tax_rate(columns: Columns, column: str) -> bool:
    """Whether a column of tax holds rates: a few small numbers, the same beside amounts that differ."""
    values = {value.replace(",", ".").rstrip("% ") for value in columns.profile.values(column, MOST_RATES + 2)}
    few = len(values) <= MOST_RATES and all(re.fullmatch(r"[0-3]?\d(\.\d{1,2})?", value) for value in values)
    if not few or not any(float(value) for value in values):
        return False
    others = [c for c in columns.profile.columns if kind_of_amount(c) in {"totals", "goods", "prices"}]
    distinct = max((len(columns.profile.values(c, 4 * MOST_RATES)) for c in others), default=0)
    return distinct > len(values)


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
    if "price" in own:
        return "totals" if is_of_several(raw) else "prices"
    return "totals" if {"net", "amount"} <= own else None


def is_of_several(raw: set[str]) -> bool:
    """Whether a price is that of all pieces together: total price, Gesamtpreis, Positionspreis, extended price."""
    known = vocabulary()
    parts = raw | {part for word in raw for part in pieces(word)}
    return bool(parts & (known.whole_words | known.sum_words | ALL_PIECES))

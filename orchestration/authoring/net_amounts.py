"""Whether an order's amount holds tax and shipping: as its name says, as the columns prove, or as the user is asked."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from orchestration.authoring.reading import Option
from orchestration.authoring.sales import AGREE, CLOSE, Goods, OrderKey, Sales, formula
from orchestration.authoring.vocabulary import raw_words, vocabulary, words


def order_nets(sales: Sales, totals: Sequence[str]) -> tuple[Goods, ...]:
    """What an order's goods may be worth by its best total: one formula, or several where nothing tells which.

    Tax is outside an amount called net and inside one called gross; tax and shipping are inside one called total.
    Beyond that the columns must prove it: an amount and some of them that make up another amount.
    """
    if not totals:
        return ()
    amount, raw, known = totals[0], set(raw_words(totals[0])), vocabulary()
    groups = {"shipping": sales.amounts.shipping, "tax": sales.amounts.tax}
    parts = {kind: g[0] for kind, g in groups.items() if g and sales.profile.one("count(*)", is_some(sales, g[0]))}
    tax = {parts[kind] for kind in parts if kind == "tax"}
    inside, outside = proven(sales, amount, tuple(parts.values()))
    if amount == "net_amount":
        outside |= set(parts.values())
    elif raw & known.net_words:
        outside |= tax
    elif raw & known.gross_words:
        inside |= tax - outside
    elif raw & known.whole_words:
        inside |= set(parts.values()) - outside
    open_parts = [c for c in parts.values() if c not in inside | outside]
    less = [c for c in parts.values() if c in inside - outside]
    return tuple(
        (amount, tuple(c for c in parts.values() if c in (*less, *some)))
        for size in range(len(open_parts) + 1)
        for some in itertools.combinations(open_parts, size)
    )


def is_some(sales: Sales, *columns: str) -> str:
    """SQL of whether one of the columns is more than nothing."""
    return " or ".join(f"{sales.columns.zero(c)} <> 0" for c in columns)


def proven(sales: Sales, amount: str, parts: Sequence[str]) -> tuple[set[str], set[str]]:
    """Which of the parts are inside the amount, and which outside, by another amount that differs by just them."""
    gross = [c for c in sales.profile.columns if {"gross", "amount"} <= set(words(c)) and sales.columns.is_number(c)]
    others = [c for c in (*sales.amounts.totals, *sales.amounts.goods, *gross) if c != amount]
    for other, size in itertools.product(others, range(len(parts), 0, -1)):
        for some in itertools.combinations(parts, size):
            added = " + ".join(sales.columns.zero(c) for c in some)
            gap = f"{sales.typed(other)} - {sales.typed(amount)}"
            for sign, found in (("-", (set(), set(some))), ("+", (set(some), set()))):
                hits, rows = sales.profile.all(
                    f"select count(*) filter (abs({gap} {sign} ({added})) < {CLOSE}), count(*) from rows "
                    f"where ({is_some(sales, *some)}) and {sales.typed(amount)} is not null"
                )[0]
                if rows and hits >= AGREE * rows:
                    return found
    return set(), set()


def net_options(sales: Sales, key: OrderKey, nets: Sequence[Goods], is_grouped: bool) -> tuple[Option, ...]:
    """The formulas to choose from, each with what it comes to in all."""
    options = []
    for net in nets:
        sql = sales.per_order_formula(key, net) if is_grouped else formula(sales, net)
        each = f"select {sql} as a from rows where {key.sql} is not null" + (f" group by {key.sql}" * is_grouped)
        total = sales.profile.one(f"sum(a) from ({each}) --")
        raw = sales.columns.number(net[0]).text
        label = f"{net[0]} less {' and '.join(net[1])}" if net[1] else f"{net[0]} as it is"
        options.append(Option(f"{label}: {total or 0:,.2f} in all", sql, "" if is_grouped else raw))
    return tuple(options)

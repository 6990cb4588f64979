"""Whether a discount is off an amount already: as quantity times price proves, or the orders' totals, or as asked."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from orchestration.authoring.amounts import share
from orchestration.authoring.reading import Option
from orchestration.authoring.sales import AGREE, CLOSE, Sales


def discount_of(sales: Sales) -> str | None:
    """The column of a discount that some rows have."""
    some = (c for c in sales.amounts.discount if sales.profile.one("count(*)", f"{sales.typed(c)} <> 0"))
    return next(itertools.chain(sales.amounts.percent, some), None)


def off(sales: Sales, discount: str) -> str:
    """SQL of the money that a discount takes off: above zero, also where the file writes it below."""
    zero = sales.columns.zero(discount)
    is_below = sales.profile.one(f"max({sales.typed(discount)}) <= 0 and min({sales.typed(discount)}) < 0")
    return f"abs({zero})" if is_below else zero


def ways_off(sales: Sales, amount: str, discount: str) -> list[Option]:
    """The ways in which a discount may come off an amount: as money, or as a share of it."""
    if discount in sales.amounts.percent:
        return [Option(f"{discount} still comes off each line", f"({amount}) * (1 - {share(sales.columns, discount)})")]
    ways = [Option(f"{discount} still comes off each line", f"{amount} - {off(sales, discount)}")]
    least, most = sales.profile.all(
        f"select min({sales.typed(discount)}), max({sales.typed(discount)}) from rows where true"
    )[0]
    zero = sales.columns.zero(discount)
    if least is not None and least >= 0 and most <= 1:
        ways.append(Option(f"{discount} is a share that still comes off", f"({amount}) * (1 - {zero})"))
    elif least is not None and least >= 0 and most <= 100 and is_rate(discount):
        ways.append(Option(f"{discount} is a percentage that still comes off", f"({amount}) * (1 - {zero} / 100)"))
    return ways


def is_rate(column: str) -> bool:
    """Whether a column's name says that it is a percentage."""
    return any(sign in column.lower() for sign in ("%", "percent", "prozent", "pct", "pourcent", "porcentaje"))


def is_off_already(sales: Sales, column: str, discount: str, of_order: Sequence[str]) -> bool:
    """Whether quantity times price, less the discount in one of its ways, is the amount in rows that have one.

    Another amount of the lines that is greater by just the discount proves it, too; one of their orders, in `of_order`,
    does not.
    """
    has_one, amount = f"({share(sales.columns, discount)}) <> 0", sales.typed(column)
    if discount not in sales.amounts.percent:
        has_one = f"{sales.columns.zero(discount)} <> 0"
    bases = [f"({sales.typed(q)}) * ({sales.typed(p)})"
             for q, p in itertools.product(sales.amounts.quantities, sales.amounts.prices)]  # fmt: skip
    bases += [sales.typed(c) for c in (*sales.amounts.totals, *sales.amounts.goods) if c not in (column, *of_order)]
    lowered = [way.typed for base in bases for way in ways_off(sales, base, discount)]
    if discount not in sales.amounts.percent:
        lowered += [
            f"({sales.typed(q)}) * (({sales.typed(p)}) - {off(sales, discount)})"
            for q, p in itertools.product(sales.amounts.quantities, sales.amounts.prices)
        ]
    for sql in lowered:
        hits, rows = sales.profile.all(
            f"select count(*) filter (abs({sql} - ({amount})) < {CLOSE}), count(*) from rows "
            f"where {has_one} and {amount} <> 0"
        )[0]
        if rows and hits >= AGREE * rows:
            return True
    return False

"""Draft the map of order lines: what a line is worth by the table's own columns, and what it leaves to its order."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestration.authoring.amounts import share
from orchestration.authoring.maps import MapColumn, MapDraft, settled
from orchestration.authoring.naming import expression
from orchestration.authoring.net_amounts import order_nets
from orchestration.authoring.reading import Option, Reading
from orchestration.authoring.sales import Goods, OrderKey, Sales, best_totals
from orchestration.authoring.taken_back import with_refunds


@dataclass(frozen=True)
class LineAmount:
    """What a line is worth: SQL typed or as text, the reading behind it, and options where nobody can tell."""

    sql: str
    readings: tuple[Reading, ...] = ()
    comment: str = ""
    options: tuple[Option, ...] = ()


def line_amount(
    sales: Sales, key: OrderKey, whose: Mapping[str, str]
) -> tuple[LineAmount | None, tuple[Goods, ...], list[str]]:
    """What a line is worth, what its order is worth by its own columns, and notes.

    A line's own amount comes first, then quantity times price if the order's total, where there is one, agrees; an
    order's total is never a line's.
    """
    amounts, columns = sales.amounts, sales.columns
    of_line = [c for c in best_totals(sales) if whose.get(c) == "line"] + [
        c for c in amounts.goods if whose[c] == "line"
    ]
    of_order = [c for c in best_totals(sales) if whose.get(c) == "order"]
    doubtful = [c for c in whose if whose[c] == "ask"]
    if of_line:
        column = of_line[0]
        reading = columns.number(column)
        text = whole_note(sales, key, column)
        found = LineAmount(reading.text, (reading,), text, reading.options)
        return found, order_net(sales, key, f"sum({reading.typed})", of_order), [text] if text else []
    if amounts.quantities and amounts.prices:
        return by_product(sales, key, of_order)
    if doubtful:
        return either_way(sales, key, doubtful[0])
    if of_order:
        text = (
            f"{of_order[0]} is the order's: it is the same on all lines of each order, and no column gives a line's "
            "amount; so orders are drafted without lines"
        )
        return None, order_nets(sales, of_order), [text]
    goods = [c for c in amounts.goods if whose[c] == "order"]
    return None, ((goods[0], ()),) if goods else (), []


def whole_note(sales: Sales, key: OrderKey, column: str) -> str:
    """What to say of a line's amount that is the same everywhere, so that it could be the order's as well."""
    several = sales.profile.one(
        f"count(*) from (select 1 from rows where {key.sql} is not null group by {key.sql} having count(*) > 1) --"
    )
    is_same = sales.profile.one(f"count(distinct {sales.typed(column)})") == 1
    if several and is_same and column not in sales.products:
        return (
            f"guess: {column} is each line's; it is the same on every line, so check that it is not the order's total"
        )
    return ""


def order_net(sales: Sales, key: OrderKey, lines: str, totals: Sequence[str]) -> tuple[Goods, ...]:
    """The formula by which an order's own columns give the sum of its lines; empty where none does."""
    for parts in sales.goods_formulas(totals):
        sql = " - ".join(sales.per_order(column) for column in (parts[0], *parts[1]))
        if sales.agree(key, lines, sql):
            return (parts,)
    return ()


def by_product(
    sales: Sales, key: OrderKey, of_order: Sequence[str]
) -> tuple[LineAmount | None, tuple[Goods, ...], list[str]]:
    """Lines by quantity times price, less a discount where sums or the user say so."""
    amounts, columns = sales.amounts, sales.columns
    q, p = columns.number(amounts.quantities[0]), columns.number(amounts.prices[0])
    product = f"{q.typed} * {p.typed}"
    text = f"{p.column} times {q.column}"
    options = tuple(
        Option(joined(a, b), f"{x} * {y}")
        for (a, x), (b, y) in itertools.product(
            [(o.label, o.typed) for o in q.options] or [("", q.typed)],
            [(o.label, o.typed) for o in p.options] or [("", p.typed)],
        )
    )
    options = options if q.options or p.options else ()
    own = [c for c in amounts.goods if c]
    if not of_order and not own:
        return with_discount(sales, LineAmount(product, (), text, options)), (), []
    net = order_net(sales, key, f"sum({product})", of_order)
    if net:
        return LineAmount(product, (), text + "; the orders' totals agree", options), net, []
    for discount in amounts.discount[:1]:
        off = columns.zero(discount)
        net = order_net(sales, key, f"sum({product} - {off})", of_order)
        if net:
            return LineAmount(f"{product} - {off}", (), f"{text}, less {discount}; the orders' totals agree"), net, []
    less, net = by_share(sales, key, product, of_order)
    if net:
        return LineAmount(less, (), f"{text}, less the share that comes off; the orders' totals agree"), net, []
    if not of_order:
        return with_discount(sales, LineAmount(product, (), text, options)), (), []
    note = (
        f"{q.column} times {p.column} does not add up to {of_order[0]}, which is the order's; so orders are drafted "
        "without lines"
    )
    return None, order_nets(sales, of_order), [note]


def with_discount(sales: Sales, amount: LineAmount) -> LineAmount:
    """The amount, or a choice where a discount may be off already or not."""
    some = (c for c in sales.amounts.discount if sales.profile.one("count(*)", f"{sales.typed(c)} <> 0"))
    discount = next(itertools.chain(sales.amounts.percent, some), None)
    if discount is None:
        return amount
    options = []
    for reading in amount.options or (Option("", amount.sql),):
        options += discounted(sales, reading, discount)
    return replace(amount, options=tuple(options))


def discounted(sales: Sales, reading: Option, discount: str) -> list[Option]:
    """A line's worth with a discount off already, still to come off, or, if it may be one, as a share of it."""
    if discount in sales.amounts.percent:
        ways = {"still comes off each line": f"({reading.typed}) * (1 - {share(sales.columns, discount)})"}
    else:
        off = sales.columns.zero(discount)
        ways = {"still comes off each line": f"{reading.typed} - {off}"}
        if sales.profile.one(f"max({sales.typed(discount)}) <= 1 and min({sales.typed(discount)}) >= 0"):
            ways["is a share that still comes off"] = f"({reading.typed}) * (1 - {off})"
    options = []
    for text, sql in {"is off already": reading.typed, **ways}.items():
        total = sales.profile.one(f"sum({sql})")
        label = joined(reading.label, f"{discount} {text}: {total or 0:,.2f} in all")
        options.append(Option(label, sql))
    return options


def by_share(sales: Sales, key: OrderKey, product: str, of_order: Sequence[str]) -> tuple[str, tuple[Goods, ...]]:
    """A line's worth less a discount that is a share, and the orders' totals, where they agree; else nothing."""
    for discount in (*sales.amounts.percent, *sales.amounts.discount)[:1]:
        is_percent = discount in sales.amounts.percent
        off = share(sales.columns, discount) if is_percent else sales.columns.zero(discount)
        sql = f"({product}) * (1 - {off})"
        net = order_net(sales, key, f"sum({sql})", of_order)
        if net:
            return sql, net
    return "", ()


def either_way(sales: Sales, key: OrderKey, column: str) -> tuple[LineAmount | None, tuple[Goods, ...], list[str]]:
    """A choice: each line's amount, or the order's, which then goes to its first line."""
    options = []
    for reading in sales.columns.number(column).options or (Option("", sales.typed(column)),):
        lines = sales.profile.one(f"sum({reading.typed})")
        each = f"select max({reading.typed}) as a from rows where {key.sql} is not null group by {key.sql}"
        orders = sales.profile.one(f"sum(a) from ({each}) --")
        first = f"case when {sales.line_name} = 1 then {reading.typed} else 0 end"
        options += [
            Option(joined(reading.label, f"{column} is each line's: {lines or 0:,.2f} in all"), reading.typed),
            Option(joined(reading.label, f"{column} is the whole order's, repeated: {orders or 0:,.2f} in all"), first),
        ]
    return LineAmount(options[0].typed, (), "", tuple(options)), (), []


def joined(*labels: str) -> str:
    """Labels of a reading made of several."""
    return "; ".join(label for label in labels if label)


def line_map(sales: Sales, key: OrderKey, amount: LineAmount, source: str) -> MapDraft:
    """The map of order_line."""
    profile, contract = sales.profile, sales.contracts["order_line"]
    own = sales.lines.columns.get("line_no")
    columns: dict[str, MapColumn] = {"order_id": MapColumn(key.sql, key.comment)}
    if own and key.column and profile.is_unique(key.column, own) and not amount.options:
        columns["line_no"] = MapColumn(expression(own))
    else:
        counted = sales.line_name
        source = (
            f"select *, row_number() over (partition by {key.sql} order by _source_file, _source_row) as {counted}\n"
            f"from {source}"
        )
        columns["line_no"] = MapColumn(counted, "counted: no column numbers the lines")
    if sales.product:
        columns["product_id"] = MapColumn(expression(sales.product))
    wanted: dict[str, Reading] = {}
    if sales.amounts.quantities:
        wanted["quantity"] = sales.columns.number(sales.amounts.quantities[0])
    if sales.amounts.prices:
        wanted["unit_price"] = sales.columns.number(sales.amounts.prices[0])
    if source.startswith("("):
        source = f"select * from {source}"
    style, changed = settled([*wanted.values(), *amount.readings])
    for name, reading in zip(wanted, changed, strict=False):
        columns[name] = MapColumn(reading.text, reading.note, reading.options, is_optional=name == "unit_price")
    columns.setdefault("quantity", MapColumn("1", "guess: no column gives a quantity"))
    sql = changed[-1].text if amount.readings else amount.sql
    typed = amount.readings[0].typed if amount.readings else amount.sql
    columns["net_amount"] = with_refunds(sales, MapColumn(sql, amount.comment, amount.options), typed)
    ordered = {name: columns[name] for name in contract.columns if name in columns}
    return MapDraft("order_line", profile.name, source, ordered, style, score=sales.lines.score)

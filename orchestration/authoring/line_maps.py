"""Draft the map of order lines: what a line is worth by the table's own columns, and what it leaves to its order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from orchestration.authoring.discounts import discount_of, is_off_already, ways_off
from orchestration.authoring.maps import MapColumn, MapDraft, settled
from orchestration.authoring.naming import expression
from orchestration.authoring.net_amounts import order_nets
from orchestration.authoring.reading import Option, Reading
from orchestration.authoring.sales import AGREE, CLOSE, Goods, OrderKey, Sales, best_totals
from orchestration.authoring.taken_back import with_refunds


@dataclass(frozen=True)
class LineAmount:
    """What a line is worth: SQL typed or as text, the reading behind it, and options where nobody can tell.

    `extra` are columns over all lines of an order that the options name.
    """

    sql: str
    readings: tuple[Reading, ...] = ()
    comment: str = ""
    options: tuple[Option, ...] = ()
    extra: tuple[str, ...] = ()


def line_amount(
    sales: Sales, key: OrderKey, whose: Mapping[str, str]
) -> tuple[LineAmount | None, tuple[Goods, ...], list[str]]:
    """What a line is worth, what its order is worth by its own columns, and notes.

    A line's own amount comes first, then quantity times price if the order's total, where there is one, agrees; an
    order's total is never a line's.
    """
    amounts = sales.amounts
    of_line = [c for c in best_totals(sales) if whose.get(c) == "line"] + [
        c for c in amounts.goods if whose[c] == "line"
    ]
    of_order = [c for c in best_totals(sales) if whose.get(c) == "order"]
    doubtful = [c for c in whose if whose[c] == "ask"]
    if of_line:
        return own_amount(sales, key, without_tax(sales, of_line), of_order)
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


def own_amount(
    sales: Sales, key: OrderKey, column: str, of_order: Sequence[str]
) -> tuple[LineAmount, tuple[Goods, ...], list[str]]:
    """What a line is worth by its own column, less a discount where that is still to come off.

    The order's own amounts say so where they agree; where they agree with nothing, the user is asked which is right.
    """
    reading = sales.columns.number(column)
    text = whole_note(sales, key, column)
    plain = LineAmount(reading.text, (reading,), text, reading.options)
    notes = [text] if text else []
    discount = discount_of(sales)
    is_open = discount is not None and not reading.options and not is_off_already(sales, column, discount, of_order)
    ways = ways_off(sales, reading.typed, discount) if is_open and discount else []
    for way in [Option("", reading.typed), *ways]:
        net = order_net(sales, key, f"sum({way.typed})", of_order, discount if way.label else None)
        if net and way.label:
            return LineAmount(way.typed, (), f"{way.label}; the orders' totals agree"), net, notes
        if net:
            return plain, net, notes
    shares, extra = order_shares(sales, key, reading.typed, of_order) if not reading.options else ([], ())
    if not ways and not shares:
        return plain, (), notes
    first = (
        f"{discount} is off already"
        if ways
        else f"{column} of the lines (tax, shipping or a discount is the difference)"
    )
    options = with_totals(sales, (Option(first, reading.typed), *ways, *shares), extra)
    return LineAmount(reading.typed, (), text, options, extra), (), notes


def with_totals(sales: Sales, options: Iterable[Option], extra: Sequence[str]) -> tuple[Option, ...]:
    """Options with what each comes to."""
    return tuple(
        replace(option, label=f"{option.label}: {total_of(sales, option.typed, extra):,.2f} in all")
        for option in options
    )


def total_of(sales: Sales, sql: str, extra: Sequence[str]) -> Decimal:
    """The sum of an expression over all rows, which may name columns that the map adds."""
    [(total,)] = sales.profile.all(f"select sum({sql}) from (select {', '.join(['*', *extra])} from rows)")
    return total or Decimal(0)


def order_shares(
    sales: Sales, key: OrderKey, typed: str, of_order: Sequence[str]
) -> tuple[list[Option], tuple[str, ...]]:
    """Each line's share of what its order's own columns say, and the columns that the map needs for it."""
    goods = [(c, ()) for c in sales.amounts.goods if sales.constant_within(key, c) == "order"]
    nets: list[Goods] = [*goods[:1], *([] if goods else order_nets(sales, of_order))]
    if not nets:
        return [], ()
    lines = sales.free_name("order_lines")
    extra, options = [f"sum({typed}) over (partition by {key.sql}) as {lines}"], []
    for place, net in enumerate(nets, start=1):
        name = sales.free_name(f"order_net_{place}")
        worth = " - ".join(f"max({sales.columns.zero(c)}) over (partition by {key.sql})" for c in (net[0], *net[1]))
        extra.append(f"{worth} as {name}")
        said = f"{net[0]} less {' and '.join(net[1])}" if net[1] else net[0]
        sql = f"case when {lines} = 0 then {typed} else ({typed} * {name} / {lines})::decimal(18,4) end"
        options.append(Option(f"each line's share of {said}, which is the order's", sql))
    return options, tuple(extra)


def without_tax(sales: Sales, of_line: Sequence[str]) -> str:
    """The first of a line's amounts, or another that is less by just its tax."""
    first = of_line[0]
    for other, tax in itertools.product(of_line[1:], sales.amounts.tax):
        added = f"{sales.typed(other)} + {sales.columns.zero(tax)} - {sales.typed(first)}"
        hits, rows = sales.profile.all(
            f"select count(*) filter (abs({added}) < {CLOSE}), count(*) from rows where {sales.columns.zero(tax)} <> 0"
        )[0]
        if rows and hits >= AGREE * rows:
            return other
    return first


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


def order_net(
    sales: Sales, key: OrderKey, lines: str, totals: Sequence[str], discount: str | None = None
) -> tuple[Goods, ...]:
    """The formula by which an order's own columns give the sum of its lines; empty where none does.

    A discount that comes off the lines does not come off their order's amount as well: that would prove nothing.
    """
    for parts in sales.goods_formulas(totals):
        if discount in parts[1]:
            continue
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
    discount = discount_of(sales)
    for way in ways_off(sales, product, discount) if discount else []:
        net = order_net(sales, key, f"sum({way.typed})", of_order, discount)
        if net:
            return LineAmount(way.typed, (), f"{text}; {way.label}; the orders' totals agree"), net, []
    if not of_order:
        return with_discount(sales, LineAmount(product, (), text, options)), (), []
    shares, extra = order_shares(sales, key, f"({product})", of_order)
    own_ways = options or (Option(f"{text} (tax, shipping or a discount is the difference)", product),)
    ways = ways_off(sales, product, discount) if discount and not options else []
    return LineAmount(product, (), "", with_totals(sales, (*own_ways, *ways, *shares), extra), extra), (), []


def with_discount(sales: Sales, amount: LineAmount) -> LineAmount:
    """The amount, or a choice where a discount may be off already or not."""
    discount = discount_of(sales)
    if discount is None:
        return amount
    options = []
    for reading in amount.options or (Option("", amount.sql),):
        plain = Option(f"{discount} is off already", reading.typed)
        for way in (plain, *ways_off(sales, reading.typed, discount)):
            total = total_of(sales, way.typed, ())
            options.append(Option(joined(reading.label, f"{way.label}: {total:,.2f} in all"), way.typed))
    return replace(amount, options=tuple(options))


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
    extra = "".join(f",\n  {item}" for item in amount.extra)
    if own and key.column and profile.is_unique(key.column, own) and not amount.options:
        columns["line_no"] = MapColumn(expression(own))
    else:
        counted = sales.line_name
        source = (
            f"select *, row_number() over (partition by {key.sql} order by _source_file, _source_row) as {counted}"
            f"{extra}\n"
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
    columns["net_amount"] = with_refunds(sales, MapColumn(sql, amount.comment, amount.options), typed, amount.extra)
    ordered = {name: columns[name] for name in contract.columns if name in columns}
    return MapDraft("order_line", profile.name, source, ordered, style, score=sales.lines.score)

"""Draft the maps of orders, and of the customers and products that a table of sales names."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestration.authoring.columns import translated, zone_of
from orchestration.authoring.likeness import likeness
from orchestration.authoring.maps import MapColumn, MapDraft, settled
from orchestration.authoring.naming import expression
from orchestration.authoring.net_amounts import net_options, order_nets
from orchestration.authoring.persons import NAMES, is_of_names, may_be_of_customers, names_told, whose_attribute
from orchestration.authoring.reading import Option, Reading, loud
from orchestration.authoring.sales import AGREE, CLOSE, OF_ORDER, Goods, OrderKey, Sales, best_totals, formula
from orchestration.authoring.taken_back import with_cancelled, with_refunds
from orchestration.authoring.vocabulary import raw_words, vocabulary, words
from orchestration.config.contracts import Contract


def header_amounts(sales: Sales) -> tuple[Goods, ...]:
    """What the goods of an order may be worth by its header's columns: one formula, or several to choose from."""
    amounts = sales.amounts
    less = [group[0] for group in (amounts.shipping, amounts.tax) if group]
    totals = best_totals(sales)
    if amounts.goods:
        goods = amounts.goods[0]
        if totals and amounts.discount:
            others = [f"coalesce({sales.typed(c)}, 0)" for c in less]
            off = f"coalesce({sales.typed(amounts.discount[0])}, 0)"
            for sign, parts in (("", ()), (f" - abs({off})", (amounts.discount[0],))):
                for size in range(len(others) + 1):
                    for some in itertools.combinations(others, size):
                        sum_sql = " + ".join([sales.typed(goods), *some]) + sign
                        hits = sales.profile.one("count(*)", f"abs({sum_sql} - {sales.typed(totals[0])}) < {CLOSE}")
                        if hits >= AGREE * sales.profile.rows:
                            return ((goods, parts),)
        discount = next(
            (c for c in amounts.discount if sales.profile.one("count(*)", f"{sales.columns.zero(c)} <> 0")), ""
        )
        return ((goods, ()), (goods, (discount,))) if discount else ((goods, ()),)
    return order_nets(sales, totals)


def order_map(
    sales: Sales, key: OrderKey, nets: Sequence[Goods], is_grouped: bool, source: str = ""
) -> tuple[MapDraft, list[str]]:
    """The map of sales_order: rows as they are, or grouped by the order's key.

    Args:
        sales: the table.
        key: what names an order.
        nets: formulas of what an order is worth; of several the user chooses.
        is_grouped: whether the table repeats an order on its lines.
        source: `from` of the map; empty takes the table.
    """
    net = nets[0] if nets else None
    profile, contract = sales.profile, sales.contracts["sales_order"]
    given = {w: c for w, c in sales.orders.columns.items() if w in OF_ORDER and contract.columns[w].type == "timestamp"}
    given = {w: c for w, c in given.items() if sales.columns.is_date(c)}
    stamps = {wanted: sales.columns.date(column) for wanted, column in given.items()}
    money = {}
    if net is not None or not is_grouped:
        less = dict(zip(("shipping_amount", "tax_amount", "discount_amount"),
                        (sales.amounts.shipping, sales.amounts.tax, sales.amounts.discount), strict=True))  # fmt: skip
        money = {w: sales.columns.number(g[0]) for w, g in less.items() if g}
    if net is not None:
        money |= {"net_amount": sales.columns.number(net[0])}
    readings = [*stamps.values(), *money.values()]
    style, changed = settled(readings)
    by_column = dict(zip([*stamps, *money], changed, strict=True))
    notes = [f"{reading.column}: {reading.note}" for reading in money.values() if reading.note]
    columns: dict[str, MapColumn] = {}
    for wanted in contract.columns:
        if wanted == "order_id":
            columns[wanted] = MapColumn(key.sql, key.comment)
        elif wanted == "customer_id" and sales.customer:
            columns[wanted] = customer_column(sales)
        elif wanted in by_column:
            reading = by_column[wanted]
            column = MapColumn(reading.text, reading.note, reading.options)
            if wanted == "net_amount" and len(nets) > 1:
                column = MapColumn(column.sql, "", net_options(sales, key, nets, is_grouped), is_grouped)
            elif wanted == "net_amount" and net is not None and net[1]:
                text = f"the goods: {net[0]} less {', '.join(net[1])}"
                sql = sales.per_order_formula(key, net) if is_grouped else formula(sales, net)
                raw = sales.columns.number(net[0]).text
                sql = loud(sql, f"min({raw})" if is_grouped else raw, style.formats.decimal)
                column = MapColumn(sql, text, asked(sales, net), is_grouped)
                style = replace(style, has_numbers=True)
            elif wanted == "net_amount" and net is not None:
                column = replace(column, comment=column.comment or f"what {net[0]} says")
            elif wanted in money and is_grouped and not column.options and sales.varies(key, reading.column):
                column = MapColumn(sales.columns.total(reading.column), "the sum of its lines", (), True)
            columns[wanted] = replace(column, is_optional=not contract.columns[wanted].required)
        elif wanted in OF_ORDER and wanted in sales.orders.columns and contract.columns[wanted].type != "timestamp":
            columns[wanted], said = source_column(sales, wanted)
            notes += said
    columns, said = with_taken_back(sales, columns, net, is_grouped)
    notes += said
    zones = {zone_of(c) for c in given.values()} - {None}
    used = {*sales.orders.columns.values(), *sales.amounts.all}
    draft = MapDraft(
        "sales_order", profile.name, source or profile.source, columns, style,
        timezone=next(iter(zones)) if len(zones) == 1 else None,
        left_over=() if is_grouped else tuple(c for c in profile.columns if c not in used),
        score=sales.orders.score + 0.1,
    )  # fmt: skip
    return (grouped(draft, key, by_column) if is_grouped else draft), notes


def with_taken_back(
    sales: Sales, columns: Mapping[str, MapColumn], net: Goods | None, is_grouped: bool
) -> tuple[dict[str, MapColumn], list[str]]:
    """The columns of an order with what other columns say of cancelling and refunds, and what was found."""
    found = dict(columns)
    status = with_cancelled(sales, columns.get("status"), is_grouped)
    if status is not None:
        found["status"] = status
    if net is not None and not is_grouped:
        found["net_amount"] = with_refunds(sales, columns["net_amount"], formula(sales, net))
    ordered = {wanted: found[wanted] for wanted in sales.contracts["sales_order"].columns if wanted in found}
    is_new = status is not None and status != columns.get("status")
    return ordered, [f"status: {status.comment}"] if status and is_new else []


def source_column(sales: Sales, wanted: str) -> tuple[MapColumn, list[str]]:
    """A column of the order that is no amount and no time: as it is, or translated; and what was found."""
    column, spec = sales.orders.columns[wanted], sales.contracts["sales_order"].columns[wanted]
    if not spec.allowed:
        return MapColumn(expression(column)), []
    made, unknown = translated(sales.profile, column, "sales_order", wanted, spec)
    return made, translated_values(wanted, made) + unknown_values(wanted, unknown)


def asked(sales: Sales, net: Goods) -> tuple[Option, ...]:
    """Options of a computed amount whose first column has several readings."""
    return tuple(Option(o.label, formula(sales, net, o.typed)) for o in sales.columns.number(net[0]).options)


def translated_values(wanted: str, column: MapColumn) -> list[str]:
    """A note on values that were translated."""
    return [f"{wanted}: {column.comment}"] if column.comment else []


def unknown_values(wanted: str, unknown: Sequence[str]) -> list[str]:
    """A note on values that nobody knows."""
    if not unknown:
        return []
    shown = ", ".join(f"“{value}”" for value in unknown[:5]) + (" …" if len(unknown) > 5 else "")
    return [f"{wanted}: unknown {shown}: such rows wait in quarantine until you translate them"]


def customer_column(sales: Sales) -> MapColumn:
    """The customer of an order."""
    column = sales.customer or ""
    if "email" in words(column):
        text = "guess: no customer number; the e-mail address is taken for one"
        return MapColumn(f"lower(trim({expression(column)}))", text)
    if column == sales.orders.columns.get("customer_id"):
        return MapColumn(expression(column))
    return MapColumn(expression(column), "guess: no customer number; the name is taken for one")


def grouped(draft: MapDraft, key: OrderKey, readings: Mapping[str, Reading]) -> MapDraft:
    """The draft over one row per order: the earliest of its times, else the value that its lines have."""
    columns: dict[str, MapColumn] = {}
    chosen = []
    for name, column in draft.columns.items():
        if name == "order_id":
            chosen.append(f"{column.sql} as order_id")
        elif column.options:
            options = []
            for i, option in enumerate(column.options, start=1):
                sql = option.typed if column.is_aggregate else f"min({option.typed})"
                chosen.append(f"{sql} as {name}_{i}")
                options.append(Option(option.label, f"{name}_{i}"))
            columns[name] = replace(column, options=tuple(options))
            continue
        elif column.is_aggregate:
            chosen.append(f"{column.sql} as {name}")
        elif name.endswith("_at"):
            reading = readings[name]
            first = (
                f"arg_min({reading.text}, {reading.typed})" if reading.text != reading.typed else f"min({reading.text})"
            )
            chosen.append(f"{first} as {name}")
        else:
            chosen.append(f"min({column.sql}) as {name}")
        columns[name] = replace(column, sql=name, is_aggregate=False)
    chosen += ["min(_source_file) as _source_file", "min(_source_row) as _source_row"]
    source = (
        "select\n  " + ",\n  ".join(chosen) + f"\nfrom {draft.source}\nwhere {key.sql} is not null\ngroup by {key.sql}"
    )
    return replace(draft, source=source, columns=columns)


def customer_map(sales: Sales, orders: MapDraft, taken: set[str] | None = None) -> MapDraft | None:
    """Customers of a table of sales: one row each, with what only they have."""
    if sales.customer is None or "customer_id" not in orders.columns:
        return None
    contract, used = sales.contracts["customer"], {*(taken or set()), *sales.amounts.all}
    used |= {sales.customer, *sales.orders.columns.values()}
    columns = [c for c in sales.profile.columns if c not in used and may_be_of_customers(c)]
    found, columns = attributes_of(sales, contract, columns)
    found = {w: c for w, c in found.items() if w not in {"customer_id", "status", "attributes", "updated_at", "title"}}
    found = names_told(sales.profile, found)
    key = customer_column(sales)
    if "email" in words(sales.customer):
        found = {"email": sales.customer} | found
    elif key.comment or (is_of_names(sales.profile, sales.customer) and not NAMES & found.keys()):
        found = {"full_name": sales.customer} | found
    elif not NAMES & found.keys():
        called = (c for c in columns if words(c) == ["customer"] and is_of_names(sales.profile, c))
        if (name := next(called, None)) is not None:
            found["full_name"] = name
    return one_per_key(sales, contract, "customer_id", key, found)


def attributes_of(sales: Sales, contract: Contract, columns: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """An entity's columns among some of a table of sales, without those that are another's; and the columns left."""
    left = list(columns)
    while left:
        found = likeness(sales.profile.name, sales.profile.samples(left), contract).columns
        others = [c for c in found.values() if whose_attribute(sales, c) not in ("", contract.entity)]
        if not others:
            return found, left
        left = [c for c in left if c not in others]
    return {}, left


def product_map(sales: Sales, taken: set[str]) -> MapDraft | None:
    """Products of a table of sales."""
    if sales.product is None:
        return None
    contract = sales.contracts["product"]
    used = {*taken, sales.product}
    columns = [c for c in sales.profile.columns if c not in used and "customer" not in words(c)]
    found, columns = attributes_of(sales, contract, columns)
    found = {w: c for w, c in found.items() if contract.columns[w].type == "text" and w != "product_id"}
    things = (c for c in columns if set(raw_words(c)) & vocabulary().thing_words and c not in found.values())
    if "name" not in found and (name := next(things, None)):
        found["name"] = name
    return one_per_key(sales, contract, "product_id", MapColumn(expression(sales.product)), found)


def one_per_key(sales: Sales, contract: Contract, key: str, by: MapColumn, found: Mapping[str, str]) -> MapDraft:
    """A map of one row per key; of values that differ between its rows the least."""
    entity = contract.entity
    chosen, columns = [f"{by.sql} as {key}"], {key: replace(by, sql=key)}
    readings = {w: sales.columns.reading(c, contract.columns[w]) for w, c in found.items()}
    style, changed = settled(list(readings.values()))
    for wanted, reading in zip(readings, changed, strict=True):
        spec = contract.columns[wanted]
        if reading.options:
            continue
        sql = translated(sales.profile, found[wanted], entity, wanted, spec)[0].sql if spec.allowed else reading.text
        if spec.type in {"date", "timestamp"} and reading.text != reading.typed:
            chosen.append(f"arg_min({sql}, {reading.typed}) as {wanted}")
        else:
            chosen.append(f"min({sql}) as {wanted}")
        columns[wanted] = MapColumn(wanted)
    chosen += ["min(_source_file) as _source_file", "min(_source_row) as _source_row"]
    source = (
        "select\n  " + ",\n  ".join(chosen)
        + f"\nfrom {sales.profile.relation}\nwhere nullif(trim(({by.sql})::varchar), '') is not null\ngroup by {by.sql}"
    )  # fmt: skip
    return MapDraft(entity, sales.profile.name, source, columns, style, score=0.2 + 0.01 * len(columns))

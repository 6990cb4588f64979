"""Draft the maps of a table of sales: orders alone, lines alone, or lines that repeat order, customer and product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestration.authoring.line_maps import line_amount, line_map
from orchestration.authoring.maps import MapColumn, MapDraft
from orchestration.authoring.money_back import refund_drafts, with_refunds_of_lines
from orchestration.authoring.naming import expression
from orchestration.authoring.order_maps import customer_map, header_amounts, order_map, product_map
from orchestration.authoring.overlap import one_export_each
from orchestration.authoring.profile import Profile
from orchestration.authoring.sales import OrderKey, Sales, formula
from orchestration.authoring.summed_rows import without_sums
from orchestration.authoring.taken_back import without_cancelled_lines
from orchestration.authoring.vocabulary import apart_words
from orchestration.config.contracts import Contract


def sales_drafts(profile: Profile, contracts: Mapping[str, Contract]) -> tuple[list[MapDraft], list[str]] | None:
    """Maps of a table of sales, and what a user should know; None where the table is none.

    A table is one of sales that has a time, an amount, and either an order's number or a customer.
    """
    if apart_words(profile.name):
        return None  # returns, offers, drafts: their amounts are no sales
    sales = Sales(profile, contracts)
    key = sales.order_key()
    has_amount = bool(sales.amounts.totals or sales.amounts.goods) or bool(
        sales.amounts.quantities and sales.amounts.prices
    )
    if key is None or not (has_amount or is_orders_without_amounts(sales, key)):
        return None
    kept = without_sums(sales, key)
    sales, key = anew(sales, key, kept.profile)
    lines, said = without_cancelled_lines(sales, key)
    sales, key = anew(sales, key, lines)
    found = sales_maps(sales, key) if sales.time else lines_alone(sales, key)
    if found is None:
        return None
    drafts, notes = found
    drafts = [with_where(draft, kept.where) for draft in drafts]
    return drafts, [*([key.comment] if key.comment else []), *kept.notes, *said, *notes]


def is_orders_without_amounts(sales: Sales, key: OrderKey) -> bool:
    """Whether a table called orders has one row for each, with its time and customer: what they sold is in others."""
    is_one = key.column is not None and sales.profile.is_unique(key.column)
    has_other = bool(sales.amounts.quantities or sales.amounts.prices or sales.product)
    return is_one and not has_other and sales.names_sales() and bool(sales.time and sales.customer)


def anew(sales: Sales, key: OrderKey, profile: Profile) -> tuple[Sales, OrderKey]:
    """The table of sales and its key by the rows that are left of it."""
    if profile is sales.profile:
        return sales, key
    left = Sales(profile, sales.contracts)
    return left, left.order_key() or key


def with_where(draft: MapDraft, where: MapColumn | None) -> MapDraft:
    """A draft of lines, or of orders alone, with the choice which rows count; sums of lines wait for the answer."""
    if where is None or draft.entity not in {"order_line", "sales_order"}:
        return draft
    if draft.entity == "order_line" or "group by" not in draft.source:
        return replace(draft, where=where)
    return replace(draft, columns={n: c for n, c in draft.columns.items() if n != "net_amount"})


def sales_maps(sales: Sales, key: OrderKey) -> tuple[list[MapDraft], list[str]]:
    """Orders alone, or lines that repeat them."""
    profile = sales.profile
    is_header = key.column is not None and profile.is_unique(key.column) and sales.product is None
    if is_header and not sales.amounts.quantities:
        return headers(sales, key)
    if is_header and not sales.amounts.prices and not sales.product:
        return headers(sales, key)
    return flat(sales, key)


def headers(sales: Sales, key: OrderKey) -> tuple[list[MapDraft], list[str]]:
    """Orders alone: one row each, with what they are worth."""
    draft, notes = order_map(sales, key, header_amounts(sales), is_grouped=False)
    customers = customer_map(sales, draft)
    nets = header_amounts(sales)
    refunds, said = refund_drafts(sales, key, formula(sales, nets[0]) if nets else "", "")
    return with_left_over(sales, [draft, *([customers] if customers else []), *refunds]), [*notes, *said]


def flat(sales: Sales, key: OrderKey) -> tuple[list[MapDraft], list[str]]:
    """Lines that repeat their order: orders, lines, customers and products; the totals of orders stay with orders."""
    source, overlap = one_export_each(sales.profile, key.sql)
    whose = {c: sales.constant_within(key, c) for c in (*sales.amounts.totals, *sales.amounts.goods)}
    of_order = [c for c, owner in whose.items() if owner == "order"]
    amount, net, notes = line_amount(sales, key, whose)
    notes = [*overlap, *notes]
    if not net and amount is None and of_order:
        net = ((of_order[0], ()),)
    orders, more = order_map(sales, key, net, is_grouped=True, source=source)
    notes += more + differing_customers(sales, key)
    drafts = [orders]
    taken = {*sales.orders.columns.values()}
    if amount is not None:
        lines = line_map(sales, key, amount, source)
        drafts.append(lines)
        taken |= set(sales.lines.columns.values())
    taken |= set(sales.amounts.all)
    products = product_map(sales, taken) if amount is not None else None
    if products:
        taken |= {c for c in sales.profile.columns if expression(c) in products.source}
    customers = customer_map(sales, orders, taken)
    drafts += [d for d in (customers, products) if d]
    number = counted_lines(sales, key, lines) if amount is not None else ""
    sold = (amount.readings[0].typed if amount.readings else amount.sql) if amount is not None else ""
    if amount is None and net:
        sold = formula(sales, net[0])
    refunds, said = refund_drafts(sales, key, sold, number)
    return with_left_over(sales, [*drafts, *refunds]), [*notes, *said]


def counted_lines(sales: Sales, key: OrderKey, lines: MapDraft) -> str:
    """SQL of the number that the map of lines gives a row."""
    number = lines.columns["line_no"].sql
    if number == sales.line_name:
        return f"row_number() over (partition by {key.sql} order by _source_file, _source_row)"
    return number


def with_left_over(sales: Sales, drafts: Sequence[MapDraft]) -> list[MapDraft]:
    """The drafts, the last of which says what none of them uses."""
    used = "\n".join(
        d.source + " ".join(c.sql + " ".join(o.typed for o in c.options) for c in d.columns.values()) for d in drafts
    )
    left = tuple(c for c in sales.profile.columns if expression(c) not in used)
    cleared = [replace(draft, left_over=()) for draft in drafts]
    return [*cleared[:-1], replace(cleared[-1], left_over=left)]


def differing_customers(sales: Sales, key: OrderKey) -> list[str]:
    """A note where lines of an order name several customers."""
    if sales.customer is None:
        return []
    column = sales.profile.text(sales.customer)
    several = sales.profile.one(
        f"count(*) from (select 1 from rows where {key.sql} is not null group by {key.sql} "
        f"having count(distinct {column}) > 1) --"
    )
    return [f"{several:,} orders name several customers: the first by name is taken"] if several else []


def lines_alone(sales: Sales, key: OrderKey) -> tuple[list[MapDraft], list[str]] | None:
    """Lines whose orders are in another table: an order's number, product or quantity, and an amount."""
    repeats = key.column is not None and not sales.profile.is_unique(key.column)
    if key.column is None or not (sales.product or (sales.amounts.quantities and repeats)):
        return None
    whose = {c: sales.constant_within(key, c) for c in (*sales.amounts.totals, *sales.amounts.goods)}
    amount, _, notes = line_amount(sales, key, whose)
    if amount is None:
        return None
    amount = with_refunds_of_lines(sales, amount)
    lines = line_map(sales, key, amount, sales.profile.relation)
    used = lines.source + " ".join(c.sql for c in lines.columns.values())
    left = tuple(c for c in sales.profile.columns if expression(c) not in used)
    return [replace(lines, left_over=left)], notes

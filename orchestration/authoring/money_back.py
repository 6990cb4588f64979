"""Columns of what was refunded: money that went back becomes payments below zero, goods of a line become returns.

Both lower sales on their day and never below what the order came to (decision 0028), tax and shipping apart.
"""

from __future__ import annotations

from dataclasses import replace

from orchestration.authoring.amounts import NO_AMOUNT
from orchestration.authoring.line_maps import LineAmount, with_totals
from orchestration.authoring.maps import MapColumn, MapDraft
from orchestration.authoring.naming import expression
from orchestration.authoring.reading import Option
from orchestration.authoring.sales import CLOSE, OrderKey, Sales, best_totals
from orchestration.authoring.vocabulary import plain, raw_words, vocabulary, words

NO_MONEY = {"quantity", "id", "at", "status", "date"}
SCORE = 0.05  # below that of any table of payments or returns


def refund_drafts(sales: Sales, key: OrderKey, amount: str, number: str) -> tuple[list[MapDraft], list[str]]:
    """Maps of what a table of sales says was refunded, and what a user should know.

    Args:
        sales: the table, which has times.
        key: what names an order.
        amount: SQL of what a row's line sold, or its order where orders stand alone; empty where nothing says.
        number: the line's number as the map of lines gives it; empty where orders stand alone.
    """
    found = refund_columns(sales)
    if not found:
        return [], []
    column = found[0]
    is_lines = bool(number) and sales.varies(key, column)
    whole = paid(sales, amount, bool(number))
    made = product_return(sales, key, column, number) if is_lines else payment(sales, key, column, whole)
    rows, total = sales.profile.all(
        f"select count(*), sum({sales.typed(column)}) from rows where {some(sales, column)}"
    )[0]
    note = f"{column}: {rows:,} refunds of {abs(total):,.2f} come off as {made.entity}"
    if len(found) > 1:
        note += f"; not taken beside it: {', '.join(found[1:])}"
    if is_before(sales, column, is_lines):
        return [made], [note]
    return [with_question(sales, made, column, amount)], []


def refund_columns(sales: Sales) -> list[str]:
    """Columns of amounts that were given back, those first that give the whole of an order or line."""
    known = vocabulary().refund_words
    found = []
    for column in sales.profile.columns:
        raw = set(raw_words(column))
        if not raw & known or set(words(column)) & NO_MONEY or raw & NO_AMOUNT:
            continue
        values = {plain(value) for value in sales.profile.values(column)}
        is_flag = values <= vocabulary().yes | vocabulary().no
        if not is_flag and sales.columns.is_number(column) and sales.profile.one("count(*)", some(sales, column)):
            found.append(column)
    less = {"tax", "shipping", "discount"}
    return sorted(found, key=lambda c: bool(set(words(c)) & less))


def some(sales: Sales, column: str) -> str:
    """SQL of whether a row says that something was given back."""
    return f"{sales.columns.zero(column)} <> 0"


def refunded_at(sales: Sales) -> str:
    """SQL of the time of a refund: its own where a column has it, else the order's."""
    known = vocabulary().refund_words
    ordered = sales.columns.date(sales.time or "").typed
    for column in sales.profile.columns:
        if set(raw_words(column)) & known and column != sales.time and sales.columns.is_date(column):
            return f"coalesce({sales.columns.date(column).typed}, {ordered})"
    return ordered


def paid(sales: Sales, sold: str, is_lines: bool) -> str:
    """SQL of what the buyer paid for an order, over its rows: the goods as they are mapped, shipping and tax.

    Args:
        sales: the table.
        sold: SQL of what a row's order, or its line, sold; empty where no column says.
        is_lines: whether it is the line's.
    """
    parts = [sales.columns.zero(g[0]) for g in (sales.amounts.shipping, sales.amounts.tax) if g]
    goods = sold or next((sales.columns.zero(c) for c in (*best_totals(sales), *sales.amounts.goods)), "0")
    return " + ".join([f"{'sum' if is_lines and sold else 'max'}({goods})", *(f"max({part})" for part in parts)])


def payment(sales: Sales, key: OrderKey, column: str, whole: str) -> MapDraft:
    """What was paid for orders of which money went back, and what went back.

    Args:
        sales: the table.
        key: what names an order.
        column: what went back.
        whole: SQL of what was paid, over the order's rows.
    """
    source = (
        "select *, unnest(['paid', 'refunded']) as kind\nfrom (\n"
        f"  select {key.sql} as order_id, min({sales.columns.date(sales.time or '').typed}) as ordered_at, "
        f"max({refunded_at(sales)}) as refunded_at,\n"
        f"    {whole} as paid, max(abs({sales.columns.zero(column)})) as refunded,\n"
        "    min(_source_file) as _source_file, min(_source_row) as _source_row\n"
        f"  from {sales.profile.relation} where {key.sql} is not null group by {key.sql}\n) where refunded <> 0"
    )
    columns = {
        "payment_id": MapColumn("order_id || '-' || kind"),
        "order_id": MapColumn("order_id"),
        "paid_at": MapColumn("case kind when 'paid' then ordered_at else refunded_at end"),
        "amount": MapColumn("case kind when 'paid' then greatest(paid, refunded) else -refunded end"),
    }
    comments = (f"guess: {column} went back to the buyer; orders of which nothing did are not here",)
    return MapDraft("payment", sales.profile.name, source, columns, comments=comments, score=SCORE)


def product_return(sales: Sales, key: OrderKey, column: str, number: str) -> MapDraft:
    """Lines of which money went back."""
    source = (
        f"select *, {refunded_at(sales)} as refunded_at\nfrom (select *, {number} as refunded_line "
        f"from {sales.profile.relation})\nwhere {some(sales, column)}"
    )
    columns = {
        "return_id": MapColumn(f"{key.sql} || '-' || refunded_line"),
        "order_id": MapColumn(key.sql),
        "line_no": MapColumn("refunded_line"),
        "kind": MapColumn("'return'"),
        "requested_at": MapColumn("refunded_at"),
        "amount": MapColumn(f"abs({sales.typed(column)})"),
    }
    if sales.product:
        columns["product_id"] = MapColumn(expression(sales.product))
    comments = (f"guess: {column} went back to the buyer",)
    return MapDraft("product_return", sales.profile.name, source, columns, comments=comments, score=SCORE)


def is_before(sales: Sales, column: str, is_lines: bool) -> bool:
    """Whether amounts are those before the refund, as the data prove.

    Quantity times price is the amount, or an order that went back as a whole has its amount still.
    """
    totals = [c for c in best_totals(sales) if c != column]
    if is_lines and any(total in sales.products for total in totals):
        return True
    for total in totals:
        whole = f"{some(sales, column)} and abs({sales.typed(total)} - abs({sales.typed(column)})) < {CLOSE}"
        if sales.profile.one("count(*)", whole):
            return True
        parts = [sales.columns.zero(g[0]) for g in (sales.amounts.shipping, sales.amounts.tax) if g]
        for goods in sales.amounts.goods:
            sql = " + ".join([sales.typed(goods), *parts])
            hits, rows = sales.profile.all(
                f"select count(*) filter (abs({sql} - {sales.typed(total)}) < {CLOSE}), count(*) from rows "
                f"where {some(sales, column)} and {sales.typed(goods)} is not null"
            )[0]
            if rows and hits == rows:
                return True
    return False


def with_question(sales: Sales, draft: MapDraft, column: str, amount: str) -> MapDraft:
    """The map with the choice whether the refunds are off the amounts already."""
    back = sales.profile.one(f"sum(abs({sales.columns.zero(column)}))") or 0
    sold = (sales.profile.one(f"sum({amount})") if amount else None) or 0
    shown = (f": {sold - back:,.2f} in all", f": {sold:,.2f} in all") if amount else ("", "")
    options = (
        Option(f"{column} still comes off{shown[0]}", "1 = 1"),
        Option(f"{column} is off already{shown[1]}", "false"),
    )
    where = MapColumn("1 = 1", "", options, is_optional=True)
    return MapDraft(
        draft.entity, draft.table, draft.source, draft.columns, comments=draft.comments, score=SCORE, where=where
    )


def with_refunds_of_lines(sales: Sales, amount: LineAmount) -> LineAmount:
    """The amount of lines that name no day, with the choice whether what was refunded comes off it."""
    found = refund_columns(sales)
    if not found or amount.options:
        return amount
    typed = amount.readings[0].typed if amount.readings else amount.sql
    ways = (
        Option(f"{found[0]} comes off each line", f"{typed} - abs({sales.columns.zero(found[0])})"),
        Option(f"{found[0]} is off already, or is no refund", typed),
    )
    return replace(amount, sql=typed, readings=(), options=with_totals(sales, ways, ()))

"""Orders that are cancelled and rows that are refunds, by columns beside the status: flags, days, kinds of row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestration.authoring.maps import MapColumn
from orchestration.authoring.naming import expression
from orchestration.authoring.profile import Profile
from orchestration.authoring.reading import Option
from orchestration.authoring.sales import OrderKey, Sales
from orchestration.authoring.vocabulary import plain, raw_words, vocabulary, words
from orchestration.platform.literals import quote, quote_name

STATUS = set(words("status"))


def cancelled(sales: Sales) -> tuple[str, str] | None:
    """SQL of whether a row is cancelled and its column: `cancelled` with yes or no, or the day of it."""
    known = vocabulary()
    names = known.translations("sales_order", "status")
    for column in sales.profile.columns:
        own = [word for word in raw_words(column) if word not in known.flag_words and "at" not in words(word)]
        if len(own) != 1 or names.get(own[0]) != "cancelled":
            continue
        values = {plain(value) for value in sales.profile.values(column)}
        if not values:
            continue
        if values <= known.yes | known.no:
            yes = ", ".join(quote(word) for word in sorted(known.yes))
            return f"coalesce(lower(trim({expression(column)}::varchar)) in ({yes}), false)", column
        if sales.columns.is_date(column):
            return f"nullif(trim({expression(column)}::varchar), '') is not null", column
    return None


def with_cancelled(sales: Sales, status: MapColumn | None, is_grouped: bool) -> MapColumn | None:
    """The status of an order, cancelled where a flag or a day says so; of lines where all of them are."""
    found = cancelled(sales)
    if found is None:
        return status
    flag, column = found
    other = status.sql if status else "null"
    flag, other = (f"bool_and({flag})", f"min({other})") if is_grouped else (flag, other)
    text = f"{status.comment}; " if status and status.comment else ""
    sql = f"case when {flag} then 'cancelled' else {other} end"
    return MapColumn(sql, f"{text}cancelled as {column} says", (), is_grouped)


def without_cancelled_lines(sales: Sales, key: OrderKey) -> tuple[Profile, list[str]]:
    """The table without lines that are cancelled while their order is not; and what was left out.

    An order of which every line is cancelled keeps them and is a cancelled order, unless another column or table says
    what its state is.
    """
    profile, own = sales.profile, order_status(sales, key)
    rules = {c: is_cancelled(sales, c) for c in profile.columns if set(words(c)) >= STATUS and c != own}
    if found := cancelled(sales):
        rules[found[1]] = found[0]
    rules = {c: rule for c, rule in rules.items() if rule and (sales.time is None or is_of_lines(sales, key, rule))}
    if not rules:
        return profile, []
    rule = " or ".join(rules.values())
    kept = f"where not ({rule})"
    if own and (whole := is_cancelled(sales, own)):
        kept += f" or {whole}"
    elif not own and sales.time is not None:
        kept = f"qualify not ({rule}) or bool_and({rule}) over (partition by {key.sql})"
    left = profile.kept(kept)
    return left, [f"{profile.rows - left.rows:,} lines are cancelled as {' and '.join(rules)} says: left out"]


def is_of_lines(sales: Sales, key: OrderKey, rule: str) -> bool:
    """Whether the rule holds for some lines of an order and not for others."""
    found = f"from rows where {key.sql} is not null group by {key.sql} having bool_or({rule}) and not bool_and({rule})"
    return bool(sales.profile.all(f"select 1 {found} limit 1"))


def order_status(sales: Sales, key: OrderKey) -> str | None:
    """The column of the order's state: the one taken for it, if all lines of an order have the same."""
    column = sales.orders.columns.get("status")
    if column is None or sales.time is None:
        return None
    several = sales.profile.one(
        f"count(*) from (select 1 from rows where {key.sql} is not null group by {key.sql} "
        f"having count(distinct {sales.profile.text(column)}) > 1) --"
    )
    return None if several else column


def is_cancelled(sales: Sales, column: str) -> str:
    """SQL of whether a column's value says that its row is cancelled; empty where none does."""
    names = vocabulary().translations("sales_order", "status")
    back = sorted({v.strip().lower() for v in sales.profile.values(column) if names.get(plain(v)) == "cancelled"})
    text = f"lower(trim({expression(column)}::varchar))"
    return f"coalesce({text} in ({', '.join(map(quote, back))}), false)" if back else ""


def refunds(sales: Sales, amount: str) -> str | None:
    """SQL of whether a row is a refund though its amount is positive; None where no column tells."""
    known = vocabulary()
    texts = [c for c in sales.profile.columns if sales.profile.is_text(c) and c != sales.orders.columns.get("status")]
    for column, values in of_few_values(sales.profile, texts).items():
        back = sorted(value for value in values if plain(value) in known.refunds)
        if back and len(values) <= MOST_KINDS:
            sql = f"coalesce(lower(trim({expression(column)})) in ({', '.join(map(quote, back))}), false)"
            if sales.profile.one("count(*)", f"{sql} and ({amount}) > 0"):
                return sql
    return None


def of_few_values(profile: Profile, columns: Sequence[str]) -> dict[str, set[str]]:
    """Columns of about as few distinct values as kinds have, with these in lower case; in two scans."""
    if not columns:
        return {}
    [counts] = profile.all(f"select {', '.join(f'approx_count_distinct({quote_name(c)})' for c in columns)} from rows")
    few = [column for column, count in zip(columns, counts, strict=True) if count <= 2 * MOST_KINDS]
    if not few:
        return {}
    [found] = profile.all(f"select {', '.join(f'list(distinct lower({profile.text(c)}))' for c in few)} from rows")
    return {c: {value for value in values or () if value is not None} for c, values in zip(few, found, strict=True)}


MOST_KINDS = 20  # distinct values of a column that says of which kind a row is


def with_refunds(sales: Sales, column: MapColumn, typed: str, extra: Sequence[str] = ()) -> MapColumn:
    """An amount per row, or the choice whether rows that are refunds come off it.

    Args:
        sales: the table.
        column: the amount.
        typed: SQL of it as a number.
        extra: columns that the map adds, which its options may name.
    """
    readings = column.options or (Option("", typed),)
    flag = refunds(sales, readings[0].typed)
    if flag is None:
        return column
    options = []
    for reading in readings:
        less = f"case when {flag} then -abs({reading.typed}) else {reading.typed} end"
        for text, sql in (("refunds come off", less), ("refunds count as sales", reading.typed)):
            [(total,)] = sales.profile.all(f"select sum({sql}) from (select {', '.join(['*', *extra])} from rows)")
            label = "; ".join(part for part in (reading.label, f"{text}: {total or 0:,.2f} in all") if part)
            options.append(Option(label, sql, reading.raw))
    return replace(column, options=tuple(options))

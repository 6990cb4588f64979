"""Rows of a table of sales that sum up others: totals below an order, a group of orders or the whole file.

Such a row says so in a cell (`Summe`, `B17 Total`), names no order, or names no product. It is left out where its
amount is the sum of the rows that it stands for; where that is not so, the user is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestration.authoring.maps import MapColumn
from orchestration.authoring.naming import expression
from orchestration.authoring.profile import Profile
from orchestration.authoring.reading import Option
from orchestration.authoring.sales import CLOSE, OrderKey, Sales
from orchestration.authoring.vocabulary import plain, vocabulary
from orchestration.platform.literals import quote

LABELS = 12  # first columns of a table in which a row may say that it is a total
MUCH = (
    0.5  # share of orders whose rows without a product are worth as much as the others, from which they may be totals
)
# How a cell says that its row is a total, and whether it says nothing else.
WAYS = ((r"({})\s*[:：=]?", True), (r"({})[\s:：=(].+", False), (r".*[\s:：-]({})", False))
SEVERAL = 2  # rows that must be the sum of others where one row alone could be by chance


@dataclass(frozen=True)
class Kept:
    """The rows of a table that are sales.

    Args:
        profile: the table without rows that are proven to sum up others.
        notes: what was left out.
        where: the choice whether rows count that may be such sums; None where nothing is open.
    """

    profile: Profile
    notes: tuple[str, ...] = ()
    where: MapColumn | None = None


@dataclass(frozen=True)
class Label:
    """How some rows say that they are totals: in a column, by words alone, or by words beside others.

    Args:
        column: the column.
        rule: SQL of whether a row says so; never null.
        examples: cells that do.
        is_alone: whether the cell holds nothing else; `Total 5W30` may be a product.
    """

    column: str
    rule: str
    examples: tuple[str, ...]
    is_alone: bool


def without_sums(sales: Sales, key: OrderKey) -> Kept:
    """The table's rows without those that sum up others."""
    profile = sales.profile
    found = [label for column in label_columns(sales) for label in labels_of(profile, column)]
    no_key = f"{profile.text(key.column)} is null" if key.column else "false"
    blank = f"{profile.text(sales.product)} is null" if sales.product else "false"
    if not found and not profile.one("count(*)", f"({no_key}) or ({blank})"):
        return Kept(profile)
    may_be = [*(label.rule for label in found), *([no_key] if key.column else [])]
    judge(sales, key, " or ".join(may_be) or "false", blank)
    rules, notes, where = [], [], None
    for label in found:
        rows, sums = counted(sales, label.rule, lacking(sales, key, label))
        said = ", ".join(f"“{cell}”" for cell in label.examples)
        if sums == rows:
            rules.append(label.rule)
            notes.append(f"{rows:,} rows are totals of others ({said}): left out")
        elif label.is_alone and where is None:
            where = asked_of(sales, key, label.rule, f"rows that say they are totals ({said})")
    rows, sums = counted(sales, no_key)
    if rows and rows == sums:
        rules.append(no_key)
        notes += [f"{rows:,} rows without {key.column} are totals of others: left out"] * (not rules[:-1])
    alone = no_product(sales, key, blank)
    if isinstance(alone, str):
        rules.append(alone)
        notes.append(f"rows without {sales.product} whose amount is the sum of their order's others: left out")
    where = where or (alone if isinstance(alone, MapColumn) else None)
    if not rules:
        return Kept(profile, (), where)
    return Kept(profile.kept(f"where not ({' or '.join(rules)})"), tuple(notes), where)


def label_columns(sales: Sales) -> list[str]:
    """Columns of text in which a row may say that it is a total; a customer may be called so."""
    mapped = {*sales.orders.columns.values(), *sales.lines.columns.values()}
    return [
        c
        for i, c in enumerate(sales.profile.columns)
        if sales.profile.is_text(c) and c not in sales.amounts.all
        and (i == 0 or (c != sales.customer and (i < LABELS or c in mapped)))
    ]  # fmt: skip


def labels_of(profile: Profile, column: str) -> list[Label]:
    """How rows say in a column that they are totals."""
    words = "|".join(sorted({plain(word) for word in vocabulary().sum_words}, key=lambda word: (-len(word), word)))
    cell = f"lower(strip_accents(trim({expression(column)})))"
    any_way = "|".join(pattern.format(words) for pattern, _ in WAYS)
    hits = profile.all(
        f"select cell, min(v) from (select v, {cell.replace(expression(column), 'v')} as cell from "
        f"(select distinct {expression(column)} as v from rows)) where regexp_full_match(cell, {quote(any_way)}) "
        "group by cell order by cell"
    )
    found = []
    for pattern, is_alone in WAYS:
        matches = [(re.fullmatch(pattern.format(words), value), shown) for value, shown in hits]
        said = [(match[1], str(shown).strip()) for match, shown in matches if match]
        if said:
            own = "|".join(sorted({word for word, _ in said}))
            rule = f"coalesce(regexp_full_match({cell}, {quote(pattern.format(own))}), false)"
            found.append(Label(column, rule, tuple(shown for _, shown in said[:2]), is_alone))
    return found


def lacking(sales: Sales, key: OrderKey, label: Label) -> str:
    """SQL of whether a row that says nothing but that it is a total cannot be a sale: no order's number, or no day."""
    if not label.is_alone:
        return "false"
    if label.column == key.column:
        return "true"
    return f"{sales.profile.text(sales.time)} is null" if sales.time else "false"


def counted(sales: Sales, rule: str, no_sale: str = "false") -> tuple[int, int]:
    """Rows of a rule, and how many of them are sums or otherwise no sales."""
    rows, sums = sales.profile.all(
        f"select count(*), count(*) filter (j.is_sum or {no_sale}) from rows inner join judged as j "
        f"on rows._source_file is not distinct from j.f and rows._source_row = j.n where {rule}"
    )[0]
    return int(rows), int(sums)


def judge(sales: Sales, key: OrderKey, may_be: str, blank: str) -> None:
    """Fill `judged`: for each row whether it may be a sum, names no product, and is the sum of others.

    Args:
        sales: the table.
        key: what names an order.
        may_be: SQL of whether a row says that it is a total, or names no order.
        blank: SQL of whether it names no product.
    """
    amounts = list(dict.fromkeys((*sales.amounts.totals, *sales.amounts.goods)))
    named = "".join(f", {sales.typed(c)} as a{i}" for i, c in enumerate(amounts))
    sales.profile.con.execute(
        f"create or replace temp table judged as with r as (select _source_file as f, _source_row as n, {key.sql} as k,"
        f" {may_be} as may_be, {blank} as no_product{named} from rows), s as (select *, count(*) filter (may_be) over "
        "(partition by f order by n rows between unbounded preceding and 1 preceding) as part from r) "
        f"select *, {is_sum(len(amounts))} as is_sum, {is_sum_of_order(len(amounts))} as is_order_sum from s"
    )


def is_sum(amounts: int) -> str:
    """SQL of whether a row's amount is the sum of those of its file, of the rows above it, or of its order.

    A total of orders whose amounts stand on each of their lines counts each once. A row without amounts says nothing.
    """
    found = []
    for i in range(amounts):
        sums = [f"sum(a{i}) filter (not may_be) over (partition by {by})" for by in ("f", "f, part", "k", "1")]
        sums.append(f"(select sum(m) from (select max(a{i}) as m from r where not may_be group by k))")
        near = " or ".join(f"abs(a{i} - {total}) < {CLOSE}" for total in sums)
        found.append(f"coalesce({near}, false)")
    empty = " and ".join(f"a{i} is null" for i in range(amounts)) or "false"
    return f"({' or '.join([*found, f'({empty})'])})"


def is_sum_of_order(amounts: int) -> str:
    """SQL of whether a row's amount is the sum of its order's rows that name a product."""
    found = [
        f"coalesce(abs(a{i} - sum(a{i}) filter (not (may_be or no_product)) over (partition by k)) < {CLOSE}, false)"
        for i in range(amounts)
    ]
    return f"({' or '.join(found) or 'false'})"


def no_product(sales: Sales, key: OrderKey, blank: str) -> str | MapColumn | None:
    """Rows that name an order and no product: SQL of those that sum up the others, a choice, or None."""
    if not sales.product or not sales.amounts.totals:
        return None
    alone, sums, of_several = sales.profile.all(
        "select count(*), count(*) filter (is_order_sum), count(*) filter (is_order_sum and others > 1) from (select "
        "*, count(*) filter (not no_product) over (partition by k) as others from judged) "
        "where no_product and not may_be and others > 0"
    )[0]
    if not alone:
        return None
    if sums == alone and (of_several or sums >= SEVERAL):
        return blank
    as_much, orders = sales.profile.all(
        "select count(*) filter (alone >= others), count(*) from (select sum(a0) filter (no_product) as alone, "
        "sum(a0) filter (not no_product) as others from judged where not may_be group by k) "
        "where alone > 0 and others > 0"
    )[0]
    if sums or (orders and as_much >= MUCH * orders):
        return asked_of(sales, key, blank, f"rows without {sales.product}")
    return None


def asked_of(sales: Sales, key: OrderKey, rule: str, text: str) -> MapColumn:
    """The choice whether rows count."""
    column = next(iter((*sales.amounts.totals, *sales.amounts.goods)), None)
    named = f"{key.sql} is not null"
    sums = ("", "")
    if column:
        every = sales.profile.one(f"sum({sales.typed(column)})", named)
        less = sales.profile.one(f"sum({sales.typed(column)})", f"{named} and not ({rule})")
        sums = (f": {column} {less or 0:,.2f} in all", f": {column} {every or 0:,.2f} in all")
    options = (
        Option(f"{text} are left out{sums[0]}", f"not ({rule})"),
        Option(f"{text} are sales like the others{sums[1]}", "1 = 1"),
    )
    return MapColumn("true", "", options, is_optional=True)

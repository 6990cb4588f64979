"""What a table of sales holds: its order's key, time, customer and product, and whose its amounts are.

An amount that stays the same over all lines of an order is the order's; quantity times price is a line's; an order's
total less shipping, tax and discount is the goods' where the sums agree.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestration.authoring.amounts import amounts_of
from orchestration.authoring.columns import Columns, has_word
from orchestration.authoring.likeness import ENOUGH, likeness, name_likeness
from orchestration.authoring.naming import expression
from orchestration.authoring.profile import Profile
from orchestration.authoring.vocabulary import raw_words, vocabulary, words
from orchestration.config.contracts import Contract

AGREE = 0.95  # share of orders in which sums must agree
CLOSE = "0.011"  # difference for each line that rounding to cents may make
ONE_DAY = 0.8  # share of order numbers whose lines are of one day or customer; counts repeat over many days
CHANCE = 0.01  # chance below which amounts that are alike within each order are no accident
Goods = tuple[str, tuple[str, ...]]  # what goods are worth: an amount, and the columns that come off it
OF_ORDER = (
    "order_id", "customer_id", "ordered_at", "paid_at", "shipped_at", "delivered_at", "cancelled_at", "status",
    "channel", "store_id", "currency",
)  # fmt: skip


@dataclass(frozen=True)
class OrderKey:
    """What names an order in the table: SQL, the column if it is one, and what was guessed."""

    sql: str
    column: str | None
    comment: str = ""


class Sales:
    """A table of sales.

    Args:
        profile: the table.
        contracts: the entities.
    """

    def __init__(self, profile: Profile, contracts: Mapping[str, Contract]) -> None:
        self.profile, self.contracts = profile, contracts
        samples = profile.samples()
        self.columns = Columns(profile)
        self.amounts = amounts_of(self.columns)
        self.columns.measures = tuple(c for c in self.amounts.all if profile.is_text(c))
        attributes = profile.samples([c for c in profile.columns if c not in self.amounts.all])
        self.orders = likeness(profile.name, attributes, contracts["sales_order"])
        self.lines = likeness(profile.name, samples, contracts["order_line"])
        self.prove_numbers()
        self.find_prices()
        self.find_time()

    def find_time(self) -> None:
        """Take the time of creation, or the only date there is, for the order's where nothing is named so."""
        column = self.orders.columns.get("ordered_at")
        if column and self.columns.is_date(column):
            return
        dates = [c for c in self.profile.columns if c not in self.amounts.all and self.columns.is_date(c)]
        created = [c for c in dates if "registered" in words(c)]
        chosen = next(iter(created), dates[0] if len(dates) == 1 else None)
        if chosen:
            given = {w: c for w, c in self.orders.columns.items() if c != chosen and w != "ordered_at"}
            self.orders = replace(self.orders, columns=given | {"ordered_at": chosen})

    def prove_numbers(self) -> None:
        """Read numbers by quantity times price, where that is an amount of the table."""
        self.products: set[str] = set()
        for q, p, a in itertools.product(self.amounts.quantities, self.amounts.prices, self.amounts.totals):
            if self.columns.prove_by_product(q, p, a):
                self.products.add(a)

    def find_prices(self) -> None:
        """Take an amount for a price that stays the same for a product however many pieces are sold."""
        if self.amounts.prices or not self.amounts.quantities or self.product is None:
            return
        prices = tuple(c for c in self.amounts.totals if c not in self.products and self.is_price(c))
        if prices:
            totals = tuple(c for c in self.amounts.totals if c not in prices)
            self.amounts = replace(self.amounts, totals=totals, prices=prices)

    def is_price(self, column: str) -> bool:
        """Whether an amount is that of one piece, by products that are sold in several quantities."""
        amount, pieces = self.typed(column), self.typed(self.amounts.quantities[0])
        product = self.profile.text(self.product or "")
        alike, per_piece, products = self.profile.all(
            "select count(*) filter (a = 1), count(*) filter (p = 1), count(*) from (select count(distinct a) as a, "
            f"count(distinct round(a / q, 3)) as p from (select {product} as product, {amount} as a, {pieces} as q "
            "from rows) where a <> 0 and q > 0 group by product having count(distinct q) > 1)"
        )[0]
        return bool(products) and alike >= AGREE * products and per_piece < 0.5 * products

    # What the table is -------------------------------------------------------------------------------------------

    @property
    def time(self) -> str | None:
        """The column of the order's time."""
        column = self.orders.columns.get("ordered_at")
        return column if column and self.columns.is_date(column) else None

    @property
    def customer(self) -> str | None:
        """The column of the customer: an id, else an e-mail address, else a name."""
        found = self.orders.columns.get("customer_id")
        if found and {"customer"} & set(words(found)):
            return found
        emails = [c for c in self.profile.columns if "email" in words(c)]
        names = [c for c in self.profile.columns if {"customer", "name"} <= set(words(c))]
        return next(iter([*emails, *names]), None)

    def names_sales(self) -> bool:
        """Whether the table's name is that of sales."""
        own = set(words(self.profile.name))
        return bool(own & {"order", "net"}) or name_likeness(self.profile.name, "sales_order", "sales_order") > ENOUGH

    def order_key(self) -> OrderKey | None:
        """What names an order: a number; else customer and time, as a guess."""
        column = self.orders.columns.get("order_id")
        if column and ("order" in words(column) or self.names_sales()) and self.profile.filled(column):
            return OrderKey(expression(column), column) if self.is_of_one_day(column) else None
        numbers = [c for c in self.profile.columns if words(c) == ["id"] and self.profile.is_unique(c)]
        if self.time and self.customer and numbers and not self.amounts.quantities:
            text = (
                f"guess: no column is called an order number; {numbers[0]}, which no two rows share, is taken for one"
            )
            return OrderKey(expression(numbers[0]), numbers[0], text)
        if self.time and self.customer:
            parts = (expression(self.customer), expression(self.time))
            text = f"guess: no column is an order number; lines of one {self.customer} and {self.time} are one order"
            return OrderKey(f"concat_ws(' ', {', '.join(parts)})", None, text)
        return None

    def is_of_one_day(self, column: str) -> bool:
        """Whether a column may name orders: most rows have a value, and a number has one day or one customer."""
        if self.profile.filled(column) < 0.5 * self.profile.rows or not self.profile.filled(column):
            return False
        if self.time is None or "id" in words(column) or not self.columns.is_number(column):
            return True
        day, value = f"({self.columns.date(self.time).typed})::date", self.profile.text(column)
        whose = self.profile.text(self.customer) if self.customer else f"{value} || {day}"
        alike, whole, values = self.profile.all(
            "select count(*) filter (days <= 1), count(*) filter (customers <= 1), count(*) from (select "
            f"count(distinct {day}) as days, count(distinct {whose}) as customers from rows "
            f"where {value} is not null group by {value})"
        )[0]
        return bool(max(alike, whole) >= ONE_DAY * values)

    @property
    def line_name(self) -> str:
        """Name of the lines' numbers where they are counted: none of the table's columns."""
        return self.free_name("line_no")

    def free_name(self, name: str) -> str:
        """The name, changed until none of the table's columns is called so."""
        taken = {column.lower() for column in self.profile.columns}
        while name in taken:
            name = f"counted_{name}"
        return name

    @property
    def product(self) -> str | None:
        """The column of the product: an id, else a name."""
        found = self.lines.columns.get("product_id")
        if found and "product" in words(found) and found not in self.amounts.all:
            return found
        named = (c for c in self.profile.columns if {"product", "name"} <= set(words(c)))
        return next((c for c in named if self.profile.filled(c)), None)

    # Sums over orders --------------------------------------------------------------------------------------------

    def typed(self, column: str) -> str:
        """SQL of a column's number."""
        return self.columns.number(column).typed

    def constant_within(self, key: OrderKey, column: str) -> str:
        """Whose an amount is: `order`, `line`, or `ask` where neither the data nor the name tells."""
        value = self.typed(column)
        multi, varying, extra = self.profile.all(
            "select count(*), count(*) filter (d > 1), sum(n - 1) from (select count(*) as n, "
            f"count(distinct {value}) as d from rows where {key.sql} is not null group by {key.sql}) where n > 1"
        )[0]
        is_orders = has_word(column, vocabulary().order_words) and not has_word(column, vocabulary().line_words)
        if column in self.products and self.is_telling(column):
            return "line"
        if not multi:
            says_order = has_word(column, vocabulary().order_words - {"total"}) or bool(
                self.amounts.shipping or self.amounts.tax
            )
            return "order" if is_orders and says_order else "line"
        if varying > (1 - AGREE) * multi:
            return "line"
        if is_orders:
            return "order"
        alike = self.profile.one(
            "sum(share * share) from (select count(*) / sum(count(*)) over () as share from rows "
            f"where {value} is not null group by {value}) --"
        )
        if float(alike or 1) >= 0.999:
            return "line"
        if has_word(column, vocabulary().line_words):
            return "ask"
        return "order" if float(alike) ** int(extra) < CHANCE else "ask"

    def varies(self, key: OrderKey, column: str) -> bool:
        """Whether a number differs between lines of one order."""
        return bool(
            self.profile.one(
                f"count(*) from (select 1 from rows where {key.sql} is not null group by {key.sql} "
                f"having count(distinct {self.typed(column)}) > 1) --"
            )
        )

    def is_telling(self, column: str) -> bool:
        """Whether an amount that is quantity times price says so of lines: quantity or price vary within orders."""
        return bool(self.profile.one("count(*)", f"{self.typed(column)} is not null"))

    def per_order(self, column: str) -> str:
        """SQL of an order's own amount from a column: the one value of its lines, or their sum where they differ."""
        value = self.typed(column)
        return f"coalesce(case when count(distinct {value}) > 1 then sum({value}) else max({value}) end, 0)"

    def per_order_formula(self, key: OrderKey, parts: Goods) -> str:
        """SQL of an order's own amount less others, over the lines of the order."""
        sums = [
            self.columns.total(c) if self.varies(key, c) else f"max({self.columns.zero(c)})"
            for c in (parts[0], *parts[1])
        ]
        return " - ".join(sums)

    def agree(self, key: OrderKey, left: str, right: str) -> bool:
        """Whether two sums over the lines of each order are the same in nearly all orders."""
        hits, orders = self.profile.all(
            f"select count(*) filter (abs(l - r) <= {CLOSE} * n), count(*) from (select count(*) as n, {left} as l, "
            f"{right} as r from rows where {key.sql} is not null group by {key.sql})"
        )[0]
        return bool(orders) and hits >= AGREE * orders

    def goods_formulas(self, totals: Sequence[str]) -> list[Goods]:
        """What the goods of an order may be worth: total less shipping, tax, discount; formulas with their columns."""
        less = [group[0] for group in (self.amounts.shipping, self.amounts.tax, self.amounts.discount) if group]
        found: list[Goods] = []
        for goods in self.amounts.goods:
            found.append((goods, ()))
            found += [(goods, (d,)) for d in self.amounts.discount[:1]]
        for total in totals:
            for size in range(len(less), -1, -1):
                found += [(total, parts) for parts in itertools.combinations(less, size)]
        return found


def formula(sales: Sales, parts: Goods, first: str = "") -> str:
    """SQL of an amount less others; null where one of them is not readable."""
    return " - ".join([first or sales.typed(parts[0]), *(sales.columns.zero(name) for name in parts[1])])


def best_totals(sales: Sales) -> list[str]:
    """Columns of totals, those first that say net or that are an order's."""
    known = vocabulary()

    def rank(column: str) -> tuple[int, int]:
        raw = set(raw_words(column))
        is_net = bool(raw & known.net_words)
        return (0 if is_net else 1 if raw & known.order_words else 2, sales.profile.columns.index(column))

    return sorted(sales.amounts.totals, key=rank)

"""Orders and lines of two tables held against each other: what agrees is proven, what disagrees is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from orchestration.authoring.maps import MapColumn, MapDraft
from orchestration.authoring.naming import expression
from orchestration.authoring.profile import Profile
from orchestration.authoring.reading import Option
from orchestration.authoring.sales import AGREE, CLOSE, Sales, best_totals, formula
from orchestration.config.contracts import Contract
from orchestration.conform.casting import plain_number


@dataclass(frozen=True)
class Side:
    """One of the two tables: its map, rows, and what an order may be worth by it.

    Args:
        draft: the map.
        profile: the table.
        ways: amounts of a row, typed, each with its label.
    """

    draft: MapDraft
    profile: Profile
    ways: tuple[Option, ...]

    def sums(self) -> str:
        """SQL of order, rows, and each way's amount, over the tables as the map names them."""
        amounts = ", ".join(f"sum({way.typed})::decimal(38,4) as w{i}" for i, way in enumerate(self.ways))
        key = self.draft.columns["order_id"].sql
        return (
            f"select trim(({key})::varchar) as k, count(*) as n, {amounts} from ({inner(self.draft.source)}) group by 1"
        )


def held_together(
    maps: Sequence[MapDraft], profiles: Sequence[Profile], contracts: Mapping[str, Contract], known: set[str]
) -> tuple[list[MapDraft], list[str]]:
    """Maps in which lines and orders of two tables agree, or a question which of them is right; and what was found.

    Args:
        maps: of the source.
        profiles: its tables.
        contracts: the entities.
        known: tables of known forms, whose amounts need no proof.
    """
    by_entity = {draft.entity: draft for draft in maps if draft.is_active}
    orders, lines = by_entity.get("sales_order"), by_entity.get("order_line")
    if orders is None or lines is None or orders.table == lines.table or {orders.table, lines.table} & known:
        return list(maps), []
    tables = {profile.name: profile for profile in profiles}
    left = Side(orders, tables[orders.table], order_ways(orders, tables[orders.table], contracts))
    right = Side(lines, tables[lines.table], line_ways(lines, tables[lines.table]))
    if not left.ways:
        return list(maps), []
    common, found = compared(left, right)
    if not common:
        return list(maps), [f"{lines.table}: none of its orders is in {orders.table}: check what numbers them"]
    changed = proven(left, right, found) if found else asked(left, right)
    return [changed.get(draft.entity, draft) for draft in maps], []


def order_ways(draft: MapDraft, profile: Profile, contracts: Mapping[str, Contract]) -> tuple[Option, ...]:
    """What an order may be worth by its own table: as drafted first, then other formulas of its amounts."""
    column = draft.columns.get("net_amount")
    if column is None:
        return ()
    sales = Sales(profile, contracts)
    first = column.options or (Option("", typed_of(draft, profile, column.sql)),)
    if "group by" in draft.source:
        return tuple(first)  # its columns are those of the groups
    more = [(formula(sales, net), net) for net in sales.goods_formulas(best_totals(sales))]
    named = [Option(f"{n[0]} less {' and '.join(n[1])}" if n[1] else n[0], sql) for sql, n in more]
    return (*first, *named)


def line_ways(draft: MapDraft, profile: Profile) -> tuple[Option, ...]:
    """What a line may be worth."""
    column = draft.columns["net_amount"]
    return column.options or (Option("", typed_of(draft, profile, column.sql)),)


def typed_of(draft: MapDraft, profile: Profile, sql: str) -> str:
    """An expression of a map as a number; text as the map's formats say."""
    profile.name_tables()
    kind = profile.all(f"describe select ({sql}) as x from ({inner(draft.source)})")[0][1]
    text = plain_number(f"trim({sql})", draft.style.formats) if kind == "VARCHAR" else f"({sql})"
    return f"try_cast({text} as decimal(18,4))"


def compared(left: Side, right: Side) -> tuple[int, tuple[int, int] | None]:
    """Orders that both sides have, and the places of the first two ways that agree in nearly all of them."""
    right.profile.name_tables()
    left.profile.name_tables()
    con = left.profile.con
    con.register("line_sums", right.profile.con.execute(right.sums()).to_arrow_table())
    pairs = [(i, j) for j in range(len(right.ways)) for i in range(len(left.ways))]
    hits = ", ".join(f"count(*) filter (abs(o.w{i} - l.w{j}) <= {CLOSE} * l.n)" for i, j in pairs)
    [(common, *counts)] = con.execute(
        f"select count(*), {hits} from ({left.sums()}) as o inner join line_sums as l on o.k = l.k"
    ).fetchall()
    con.unregister("line_sums")
    agreeing = (pair for pair, count in zip(pairs, counts, strict=True) if common and count >= AGREE * common)
    return int(common), next(agreeing, None)


def proven(left: Side, right: Side, found: tuple[int, int]) -> dict[str, MapDraft]:
    """The maps with the amounts that agree."""
    i, j = found
    changed: dict[str, MapDraft] = {}
    if i or left.draft.columns["net_amount"].options:
        column = replace(
            left.draft.columns["net_amount"], sql=left.ways[i].typed, options=(),
            comment=f"{left.ways[i].label.split(':')[0]}: {right.draft.table} adds up to it",
        )  # fmt: skip
        changed["sales_order"] = with_amount(left.draft, column)
    if right.draft.columns["net_amount"].options:
        said = f"{right.ways[j].label}; the totals of {left.draft.table} agree"
        changed["order_line"] = with_amount(right.draft, MapColumn(right.ways[j].typed, said))
    return changed


def with_amount(draft: MapDraft, column: MapColumn) -> MapDraft:
    """The map with another amount."""
    written = column.sql + " ".join(option.typed for option in column.options)
    left = tuple(name for name in draft.left_over if expression(name) not in written)
    return replace(draft, columns=draft.columns | {"net_amount": column}, left_over=left)


def asked(left: Side, right: Side) -> dict[str, MapDraft]:
    """The map of lines with the choice between what they say and what their orders say."""
    orders, lines = left.draft, right.draft
    drafted = left.ways[: max(len(orders.columns["net_amount"].options), 1)]
    names = right.profile.columns
    key = next(n for n in ("order_net_id", "net_of_order_id") if n not in names)
    nets = [f"order_net_{i}" for i in range(1, len(drafted) + 1)]
    total = "order_lines" if "order_lines" not in names else "sum_of_order_lines"
    each, options = right.ways[0], []
    for way in right.ways:
        sums = right.profile.all(f"select sum({way.typed}) from ({inner(lines.source)})")[0][0]
        label = way.label or f"what {lines.table} says (tax, shipping or a discount is the difference)"
        options.append(Option(label if "in all" in label else f"{label}: {sums or Decimal(0):,.2f} in all", way.typed))
    for name, way in zip(nets, drafted, strict=True):
        sums = left.profile.all(f"select sum({way.typed}) from ({inner(orders.source)})")[0][0]
        said = f"each line's share of what {orders.table} says: {way.label or f'{sums or Decimal(0):,.2f} in all'}"
        shared = f"(({each.typed}) * {name} / {total})::decimal(18,4)"
        options.append(Option(said, f"case when {name} is null or {total} = 0 then {each.typed} else {shared} end"))
    worth = ", ".join(f"{way.typed} as {name}" for name, way in zip(nets, drafted, strict=True))
    source = (
        f"select *, sum({each.typed}) over (partition by {key}) as {total}\n"
        f"from (select *, trim(({lines.columns['order_id'].sql})::varchar) as {key} from ({inner(lines.source)}))\n"
        f"left join (\n  select trim(({orders.columns['order_id'].sql})::varchar) as {key}, {worth}\n"
        f"  from ({inner(orders.source)})\n) using ({key})"
    )
    column = MapColumn(each.typed, "", tuple(options))
    return {"order_line": replace(with_amount(lines, column), source=source)}


def inner(source: str) -> str:
    """`from` of a map as a query."""
    return source if source.lstrip().lower().startswith("select") else f"select * from {source}"

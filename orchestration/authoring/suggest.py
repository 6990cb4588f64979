"""Draft a map: which entity a table may fill, and which of its columns, by likeness of names and of content."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestration.contracts import Column, Contract
from orchestration.literals import quote_name, reserved

# Words that people use for the same thing. Left: as written in files; right: as the contracts have it.
WORDS = {
    "no": "id", "nr": "id", "num": "id", "number": "id", "code": "id", "key": "id", "kunde": "customer",
    "kunden": "customer",
    "client": "customer", "cust": "customer", "buyer": "customer", "member": "customer", "user": "customer",
    "household": "customer", "account": "customer", "sku": "product", "item": "product", "article": "product",
    "artikel": "product", "rechnung": "order", "stock": "product", "prod": "product",
    "invoice": "order", "basket": "order",
    "receipt": "order", "transaction": "order", "bestellung": "order", "shop": "store", "outlet": "store",
    "branch": "store", "qty": "quantity", "pieces": "quantity", "units": "quantity", "menge": "quantity",
    "count": "quantity", "total": "net_amount", "value": "net_amount", "sales": "net_amount", "net": "net_amount",
    "betrag": "net_amount", "sum": "net_amount", "datetime": "at", "timestamp": "at",
    "ts": "at", "date": "at", "time": "at",
    "on": "at", "datum": "at", "when": "at", "placed": "order", "bought": "order",
    "purchased": "order", "ordered": "order",
    "mail": "email", "e": "email",
    "first": "given", "last": "family", "tel": "phone", "telephone": "phone", "telefon": "phone", "cell": "mobile",
    "handy": "mobile", "dob": "birth_date", "birthday": "birth_date", "born": "birth_date", "sex": "gender",
    "firstname": "given_name", "forename": "given_name", "vorname": "given_name", "lastname": "family_name",
    "surname": "family_name", "nachname": "family_name", "zip": "postal_code", "plz": "postal_code",
    "postcode": "postal_code", "street": "address_line", "address": "address_line", "strasse": "address_line",
    "town": "city", "stadt": "city", "ort": "city", "state": "region", "land": "country", "category": "category_1",
    "department": "category_1", "description": "name",
    "bezeichnung": "name", "created": "registered", "joined": "registered", "since": "registered",
    "modified": "updated", "changed": "updated", "price": "unit_price", "preis": "unit_price", "line": "line_no",
    "position": "line_no", "pos": "line_no", "amount": "net_amount", "geburtstag": "birth_date",
    "geburtsdatum": "birth_date", "angelegt": "registered_at", "preise": "unit_price",
}  # fmt: skip
FILLERS = {"unique", "rec", "record", "row", "the", "of"}  # words that say nothing beside others
ENOUGH = 0.62  # likeness of two names from which a column is suggested
CONTENT = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "phone": re.compile(r"\+?[\d\s()/.-]{6,20}"),
    "timestamp": re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*|\d{1,2}[./]\d{1,2}[./]\d{2,4} \d{1,2}:\d\d.*"),
    "date": re.compile(r"\d{4}-\d\d-\d\d([T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}.*"),
    "number": re.compile(r"[+-]?[\d.,' ]*\d"),
    "integer": re.compile(r"[+-]?\d+"),
}


@dataclass(frozen=True)
class Draft:
    """A suggested map of a table."""

    table: str
    entity: str
    columns: dict[str, str]
    score: float
    lacking: tuple[str, ...]
    left_over: tuple[str, ...]


def words(name: str) -> list[str]:
    """A name's words in the contracts' terms: `CustNo` → customer, id."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    parts = re.findall(r"[^\W_]+", split.lower())
    parts = [part for part in parts if part not in FILLERS] or parts
    return list(dict.fromkeys("_".join(WORDS.get(part) or singular(part) for part in parts).split("_")))


def singular(word: str) -> str:
    """A word without the s of an English plural; the same on both sides of a comparison, so it need be no word."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def name_likeness(given: str, wanted: str, entity: str) -> float:
    """Likeness of a file's column name to a contract's, 0 to 1. In a table of products, `id` is the product's."""
    own = entity.removeprefix("sales_")
    left, right = words(given), words(wanted)
    if right in (left, [own, *left]) or left == [own, *right]:
        return 1.0
    shared = len(set(left) & set(right))
    by_words = 2 * shared / (len(set(left)) + len(set(right)))
    by_letters = difflib.SequenceMatcher(None, "_".join(left), "_".join(right)).ratio()
    return 0.6 * by_words + 0.4 * by_letters


def content_fits(values: Sequence[str], wanted: str, spec: Column) -> float:
    """Share of sample values that the contract column could hold; 1 where nothing is known of them."""
    known = [value for value in values if value]
    if not known:
        return 1.0
    if spec.allowed:
        return sum(value.lower() in spec.allowed for value in known) / len(known)
    special = {"email": "email", "phone": "phone", "mobile": "phone"}.get(wanted)
    kind = special or {"money": "number", "quantity": "number", "boolean": None}.get(spec.type, spec.type)
    pattern = CONTENT.get(kind or "")
    if kind == "timestamp":
        return sum(bool(CONTENT["date"].fullmatch(v) or CONTENT["timestamp"].fullmatch(v)) for v in known) / len(known)
    return sum(bool(pattern.fullmatch(value)) for value in known) / len(known) if pattern else 1.0


def draft_for(table: str, samples: Mapping[str, Sequence[str]], contract: Contract) -> Draft:
    """The best map of a table to one entity: each column used once, the likeliest pairs first.

    Args:
        table: its name.
        samples: column → some values as text.
        contract: the entity.
    """
    pairs = []
    for given, values in samples.items():
        for wanted, spec in contract.columns.items():
            likeness = name_likeness(given, wanted, contract.entity)
            if likeness >= ENOUGH:
                fit = content_fits(values, wanted, spec)
                if fit >= 0.5:
                    pairs.append((likeness * fit, given, wanted))
    columns: dict[str, str] = {}
    score = 0.0
    for likeness, given, wanted in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if wanted not in columns and given not in columns.values():
            columns[wanted] = given
            score += likeness
    ordered = {name: columns[name] for name in contract.columns if name in columns}
    lacking = tuple(n for n, spec in contract.columns.items() if spec.required and n not in columns)
    left_over = tuple(name for name in samples if name not in columns.values())
    required = sum(spec.required for spec in contract.columns.values())
    name_bonus = 2 * name_likeness(table, contract.entity, contract.entity)
    return Draft(
        table, contract.entity, ordered, score / len(samples) * (required - len(lacking) + 1) / (required + 1)
        + name_bonus / 4, lacking, left_over,
    )  # fmt: skip


@dataclass(frozen=True)
class Flat:
    """A table of sales lines that repeats order, customer and product on each line, as exports and spreadsheets do."""

    table: str
    lines: Draft
    orders: Draft
    customers: Draft | None
    products: Draft | None

    def maps(self, decimal: str, thousands: str) -> dict[str, str]:
        """YAML of a map for each entity that the table holds."""
        order = expression(self.orders.columns["order_id"])
        columns = {wanted: expression(given) for wanted, given in self.lines.columns.items()}
        source = self.table
        if "line_no" not in columns:
            source = f"select *, row_number() over (partition by {order} order by _source_row) as line_no from {source}"
            columns["line_no"] = "line_no"
        if "net_amount" not in columns:
            factors = (in_decimal(columns[name], decimal, thousands) for name in ("quantity", "unit_price"))
            columns["net_amount"] = " * ".join(factors)
        found = {"sales_order": self.grouped(self.orders, "order_id")}
        found["order_line"] = block("order_line", source, columns)
        for draft, key in ((self.customers, "customer_id"), (self.products, "product_id")):
            if draft:
                found[draft.entity] = self.grouped(draft, key)
        return found

    def grouped(self, draft: Draft, key: str) -> str:
        """A map of one row per key; of values that differ between its lines the least."""
        names = {wanted: expression(given) for wanted, given in draft.columns.items()}
        others = "".join(f", min({given}) as {given}" for wanted, given in names.items() if wanted != key)
        source = (
            f"select {names[key]}{others}, min(_source_row) as _source_row from {self.table} "
            f"where {names[key]} is not null group by {names[key]}"
        )
        return block(draft.entity, source, names)


def in_decimal(column: str, decimal: str, thousands: str) -> str:
    """SQL of a text column as a decimal, by how the source writes numbers."""
    text = f"replace({column}, '{thousands}', '')" if thousands else column
    text = f"replace({text}, '{decimal}', '.')" if decimal != "." else text
    return f"try_cast({text} as decimal(18,4))"


def block(entity: str, source: str, columns: Mapping[str, str]) -> str:
    """A map as YAML."""
    lines = [f"  {entity}:", f"    from: {yaml_text(source)}", "    columns:"]
    return "\n".join(lines + [f"      {name}: {yaml_text(sql)}" for name, sql in columns.items()])


# Columns of an order that a line may also have: they are the order's.
OF_ORDER = {"order_id", "customer_id", "ordered_at", "channel", "store_id", "status", "currency"}


def flat_sales(table: str, samples: Mapping[str, Sequence[str]], contracts: Mapping[str, Contract]) -> Flat | None:
    """The table as flat sales lines, if it has an order's number and time, and a product's with quantity or amount."""
    orders = draft_for(table, samples, contracts["sales_order"])
    lines = draft_for(table, samples, contracts["order_line"])
    if not {"order_id", "ordered_at"} <= orders.columns.keys() or "product_id" not in lines.columns:
        return None
    if "net_amount" not in lines.columns and not {"quantity", "unit_price"} <= lines.columns.keys():
        return None
    kept = {wanted: given for wanted, given in orders.columns.items() if wanted in OF_ORDER}
    taken = {*kept.values(), *lines.columns.values()}
    products = part_of_flat(table, samples, contracts["product"], lines.columns["product_id"], taken)
    customers = None
    if "customer_id" in kept:
        taken |= set(products.columns.values()) if products else set()
        customers = part_of_flat(table, samples, contracts["customer"], kept["customer_id"], taken)
    return Flat(table, lines, replace(orders, columns=kept), customers, products)


def part_of_flat(
    table: str, samples: Mapping[str, Sequence[str]], contract: Contract, key: str, taken: set[str]
) -> Draft:
    """Customer or product of a flat table: its key, and columns that nothing else uses."""
    own = {name: values for name, values in samples.items() if name not in taken}
    wanted = contract.key[0]
    draft = draft_for(table, own, contract) if own else Draft(table, contract.entity, {}, 0, (), ())
    columns = {name: given for name, given in draft.columns.items() if name != wanted}
    return replace(draft, columns={wanted: key} | columns, lacking=())


def suggest(table: str, samples: Mapping[str, Sequence[str]], contracts: Mapping[str, Contract]) -> list[Draft]:
    """Drafts for the likeliest entities, best first; none where the table resembles no entity."""
    drafts = [draft_for(table, samples, contract) for contract in contracts.values()]
    alike = [
        d for d in drafts if len(d.columns) > 1 or (d.columns and name_likeness(table, d.entity, d.entity) > ENOUGH)
    ]
    return sorted(alike, key=lambda d: (-d.score, d.entity))[:3]


DECIMAL_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+),\d{1,4}")
GROUPED = {".": re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+"), ",": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")}
DATE_PARTS = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})( \d{1,2}:\d{2}(:\d{2})?)?")
MONTHS = 12


def formats_of(values: Sequence[str]) -> dict[str, object]:
    """How sample values are written, as `formats` of a source; empty where they are ISO with a decimal point.

    A day and a month that could be either are left to the user.
    """
    found: dict[str, object] = {}
    if any(DECIMAL_COMMA.fullmatch(value) and not GROUPED[","].fullmatch(value) for value in values):
        found["decimal"] = ","
        if any(GROUPED["."].fullmatch(value) for value in values):
            found["thousands"] = "."
    elif any(GROUPED[","].fullmatch(value) for value in values):
        found["thousands"] = ","
    dates: dict[str, list[str]] = {"date": [], "timestamp": []}
    matches = [match for value in values if (match := DATE_PARTS.fullmatch(value))]
    for mark in sorted({match[2] for match in matches}):
        own = [match for match in matches if match[2] == mark]
        day_first = mark == "." or any(int(match[1]) > MONTHS for match in own)
        if not day_first and not any(int(match[3]) > MONTHS for match in own):
            continue
        day = f"%d{mark}%m{mark}%Y" if day_first else f"%m{mark}%d{mark}%Y"
        dates["date"] += [day] if any(not match[5] for match in own) else []
        dates["timestamp"] += [day + " %H:%M"] if any(match[5] and not match[6] for match in own) else []
        dates["timestamp"] += [day + " %H:%M:%S"] if any(match[6] for match in own) else []
    return found | {kind: patterns for kind, patterns in dates.items() if patterns}


def expression(name: str) -> str:
    """A column as SQL of a map: quoted where it is no plain name."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in reserved() else quote_name(name)


def as_yaml(draft: Draft) -> str:
    """A draft as it goes below `maps:`, with what is still to do as comments."""
    lines = [f"  {draft.entity}:", f"    from: {draft.table}", "    columns:"]
    lines += [f"      {wanted}: {yaml_text(expression(given))}" for wanted, given in draft.columns.items()]
    lines += [f"      # {name}: …          required; no column looks like it" for name in draft.lacking]
    if draft.left_over:
        lines.append(f"    # not used: {', '.join(draft.left_over)}")
    return "\n".join(lines)


def yaml_text(value: str) -> str:
    """A scalar, quoted where YAML would read it otherwise."""
    plain = re.fullmatch(r"[a-z_][a-z0-9_]*", value)
    return value if plain else "'" + value.replace("'", "''") + "'"

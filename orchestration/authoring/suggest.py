"""Draft a map: which entity a table may fill, and which of its columns, by likeness of names and of content."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestration.contracts import Column, Contract

# Words that people use for the same thing. Left: as written in files; right: as the contracts have it.
WORDS = {
    "no": "id", "nr": "id", "num": "id", "number": "id", "code": "id", "key": "id", "kunde": "customer",
    "kunden": "customer",
    "client": "customer", "cust": "customer", "buyer": "customer", "member": "customer", "user": "customer",
    "household": "customer", "account": "customer", "sku": "product", "item": "product", "article": "product",
    "artikel": "product", "stock": "product", "prod": "product", "invoice": "order", "basket": "order",
    "receipt": "order", "transaction": "order", "bestellung": "order", "shop": "store", "outlet": "store",
    "branch": "store", "qty": "quantity", "pieces": "quantity", "units": "quantity", "menge": "quantity",
    "count": "quantity", "total": "net_amount", "value": "net_amount", "sales": "net_amount", "net": "net_amount",
    "betrag": "net_amount", "sum": "net_amount", "datetime": "at", "timestamp": "at", "date": "at", "time": "at",
    "on": "at", "datum": "at", "when": "at", "placed": "ordered", "bought": "ordered", "purchased": "ordered",
    "mail": "email", "e": "email", "tel": "phone", "telephone": "phone", "telefon": "phone", "cell": "mobile",
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
    return list(dict.fromkeys("_".join(WORDS.get(part, part) for part in parts).split("_")))


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


def suggest(table: str, samples: Mapping[str, Sequence[str]], contracts: Mapping[str, Contract]) -> list[Draft]:
    """Drafts for the likeliest entities, best first; none where the table resembles no entity."""
    drafts = [draft_for(table, samples, contract) for contract in contracts.values()]
    return sorted((d for d in drafts if d.columns), key=lambda d: (-d.score, d.entity))[:3]


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
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


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
    return "'" + value.replace("'", "''") + "'" if value.startswith('"') else value

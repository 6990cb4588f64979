"""Which entity a table may fill, and which of its columns, by likeness of names and of content."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestration.authoring import dates, numbers
from orchestration.authoring.vocabulary import plain, raw_words, vocabulary, words
from orchestration.config.contracts import Column, Contract

ENOUGH = 0.62  # likeness of two names from which a column is suggested
STATE = 0.8  # likeness of a column called State to a region
STATUS = set(words("status"))
COVERED = 0.3  # share of a table's columns that an entity must use for the table to resemble it
CONTENT = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "phone": re.compile(r"'?\+?[\d\s()/.-]{6,20}"),
    "integer": re.compile(r"[+-]?\d+|\d{1,3}([.,' ]\d{3})+"),
}


@dataclass(frozen=True)
class Likeness:
    """A table's columns as an entity's.

    Args:
        columns: contract column → the table's.
        score: 0 to about 1.25; the greater the likelier.
        lacking: required columns that no column resembles.
        left_over: the table's columns that are not used.
    """

    table: str
    entity: str
    columns: dict[str, str]
    score: float
    lacking: tuple[str, ...]
    left_over: tuple[str, ...]


@functools.cache
def name_likeness(given: str, wanted: str, entity: str) -> float:
    """Likeness of a file's column name to a contract's, 0 to 1. In a table of products, `id` is the product's."""
    if wanted == "region" and set(raw_words(given)) & vocabulary().state_words:
        return STATE  # where its values are no states of an order
    own = entity.removeprefix("sales_")
    left, right = words(given), words(wanted)
    if right in (left, [own, *left]) or left == [own, *right] or set(left) == set(right):
        return 1.0
    shared = len(set(left) & set(right))
    by_words = 2 * shared / (len(set(left)) + len(set(right)))
    by_letters = difflib.SequenceMatcher(None, "_".join(left), "_".join(right)).ratio()
    return 0.6 * by_words + 0.4 * by_letters


def is_state(given: str) -> bool:
    """Whether a column's name may mean a region as well as the state of an order."""
    return bool(set(raw_words(given)) & vocabulary().state_words)


def is_exact(given: str, wanted: str) -> bool:
    """Whether a column is called as the contract's, not just by other words for it."""
    return "_".join(raw_words(given)) == wanted


def is_date(value: str) -> bool:
    """Whether a value is written as a day or time."""
    return dates.written(value, 1) is not None


def is_number(value: str) -> bool:
    """Whether a value is written as a number, perhaps with a sign of currency."""
    bare = numbers.bare(value, numbers.Evidence())
    return bare is None or bool(numbers.CORE.fullmatch(bare))


def content_fits(values: Sequence[str], wanted: str, spec: Column, entity: str = "") -> float:
    """Share of sample values that the contract column could hold; 1 where nothing is known of them."""
    known = [value for value in values if value]
    if not known:
        return 1.0
    if spec.allowed:
        translated = vocabulary().translations(entity, wanted)
        return sum(plain(value) in spec.allowed or plain(value) in translated for value in known) / len(known)
    if wanted in {"email", "phone", "mobile"}:
        pattern = CONTENT["email" if wanted == "email" else "phone"]
        return sum(bool(pattern.fullmatch(value)) for value in known) / len(known)
    if spec.type in {"date", "timestamp"}:
        epochs = sum(bool(re.fullmatch(r"1\d{9}(\d{3})?", value)) for value in known)
        return max(sum(map(is_date, known)), epochs) / len(known)
    if spec.type == "integer":
        return sum(bool(CONTENT["integer"].fullmatch(value)) for value in known) / len(known)
    if spec.type in {"number", "money", "quantity"}:
        return sum(map(is_number, known)) / len(known)
    if spec.type == "json":
        return sum(value.startswith("{") for value in known) / len(known)
    return 1.0


def likeness(table: str, samples: Mapping[str, Sequence[str]], contract: Contract) -> Likeness:
    """The best map of a table to one entity: each column used once, the likeliest pairs first.

    Args:
        table: its name.
        samples: column → some values as text.
        contract: the entity.
    """
    pairs = []
    terms = {wanted: set(words(wanted)) for wanted in contract.columns}
    for given in samples:
        own = set(words(given))
        for wanted, spec in contract.columns.items():
            if not own & terms[wanted] and not (wanted == "region" and own & STATUS):
                continue  # letters alone are never enough
            if 0.4 + 1.2 * len(own & terms[wanted]) / (len(own) + len(terms[wanted])) < ENOUGH and wanted != "region":
                continue  # not even with the same letters
            alike = name_likeness(given, wanted, contract.entity)
            if alike >= ENOUGH:
                fit = content_fits(samples[given], wanted, spec, contract.entity)
                if fit >= 0.5 or (wanted == "status" and alike == 1.0 and not is_state(given)):
                    pairs.append((alike * max(fit, 0.5), given, wanted))
    columns: dict[str, str] = {}
    score = 0.0
    for alike, given, wanted in sorted(pairs, key=lambda pair: (-pair[0], not is_exact(*pair[1:]), *pair[1:])):
        if wanted not in columns and given not in columns.values():
            columns[wanted] = given
            score += alike
    ordered = {name: columns[name] for name in contract.columns if name in columns}
    lacking = tuple(n for n, spec in contract.columns.items() if spec.required and n not in columns)
    left_over = tuple(name for name in samples if name not in columns.values())
    required = sum(spec.required for spec in contract.columns.values())
    whole = (required - len(lacking) + 1) / (required + 1)
    score = score / len(samples) * whole + name_likeness(table, contract.entity, contract.entity) / 2
    return Likeness(table, contract.entity, ordered, score, lacking, left_over)


def names_itself(found: Likeness, contract: Contract) -> bool:
    """Whether the table's name, or that of its key column, is the entity's: `id` and `name` alone are anybody's."""
    key = found.columns.get(contract.key[0])
    named = is_named(found, contract) or (key is not None and bool(set(words(contract.entity)) & set(words(key))))
    return named or (contract.entity == "customer" and key is not None and is_of_persons(found))


REACHED = {"email", "phone", "mobile", "birth_date", "postal_code", "address_line"}  # what one knows of a person


def is_of_persons(found: Likeness) -> bool:
    """Whether a table is of persons whatever it is called: it has names and what goes with them, and sells nothing."""
    has_name = "full_name" in found.columns or {"given_name", "family_name"} <= found.columns.keys()
    known = REACHED & found.columns.keys()
    sells = any("quantity" in words(column) for column in found.left_over)
    return has_name and ("email" in known or len(known) > 1) and not sells


def is_named(found: Likeness, contract: Contract) -> bool:
    """Whether the table is called like the entity."""
    own = set(words(contract.entity)) <= set(words(found.table))
    return own or name_likeness(found.table, contract.entity, contract.entity) > ENOUGH


def resembles(found: Likeness, contract: Contract) -> bool:
    """Whether the likeness is enough to draft a map by."""
    used, columns = len(found.columns), len(found.columns) + len(found.left_over)
    return used > 0 and names_itself(found, contract) and (used / columns >= COVERED or used == 1)


def alike_entities(
    table: str, samples: Mapping[str, Sequence[str]], contracts: Mapping[str, Contract]
) -> list[Likeness]:
    """The entities that a table resembles, the likeliest first; none where it resembles none."""
    found = [likeness(table, samples, contract) for contract in contracts.values()]
    found = [one for one in found if resembles(one, contracts[one.entity])]
    return sorted(found, key=lambda one: (bool(one.lacking), -one.score, one.entity))

"""Customer records before and after they are standardised, and the parsers of their values.

A parser takes the values of a row and returns those of the columns that come of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa

from models_ml.identity.names import PersonName, fold, parse_person

# What a source says of a record: text as it was written, birth_date as date, verification as timestamps.
RAW = (
    "source_system", "customer_id", "customer_type", "full_name", "title", "given_name", "family_name",
    "organisation_name", "gender", "birth_date", "email", "phone", "mobile", "national_id", "loyalty_card_no",
    "address_line", "city", "region", "postal_code", "country", "occupation", "email_verified_at", "phone_verified_at",
)  # fmt: skip

# Columns of `standard`, with their types.
STANDARD = {
    "source_system": "varchar", "customer_id": "varchar", "kind": "varchar", "title": "varchar", "given": "varchar",
    "middle": "varchar", "family": "varchar", "han": "varchar", "name_key": "varchar", "given_roots": "varchar[]",
    "gender": "varchar", "birth_date": "date", "email": "varchar", "phones": "varchar[]", "national_id": "varchar",
    "card_no": "varchar", "street": "varchar", "house_no": "varchar", "city": "varchar", "region": "varchar",
    "postal_code": "varchar", "country": "varchar", "occupation": "varchar", "organisation": "varchar",
    "legal_form": "varchar", "email_verified": "boolean", "phone_verified": "boolean",
}  # fmt: skip


@lru_cache(maxsize=1)
def nicknames() -> Any:
    """The table of English nicknames, read once."""
    from nicknames import NickNamer

    return NickNamer()


@lru_cache(maxsize=65_536)
def roots_of(given: str | None) -> list[str] | None:
    """The names that a given name may be short for, itself among them."""
    if not given:
        return None
    return sorted({given, *(fold(name) for name in nicknames().canonicals_of(given))})


def person(title: str | None, given: str | None, family: str | None, full: str | None) -> tuple[Any, ...]:
    """Parts of a person's name, its words in order of the alphabet, and the roots of the given name."""
    name: PersonName = parse_person(title, given, family, full)
    key = " ".join(sorted(part for part in (name.given, name.middle, name.family) if part)) or None
    return (*name, key, roots_of(name.given))


def parse_values(values: pa.Table, parse: Callable[..., Sequence[Any]], result: Mapping[str, pa.DataType]) -> pa.Table:
    """Distinct values with the columns that `parse` makes of each row of them, of the given types."""
    rows = [parse(*row) for row in zip(*(column.to_pylist() for column in values.columns), strict=True)]
    made = list(zip(*rows, strict=True)) if rows else [()] * len(result)
    for (column, kind), parsed in zip(result.items(), made, strict=True):
        values = values.append_column(column, pa.array(parsed, kind))
    return values

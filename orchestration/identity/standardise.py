"""Standardise tables of customer records: every distinct value once, in Python; the rows in DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from models_ml.identity.fields import parse_address, parse_email, parse_organisation, parse_phone, parse_place
from models_ml.identity.standardise import parse_values, person
from orchestration.identity.relations import SQL
from orchestration.platform.sql import Expression, Relation, arrow, count, create, drop, fill, run

BATCH = 500_000  # distinct values in Python at once
TEXT = pa.string()
NAMES = ("title", "given_name", "family_name", "full_name")
# One text per combination of names, since DuckDB joins by hash on plain equality only.
PERSON_KEY = Expression("concat_ws(chr(31), " + ", ".join(f"coalesce({name}, chr(30))" for name in NAMES) + ")")


def lookup(
    con: duckdb.DuckDBPyConnection,
    name: str,
    rows: Relation | Expression,
    columns: Sequence[str],
    parse: Callable[..., Sequence[Any]],
    result: dict[str, pa.DataType],
) -> Relation:
    """Distinct values of columns, and the columns that `parse` makes of them. Values that are wholly null are left out.

    Args:
        con: where the rows are.
        name: of the temporary table to make.
        rows: a table, or a query in brackets.
        columns: which of its columns are parsed together.
        parse: see `parse_values`.
        result: columns that it makes, and their types.
    """
    names = Expression(", ".join(columns))
    distinct = create(
        con, "distinct_value",
        "select {names}, row_number() over () - 1 as place "
        "from (select distinct {names} from {rows} where coalesce({names}) is not null)",
        names=names, rows=rows,
    )  # fmt: skip
    made: Relation | None = None
    for start in range(0, max(count(con, distinct), 1), BATCH):
        values = run(
            con, "select {names} from {distinct} where place >= {start} and place < {end}",
            names=names, distinct=distinct, start=start, end=start + BATCH,
        ).to_arrow_table()  # fmt: skip
        with arrow(con, "parsed_values", parse_values(values, parse, result)) as parsed:
            if made is None:
                made = create(con, name, "select * from {parsed}", parsed=parsed)
            else:
                run(con, "insert into {made} select * from {parsed}", made=made, parsed=parsed)
    drop(con, distinct)
    assert made is not None
    return made


def lookups(con: duckdb.DuckDBPyConnection, records: Relation | Expression, country: str) -> dict[str, Relation]:
    """The parsed values of each column of records (RAW), or of the columns that are parsed together."""
    persons = fill("(select * from {records} where customer_type is distinct from 'organisation')", records=records)
    organisations = fill(
        "(select coalesce(organisation_name, full_name) as name from {records} where customer_type = 'organisation')",
        records=records,
    )
    parts = ("title", "given", "middle", "family", "han", "key")
    parsed = {
        "person": lookup(con, "std_person", persons, NAMES, person,
                         {f"std_{part}": TEXT for part in parts} | {"std_roots": pa.list_(TEXT)}),
        "organisation": lookup(con, "std_organisation", organisations, ["name"], parse_organisation,
                               {"std_core": TEXT, "std_form": TEXT}),
        "address": lookup(con, "std_address", records, ["address_line"], parse_address,
                          {"std_street": TEXT, "std_number": TEXT}),
    }  # fmt: skip
    single: dict[str, Callable[[str], str | None]] = {
        "email": parse_email,
        **dict.fromkeys(("phone", "mobile"), lambda value: parse_phone(value, country)),
        **dict.fromkeys(("city", "region", "country", "occupation"), parse_place),
    }
    for column, parse in single.items():
        parsed[column] = lookup(
            con, f"std_{column}", records, [column], one(parse), {f"std_{column}": TEXT}
        )  # fmt: skip
    return parsed


def one(parse: Callable[[str], str | None]) -> Callable[[str], tuple[str | None]]:
    """A parser of one value as a parser of rows."""
    return lambda value: (parse(value),)


@contextmanager
def standard_records(
    con: duckdb.DuckDBPyConnection, records: Relation | Expression, country: str, carried: Sequence[str] = ()
) -> Iterator[Expression]:
    """SQL of the standard records (STANDARD) of raw ones (RAW); it holds while the block runs.

    Args:
        con: where they are.
        records: a table, or a query in brackets.
        country: ISO 3166 code of the country that local telephone numbers are dialled in.
        carried: columns of `records` to pass on.
    """
    parsed = lookups(con, records, country)
    yield fill(
        SQL["standard_records"], records=records, person_key=PERSON_KEY, national_id=code("r.national_id"),
        card_no=code("r.loyalty_card_no"), postal_code=code("r.postal_code"),
        carried=Expression("".join(f", r.{name}" for name in carried)), **parsed,
    )  # fmt: skip
    drop(con, *parsed.values())


def code(column: str) -> Expression:
    """SQL of a number or code as people copy it: letters and digits only, upper case, null if nothing is left."""
    return Expression(f"nullif(regexp_replace(upper(strip_accents({column})), '[^A-Z0-9]', '', 'g'), '')")

"""Standardise customer records: every distinct value once, in Python; the rows in DuckDB.

Frames (DuckDB tables of the connection that is given):
    records: columns of RAW, one row per source record; text as the source wrote it, birth_date as date.
    what comes out: columns of STANDARD, one row per record; null where the record says nothing usable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import duckdb
import pyarrow as pa

from models_ml.identity.fields import (
    Organisation,
    parse_address,
    parse_email,
    parse_organisation,
    parse_phone,
    parse_place,
)
from models_ml.identity.names import PersonName, fold, parse_person

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


BATCH = 500_000  # distinct values in Python at once


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


def lookup(
    con: duckdb.DuckDBPyConnection,
    name: str,
    table: str,
    columns: Sequence[str],
    parse: Callable[..., Sequence[Any]],
    result: dict[str, pa.DataType],
) -> None:
    """Make a temporary table `name`: distinct values of columns, and the columns that `parse` makes of them.

    Values that are wholly null are left out. Python holds BATCH of them at a time.
    """
    names = ", ".join(columns)
    con.execute(
        f"create or replace temp table distinct_value as select {names}, row_number() over () - 1 as place "
        f"from (select distinct {names} from {table} where coalesce({names}) is not null)"
    )
    found = con.execute("select count(*) from distinct_value").fetchone()
    for start in range(0, max(int(found[0]) if found else 0, 1), BATCH):
        keys = con.execute(
            f"select {names} from distinct_value where place >= $start and place < $start + $batch",
            {"start": start, "batch": BATCH},
        ).to_arrow_table()
        rows = [parse(*values) for values in zip(*(column.to_pylist() for column in keys.columns), strict=True)]
        made = list(zip(*rows, strict=True)) if rows else [()] * len(result)
        for (column, kind), values in zip(result.items(), made, strict=True):
            keys = keys.append_column(column, pa.array(values, kind))
        con.register("parsed_values", keys)
        con.execute(("insert into" if start else "create or replace temp table") + f" {name} "
                    + ("" if start else "as ") + "select * from parsed_values")  # fmt: skip
        con.unregister("parsed_values")
    con.execute("drop table distinct_value")


def person(title: str | None, given: str | None, family: str | None, full: str | None) -> tuple[Any, ...]:
    """Parts of a person's name, its words in order of the alphabet, and the roots of the given name."""
    name: PersonName = parse_person(title, given, family, full)
    key = " ".join(sorted(part for part in (name.given, name.middle, name.family) if part)) or None
    return (*name, key, roots_of(name.given))


def organisation(text: str) -> Organisation:
    """See `parse_organisation`."""
    return parse_organisation(text)


def standardise(
    con: duckdb.DuckDBPyConnection, records: str, into: str, country: str, carried: Sequence[str] = ()
) -> None:
    """Standardise table `records` (RAW).

    Args:
        con: where the tables are.
        records: name of the table of raw records.
        into: SQL that takes the standard records (STANDARD) in, such as `create table x as` or `insert into x by name`.
        country: ISO 3166 code of the country that local telephone numbers are dialled in.
        carried: columns of `records` to pass on.
    """
    text = pa.string()
    names = ["title", "given_name", "family_name", "full_name"]
    # One text per combination of names, since DuckDB joins by hash on plain equality only.
    person_key = "concat_ws(chr(31), " + ", ".join(f"coalesce({name}, chr(30))" for name in names) + ")"
    phone = lambda value: (parse_phone(value, country),)  # noqa: E731
    lookup(
        con, "std_person", f"(select * from {records} where customer_type is distinct from 'organisation')",
        ["title", "given_name", "family_name", "full_name"], person,
        {"std_title": text, "std_given": text, "std_middle": text, "std_family": text, "std_han": text,
         "std_key": text, "std_roots": pa.list_(text)},
    )  # fmt: skip
    lookup(
        con, "std_organisation",
        f"(select coalesce(organisation_name, full_name) as name from {records} where customer_type = 'organisation')",
        ["name"], organisation, {"std_core": text, "std_form": text},
    )  # fmt: skip
    lookup(con, "std_email", records, ["email"], lambda value: (parse_email(value),), {"std_email": text})
    for column in ("phone", "mobile"):
        lookup(con, f"std_{column}", records, [column], phone, {f"std_{column}": text})
    lookup(con, "std_address", records, ["address_line"], parse_address, {"std_street": text, "std_number": text})
    for column in ("city", "region", "country", "occupation"):
        lookup(con, f"std_{column}", records, [column], lambda value: (parse_place(value),), {f"std_{column}": text})
    con.execute(
        f"""
        {into}
        select r.source_system, r.customer_id,
          case when r.customer_type = 'organisation' then 'organisation' else 'person' end as kind,
          std_title as title, std_given as given, std_middle as middle, std_family as family, std_han as han,
          std_key as name_key, std_roots as given_roots, r.gender, r.birth_date, std_email as email,
          nullif(list_sort(list_distinct(list_filter([std_mobile, std_phone], lambda p: p is not null))), []) as phones,
          {code("r.national_id")} as national_id, {code("r.loyalty_card_no")} as card_no,
          std_street as street, std_number as house_no, std_city as city, std_region as region,
          {code("r.postal_code")} as postal_code, std_country as country, std_occupation as occupation,
          std_core as organisation, std_form as legal_form,
          r.email_verified_at is not null as email_verified, r.phone_verified_at is not null as phone_verified
          {"".join(f", r.{name}" for name in carried)}
        from (
          select *, case when customer_type is distinct from 'organisation' then {person_key} end as person_key,
            case when customer_type = 'organisation' then coalesce(organisation_name, full_name) end as organisation_key
          from {records}
        ) r
        left join (select *, {person_key} as person_key from std_person) p on p.person_key = r.person_key
        left join std_organisation o on o.name = r.organisation_key
        left join std_email using (email) left join std_phone using (phone) left join std_mobile using (mobile)
        left join std_address using (address_line) left join std_city s on s.city = r.city
        left join std_region g on g.region = r.region left join std_country c on c.country = r.country
        left join std_occupation j on j.occupation = r.occupation
        """
    )
    for name in ("person", "organisation", "email", "phone", "mobile", "address", "city", "region", "country",
                 "occupation"):  # fmt: skip
        con.execute(f"drop table std_{name}")


def code(column: str) -> str:
    """SQL of a number or code as people copy it: letters and digits only, upper case, null if nothing is left."""
    return f"nullif(regexp_replace(upper(strip_accents({column})), '[^A-Z0-9]', '', 'g'), '')"

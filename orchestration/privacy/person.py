"""One person in the warehouse: the ids, what belongs to them, and the values that tell them from everybody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb

from models_ml.identity.standardise import STANDARD
from orchestration.config.company import CompanyConfig
from orchestration.platform.errors import UsageError
from orchestration.privacy import forms
from orchestration.privacy.search import LONG
from orchestration.privacy.subject import belongings, customer_kind, is_customer, owner_of
from orchestration.privacy.suppression import KEY, MAX_WORDS, TEXT, Sealed

STANDARD_NAMES = ("given", "middle", "family", "han", "name_key", "email", "phones", "national_id", "card_no", "street",
                  "organisation")  # fmt: skip
SHORTEST = 5  # characters of a value that is looked for: shorter ones stand in too much text


@dataclass
class Person:
    """A customer, as an erasure or an access report needs them.

    Args:
        customer_key: the key.
        ids: (system that owns the id, customer id) of every record.
        keys: the key, and the records' own.
        belonging: (entity, system, id) of what is theirs: orders, leads, contacts that other rows refer to.
        values: text that only they have: names, addresses, numbers; what others have too is not among them.
        shared: how many such texts others have too; those stay where they are others'.
        birth_dates: that the records give; more than one may be two persons taken for one.
    """

    customer_key: int
    ids: list[tuple[str, str]]
    keys: list[int]
    belonging: list[tuple[str, str, str]] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    shared: int = 0
    birth_dates: int = 0

    def sealed(self) -> list[Sealed]:
        """What goes on the suppression list."""
        found = [Sealed(customer_kind(system), customer_id) for system, customer_id in self.ids]
        found += [Sealed(f"{entity}:{system}", key) for entity, system, key in self.belonging]
        found += [Sealed(KEY, str(key)) for key in self.keys]
        for value in self.values:
            words = len(forms.words(value))
            found += [Sealed(TEXT, form, words) for form in forms.forms_of(value) if words <= MAX_WORDS]
        return found


def find_person(con: duckdb.DuckDBPyConnection, config: CompanyConfig, text: str) -> Person:
    """A person by customer key or by one record (SYSTEM:ID), with everything that `Person` holds.

    Raises:
        UsageError: there is none.
    """
    if con.execute("select 1 from duckdb_tables() where schema_name = 'identity' and table_name = 'customer_link'"
                   ).fetchone() is None:  # fmt: skip
        raise UsageError("no customers yet", "Run: regulars refresh")
    if text.isdigit():
        found = con.execute(
            "select distinct customer_key from identity.customer_link where valid_to is null "
            "and ($key in (customer_key, source_customer_key))",
            {"key": int(text)},
        ).fetchall()
    else:
        system, _, customer_id = text.partition(":")
        found = con.execute(
            "select distinct customer_key from identity.customer_link where source_system = $system "
            "and customer_id = $id and valid_to is null",
            {"system": system, "id": customer_id},
        ).fetchall()
    if len(found) != 1:
        raise UsageError(
            f"{len(found) or 'no'} customer{'s' if found else ''} '{text}'",
            "Give a customer_key, or SYSTEM:ID of a source record; see: regulars explain",
        )
    key = int(found[0][0])
    lent = [name for name, source in config.sources.items() if source.customer_ids_of]
    rows = con.execute(
        "select distinct source_system, customer_id, source_customer_key from identity.customer_link "
        "where customer_key = $key and valid_to is null and not list_contains($lent, source_system) order by all",
        {"key": key, "lent": lent},
    ).fetchall()
    person = Person(key, [(row[0], row[1]) for row in rows], sorted({key, *(int(row[2]) for row in rows)}))
    bind_own(con, config, person)
    person.belonging = belonging_of(con, config)
    values = values_of(con, config)
    person.values = distinctive(con, config, values, person.belonging)
    person.shared = len(values) - len(person.values)
    born = con.execute(
        "select count(distinct birth_date) from identity.standard_customer semi join own_id "
        "using (source_system, customer_id)"
    ).fetchone()
    person.birth_dates = int(born[0]) if born else 0
    return person


def bind_own(con: duckdb.DuckDBPyConnection, config: CompanyConfig, person: Person) -> None:
    """Temporary tables of what is the person's: `own_id` (source_system, customer_id), as each system's rows name
    the person, and `own_profile` (source_system, profile_id), bought profiles that were found to be the person's."""
    con.execute("create or replace temp table own_id (source_system varchar, customer_id varchar)")
    users = {name: owner_of(config, name) for name in config.sources}
    rows = [[user, customer_id] for system, customer_id in person.ids
            for user in {system, *(name for name, owner in users.items() if owner == system)}]  # fmt: skip
    con.executemany("insert into own_id values (?, ?)", rows)
    con.execute(
        "create or replace temp table own_profile as select distinct p.source_system, p.profile_id "
        "from input.external_profile p join identity.profile_match m on m.record_key = p._record_key "
        "where m.customer_key = $key",
        {"key": person.customer_key},
    )


def references(config: CompanyConfig, entity: str) -> list[str]:
    """Columns of an entity that name a customer."""
    own = ["customer_id"] if entity == "customer" else []
    return own + [name for name, spec in config.contracts[entity].columns.items() if is_customer(spec)]


def is_own(config: CompanyConfig, entity: str, row: str = "i") -> str:
    """SQL: whether a row of an input table is the person's."""
    tests = [f"({row}.source_system, {row}.{name}) in (select (source_system, customer_id) from own_id)"
             for name in references(config, entity)]  # fmt: skip
    if entity == "manual_match":
        tests = [f"({row}.{side}_system, {row}.{side}_customer_id) in (select (source_system, customer_id) from own_id)"
                 for side in ("left", "right")]  # fmt: skip
    if entity == "external_profile":
        tests = [f"({row}.source_system, {row}.profile_id) in (select (source_system, profile_id) from own_profile)"]
    return f"coalesce({' or '.join(tests)}, false)" if tests else "false"


def belonging_of(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> list[tuple[str, str, str]]:
    """(entity, system, id) of what is the person's and other rows refer to, and of the bought profiles."""
    found = []
    for entity in sorted(belongings(config) - {"customer"} | {"external_profile"}):
        key = config.contracts[entity].key[0]
        rows = con.execute(
            f"select distinct source_system, {key}::varchar from input.{entity} i where {is_own(config, entity)}"
        ).fetchall()
        found += [(entity, row[0], row[1]) for row in rows]
    return found


def direct_columns(config: CompanyConfig, entity: str) -> list[str]:
    """Text columns of an entity that name, reach or locate a person."""
    return [name for name, spec in config.contracts[entity].columns.items()
            if spec.personal in ("direct", "sensitive") and spec.type == "text"]  # fmt: skip


def values_of(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> list[str]:
    """Texts by which the person is known, as the sources write them and in standard form; and the ids."""
    found: set[str] = {row[0] for row in con.execute("select customer_id from own_id").fetchall()}

    def take(sql: str) -> None:
        found.update(str(row[0]) for row in con.execute(sql).fetchall() if row[0] is not None)

    for entity in config.contracts:
        if is_own(config, entity) == "false":
            continue
        for name in direct_columns(config, entity):
            take(f"select distinct {name} from input.{entity} i where {is_own(config, entity)}")
    own = "(s.source_system, s.customer_id) in (select (source_system, customer_id) from own_id)"
    for name in STANDARD_NAMES:
        given = f"unnest({name})" if STANDARD[name] == "varchar[]" else name
        take(f"select distinct {given} from identity.standard_customer s where {own}")
    take(f"select concat_ws(' ', given_name, family_name) from input.customer i where {is_own(config, 'customer')}")
    take(f"select concat_ws(', ', family_name, given_name) from input.customer i where {is_own(config, 'customer')}")
    take(
        "select distinct public_customer_id from identity.customer_link where (source_system, customer_id) in "
        "(select (source_system, customer_id) from own_id)"
    )
    return sorted(value for value in found if is_telling(value))


def is_telling(value: str) -> bool:
    """Whether a text is long enough to be looked for; two characters are a name in Chinese, Japanese and Korean."""
    form = forms.glued(value)
    return (len(form) >= SHORTEST - 1 and len(value.strip()) >= SHORTEST) or (forms.has_han(form) and len(form) > 1)


def others(config: CompanyConfig, belonging: set[str]) -> Iterator[str]:
    """Queries of the text that is not the person's: what others are told by, and what names no person.

    Free text and JSON do not count, nor rows that name no customer though they might, nor what belongs to the person's
    own orders: they may speak of this one.
    """
    yield (
        f"select concat_ws(chr(31), {', '.join(STANDARD_NAMES)}) as said from identity.standard_customer s where "
        "(s.source_system, s.customer_id) not in (select (source_system, customer_id) from own_id)"
    )
    for entity, contract in config.contracts.items():
        named, direct = references(config, entity), direct_columns(config, entity)
        if entity == "manual_match":
            continue
        columns = [
            name
            for name, spec in contract.columns.items()
            if spec.type == "text"
            and (
                spec.personal != "indirect"
                or (entity == "customer" and name in ("title", "city", "region", "occupation"))
            )
        ]
        if not columns:
            continue
        condition = f"not {is_own(config, entity)}"
        if named and direct:
            condition += f" and coalesce({', '.join([*named, 'null'])}) is not null"
        elif direct and entity != "external_profile":
            continue
        parent = contract.parent
        if parent and parent.entity in belonging:
            condition += (
                f" and (i.source_system, i.{parent.columns[0]}::varchar) not in "
                f"(select (source_system, id) from own_thing where entity = '{parent.entity}')"
            )
        yield f"select concat_ws(chr(31), {', '.join(columns)}) as said from input.{entity} i where {condition}"


def distinctive(
    con: duckdb.DuckDBPyConnection, config: CompanyConfig, values: list[str], belonging: list[tuple[str, str, str]]
) -> list[str]:
    """Those of the values that nobody else has, in any form, and that name no thing."""
    con.execute("create or replace temp table candidate_value (value varchar, form varchar, is_long boolean)")
    con.execute("create or replace temp table own_thing (entity varchar, source_system varchar, id varchar)")
    if not values:
        return []
    forms.bind(con)
    told = [[value, forms.glued(value)] for value in values]
    con.executemany(
        "insert into candidate_value values (?, ?, ?)",
        [[value, form, len(form) >= LONG or forms.has_han(form)] for value, form in told],
    )
    if belonging:
        con.executemany("insert into own_thing values (?, ?, ?)", [list(thing) for thing in belonging])
    for sql in others(config, {entity for entity, _, _ in belonging}):
        con.execute(
            "delete from candidate_value where value in (select distinct value from "
            "(select w, array_to_string(w, '') as form from (select distinct words_in(folded(said)) as w from "
            f"(select distinct unnest(string_split(said, chr(31))) as said from ({sql})))) o join candidate_value c "
            "on (c.is_long and contains(o.form, c.form)) or list_contains(o.w, c.form) or o.form = c.form)"
        )
    return [row[0] for row in con.execute("select value from candidate_value order by 1").fetchall()]


def rows_of(con: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """A query's rows as dictionaries."""
    cursor = con.execute(sql, values or {})
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

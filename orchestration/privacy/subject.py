"""Where persons stand in the raw tables: told by the maps and contracts, for erasure and for access reports.

A map says which raw columns become a customer's id, a name, free text. Rows that hold somebody's id are that person's.
What becomes of them at an erasure follows from the contracts: an order may be anonymous, so its row stays without the
person; a consent without a customer means nothing, so its row goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage

from orchestration.config.company import CompanyConfig
from orchestration.config.contracts import Column
from orchestration.conform.casting import cleaned
from orchestration.conform.mapping import LOAD_PLACE, Mapping
from orchestration.connectors.numbers import written
from orchestration.landing.lake import OWN
from orchestration.platform.errors import ConfigError
from orchestration.platform.literals import quote, quote_name
from orchestration.privacy.search import is_number

Schema = dict[str, dict[str, str]]  # raw table → column → DuckDB type
WORD = re.compile(r"[A-Za-z_]\w*")
# Names that many tables use for their own key: the same name elsewhere is not the same id.
GENERIC = frozenset({"id", "_id", "no", "nr", "key", "code", "number", "name", "value"})
TEXTS = ("VARCHAR", "JSON", "STRUCT", "MAP")


@dataclass(frozen=True)
class IdColumn:
    """An expression over a raw row that gives an id.

    Args:
        expression: SQL; gives text, null where there is none.
        kind: SQL of the kind of the id: a customer's of the system that owns it, or a fact's.
        columns: raw columns that it reads.
        is_person: whether it is a customer's id; else that of something that belongs to one, such as an order.
    """

    expression: str
    kind: str
    columns: frozenset[str]
    is_person: bool


@dataclass(frozen=True)
class RawTable:
    """What a raw table holds of persons.

    Args:
        ids: its columns with ids.
        stays: whether a person's rows stay, without the person; else they go.
        kept: columns that rows keep that stay.
        direct: columns that name, reach or locate a person: their value alone makes a row a person's.
        text: columns in which a person may be spoken of: every other one with text, or with numbers that no map takes
            for figures, since a telephone or card number may be one.
        needed: those of them without which a row is refused; what they say is replaced, not left out.
    """

    ids: tuple[IdColumn, ...] = ()
    stays: bool = False
    kept: frozenset[str] = frozenset()
    direct: frozenset[str] = frozenset()
    text: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()


def id_text(expression: str) -> str:
    """SQL of an id as conform has it, from a raw row: cleaned text, whole numbers without a point; null where the
    expression fails."""
    text = f"try(({expression})::varchar)"
    kind = f"typeof(try(({expression})))"
    clean = f"list_transform([{text}], lambda v: {cleaned(written('v', '.'), 'VARCHAR', is_id=True)})[1]"
    whole = rf"regexp_replace({text}, '\.0+$', '')"
    return f"case when {kind} in ('DOUBLE', 'FLOAT') or {kind} like 'DECIMAL%' then {whole} else {clean} end"


def customer_kind(system: str) -> str:
    """Kind of the customer ids that a system owns."""
    return f"customer:{system}"


def owner_of(config: CompanyConfig, system: str) -> str:
    """The system whose customer ids a system uses."""
    source = config.sources.get(system)
    return (source.customer_ids_of if source else None) or system


def is_customer(spec: Column) -> bool:
    """Whether a contract column names a customer of its row's system."""
    return spec.references == "customer"


def belongings(config: CompanyConfig) -> set[str]:
    """Entities that name a customer and that other entities refer to: what belongs to theirs is the person's, too."""
    named = {e for e, c in config.contracts.items() if any(is_customer(s) for s in c.columns.values())}
    referred = {s.references for c in config.contracts.values() for s in c.columns.values() if s.references}
    referred |= {c.parent.entity for c in config.contracts.values() if c.parent}
    return named & referred


@dataclass(frozen=True)
class Subjects:
    """Where the persons of one system stand.

    Args:
        config: the company.
        system: source system; one that the configuration no longer has is searched by values only.
        schema: its raw tables as they were landed.
    """

    config: CompanyConfig
    system: str
    schema: Schema

    @cached_property
    def maps(self) -> list[tuple[Mapping, set[str]]]:
        """Each map with the raw tables that it reads."""
        source = self.config.sources.get(self.system)
        if source is None:
            return []
        found = []
        with duckdb.connect() as con:
            for entity in source.maps:
                mapping = Mapping.of(self.config, self.system, entity)
                found.append((mapping, mapping.raw_tables(con, set(source.tables))))
        return found

    @cached_property
    def known_leaves(self) -> dict[tuple[str, str], set[tuple[str, str]]]:
        """What `leaves` has found: the same expression is asked for several times."""
        return {}

    def leaves(self, mapping: Mapping, tables: set[str], expression: str) -> set[tuple[str, str]]:
        """(raw table, column) that an expression of a map reads, through its query."""
        place = (mapping.entity, expression)
        if place not in self.known_leaves:
            self.known_leaves[place] = self.find_leaves(mapping, tables, expression)
        return self.known_leaves[place]

    def find_leaves(self, mapping: Mapping, tables: set[str], expression: str) -> set[tuple[str, str]]:
        """See `leaves`."""
        if mapping.is_table():
            table = mapping.map.source.strip()
            return {(table, name) for name in self.mentioned(expression, table)}
        schema = {name: self.schema.get(name, {}) | dict.fromkeys(LOAD_PLACE, "varchar") for name in tables}
        try:
            root = lineage(
                "v", f"select ({expression}) as v from ({mapping.from_sql()}) as q",
                schema={name: dict(columns) for name, columns in schema.items()}, dialect="duckdb",
            )  # fmt: skip
        except (SqlglotError, ValueError):  # a query beyond the parser: every column that it names
            text = f"{expression} {mapping.from_sql()}"
            return {(table, name) for table in tables for name in self.mentioned(text, table)}
        found = set()
        for node in root.walk():
            if not node.downstream and isinstance(node.source, exp.Table):
                table, column = node.source.name.lower(), node.name.rpartition(".")[2].strip('"').lower()
                found |= {(table, name) for name in self.schema.get(table, {}) if name.lower() == column}
        return found

    def mentioned(self, text: str, table: str) -> set[str]:
        """Columns of a raw table whose name stands in a text of SQL."""
        words = {word.lower() for word in WORD.findall(text)}
        try:
            words |= {c.name.lower() for c in sqlglot.parse_one(text, read="duckdb").find_all(exp.Column)}
        except SqlglotError:
            words |= {name.lower() for name in self.schema.get(table, {}) if quote_name(name) in text}
        return {name for name in self.schema.get(table, {}) if name.lower() in words}

    def parts(self) -> Iterator[tuple[Mapping, set[str], str, Column, str]]:
        """Map, its raw tables, and each column that it fills: name, contract and expression."""
        for mapping, tables in self.maps:
            for name, expression in mapping.map.columns.items():
                yield mapping, tables, name, mapping.contract.columns[name], expression

    def id_columns(self) -> dict[str, list[IdColumn]]:
        """Raw table → ids that it holds."""
        owner = owner_of(self.config, self.system)
        own, person = quote(customer_kind(owner)), belongings(self.config)
        found: dict[str, list[IdColumn]] = {}

        def add(mapping: Mapping, tables: set[str], expression: str, kind: str, is_person: bool) -> None:
            leaves = self.leaves(mapping, tables, expression)
            if mapping.is_table():
                table = mapping.map.source.strip()
                names = frozenset(name for _, name in leaves)
                found.setdefault(table, []).append(IdColumn(id_text(expression), kind, names, is_person))
                return
            for table, name in leaves:
                column = IdColumn(id_text(quote_name(name)), kind, frozenset({name}), is_person)
                found.setdefault(table, []).append(column)

        for mapping, tables, name, spec, expression in self.parts():
            if is_customer(spec) or (mapping.entity, name) == ("customer", "customer_id"):
                add(mapping, tables, expression, own, True)
            elif (mapping.entity, name) == ("external_profile", "profile_id"):
                add(mapping, tables, expression, quote(f"external_profile:{self.system}"), True)
            elif spec.references in person:
                add(mapping, tables, expression, quote(f"{spec.references}:{self.system}"), False)
            elif mapping.contract.parent and mapping.contract.parent.entity in person:
                if name == mapping.contract.parent.columns[0]:
                    add(mapping, tables, expression, quote(f"{mapping.contract.parent.entity}:{self.system}"), False)
            elif mapping.entity == "manual_match" and name.endswith("_customer_id"):
                side = mapping.map.columns[name.replace("_customer_id", "_system")]
                add(mapping, tables, expression, f"'customer:' || {id_text(side)}", True)
        self.add_namesakes(found, own)
        return {table: list(dict.fromkeys(columns)) for table, columns in found.items()}

    def add_namesakes(self, found: dict[str, list[IdColumn]], own: str) -> None:
        """Columns that no map tells of, but that have the name of an id elsewhere in the system, or that the
        configuration names."""
        source = self.config.sources.get(self.system)
        names = {n for ids in found.values() for i in ids if i.kind == own and len(i.columns) == 1 for n in i.columns}
        names = {name for name in names if name.lower() not in GENERIC}
        used: set[tuple[str, str]] = set()
        for mapping, tables, _, _, expression in self.parts():
            used |= self.leaves(mapping, tables, expression)
        for table, columns in self.schema.items():
            told = set(source.tables[table].customer_columns) if source and table in source.tables else set()
            known = {name for i in found.get(table, []) for name in i.columns}
            for name in columns:
                if name not in known and (name in told or (name in names and (table, name) not in used)):
                    column = IdColumn(id_text(quote_name(name)), own, frozenset({name}), True)
                    found.setdefault(table, []).append(column)

    def stays(self, mapping: Mapping, table: str, tables: set[str], ids: Iterable[IdColumn]) -> bool:
        """Whether a row of the raw table can fill the entity without the person."""
        contract = mapping.contract
        if any(spec.required and spec.personal != "none" for spec in contract.columns.values()):
            return False
        person = {name for i in ids if i.is_person for name in i.columns}
        needed = {
            name
            for column, expression in mapping.map.columns.items()
            if contract.columns[column].required
            for place, name in self.leaves(mapping, tables, expression)
            if place == table
        }
        key = set(self.config.sources[self.system].tables[table].key)
        return not person & (needed | key)

    @cached_property
    def tables(self) -> dict[str, RawTable]:
        """Raw table → what it holds of persons."""
        ids = self.id_columns()
        return {table: self.table(table, columns, ids.get(table, [])) for table, columns in self.schema.items()}

    def table(self, table: str, columns: dict[str, str], ids: list[IdColumn]) -> RawTable:
        """What one raw table holds of persons."""
        readers = [(mapping, tables) for mapping, tables in self.maps if table in tables]
        staying = [(m, t) for m, t in readers if self.stays(m, table, t, ids)]
        source = self.config.sources.get(self.system)
        spec_of = source.tables.get(table) if source else None
        kept: set[str] = {*spec_of.key, *([spec_of.load.cursor] if spec_of.load.cursor else [])} if spec_of else set()
        for mapping, _ in staying:
            said = " ".join([mapping.from_sql(), mapping.map.where or "", *mapping.map.columns.values()])
            kept |= self.mentioned(said, table)
        direct: set[str] = set()
        personal: set[str] = set()
        needed: set[str] = set()
        named: set[str] = set()
        figures: set[str] = set()
        for mapping, tables, _name, spec, expression in self.parts():
            if table not in tables:
                continue
            own = {column for place, column in self.leaves(mapping, tables, expression) if place == table}
            (named if spec.type in ("text", "json") else figures).update(own)
            if spec.personal == "none":
                needed |= own if spec.required else set()
                continue
            personal |= own
            if spec.type in ("text", "json"):
                direct |= own if spec.personal in ("direct", "sensitive") else set()
        text = {name for name, kind in columns.items()
                if kind.startswith(TEXTS) or (is_number(kind) and name not in figures - named)}  # fmt: skip
        person = frozenset(name for i in ids if i.is_person for name in i.columns)
        if not self.maps:
            direct = set(columns)
        needed |= set(spec_of.key) if spec_of else set()
        return RawTable(
            tuple(ids), bool(staying), frozenset(kept - (personal - needed) - person), frozenset(direct & text),
            frozenset(text - direct - person), frozenset(needed - person),
        )  # fmt: skip


def subjects_of(config: CompanyConfig, schemas: dict[str, Schema]) -> dict[tuple[str, str], RawTable]:
    """(system, raw table) → what it holds of persons, for every system whose loads are given.

    Raises:
        ConfigError: a map is not SQL.
    """
    found: dict[tuple[str, str], RawTable] = {}
    for system, schema in schemas.items():
        if system == OWN:
            found |= {(OWN, table): own_table(columns) for table, columns in schema.items()}
            continue
        try:
            tables = Subjects(config, system, schema).tables
        except duckdb.Error as error:
            raise ConfigError(f"{config.source_file(system)}: maps: {str(error).splitlines()[0]}") from error
        found |= {(system, table): raw for table, raw in tables.items()}
    return found


def own_table(columns: dict[str, str]) -> RawTable:
    """What one of the product's own tables in the lake holds of persons, by the names of its columns."""
    ids = [
        IdColumn(id_text(name), f"'customer:' || {name.replace('customer_id', system)}", frozenset({name}), True)
        for name in columns
        for system in ("source_system" if name == "customer_id" else "system",)
        if name.endswith("customer_id") and name.replace("customer_id", system) in columns
    ]
    ids += [
        IdColumn(id_text(name), quote("key"), frozenset({name}), True)
        for name in columns
        if name.endswith(("customer_key", "source_key"))
    ]
    text = {name for name, kind in columns.items() if kind == "VARCHAR"}
    return RawTable(tuple(ids), direct=frozenset({"value"} & text), text=frozenset({"reason"} & text))

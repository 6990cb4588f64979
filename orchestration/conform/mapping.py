"""The SQL that turns a system's raw tables into candidates for one input entity."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import duckdb

from orchestration.config.company import CompanyConfig, Formats, Map
from orchestration.config.contracts import Column, Contract
from orchestration.config.questions import CURE, UNANSWERED, where_asked
from orchestration.conform.casting import (
    ISO,
    checks,
    cleaned,
    has_years,
    is_number,
    is_text,
    numbered,
    plausible,
    typed,
)
from orchestration.conform.map_sql import Refused, check_expression, names_in, statement, tables_of, trees
from orchestration.conform.places import PLACE
from orchestration.conform.times import Zones, doubtful
from orchestration.connectors.base import SOURCE_FLAGS
from orchestration.connectors.files import column_key, renames
from orchestration.platform.errors import ConfigError
from orchestration.platform.literals import quote, quote_name, reserved

ACCEPTED, FILTERED, UNCHANGED = 0, -1, -2  # values of _verdict; above zero: number of the failed check


@dataclass(frozen=True)
class Mapping:
    """One map, bound to its contract and its place in the configuration."""

    system: str
    entity: str
    contract: Contract
    map: Map
    zones: Zones
    formats: Formats
    file: str
    may_have_lists: bool = False  # whether the source's kind tells lists by what some record has

    @classmethod
    def of(cls, config: CompanyConfig, system: str, entity: str) -> Mapping:
        """The map of a system's entity."""
        source, company = config.sources[system], config.company
        zones = Zones(source.timezone_of(entity), company.timezone, company.business_day_cut_minutes)
        contract = config.contracts[entity].with_years(config.years_of(system, entity))
        formats = source.formats_of(entity)
        may_have_lists = "lists" in type(source.connector).model_fields
        file = config.source_file(system)
        return cls(system, entity, contract, source.maps[entity], zones, formats, file, may_have_lists)

    def is_table(self) -> bool:
        """Whether `from` names a raw table rather than a query."""
        return self.map.source.strip().isidentifier()

    def from_sql(self) -> str:
        """`from` as a query."""
        source = self.map.source.strip().rstrip(";")
        return f"select * from {source}" if self.is_table() else source

    def raw_tables(self, con: duckdb.DuckDBPyConnection, known: set[str]) -> set[str]:
        """Raw tables that `from` reads.

        Raises:
            ConfigError: it is not SQL, or names a table that the source does not have.
        """
        try:
            names = tables_of(statement(trees(con, [self.from_sql()])[0]))
        except Refused as error:
            raise self.wrong("from", self.map.source, error) from error
        unknown = names - known
        if UNANSWERED in unknown:
            raise self.unanswered("from")
        if unknown:
            raise ConfigError(
                f"{self.file}: key 'maps.{self.entity}.from': no table '{sorted(unknown)[0]}'; "
                f"expected one of: {', '.join(sorted(known))}"
            )
        return names

    def spelled(self, con: duckdb.DuckDBPyConnection, columns: Iterable[str]) -> list[tuple[str, str]]:
        """Raw columns that the map writes in another way, such as in the case of letters that are not ASCII, and how:
        DuckDB would not know them by it."""
        texts = [
            self.from_sql(),
            *(f"select ({text})" for text in (self.map.where or "true", *self.map.columns.values())),
        ]
        said = {column_key(name): name for name in names_in(trees(con, texts)) if not name.isascii()}
        return (
            renames(columns, {column_key(name): said.get(column_key(name), name) for name in columns}) if said else []
        )

    def check_expressions(self, con: duckdb.DuckDBPyConnection) -> None:
        """Whether `where` and every column are one expression over the tables of `from`.

        Raises:
            ConfigError: one is not; names its key.
        """
        texts = ({"where": self.map.where} if self.map.where else {}) | {
            f"columns.{name}": text for name, text in self.map.columns.items()
        }
        query, *found = trees(con, [self.from_sql(), *(f"select ({text})" for text in texts.values())])
        for (key, text), tree in zip(texts.items(), found, strict=True):
            try:
                check_expression(statement(tree), tables_of(statement(query)))
            except Refused as error:
                raise self.wrong(key, text, error) from error

    def wrong(self, key: str, value: str, error: Exception) -> ConfigError:
        """The error of an SQL expression that DuckDB refuses: file, key, value, reason."""
        reason = " ".join(str(error).split("LINE 1:")[0].split())
        shown = " ".join(value.split())
        missing = re.search(r'Referenced column "([^"]+)" not found', reason)
        if self.may_have_lists and missing:
            reason += f"; where no record has more than one {missing[1]}, name it in the table's format.lists"
        if UNANSWERED in value:
            return self.unanswered(key.removeprefix("columns."))
        if value.strip().lower() in reserved():
            reason += f"; if it is a column, write it in double quotes, since {value} is a word of SQL: '\"{value}\"'"
        return ConfigError(f"{self.file}: key 'maps.{self.entity}.{key}': value '{shown}': not valid here: {reason}")

    def unanswered(self, key: str) -> ConfigError:
        """The error of a question that its draft asks and that nobody has answered."""
        asked = where_asked(self.file, self.entity, [key]) or f"{self.file}, key 'maps.{self.entity}.{key}'"
        return ConfigError(
            f"{asked}: the question is open: {UNANSWERED} stands there still", f"{CURE}, and remove {UNANSWERED}"
        )

    def source_types(self, con: duckdb.DuckDBPyConnection) -> dict[str, str]:
        """DuckDB type of each mapped expression.

        Raises:
            ConfigError: an expression is none, or does not bind; names the first such key.
        """
        self.check_expressions(con)
        tests = {"from": "select 1 from ({0})"}
        if self.map.where:
            tests["where"] = f"select 1 from ({{0}}) where ({self.map.where})"
        tests |= {f"columns.{n}": f"select ({e}) from ({{0}})" for n, e in self.map.columns.items()}
        expressions = ", ".join(f"({e}) as {n}" for n, e in self.map.columns.items())
        try:
            for key in ("from", "where"):
                if key in tests:
                    con.execute("describe " + tests[key].format(self.from_sql()))
            described = con.execute(f"describe select {expressions} from ({self.from_sql()})").fetchall()
        except duckdb.Error:
            for key, sql in tests.items():
                try:
                    con.execute("describe " + sql.format(self.from_sql()))
                except duckdb.Error as error:
                    name = key.removeprefix("columns.")
                    raise self.wrong(
                        key,
                        self.map.columns.get(name) or getattr(self.map, key, None) or self.map.source,
                        error,
                    ) from error
            raise
        return {row[0]: row[1] for row in described}


@dataclass(frozen=True)
class CandidateSql:
    """The query of candidates.

    Args:
        sql: the query.
        with_raw: the same with the raw record of every row, not of bad ones only.
        later: its columns by which a row of a later file is told; none where a later file is not the newer one.
    """

    sql: str
    with_raw: str
    later: tuple[str, ...] = ()


def hashed(contract: Contract, columns: Iterable[str]) -> str:
    """SQL of columns as arguments of DuckDB's hash.

    Text goes in both ways round: the hash of long text that differs in two places collides in one of ten cases where
    the two depend on each other (8.1 million names of files with row numbers gave 7.4 million hashes). Backwards the
    places fall differently; both together gave 8.1 million.
    """
    return ", ".join(f"{name}, reverse({name})" if contract.columns[name].type == "text" else name for name in columns)


def record_key(system: str, contract: Contract, columns: Sequence[str]) -> str:
    """SQL of a record's 63-bit key, positive as a BIGINT.

    Args:
        system: source system; the same id in another one is another record.
        contract: says which columns are text.
        columns: the key, or the columns that name the parent's.
    """
    return f"(hash({quote(system)}, {hashed(contract, columns)}) >> 1)::bigint"


CLOCKS_DIFFER = dt.timedelta(days=1)  # a time is ahead of its load only if no clock or time zone can be the cause
ROW_ID_LENGTH = 16  # hexadecimal digits of a quarantined row's id
ROW = "_raw_row"  # alias of a raw row in SQL: a name that no source's column has
LOAD_PLACE = ("_load_id", "_loaded_at", "_source_file", "_source_row", SOURCE_FLAGS)


def raw_record(raw_columns: Iterable[str]) -> str:
    """SQL of a raw row (`ROW`) as JSON, without the columns that say where and when it was loaded."""
    names = [name for name in raw_columns if name not in LOAD_PLACE]
    fields = ", ".join(f"{quote(name)}: {ROW}.{quote_name(name)}" for name in names)
    return f"to_json({{{fields}}})::varchar" if fields else "'{}'"


def row_id(raw: str) -> str:
    """SQL of the id of a row by its raw record: the same content has the same id, whichever load brings it."""
    return f"left(md5({raw}), {ROW_ID_LENGTH})"


def flags_sql(flags: dict[str, str], given: bool) -> str:
    """SQL of the flags of a row, joined by commas, by their conditions; null where none holds.

    Args:
        flags: flag → condition.
        given: whether the raw row brings some of its own.
    """
    own = f"{ROW}.{SOURCE_FLAGS}" if given else "cast(null as varchar)"
    if not flags:
        return own
    shown = ", ".join(f"case when {condition} then {quote(flag)} end" for flag, condition in flags.items())
    return (
        f"case when {' or '.join(f'({c})' for c in flags.values())} then concat_ws(',', {own}, {shown}) else {own} end"
    )


def not_ahead(contract: Contract, loaded_at: dt.datetime | None) -> Contract:
    """The contract of one load: dates that cannot lie ahead are plausible up to the load's year."""
    columns = {
        name: spec.model_copy(update={"years": (spec.years[0], min(spec.years[1], loaded_at.year))})
        for name, spec in contract.columns.items()
        if loaded_at is not None and spec.ahead == "refuse" and spec.years is not None
    }
    return contract.model_copy(update={"columns": contract.columns | columns})


def candidate_sql(
    mapping: Mapping,
    types: dict[str, str],
    raw_columns: list[str],
    corrected: frozenset[str] = frozenset(),
    loaded_at: dt.datetime | None = None,
    marks: dict[str, str] | None = None,
    is_daily: bool = False,
    placed: str | None = None,
) -> CandidateSql:
    """One row per row of `from`: typed columns, keys, `_verdict`, and for bad rows value and raw record.

    Args:
        mapping: the map.
        types: DuckDB type of each mapped expression (`Mapping.source_types`).
        raw_columns: columns of `from`.
        corrected: input columns of which some row has a corrected value, in the temporary table `correction`
            (`_correction_id`, and `_correction`: a map from column to value).
        loaded_at: time of the load, naive UTC, which dates that lie ahead are told by; None asks for none.
        marks: further flags, by their conditions on a raw row (`ROW`).
        is_daily: whether its rows come from files of which a later one is the newer.
        placed: `from` as a query that tells the place of its rows, where it does not itself.
    """
    later: tuple[str, ...] = () if not is_daily or "_source_file" not in raw_columns else ("_source_file",)
    if later and not mapping.is_table() and "_load_id" in raw_columns:
        later = ("_source_load", *later)
    mapping = replace(mapping, contract=not_ahead(mapping.contract, loaded_at))

    def whole(every_raw: bool) -> str:
        if not corrected:
            return part_sql(mapping, types, raw_columns, every_raw, loaded_at, marks, placed=placed)
        parts = (
            part_sql(mapping, types, raw_columns, every_raw, loaded_at, marks, corrected, apart, placed)
            for apart in (False, True)
        )
        return " union all by name ".join(f"select * from ({part})" for part in parts)

    return CandidateSql(whole(False), whole(True), later)


@dataclass(frozen=True)
class Value:
    """An input column's value in SQL.

    Args:
        shown: as it was given, cleaned; null where it is missing.
        typed: in the contract's type; null where the cast fails.
        doubt: whether it is a local time that occurs twice or not at all, where that may be.
        source_type: DuckDB type of `shown`.
    """

    shown: str
    typed: str
    doubt: str | None
    source_type: str


def given_value(
    shown: str, source_type: str, spec: Column, zones: Zones, formats: Formats, is_id: bool = False
) -> Value:
    """A value that is already cleaned."""
    is_time = spec.type == "timestamp" and not is_number(source_type)
    doubt = doubtful(shown, source_type, is_text(source_type), zones, formats) if is_time else None
    return Value(shown, typed(shown, source_type, spec, zones, formats, is_id), doubt, source_type)


def corrected_value(name: str, spec: Column, zones: Zones, formats: Formats, given: Value | None, is_id: bool) -> Value:
    """The correction `k_<name>` in rows that have one (`h_<name>`), and the given value in the others.

    A person writes 12.50 and 2024-01-31, whatever the source writes: a correction is read so first, and only where it
    is not of that form as the source would write it. A time without an offset is the source's local time either way.
    """
    shown = cleaned(f"k_{name}", "VARCHAR", is_id)
    plain, as_source = (given_value(shown, "VARCHAR", spec, zones, f, is_id) for f in (ISO, formats))

    def chosen(corrected: str, otherwise: str | None) -> str:
        return f"case when h_{name} then {corrected} else {otherwise or 'null'} end"

    doubt = None
    if plain.doubt or as_source.doubt:
        either = f"case when {plain.typed} is null then {as_source.doubt or 'false'} else {plain.doubt or 'false'} end"
        doubt = chosen(either, given.doubt if given else None)
    return Value(
        chosen(plain.shown, f"({given.shown})::varchar" if given else None),
        chosen(f"coalesce({plain.typed}, {as_source.typed})", given.typed if given else None),
        doubt,
        "VARCHAR",
    )


def place_sql(raw_columns: list[str], placed: str | None) -> tuple[str, str]:
    """SQL of the file and the row in it that a raw row is from."""
    if placed:
        return f"{ROW}.{PLACE}.f", f"{ROW}.{PLACE}.r"
    return (
        f"{ROW}._source_file" if "_source_file" in raw_columns else "cast(null as varchar)",
        f"{ROW}._source_row" if "_source_row" in raw_columns else "cast(null as bigint)",
    )


def part_sql(
    mapping: Mapping,
    types: dict[str, str],
    raw_columns: list[str],
    every_raw: bool,
    loaded_at: dt.datetime | None,
    marks: dict[str, str] | None = None,
    corrected: frozenset[str] = frozenset(),
    apart: bool = False,
    placed: str | None = None,
) -> str:
    """The candidates' query over the rows with a correction (`apart`) or over those without."""
    contract, zones, formats = mapping.contract, mapping.zones, mapping.formats
    expressions = [f"({e}) as v_{n}" for n, e in mapping.map.columns.items()]
    # What is said of a time several times is worked out once, each in a step of its own: the value, and what it is as a
    # time. DuckDB evaluates the branches of a case one by one, whatever they have in common.
    texts, values = [], {}
    for name in mapping.map.columns:
        spec, shown = contract.columns[name], f"v_{name}"
        if is_text(types[name]):
            shown = cleaned(shown, types[name], contract.is_id(name))
            texts.append(f"{shown} as c_{name}")
            shown = f"c_{name}"
        values[name] = given_value(shown, types[name], spec, zones, formats, contract.is_id(name))
    raw = raw_record(raw_columns)
    source = f"from raw {ROW}"
    if corrected:
        source += f" left join correction k on k._correction_id = {row_id(raw)}"
        source += f" where k._correction_id is {'not ' if apart else ''}null"
    if apart:
        for name in sorted(corrected):
            key = quote(name)
            expressions.append(f"k._correction[{key}] as k_{name}")
            expressions.append(f"map_contains(k._correction, {key}) as h_{name}")
            values[name] = corrected_value(
                name, contract.columns[name], zones, formats, values.get(name), contract.is_id(name)
            )
    numbers = numbered(contract)
    parsed, results, tests = [], [], []
    flags = dict(marks or {})
    for name, spec in contract.columns.items():
        if name not in values:
            results.append(f"cast(null as {spec.sql_type}) as {name}")
            continue
        value = values[name]
        result, before = value.typed, None
        if has_years(spec):
            before = f"p_{name}"
            parsed.append(f"{result} as {before}")
            result = plausible(before, spec)
        results.append(f"{result} as {name}")
        tests += checks(name, value.shown, name, value.source_type, spec, before)
        if value.doubt:
            flags[f"doubtful_local_time:{name}"] = value.doubt
        if spec.ahead == "flag" and loaded_at is not None:
            latest = f"timestamp {quote(str(loaded_at + CLOCKS_DIFFER))}"
            flags[f"dated_ahead:{name}"] = f"{name} > {latest}"
    dates = [f"{zones.business_date(n)} as {date}" for n, date in contract.business_dates.items()]
    verdict = " ".join(f"when {test.predicate} then {numbers[test.reason, test.column]}" for test in tests)
    shown = " ".join(
        f"when {numbers[t.reason, t.column]} then {values[t.column].shown}::varchar"
        for t in tests
        if t.column in values and t.reason != "required_missing"
    )
    parent = "cast(null as bigint)"
    if contract.parent:
        parent = record_key(mapping.system, contract, contract.parent.columns)
    source_file, source_row = place_sql(raw_columns, placed)
    # A query sees several loads, and a map of one table as a rule the newest.
    source_load = "" if mapping.is_table() or "_load_id" not in raw_columns else f"{ROW}._load_id as _source_load,"
    keep = f"coalesce(({mapping.map.where}), false)" if mapping.map.where else "true"
    raw_or_null = raw if every_raw else f"case when _verdict > 0 then {raw} end"
    return f"""
    with raw as ({placed or mapping.from_sql()}),
    valued as (
      select {ROW}, {source_file} as _source_file, {source_row} as _source_row, {keep} as _keep,
        {", ".join(expressions)}
      {source}
    ),
    cleaned as (
      select *{"".join(", " + text for text in texts)} from valued
    ),
    parsed as (
      select *{"".join(", " + time for time in parsed)} from cleaned
    ),
    cast_values as (
      select *, {", ".join(results)} from parsed
    ),
    judged as (
      select *, {"".join(d + ", " for d in dates)}
        case when not _keep then {FILTERED} {verdict} else {ACCEPTED} end::smallint as _verdict
      from cast_values
    )
    select
      {quote(mapping.system)} as source_system,
      {", ".join([*contract.columns, *contract.business_dates.values()])},
      {record_key(mapping.system, contract, contract.key)} as _record_key,
      {parent} as _parent_key,
      (hash({hashed(contract, contract.columns)}) >> 1)::bigint as _record_hash,
      _source_file, _source_row, {source_load}
      {flags_sql(flags, SOURCE_FLAGS in raw_columns)} as _flags,
      _verdict,
      {f"case _verdict {shown} end" if shown else "cast(null as varchar)"} as _value,
      {raw_or_null} as _raw_record
    from judged
    """

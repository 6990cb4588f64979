"""The SQL that turns a system's raw tables into candidates for one input entity."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.company import CompanyConfig, Formats, Map
from orchestration.conform.casting import Zones, checks, cleaned, is_text, local_timestamp, numbered, typed
from orchestration.connectors.base import SOURCE_FLAGS
from orchestration.contracts import Contract
from orchestration.errors import ConfigError
from orchestration.literals import quote, quote_name

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

    @classmethod
    def of(cls, config: CompanyConfig, system: str, entity: str) -> Mapping:
        """The map of a system's entity."""
        source, company = config.sources[system], config.company
        zones = Zones(source.timezone_of(entity), company.timezone, company.business_day_cut_minutes)
        contract, formats = config.contracts[entity], source.formats_of(entity)
        return cls(system, entity, contract, source.maps[entity], zones, formats, config.source_file(system))

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
        found = con.execute("select json_serialize_sql($1::varchar)", [self.from_sql()]).fetchone()
        tree = json.loads(found[0]) if found else {"error": True, "error_message": "empty"}
        if tree["error"]:
            raise self.wrong("from", self.map.source, ValueError(tree["error_message"]))
        names = table_names(tree)
        unknown = names - known
        if unknown:
            raise ConfigError(
                f"{self.file}: key 'maps.{self.entity}.from': no table '{sorted(unknown)[0]}'; "
                f"expected one of: {', '.join(sorted(known))}"
            )
        return names

    def wrong(self, key: str, value: str, error: Exception) -> ConfigError:
        """The error of an SQL expression that DuckDB refuses: file, key, value, reason."""
        reason = " ".join(str(error).split("LINE 1:")[0].split())
        shown = " ".join(value.split())
        return ConfigError(f"{self.file}: key 'maps.{self.entity}.{key}': value '{shown}': not valid here: {reason}")

    def source_types(self, con: duckdb.DuckDBPyConnection) -> dict[str, str]:
        """DuckDB type of each mapped expression.

        Raises:
            ConfigError: an expression does not bind; names the first such key.
        """
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


def table_names(node: Any) -> set[str]:
    """Tables named in DuckDB's parse tree of a query, without its common table expressions."""
    tables: set[str] = set()
    expressions: set[str] = set()

    def walk(item: Any) -> None:
        if isinstance(item, dict):
            if item.get("type") == "BASE_TABLE":
                tables.add(item["table_name"].lower())
            for entry in item.get("cte_map", {}).get("map", []):
                expressions.add(entry["key"].lower())
            for value in item.values():
                walk(value)
        elif isinstance(item, list):
            for value in item:
                walk(value)

    walk(node)
    return tables - expressions


@dataclass(frozen=True)
class CandidateSql:
    """The query of candidates; `with_raw` is the same with the raw record of every row, not of bad ones only."""

    sql: str
    with_raw: str


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


ROW_ID_LENGTH = 16  # hexadecimal digits of a quarantined row's id
LOAD_PLACE = ("_load_id", "_loaded_at", "_source_file", "_source_row", SOURCE_FLAGS)


def raw_record(raw_columns: Iterable[str]) -> str:
    """SQL of a raw row `r` as JSON, without the columns that say where and when it was loaded."""
    names = [name for name in raw_columns if name not in LOAD_PLACE]
    fields = ", ".join(f"{quote(name)}: r.{quote_name(name)}" for name in names)
    return f"to_json({{{fields}}})::varchar" if fields else "'{}'"


def row_id(raw: str) -> str:
    """SQL of the id of a row by its raw record: the same content has the same id, whichever load brings it."""
    return f"left(md5({raw}), {ROW_ID_LENGTH})"


def candidate_sql(
    mapping: Mapping, types: dict[str, str], raw_columns: list[str], corrected: frozenset[str] = frozenset()
) -> CandidateSql:
    """One row per row of `from`: typed columns, keys, `_verdict`, and for bad rows value and raw record.

    Args:
        mapping: the map.
        types: DuckDB type of each mapped expression (`Mapping.source_types`).
        raw_columns: columns of `from`.
        corrected: input columns of which some row has a corrected value, in the temporary table `correction`
            (`_correction_id`, and `_correction`: a map from column to value).
    """
    if not corrected:
        return CandidateSql(part_sql(mapping, types, raw_columns, False), part_sql(mapping, types, raw_columns, True))
    return CandidateSql(
        *(
            f"select * from ({part_sql(mapping, types, raw_columns, raw, corrected, apart=False)}) union all by name "
            f"select * from ({part_sql(mapping, types, raw_columns, raw, corrected, apart=True)})"
            for raw in (False, True)
        )
    )


def part_sql(
    mapping: Mapping,
    types: dict[str, str],
    raw_columns: list[str],
    every_raw: bool,
    corrected: frozenset[str] = frozenset(),
    apart: bool = False,
) -> str:
    """The candidates' query over the rows with a correction (`apart`) or over those without."""
    contract, zones, formats = mapping.contract, mapping.zones, mapping.formats
    expressions = dict(mapping.map.columns)
    raw = raw_record(raw_columns)
    source = "from raw r"
    if corrected:
        source += f" left join correction k on k._correction_id = {row_id(raw)}"
        source += f" where k._correction_id is {'not ' if apart else ''}null"
    if apart:
        for name in corrected:
            given = f"(({expressions[name]})::varchar)" if name in expressions else "null"
            key = quote(name)
            expressions[name] = (
                f"case when map_contains(k._correction, {key}) then k._correction[{key}] else {given} end"
            )
        types = types | dict.fromkeys(corrected, "VARCHAR")
    numbers = numbered(contract)
    values = {n: f"c_{n}" if is_text(types[n]) else f"v_{n}" for n in expressions}
    clean = [f", {cleaned(f'v_{n}', types[n], contract.is_id(n))} as c_{n}" for n in expressions if is_text(types[n])]
    results, tests, flags = [], [], [f"r.{SOURCE_FLAGS}"] if SOURCE_FLAGS in raw_columns else []
    for name, spec in contract.columns.items():
        if name in expressions:
            results.append(f"{typed(values[name], types[name], spec, zones, formats)} as {name}")
            tests += checks(name, values[name], name, types[name], spec)
            doubt = (
                zones.doubtful(local_timestamp(values[name], types[name], formats))
                if spec.type == "timestamp"
                else None
            )
            if doubt and types[name] != "TIMESTAMP WITH TIME ZONE":
                flags.append(f"case when {doubt} then 'doubtful_local_time:{name}' end")
        else:
            results.append(f"cast(null as {spec.sql_type}) as {name}")
    dates = [f"{zones.business_date(n)} as {date}" for n, date in contract.business_dates.items()]
    verdict = " ".join(f"when {test.predicate} then {numbers[test.reason, test.column]}" for test in tests)
    shown = " ".join(
        f"when {numbers[t.reason, t.column]} then {values[t.column]}::varchar"
        for t in tests
        if t.column in values and t.reason != "required_missing"
    )
    parent = "cast(null as bigint)"
    if contract.parent:
        parent = record_key(mapping.system, contract, contract.parent.columns)
    source_file = "r._source_file" if "_source_file" in raw_columns else "cast(null as varchar)"
    source_row = "r._source_row" if "_source_row" in raw_columns else "cast(null as bigint)"
    keep = f"coalesce(({mapping.map.where}), false)" if mapping.map.where else "true"
    raw_or_null = raw if every_raw else f"case when _verdict > 0 then {raw} end"
    return f"""
    with raw as ({mapping.from_sql()}),
    valued as (
      select r, {source_file} as _source_file, {source_row} as _source_row, {keep} as _keep,
        {", ".join(f"({e}) as v_{n}" for n, e in expressions.items())}
      {source}
    ),
    cleaned_values as (
      select *{"".join(clean)} from valued
    ),
    cast_values as (
      select *, {", ".join(results)} from cleaned_values
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
      _source_file, _source_row,
      {"nullif(concat_ws(',', " + ", ".join(flags) + "), '')" if flags else "cast(null as varchar)"} as _flags,
      _verdict,
      {f"case _verdict {shown} end" if shown else "cast(null as varchar)"} as _value,
      {raw_or_null} as _raw_record
    from judged
    """

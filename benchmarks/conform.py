"""Conform against a bare insert of the same casts, entity by entity.

    python benchmarks/conform.py COMPANY [ENTITY ...]      (refresh it once before)

Conform takes the lake's loads into a new warehouse: casts, checks, keys, duplicates, versions, quarantine, books. The
bare insert is `insert into … select` of the same map and the same casts, and nothing else, on the same raw views.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import duckdb

from orchestration.config.company import CompanyConfig, load_company
from orchestration.conform.casting import cleaned, typed
from orchestration.conform.mapping import Mapping
from orchestration.conform.run import bind_raw, conform, mappings
from orchestration.landing.lake import Lake, Manifest
from orchestration.warehouse.connections import settings


def bare_seconds(con: duckdb.DuckDBPyConnection, config: CompanyConfig, lake: Lake, mapping: Mapping) -> float:
    """Seconds of the insert alone, of the tables' first loads."""
    loads: dict[str, list[Manifest]] = {}
    for manifest in lake.manifests():
        if manifest.source_system == mapping.system:
            loads.setdefault(manifest.table_name, []).append(manifest)
    tables = mapping.raw_tables(con, set(config.sources[mapping.system].tables))
    load_id = min(manifest.load_id for table in tables for manifest in loads[table])
    bind_raw(con, config, lake, loads, mapping, load_id)
    types, columns = mapping.source_types(con), mapping.contract.columns
    casts = ", ".join(
        f"{typed(cleaned(f'v_{n}', types[n]), types[n], columns[n], mapping.zones, mapping.formats)} as {n}"
        for n in mapping.map.columns
    )
    values = ", ".join(f"({expression}) as v_{n}" for n, expression in mapping.map.columns.items())
    keep = f" where {mapping.map.where}" if mapping.map.where else ""
    rows = f"select {casts} from (select {values} from ({mapping.from_sql()}) r{keep})"
    con.execute(f"create table bare as {rows} limit 0")
    started = time.monotonic()
    con.execute(f"insert into bare {rows}")
    return time.monotonic() - started


def main() -> None:
    """Print both times of each entity."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("company")
    parser.add_argument("entities", nargs="*")
    given = parser.parse_args()
    config = load_company(given.company)
    lake = Lake(config.paths.lake)
    total = [0.0, 0.0]
    entities = dict.fromkeys(mapping.entity for mapping in mappings(config, given.entities or None))
    for entity in entities:
        with tempfile.TemporaryDirectory() as name:
            bare = 0.0
            for mapping in mappings(config, [entity]):
                with duckdb.connect(f"{name}/{mapping.system}.duckdb", config=dict(settings(config))) as con:
                    con.execute("set TimeZone = 'UTC'")
                    bare += bare_seconds(con, config, lake, mapping)
            with duckdb.connect(f"{name}/whole.duckdb", config=dict(settings(config))) as con:
                con.execute("set TimeZone = 'UTC'")
                conform(con, config, lake, lambda _: None, [])
                started = time.monotonic()
                conform(con, config, lake, lambda _: None, [entity])
                whole = time.monotonic() - started
        total = [total[0] + bare, total[1] + whole]
        print(f"{entity}: bare {bare:.2f} s, conform {whole:.2f} s, {whole / bare:.2f} times", flush=True)
    print(f"together: bare {total[0]:.1f} s, conform {total[1]:.1f} s, {total[1] / total[0]:.2f} times")


if __name__ == "__main__":
    main()

"""Begin a company: its folder with commented configuration, and drafted maps of a folder of data."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.authoring.suggest import as_yaml, flat_sales, formats_of, suggest
from orchestration.company import Source
from orchestration.connectors.base import Connector
from orchestration.connectors.numbers import as_written
from orchestration.connectors.registry import connect
from orchestration.contracts import NAME, Contract
from orchestration.errors import RegularsError, UsageError
from orchestration.literals import quote_name, reserved

KIND_OF = {
    ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".xlsx": "excel", ".xls": "excel", ".ods": "excel",
    ".json": "json", ".ndjson": "json", ".jsonl": "json", ".log": "web_log", ".db": "sqlite", ".sqlite": "sqlite",
    ".duckdb": "duckdb",
}  # fmt: skip
SAMPLE = 2_000  # rows of a table that a draft looks at, from everywhere in it

COMPANY_YML = """\
# {title}. What is left out has its default.
name: {name}
title: {title}
currency: {currency}      # ISO 4217; amounts in sources are in it
timezone: {timezone}      # of the business day; each source has a zone of its own
week_start: monday
# business_day_cut: "03:00"   # a bar's day ends when it closes
# lifecycle:                   # days since the last purchase
#   new_days: 45
#   at_risk_after_days: 45
#   lost_after_days: 90
# churn: {{horizon_days: auto}}  # from the customers' own rhythm
# privacy: {{clear_keys: false}} # true publishes the sources' own customer ids
"""
SOURCE_HEAD = """\
# One source system. Kinds and their settings: docs/how-to/connect-a-source.md
#   look at it:   regulars source test --company {name}
#   see rows:     regulars source preview {system} TABLE --company {name}
#   see a map:    regulars source preview {system} --entity ENTITY --company {name}
system: {system}
timezone: {timezone}      # zone of the time stamps that state none
connector: {{kind: {kind}, path: {path}}}
{formats}   # how text is read as numbers and dates; ISO with a decimal point needs none

tables:
{tables}

# Column of the input contract (docs/reference/input-contracts.md): SQL over the table's columns.
{maps}
"""
EXAMPLE_TABLES = """  customers: {}            # customers.csv
  orders: {}
  lines: {}"""
EXAMPLE_MAPS = """  customer:
    from: customers
    columns:
      customer_id: id
      full_name: name
      email: email
      registered_at: created_at
  sales_order:
    from: orders
    columns:
      order_id: order_no
      customer_id: customer_id
      ordered_at: ordered_at
      status: "'completed'"
  order_line:
    from: lines
    columns:
      order_id: order_no
      line_no: line_no
      product_id: sku
      quantity: quantity
      net_amount: amount"""


def samples_of(connector: Connector, table: str) -> dict[str, list[str]]:
    """Some values of each column, as text."""
    with duckdb.connect() as con:
        columns = connector.columns(table)
        sql, names = as_written(connector.read(con, table), columns, "."), list(columns)
        chosen = ", ".join(f"{quote_name(name)}::varchar" for name in names)
        rows = con.execute(
            f"select {chosen} from ({sql}) using sample reservoir({SAMPLE} rows) repeatable (1)"
        ).fetchall()
    return {name: [row[i] for row in rows if row[i]] for i, name in enumerate(names)}


def kind_of(folder: Path) -> str:
    """The kind of most files of a folder, or of one file.

    Raises:
        UsageError: there is none that a kind is known for.
    """
    files = [folder] if folder.is_file() else sorted(p for p in folder.glob("*") if p.is_file())
    kinds = [KIND_OF[suffix] for p in files if (suffix := data_suffix(p)) in KIND_OF]
    if not kinds:
        raise UsageError(f"{folder}: holds no file of a known kind", f"Known: {', '.join(KIND_OF)}")
    return max(sorted(set(kinds)), key=kinds.count)


def data_suffix(path: Path) -> str:
    """A file's suffix, below that of a packer."""
    return (Path(path.stem).suffix if path.suffix in {".gz", ".zip", ".bz2", ".xz"} else path.suffix).lower()


def table_name(found: str, taken: set[str]) -> str:
    """A file's or sheet's name as a table's: snake case without accents, no word of SQL, and not taken."""
    plain = unicodedata.normalize("NFKD", found.lower()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    name = name if NAME.fullmatch(name) and name not in reserved() else f"t_{name}".rstrip("_")
    base, again = name, 1
    while name in taken:
        again += 1
        name = f"{base}_{again}"
    taken.add(name)
    return name


@dataclass(frozen=True)
class Drafted:
    """Parts of a source's YAML, and what a user should know."""

    tables: str = EXAMPLE_TABLES
    maps: str = EXAMPLE_MAPS
    formats: str = '# formats: {decimal: ",", thousands: ".", date: ["%d.%m.%Y"]}'
    notes: tuple[str, ...] = ()


def drafted(system: str, kind: str, path: str, contracts: Mapping[str, Contract]) -> Drafted:
    """Tables and maps of a folder of data."""
    raw = {"system": system, "timezone": "UTC", "connector": {"kind": kind, "path": path}, "tables": {"any": None}}
    names = connect(Source.model_validate(raw).as_system()).discover()
    if not names:
        raise UsageError(f"{path}: holds no table of kind {kind}", "Put files there first")
    suffixes = {p.name.split(".")[0]: p.name for p in Path(path).glob("*")} if Path(path).is_dir() else {}
    taken: set[str] = set()
    tables = {table_name(found, taken): found for found in names}
    lines, specs = [], {}
    for table, found in tables.items():
        spec: dict[str, Any] = {} if table == found else {"path": suffixes.get(found.split(".")[0], found)}
        if kind == "excel" and Path(path).is_file():
            spec = {} if table == found else {"format": {"sheet": found}}
        specs[table] = spec
        shown = ", ".join(f"{k}: {v!r}".replace("'", '"') for k, v in spec.items())
        lines.append(f"  {table}: {{{shown}}}")
    connector = connect(Source.model_validate(raw | {"tables": specs}).as_system())
    maps, notes, values = best_drafts(connector, list(tables), contracts)
    formats = formats_of(values)
    line = f"formats: {json.dumps(formats)}" if formats else Drafted.formats
    return Drafted("\n".join(lines), "\n".join(maps), line, tuple(notes))


def best_drafts(
    connector: Connector, tables: Sequence[str], contracts: Mapping[str, Contract]
) -> tuple[list[str], list[str], list[str]]:
    """A map for each table that resembles an entity; an entity goes to the table that resembles it most.

    Returns the maps, what a user should know, and all values that were looked at.
    """
    notes, found, values = [], [], []
    maps: dict[str, str] = {}
    for table in tables:
        try:
            samples = samples_of(connector, table)
            values += [value for column in samples.values() for value in column]
            drafts = suggest(table, samples, contracts)
        except RegularsError as error:
            notes.append(f"{table}: {error}")
            continue
        formats = formats_of([value for column in samples.values() for value in column])
        flat = flat_sales(table, samples, contracts)
        if flat is not None:
            parts = flat.maps(str(formats.get("decimal", ".")), str(formats.get("thousands", "")))
            maps |= {entity: text for entity, text in parts.items() if entity not in maps}
            notes.append(f"{table}: flat sales lines: {', '.join(parts)}")
            continue
        if not drafts:
            notes.append(f"{table}: resembles no entity; add its map by hand")
        found += [draft for draft in drafts if not draft.lacking][:1] or drafts[:1]
    for draft in sorted(found, key=lambda d: -d.score):
        if draft.entity in maps:
            notes.append(f"{draft.table}: looks like another {draft.entity}; left out")
        elif draft.lacking:
            notes.append(f"{draft.table}: looks like {draft.entity}, but no column gives {', '.join(draft.lacking)}")
            maps[draft.entity] = "\n".join("# " + line for line in as_yaml(draft).splitlines())
        else:
            notes.append(f"{draft.table}: {draft.entity}, {len(draft.columns)} columns")
            maps[draft.entity] = as_yaml(draft)
    return list(maps.values()), notes, values


def maps_section(maps: str) -> str:
    """The key `maps` with its blocks; where all of them are comments it is empty, with them below."""
    active = any(line and not line.startswith("#") for line in maps.splitlines())
    return f"maps:\n{maps}" if active else f"maps: {{}}\n{maps}".rstrip()


def begin(
    folder: Path, name: str, timezone: str, currency: str, data: Path | None, contracts: Mapping[str, Contract]
) -> list[str]:
    """Write a company's folder.

    Args:
        folder: where companies are.
        name: the company's.
        timezone: of its business day, and of the source.
        currency: ISO 4217.
        data: folder or file to draft tables and maps of; None writes examples.
        contracts: the entities.

    Returns:
        What a user should know.

    Raises:
        UsageError: the name is none, or the company is there already.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"company name '{name}'", "Use snake case, such as corner_shop")
    target = folder / name
    if target.exists():
        raise UsageError(f"{target} is there already", "Choose another name, or remove the folder")
    system, kind, path, parts = "shop", "csv", '"${SHOP_DATA}"', Drafted()
    if data is not None:
        kind, path = kind_of(data), json.dumps(str(data.absolute()), ensure_ascii=False)
        parts = drafted(system, kind, str(data.absolute()), contracts)
    title = name.replace("_", " ").title()
    (target / "sources").mkdir(parents=True)
    (target / "company.yml").write_text(
        COMPANY_YML.format(name=name, title=title, currency=currency, timezone=timezone), encoding="utf-8"
    )
    (target / "sources" / f"{system}.yml").write_text(
        SOURCE_HEAD.format(
            name=name,
            system=system,
            timezone=timezone,
            kind=kind,
            path=path,
            formats=parts.formats,
            tables=parts.tables,
            maps=maps_section(parts.maps),
        ),
        encoding="utf-8",
    )
    return list(parts.notes)

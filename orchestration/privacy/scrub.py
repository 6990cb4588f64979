"""Take suppressed persons out of loads: out of the whole lake at an erasure or a restore, out of each new load."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from orchestration.config.company import CompanyConfig
from orchestration.landing.lake import DELETED_PART, LOAD_COLUMNS, PART, REJECTED_PART, Erased, Lake, Manifest, commit
from orchestration.platform import scratch
from orchestration.platform.literals import exact_path, quote, quote_name
from orchestration.platform.scratch import memory_database
from orchestration.platform.state import State
from orchestration.privacy import forms
from orchestration.privacy.search import LONG, Wanted, is_number, search
from orchestration.privacy.subject import RawTable, Schema, subjects_of
from orchestration.privacy.suppression import AROUND_WORDS, BETWEEN_WORDS, MAX_WORDS, TEXT, VALUE, Suppression
from orchestration.warehouse.connections import remove_database

WORDS_SQL = (
    "create or replace temp macro words_of(said) as list_filter(list_transform(regexp_split_to_array(lower(said), "
    f"{quote(BETWEEN_WORDS)}), lambda w: trim(w, {quote(AROUND_WORDS)})), lambda w: w <> '')"
)


LEAST = 1_000_000  # from which a number may be a telephone's or a card's
SHORTEST = 4  # letters and digits of a text that a seal is worked out for


@dataclass
class Scrubber:
    """Looks for suppressed persons in files of loads, by seals, and at an erasure also by values in clear.

    Args:
        con: a connection of its own.
        lengths: of how many words the suppressed values are that lists of before hold.
        clear: glued texts, known only while a person is erased.
    """

    con: duckdb.DuckDBPyConnection
    lengths: list[int]
    clear: tuple[str, ...] = ()
    token: str = field(default="", repr=False)

    @classmethod
    def of(cls, suppression: Suppression, clear: Sequence[str] = ()) -> Scrubber:
        """Ready to use; close its connection afterwards."""
        con = memory_database()
        con.execute("set TimeZone = 'UTC'")
        con.execute(WORDS_SQL)
        forms.bind(con)
        lengths = suppression.bind(con)
        found = sorted({form for value in clear for form in forms.forms_of(value)})
        con.execute("create temp table clear (form varchar, is_long boolean)")
        if found:
            con.executemany(
                "insert into clear values (?, ?)", [[form, len(form) >= LONG or forms.has_han(form)] for form in found]
            )
        token = hashlib.sha256(f"erased {suppression.secret()}".encode()).hexdigest()
        return cls(con, lengths, tuple(found), token)

    def columns(self, path: Path) -> dict[str, str]:
        """Columns of a Parquet file with their DuckDB types."""
        rows = self.con.execute(f"describe select * from {read(path)}").fetchall()
        return {row[0]: row[1] for row in rows}

    def count(self, table: str) -> int:
        """Rows of a table."""
        found = self.con.execute(f"select count(*) from {table}").fetchone()
        return int(found[0]) if found else 0

    def find_ids(self, path: Path, expression: str, kind: str, into: str) -> bool:
        """Write the suppressed ids that an expression gives in a file to a temporary table; whether there are any."""
        self.con.execute(
            f"""
            create or replace temp table {into} as
            with given as (select distinct {expression} as id, {kind} as kind from {read(path)})
            select distinct id, g.kind from given g join (select distinct secret from suppressed) k on true
            join suppressed s on s.seal = seal(k.secret, g.kind, g.id) and s.kind = g.kind
            where id is not null
            """
        )
        return self.count(into) > 0

    def find_cells(self, path: Path, column: str, into: str, kind: str = "VARCHAR") -> bool:
        """Write the texts of a column that hold a suppressed value to a temporary table; whether there are any."""
        spans = " union all ".join(
            f"select cell, unnest(list_transform(range(1, len(w) - {n} + 2), "
            f"lambda i: array_to_string(list_slice(w, i, i + {n} - 1), ' '))) as gram from word where len(w) >= {n}"
            for n in self.lengths
        )
        least = f" and abs({quote_name(column)}) >= {LEAST}" if is_number(kind) else ""
        self.con.execute(
            f"""
            create or replace temp table {into} as
            with given as (
              select distinct {cell_sql(column, kind)} as cell from {read(path)}
              where {quote_name(column)} is not null{least}
            ),
            seen as materialized (select cell, decoded(cell) as told from given),
            plain as materialized (
              select cell, worded(told) as said from seen
              union all
              -- As lists of before have it.
              select cell, folded_before(told) from seen where strlen(told) > length(told)
            ),
            word as (select cell, words_of(cell) as w from given where {bool(self.lengths)}),
            old_gram as ({spans or "select cell, cell as gram from word where false"}),
            gram as (
              select distinct cell, gram from ({forms.grams_sql("from plain", MAX_WORDS, self.lengths)})
              where length(gram) >= {SHORTEST} or regexp_matches(gram, '{forms.HAN}')
            ),
            asked as (
              select distinct {quote(TEXT)} as kind, gram from gram
              union select distinct {quote(VALUE)}, gram from old_gram
            ),
            hit as (
              select distinct a.kind, gram from asked a join (select distinct secret from suppressed) k on true
              join suppressed s on s.kind = a.kind and s.seal = seal(k.secret, a.kind, gram)
            )
            select distinct cell from old_gram semi join (from hit where kind = {quote(VALUE)}) using (gram)
            union
            select distinct cell from gram semi join (from hit where kind = {quote(TEXT)}) using (gram)
            union
            select distinct cell from gram semi join clear on clear.form = gram
            union
            select cell from (select cell, glued(told) as said from seen where {bool(self.clear)}) s
            where exists (select 1 from clear where is_long and contains(s.said, form))
            """
        )
        return self.count(into) > 0

    def scrub(self, path: Path, raw: RawTable) -> Erased:
        """Rewrite a file of rows without what is suppressed; a file that holds nothing of it is not touched."""
        columns = self.columns(path)
        ids = [i for i in raw.ids if i.columns <= columns.keys()]
        persons: list[str] = []
        belonging: list[str] = []
        for number, found in enumerate(ids):
            if self.find_ids(path, found.expression, found.kind, f"id_{number}"):
                given = f"{found.kind} || chr(31) || {found.expression}"
                test = f"{given} in (select kind || chr(31) || id from id_{number})"
                (persons if found.is_person else belonging).append(f"coalesce({test}, false)")
        told, spoken = [], {}
        for number, name in enumerate(sorted((raw.direct | raw.text) & columns.keys())):
            if self.find_cells(path, name, f"cell_{number}", columns[name]):
                test = f"{cell_sql(name, columns[name])} in (select cell from cell_{number})"
                if name in raw.direct:
                    told.append(f"coalesce({test}, false)")
                else:
                    spoken[name] = test
        if not (persons or belonging or told or spoken):
            return Erased()
        own = f"coalesce({', '.join([*(i.expression for i in ids if i.is_person), 'null'])}) is null"
        about = " or ".join([*persons, *(f"({test} and {own})" for test in told)]) or "false"
        blank = " or ".join([*([about] if raw.stays else []), *belonging]) or "false"
        named = {name for i in ids if i.is_person for name in i.columns}
        told_of = " or ".join(belonging)
        replaced = [
            self.replaced(name, columns[name], spoken[name]) if name in raw.needed and name in spoken
            else f"case when {' or '.join(tests)} then null else {quote_name(name)} end as {quote_name(name)}"
            for name in columns if name not in LOAD_COLUMNS
            if (tests := [
                *([spoken[name]] if name in spoken else []),
                *([about] if raw.stays and name not in raw.kept else []),
                *([told_of] if belonging and name not in raw.kept and name not in named else []),
            ])
        ]  # fmt: skip
        touched = self.con.execute(
            f"select count(*) filter (where {blank}), count(*) filter (where {'false' if raw.stays else about}) "
            f"from {read(path)}"
        ).fetchone()
        place = ["coalesce(_source_row, file_row_number + 1) as _source_row"] if "_source_row" in columns else []
        # Rows that have no number count by their place, which shifts with every row that goes.
        self.rewrite(
            path,
            f"select * exclude (file_row_number) replace ({', '.join(replaced + place) or '_load_id as _load_id'}) "
            f"from read_parquet({quote(exact_path(path))}, file_row_number = true)"
            + ("" if raw.stays else f" where not ({about})"),
        )
        blanked, deleted = touched or (0, 0)
        return Erased(int(deleted), int(blanked))

    def replaced(self, name: str, kind: str, test: str) -> str:
        """SQL of a column that a row needs: where it speaks of the person another text, the same for the same one; of a
        number a negative one, which no source gives."""
        column = quote_name(name)
        if is_number(kind):
            number = f"-1 - ('0x' || left(sha256({quote(self.token)} || {column}::varchar), 7))::bigint"
            return f"case when {test} then try_cast({number} as {kind}) else {column} end as {column}"
        token = f"'erased ' || left(sha256({quote(self.token)} || {column}::varchar), 16)"
        return f"case when {test} then {token} else {column} end as {column}"

    def scrub_rejected(self, path: Path) -> int:
        """Take refused lines out that hold a suppressed value; returns how many."""
        tests = []
        for number, name in enumerate(("value", "raw_record")):
            if self.find_cells(path, name, f"cell_{number}"):
                tests.append(f"coalesce({name} in (select cell from cell_{number}), false)")
        if not tests:
            return 0
        condition = " or ".join(tests)
        found = self.con.execute(f"select count(*) from {read(path)} where {condition}").fetchone()
        self.rewrite(path, f"select * from {read(path)} where not ({condition})")
        return int(found[0]) if found else 0

    def rewrite(self, path: Path, rows: str) -> None:
        """Replace a file by a query over it, in one step."""
        temporary = path.with_name(f".{path.name}.tmp")
        self.con.execute(f"copy ({rows}) to {quote(temporary)} (format parquet, compression zstd)")
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)

    def load(self, folder: Path, raw: RawTable) -> Erased:
        """Take suppressed persons out of a load's files."""
        erased = self.scrub(folder / PART, raw) if (folder / PART).exists() else Erased()
        if (folder / DELETED_PART).exists():
            self.scrub(folder / DELETED_PART, RawTable(raw.ids))
        if (folder / REJECTED_PART).exists():
            erased += Erased(rejected=self.scrub_rejected(folder / REJECTED_PART))
        return erased


def cell_sql(column: str, kind: str) -> str:
    """SQL of a column's value as text; whole numbers are written without a point or an exponent."""
    name = quote_name(column)
    if not is_number(kind) or "INT" in kind:
        return f"{name}::varchar"
    whole = f"coalesce(try_cast({name} as hugeint)::varchar, {name}::varchar)"
    return f"case when {name} = trunc({name}) then {whole} else {name}::varchar end"


def read(path: Path) -> str:
    """SQL of a Parquet file."""
    return f"read_parquet({quote(exact_path(path))})"


def schemas_of(manifests: Sequence[Manifest]) -> dict[str, Schema]:
    """System → raw table → every column that any of its loads has."""
    found: dict[str, Schema] = {}
    for manifest in manifests:
        found.setdefault(manifest.source_system, {}).setdefault(manifest.table_name, {}).update(manifest.columns)
    return found


@dataclass
class Tally:
    """What a scrub of the lake took away, by table: SYSTEM.TABLE → what."""

    loads: int = 0
    tables: dict[str, Erased] = field(default_factory=dict)


def scrub_lake(
    config: CompanyConfig,
    lake: Lake,
    suppression: Suppression,
    clear: Sequence[str] = (),
    done: Callable[[str, Erased], None] = lambda *_: None,
) -> Tally:
    """Take suppressed persons out of every load. Killed in between, it is simply run again.

    Args:
        config: the company; its maps say where persons stand.
        lake: its loads.
        suppression: who.
        clear: values of the person who is erased now; they are also looked for within words.
        done: called with table and what went for each load that held something.
    """
    tally = Tally()
    if not suppression:
        return tally
    manifests = lake.manifests()
    subjects = subjects_of(config, schemas_of(manifests))
    scrubber = Scrubber.of(suppression, clear)
    try:
        for manifest in manifests:
            name = f"{manifest.source_system}.{manifest.table_name}"
            folder = lake.folder(manifest.source_system, manifest.table_name, manifest.load_id)
            erased = scrubber.load(folder, subjects[manifest.source_system, manifest.table_name])
            if erased or lake.problem(manifest):
                commit(folder, manifest.without(erased, folder))
                tally.loads += 1
                tally.tables[name] = tally.tables.get(name, Erased()) + erased
                done(name, erased)
    finally:
        scrubber.con.close()
    return tally


def eraser(
    config: CompanyConfig, lake: Lake, suppression: Suppression
) -> Callable[[str, str, Path, dict[str, str]], Erased]:
    """What the load step calls with system, table, folder and columns of a load before it is committed."""

    def erase(system: str, table: str, folder: Path, columns: dict[str, str]) -> Erased:
        if not suppression:
            return Erased()
        schema = schemas_of([m for m in lake.manifests() if m.source_system == system]).get(system, {})
        schema = schema | {table: schema.get(table, {}) | columns}
        scrubber = Scrubber.of(suppression)
        try:
            return scrubber.load(folder, subjects_of(config, {system: schema})[system, table])
        finally:
            scrubber.con.close()

    return erase


def clear_runtime(config: CompanyConfig, state: State, texts: Sequence[str]) -> None:
    """Delete what was made of the lake and can be made again, and what runs left behind where it holds a text.

    Logs lose the lines, Dagster its runs; a version that readers see stays until the next one is published.
    """
    paths = config.paths
    for database in (paths.warehouse, paths.serve):
        remove_database(database)
    for folder in (paths.dbt, paths.root / "quality", paths.root / "as_of"):
        shutil.rmtree(folder, ignore_errors=True)
    scratch.empty(paths)
    paths.translation.unlink(missing_ok=True)
    wanted = Wanted(texts)
    for log in (path for path in paths.logs.rglob("*") if path.is_file()):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        kept = [line for line in lines if not wanted.in_text(line)]
        if len(kept) < len(lines):
            temporary = log.with_name(f".{log.name}.tmp")
            temporary.write_text("".join(kept), encoding="utf-8")
            temporary.replace(log)
    state.forget(lambda said: bool(wanted.in_text(said)))
    if paths.dagster.exists() and search(paths.dagster, texts).hits:
        for path in paths.dagster.iterdir():
            if path.name != "dagster.yaml":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

"""Generate the demo company: source systems below one folder, and the truth beside them."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import duckdb
import yaml
from openpyxl import Workbook
from pydantic import Field, ValidationError

from orchestration.connectors.database import load_extension
from orchestration.generator import forms
from orchestration.generator.tables import BROKEN, DIRT, FORMS, RAW, SQL, TRUTH, TRUTHS, Form, Raw
from orchestration.platform.errors import UsageError
from orchestration.platform.literals import exact_path, quote
from orchestration.platform.paths import PROJECT
from orchestration.platform.yaml_model import Strict, UniqueKeyLoader

START = dt.date(2024, 1, 1)  # a Monday
BLOCK = 100_000  # customers made at a time: memory is bounded whatever their number
DIRT_RATE = 0.001
MAX_DAYS = 3_650
COMPANY = "telecom_retail"
MANIFEST = "generated.json"
MEMORY = "3GB"
Format = Literal["mixed", "parquet"]


class Generated(Strict):
    """What a folder holds; written last."""

    company: Literal["telecom_retail"] = "telecom_retail"
    customers: int
    days: int
    seed: int
    format: Format
    duckdb: str
    rows: dict[str, int] = Field(default_factory=dict, description="written by this run; not kept")


@dataclass
class Job:
    """One run: the folder, the days that are new, and where files are put until all are written."""

    con: duckdb.DuckDBPyConnection
    out: Path
    wanted: Generated
    since: int
    say: Callable[[str], None]
    rows: dict[str, int] = field(default_factory=dict)
    books: dict[str, Workbook] = field(default_factory=dict)

    @property
    def new(self) -> Path:
        """Folder of what is being written."""
        return self.out / ".new"

    def form(self, raw: Raw) -> Form:
        """How the table is kept."""
        return "parquet" if self.wanted.format == "parquet" else FORMS[raw.system]

    def counted(self, raw: Raw, rows: int) -> None:
        """Remember how many rows were written."""
        name = f"{raw.system}.{raw.name}"
        self.rows[name] = self.rows.get(name, 0) + rows


def generate(
    out: Path, customers: int, days: int, seed: int, fmt: Format, say: Callable[[str], None] = lambda _: None
) -> tuple[Generated, float]:
    """Write the company, or the days that a folder does not hold yet.

    Args:
        out: folder of the systems, one folder each, and of `truth/`.
        customers: people and organisations, those included who come later than `days`.
        days: days from 1 January 2024.
        seed: another seed is another company.
        fmt: mixed writes each system as it keeps its data; parquet writes the same values, and a company folder that
            reads them.
        say: called with what is being done.

    Returns:
        What the folder holds now, with the rows that this run wrote, and the seconds that it took.

    Raises:
        UsageError: the folder holds something else.
    """
    started = time.monotonic()
    wanted = Generated(customers=customers, days=days, seed=seed, format=fmt, duckdb=duckdb.__version__)
    since = days_there(out, wanted)
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / ".new", ignore_errors=True)
    with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(out / ".new" / "spill")}) as con:
        job = Job(con, out, wanted, since, say)
        if since < days:
            write_all(job)
    settle(job)
    if fmt == "parquet":
        write_company(out)
    return wanted.model_copy(update={"rows": job.rows}), time.monotonic() - started


def days_there(out: Path, wanted: Generated) -> int:
    """Days of the wanted company that the folder holds already.

    Raises:
        UsageError: the folder holds something else, or more days.
    """
    path = out / MANIFEST
    if not path.exists():
        if out.exists() and any(p.name != ".new" for p in out.iterdir()):
            raise UsageError(f"{out} is not empty, and was not written by generate", "Name a new folder with --out")
        return 0
    try:
        there = Generated.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise UsageError(f"{path} cannot be read: {str(error).splitlines()[0]}", "Name a new folder") from error
    for name in ("company", "customers", "seed", "format", "duckdb"):
        if getattr(there, name) != getattr(wanted, name):
            raise UsageError(
                f"{out} holds a company of {name} {getattr(there, name)}, not {getattr(wanted, name)}",
                "Name a new folder with --out, or ask for the same company with more --days",
            )
    if there.days > wanted.days:
        raise UsageError(
            f"{out} holds {there.days} days already, more than {wanted.days}", "Name a new folder with --out"
        )
    return there.days


def write_all(job: Job) -> None:
    """Write every table's new rows, and the truth as of the last day."""
    con, wanted = job.con, job.wanted
    for name, value in {
        "seed": str(wanted.seed), "days": str(wanted.days), "since": str(job.since), "customers": str(wanted.customers),
        "dirt_rate": f"{DIRT_RATE}::double", "start": f"date '{START}'", "first": "0", "last": "0",
    }.items():  # fmt: skip
        con.execute(f"set variable {name} = {value}")
    con.execute((SQL / "world.sql").read_text(encoding="utf-8"))
    people = (SQL / "people.sql").read_text(encoding="utf-8")
    con.execute(people)
    for path in sorted(SQL.glob("*.sql")):
        if path.stem not in {"world", "people"}:
            con.execute(path.read_text(encoding="utf-8"))
    if "sqlite" in {job.form(raw) for raw in RAW}:
        load_extension(con, "sqlite_scanner", "generate")
        (job.new / "crm").mkdir(parents=True)
        con.execute(f"attach {quote(job.new / 'crm' / 'crm.sqlite')} as crm (type sqlite)")
    blocks = range(0, wanted.customers, BLOCK)
    for number, first in enumerate(blocks):
        last = min(first + BLOCK, wanted.customers)
        job.say(f"customers {first:,} to {last:,} of {wanted.customers:,}")
        con.execute(f"set variable first = {first}; set variable last = {last}")
        con.execute(people)
        for raw in RAW:
            if raw.per_customer or number == 0:
                write_table(job, raw, number)
        write_truth(job, number)
    for system, book in job.books.items():
        book.remove(book.worksheets[0])
        path = Path(system) / "plan.xlsx"
        (job.new / system).mkdir(parents=True, exist_ok=True)
        if not forms.same_book(book, job.out / path):
            book.save(job.new / path)


def new_rows(job: Job, raw: Raw, block: int, everything: bool) -> str:
    """SQL of a table's rows to write, with their day unless the table is static."""
    if raw.static:
        return f"select * from {raw.view}"
    since = 0 if everything else job.since
    also = f" union all by name select * from {raw.also}" if raw.also and block == 0 else ""
    rows = f"select * from (select * from {raw.view}{also}) where day >= {since} and day < {job.wanted.days}"
    if raw.key:
        rows += f" qualify row_number() over (partition by {', '.join(raw.key)} order by day desc) = 1"
    return rows


def write_table(job: Job, raw: Raw, block: int) -> None:
    """Write one table's rows of a block in its form."""
    con, form, system = job.con, job.form(raw), job.new / raw.system
    sql = new_rows(job, raw, block, everything=form == "sqlite")
    chosen = ", ".join(forms.columns_of(con, raw.view))
    undated = f"select {chosen} from ({sql})"
    part = f"d{job.since:05}-{job.wanted.days:05}" + (f"_{block:03}" if block else "")
    match form:
        case "sqlite":
            job.counted(raw, write_sqlite(con, raw, undated, block))
        case "xml":
            job.counted(raw, forms.write_xml(con, undated, system / f"{raw.name}.xml", raw.name.removesuffix("s")))
        case "excel":
            book = job.books.setdefault(raw.system, Workbook())
            title = f"{raw.name.replace('_', ' ').capitalize()}, plan"
            job.counted(raw, forms.write_sheet(con, undated, book, raw.name, title))
        case "csv_utf16":
            job.counted(raw, forms.write_utf16(con, undated, system / raw.name / f"{raw.name}_{part}.csv"))
        case "parquet":
            file = system / raw.name / ("all.parquet" if raw.static else f"{part}.parquet")
            job.counted(raw, forms.write_parquet(con, undated, file, even_empty=job.since == 0 and block == 0))
        case _:
            write_daily(job, raw, block, sql)


def write_daily(job: Job, raw: Raw, block: int, sql: str) -> None:
    """Write a file a day, with the lines that nobody can read."""
    options, line, suffix = {
        "csv": (forms.CSV, None, ".csv"),
        "ndjson": ("(format json)", None, ".ndjson"),
        "web_log": (forms.LINES, forms.LOG_LINE, ".log.gz"),
    }[job.form(raw)]

    def name(day: int) -> Path:
        tail = f"_{block}" if block else ""
        return job.new / raw.system / raw.name / f"{raw.name}_{START + dt.timedelta(days=day)}{tail}{suffix}"

    job.counted(raw, forms.write_days(job.con, sql, name, options, line))
    reasons = BROKEN.get((raw.system, raw.name))
    if reasons and (raw.per_customer or block == 0):
        view = f"{raw.view}_broken"
        rows = f"select * from {view} where day >= {job.since} and day < {job.wanted.days}"
        added = forms.append_broken(job.con, rows, name)
        said = " ".join(f"when {quote(kind)} then {quote(reason)}" for kind, reason in reasons.items())
        job.con.execute(
            f"create or replace temp table {view}_added as select {quote(raw.system)} as source_system, "
            f"{quote(raw.name)} as table_name, null::varchar as entity, kind, case kind {said} end as reason_code, "
            f"null::varchar as column_name, null::varchar as id_column, id, day "
            f"from ({rows}) where list_contains($ids, id)",
            {"ids": added},
        )
        write_dirt(job, f"{view}_added", f"{raw.system}_{raw.name}", block)


def write_sqlite(con: duckdb.DuckDBPyConnection, raw: Raw, sql: str, block: int) -> int:
    """Write a block's rows into the system's database; the time of the last change is a time stamp there."""
    columns = forms.columns_of(con, raw.view)
    typed = f"select * replace (changed_at::timestamp as changed_at) from ({sql})" if "changed_at" in columns else sql
    if block == 0:
        con.execute(f"create table crm.{raw.name} as select * from ({typed}) limit 0")
    done = con.execute(f"insert into crm.{raw.name} {typed}").fetchone()
    return int(done[0]) if done else 0


def write_truth(job: Job, block: int) -> None:
    """Write a block's truth as of the last day, and the dirt of the days that are new."""
    for name, by_blocks in TRUTHS.items():
        if by_blocks or block == 0:
            path = job.new / TRUTH / name / f"{block:03}.parquet"
            forms.write_parquet(job.con, f"select * from truth__{name}", path)
    for system in DIRT:
        rows = f"select * from {system}__dirt where day >= {job.since} and day < {job.wanted.days}"
        write_dirt(job, f"({rows})", system, block)


def write_dirt(job: Job, rows: str, name: str, block: int) -> None:
    """Write what was soiled: where, how, and what is expected to become of it."""
    path = job.new / TRUTH / "dirt" / f"{name}_d{job.since:05}-{job.wanted.days:05}_{block:03}.parquet"
    forms.write_parquet(job.con, f"select * exclude (day) from {rows}", path)


def settle(job: Job) -> None:
    """Put what was written in its place, and say last what the folder holds."""
    shutil.rmtree(job.new / "spill", ignore_errors=True)
    for path in sorted(job.new.rglob("*")):
        if path.is_file():
            place = job.out / path.relative_to(job.new)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
    shutil.rmtree(job.new, ignore_errors=True)
    (job.out / MANIFEST).write_text(job.wanted.model_dump_json(indent=1, exclude={"rows"}), encoding="utf-8")


def write_company(out: Path) -> Path:
    """Write a company folder that reads the Parquet form, with the maps of the company that reads the mixed one.

    Returns the folder that `REGULARS_COMPANIES` names.
    """
    source = PROJECT / "data" / "companies" / COMPANY
    folder = out / "companies" / COMPANY
    (folder / "sources").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "company.yml", folder / "company.yml")
    for path in sorted((source / "sources").glob("*.yml")):
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=UniqueKeyLoader)
        system = raw["system"]
        raw["connector"] = {"kind": "parquet", "path": f"${{TELECOM_RETAIL_DATA}}/{system}"}
        static = {table.name for table in RAW if table.system == system and table.static}
        raw["tables"] = {
            name: {"path": f"{name}/*.parquet"}
            | ({} if name in static else {"load": {"mode": "files"}})
            | ({"key": table["key"]} if table and "key" in table else {})
            for name, table in raw["tables"].items()
        }
        text = yaml.safe_dump(raw, sort_keys=False, allow_unicode=True, width=120)
        (folder / "sources" / path.name).write_text(text, encoding="utf-8")
    return out / "companies"


def contents(out: Path, con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """A hash of each Parquet table's rows, whatever their order and their files: equal seeds give equal hashes."""
    found = {}
    for folder in sorted(p for p in out.glob("*/*") if p.is_dir() and any(p.glob("*.parquet"))):
        files = quote(exact_path(folder) + "/*.parquet")
        row = con.execute(
            f"select count(*), bit_xor(hash(t)), sum(hash(t) % 1000000007) from read_parquet({files}) t"
        ).fetchone()
        assert row is not None
        found[f"{folder.parent.name}.{folder.name}"] = f"{row[0]}:{row[1] or 0:016x}:{row[2]}"
    return found

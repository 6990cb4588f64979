"""Databases that DuckDB attaches: SQLite and DuckDB files, PostgreSQL, MySQL and MariaDB. Always read only."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any, ClassVar, Literal

import duckdb
import pyarrow as pa
from pydantic import Field, SecretStr

from orchestration.connectors.base import (
    REJECTED,
    RESERVED,
    SOURCE_FLAGS,
    WHOLE,
    NoFile,
    Part,
    Settings,
    System,
    Unreachable,
    check_root,
    none_rejected,
    resolve_folder,
    span_sql,
)
from orchestration.connectors.numbers import DIGITS, MARK
from orchestration.connectors.rejects import SHOWN, WRONG_ENCODING
from orchestration.errors import RegularsError
from orchestration.literals import quote, quote_name
from orchestration.redaction import HIDDEN, redact
from orchestration.scratch import memory_database

ALIAS = "source_db"

LOADING = threading.Lock()  # two threads that put the same extension in its place fail now and then


def load_extension(con: duckdb.DuckDBPyConnection, name: str, who: str) -> None:
    """Load one of DuckDB's extensions from its Python package; nothing is downloaded.

    Raises:
        RegularsError: it is missing; `who` needs it.
    """
    try:
        from duckdb_extensions import import_extension  # type: ignore[import-untyped]

        with LOADING:
            import_extension(name)
            con.load_extension(name)
    except (ImportError, duckdb.Error) as error:
        package = f"duckdb-extension-{name.replace('_', '-')}"
        raise RegularsError(
            f"{who}: DuckDB's extension {name} cannot be loaded: {error}",
            f"Install {package} in the version of duckdb: make install",
        ) from error


class DatabaseSettings(Settings):
    """What all databases have."""

    has_cursor: ClassVar[bool] = True

    db_schema: str | None = Field(default=None, alias="schema", description="schema of tables that name none")


class DatabaseFileSettings(DatabaseSettings):
    """A database in a file."""

    of_system: ClassVar[tuple[str, ...]] = ("kind", "path")

    path: str = Field(min_length=1, description="the file")


class SqliteSettings(DatabaseFileSettings):
    """SQLite."""

    kind: Literal["sqlite"]


class DuckdbSettings(DatabaseFileSettings):
    """DuckDB."""

    kind: Literal["duckdb"]


class ServerSettings(DatabaseSettings):
    """A database server."""

    of_system: ClassVar[tuple[str, ...]] = ("kind", "host", "port", "database", "user", "password")

    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    database: str = Field(min_length=1)
    user: str = Field(min_length=1)
    password: SecretStr = Field(default=SecretStr(""), description="${ENV} only; never written down here")


class PostgresSettings(ServerSettings):
    """PostgreSQL."""

    kind: Literal["postgres"]
    port: int = Field(default=5432, ge=1, le=65535)


class MysqlSettings(ServerSettings):
    """MySQL and MariaDB."""

    kind: Literal["mysql"]
    port: int = Field(default=3306, ge=1, le=65535)


class DatabaseConnector:
    """Tables and views of an attached database; `path` of a table is its name there, `schema.name` if need be."""

    extension: ClassVar[str | None] = None
    attach_type: ClassVar[str]
    usual_schema: ClassVar[str]

    def __init__(self, system: System) -> None:
        self.system = system
        self.known: dict[str, str] = {}

    def attach_options(self) -> tuple[str, str]:
        """What is attached, and options beside type and read only."""
        raise NotImplementedError

    def attach(self, con: duckdb.DuckDBPyConnection) -> None:
        """Attach the database to a connection, if it is not yet.

        Raises:
            Unreachable: it does not answer.
            RegularsError: it refuses, or its extension is missing.
        """
        known = con.execute("select 1 from duckdb_databases() where database_name = $1", [ALIAS]).fetchone()
        if known:
            return
        con.execute("set TimeZone = 'UTC'")
        self.prepare(con)
        what, options = self.attach_options()
        try:
            con.execute(f"attach {quote(what)} as {ALIAS} (type {self.attach_type}, read_only{options})")
        except duckdb.Error as error:
            raise self.failed("cannot be opened", error) from error

    def prepare(self, con: duckdb.DuckDBPyConnection) -> None:
        """Load what the kind needs.

        Raises:
            RegularsError: its extension is missing.
        """
        if self.extension is not None:
            load_extension(con, self.extension, f"source {self.system.name}")

    def failed(self, what: str, error: Exception, table: str = "") -> RegularsError:
        """An error of the database as one line, without the password."""
        text = str(error).splitlines()[0]
        own = self.system.settings
        if isinstance(own, ServerSettings) and own.password.get_secret_value():
            text = text.replace(own.password.get_secret_value(), HIDDEN)
        text = redact(text)
        place = f"source {self.system.name}" + (f", table {table}" if table else "")
        lowered = str(error).lower()
        if any(part in lowered for part in ("password", "access denied", "permission", "authentication")):
            return RegularsError(f"{place}: {what}: {text}", "Check user, password and what the user may read")
        if isinstance(own, ServerSettings) and any(part in lowered for part in GONE):
            return Unreachable(
                f"{place}: {what}: {own.host}:{own.port} does not answer: {text}", "Is the server up, and reachable?"
            )
        return RegularsError(f"{place}: {what}: {text}", "Check the source's settings; regulars source test tries them")

    def name(self, table: str) -> tuple[str, str]:
        """Schema and name of a table in the database."""
        at = self.system.tables.get(table)
        own = at.settings if at else self.system.settings
        assert isinstance(own, DatabaseSettings)
        schema, _, name = ((at.path if at else None) or table).rpartition(".")
        return schema or own.db_schema or self.usual_schema, name

    def remote(self, table: str) -> str:
        """A table as SQL names it."""
        schema, name = self.name(table)
        return f"{ALIAS}.{quote_name(schema)}.{quote_name(name)}"

    def source(self, con: duckdb.DuckDBPyConnection, table: str) -> str:
        """A table as SQL names it after `from`; found once, since it may need a look at what the table holds."""
        if table not in self.known:
            try:
                self.check_names(con, table)
                found = self.look(con, table)
            except duckdb.Error as error:
                raise self.unreadable(table, error) from error
            self.known[table] = f"({found})" if found else self.remote(table)
        return self.known[table]

    def check_names(self, con: duckdb.DuckDBPyConnection, table: str) -> None:
        """Whether no column of a table has a name that loads have for themselves.

        Raises:
            RegularsError: one has.
        """
        described = con.execute(f"describe select * from {self.remote(table)}").fetchall()
        if taken := [row[0] for row in described if row[0].lower() in RESERVED]:
            place = f"source {self.system.name}, table {table}"
            raise RegularsError(
                f"{place}: column {taken[0]} has a name that the lake needs for itself",
                "Make a view in the database that gives the column another name, and load the view",
            )

    def look(self, con: duckdb.DuckDBPyConnection, table: str) -> str | None:  # noqa: ARG002 - for kinds that need it
        """SQL of a table's rows where DuckDB's own scan would read some value wrong; None where it reads all right."""
        return None

    def discover(self) -> list[str]:
        """Tables and views; with their schema where it is not the usual one."""
        with memory_database() as con:
            self.attach(con)
            found = con.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = $1 union all "
                "select schema_name, view_name from duckdb_views() where database_name = $1 and not internal",
                [ALIAS],
            ).fetchall()
        found = [(schema, name) for schema, name in found if schema not in SYSTEM_SCHEMAS]
        usual = self.name("")[0]
        return sorted(name if schema == usual else f"{schema}.{name}" for schema, name in found)

    def query(self, table: str, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query over the table, which it names `{table}`."""
        with memory_database() as con:
            self.attach(con)
            source = self.source(con, table)
            try:
                return con.execute(sql.replace("{table}", source)).fetchall()
            except duckdb.Error as error:
                raise self.unreadable(table, error) from error

    def unreadable(self, table: str, error: Exception) -> RegularsError:
        """The error of a table that cannot be read; one that is gone is told with those that are there."""
        if isinstance(error, duckdb.CatalogException):
            offered = ", ".join(self.discover()) or "none"
            return RegularsError(
                f"source {self.system.name}, table {table}: no table {'.'.join(self.name(table))}",
                f"Tables there: {offered}",
            )
        return self.failed("cannot be read", error, table)

    def columns(self, table: str) -> dict[str, str]:
        """Columns with the types that DuckDB reads them as."""
        described = self.query(table, "describe select * from {table}")
        return {row[0]: row[1] for row in described if row[0] != SOURCE_FLAGS}

    def headers(self, table: str, part: Part = WHOLE) -> dict[str, list[str]]:  # noqa: ARG002 - the interface's
        """A database has no files."""
        return {}

    def stamp(self, table: str) -> dict[str, Any]:
        """A checksum of the content: databases have no time stamp that can be trusted."""
        [(rows, checksum)] = self.query(
            table, "select count(*), sum((hash(t) >> 32)::hugeint)::varchar from (select * from {table}) t"
        )
        return {"hashes": [f"{rows}:{checksum}"]}

    def fingerprint(self, table: str) -> dict[str, Any]:
        """The stamp."""
        return self.stamp(table)

    def count(self, table: str, part: Part = WHOLE) -> int:
        """Rows of the part."""
        where = span_sql(self.system.name, table, self.columns(table) if part.cursor else {}, part)
        [(rows,)] = self.query(table, "select count(*) from {table}" + (f" where {where}" if where else ""))
        return int(rows)

    def read(self, con: duckdb.DuckDBPyConnection, table: str, part: Part = WHOLE) -> str:
        """The part's rows; a database has no file, and numbers its rows as it gives them."""
        self.attach(con)
        where = span_sql(self.system.name, table, self.columns(table) if part.cursor else {}, part)
        return (
            f"select *, null::varchar as _source_file, null::bigint as _source_row from {self.source(con, table)}"
            + (f" where {where}" if where else "")
        )

    def notes(self, table: str, part: Part = WHOLE) -> list[str]:  # noqa: ARG002 - the interface's
        """A table is read as it stands."""
        return []

    def rejected(self, con: duckdb.DuckDBPyConnection) -> pa.Table:  # noqa: ARG002 - the interface's
        """A database holds no row that is none."""
        return none_rejected()


SYSTEM_SCHEMAS = {"information_schema", "pg_catalog", "pg_toast", "mysql", "performance_schema", "sys"}

# What drivers say when nobody answers.
GONE = (
    "connection refused", "could not connect", "can't connect", "timeout", "timed out", "lost connection",
    "server closed", "terminating connection", "gone away", "no route", "not known", "unable to connect",
    "shutting down", "starting up", "too many",
)  # fmt: skip


class DatabaseFileConnector(DatabaseConnector):
    """A database in one file; nothing is written beside it."""

    def path(self) -> Path:
        """The file.

        Raises:
            NoFile: it is not there.
        """
        own = self.system.settings
        assert isinstance(own, DatabaseFileSettings)
        path, prefix = resolve_folder(own.path)
        if not prefix:
            check_root(self.system.name, path)
        if not path.is_file():
            raise NoFile(f"source {self.system.name}: no file {path}", "Mend the path")
        return path

    def attach_options(self) -> tuple[str, str]:
        """The file."""
        return str(self.path()), ""

    def stamp(self, table: str) -> dict[str, Any]:  # noqa: ARG002 - a file holds all tables
        """Size and time of the file, and of what is written ahead of it."""
        path = self.path()
        files = [
            p for p in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + ".wal")) if p.exists()
        ]
        return {"files": [[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in files]}

    def fingerprint(self, table: str) -> dict[str, Any]:
        """The stamp, and a checksum of the table."""
        return self.stamp(table) | super().stamp(table)


class SqliteConnector(DatabaseFileConnector):
    """SQLite: a column may hold any type, so all are read as text."""

    extension = "sqlite_scanner"
    attach_type = "sqlite"
    usual_schema = "main"

    def prepare(self, con: duckdb.DuckDBPyConnection) -> None:
        """Read columns by what they hold rather than by what they were declared."""
        super().prepare(con)
        con.execute("set sqlite_all_varchar = true")

    def look(self, con: duckdb.DuckDBPyConnection, table: str) -> str | None:
        """Numbers that are not whole, where some column has one: SQLite knows of each value whether it is a number."""
        names = [row[0] for row in con.execute(f"describe select * from {self.remote(table)}").fetchall()]
        source = quote_name(self.name(table)[1])
        is_real = " or ".join(f"typeof({quote_name(name)}) = 'real'" for name in names)
        found = f"select exists (select 1 from {source} where {is_real})"
        if not con.execute(f"select * from sqlite_query({quote(ALIAS)}, {quote(found)})").fetchall()[0][0]:
            return None
        fields = ", ".join(f"{real_text(quote_name(name))} as {quote_name(name)}" for name in names)
        return f"select * from sqlite_query({quote(ALIAS)}, {quote(f'select {fields} from {source}')})"

    def read(self, con: duckdb.DuckDBPyConnection, table: str, part: Part = WHOLE) -> str:
        """The part's rows but those whose bytes are no text: SQLite checks none, and a later reader would break."""
        whole = super().read(con, table, part)
        names = [name for name in self.columns(table) if name != SOURCE_FLAGS]
        numbered = f"select * replace (row_number() over () as _source_row) from ({whole})"
        is_text = is_utf8(f"concat_ws(chr(31), {', '.join(quote_name(name) for name in names)})")
        con.execute(f"create or replace temp table refused_row as {refused_sql(numbered, names, is_text)}")
        [(refused,)] = con.execute("select count(*) from refused_row").fetchall()
        return f"select * from ({numbered if refused else whole}) where {is_text}"

    def rejected(self, con: duckdb.DuckDBPyConnection) -> pa.Table:
        """Rows with a value that is no text."""
        return con.execute("select * from refused_row").to_arrow_table().cast(REJECTED)


def is_utf8(text: str) -> str:
    """SQL of whether a text's bytes are UTF-8; a null is."""
    return f"({text} is null or try(decode(encode({text}))) is not null)"


def refused_sql(rows: str, names: list[str], is_text: str) -> str:
    """SQL of the rows that are no text, as `REJECTED` has them, with bytes that are none shown as `\\xFC`."""
    tests = {name: is_utf8(quote_name(name)) for name in names}
    shown = {
        name: f"case when {test} then {quote_name(name)} else encode({quote_name(name)})::varchar end"
        for name, test in tests.items()
    }
    record = ", ".join(f"{quote(name)}: {text}" for name, text in shown.items())
    which = " ".join(f"when not {test} then {quote(name)}" for name, test in tests.items())
    value = " ".join(f"when not {test} then {shown[name]}" for name, test in tests.items())
    return f"""
        select _source_file, _source_row, {quote(WRONG_ENCODING)} as reason_code,
          case {which} end as column_name, case {value} end as value,
          left(to_json({{{record}}})::varchar, {SHOWN}) as raw_record
        from ({rows}) where not {is_text}
        """


def real_text(column: str) -> str:
    """SQLite's SQL of a value as text, a number in the form of `numbers.number_text`."""
    shown = f"printf('%!.{DIGITS}g', {column})"
    return (
        f"case when typeof({column}) <> 'real' then cast({column} as text) "
        f"when {column} = round({column}) and abs({column}) < 1e{DIGITS} "
        f"then cast(cast({column} as integer) as text) "
        f"when instr({shown}, 'e') then {shown} else {shown} || '{MARK}' end"
    )


class DuckdbConnector(DatabaseFileConnector):
    """DuckDB."""

    attach_type = "duckdb"
    usual_schema = "main"

    def look(self, con: duckdb.DuckDBPyConnection, table: str) -> str | None:  # noqa: ARG002 - the interface's
        """Nothing is read otherwise; but a view must not read what lies outside the file.

        Raises:
            RegularsError: it does.
        """
        with duckdb.connect() as bare:
            self.attach(bare)
            bare.execute("set enable_external_access = false")
            try:
                bare.execute(f"describe select * from {self.remote(table)}")
            except duckdb.PermissionException as error:
                raise RegularsError(
                    f"source {self.system.name}, table {table}: is a view that reads files outside the database",
                    "Load those files as a source of their own, or make the view a table",
                ) from error
        return None


class ServerConnector(DatabaseConnector):
    """A database server; the connection gets its password as a DuckDB secret, which no message shows."""

    connect_options: ClassVar[str] = ""

    def attach_options(self) -> tuple[str, str]:
        """Nothing but what the driver takes as text."""
        return self.connect_options, ", secret source_secret"

    def prepare(self, con: duckdb.DuckDBPyConnection) -> None:
        """And tell the connection whom to ask."""
        super().prepare(con)
        own = self.system.settings
        assert isinstance(own, ServerSettings)
        con.execute(
            f"create or replace temporary secret source_secret (type {self.attach_type}, host {quote(own.host)}, "
            f"port {own.port}, database {quote(own.database)}, user {quote(own.user)}, "
            f"password {quote(own.password.get_secret_value())})"
        )


class PostgresConnector(ServerConnector):
    """PostgreSQL."""

    extension = "postgres_scanner"
    attach_type = "postgres"
    usual_schema = "public"
    connect_options = "connect_timeout=10 application_name=regulars"

    def relation(self, table: str) -> str:
        """A table as the server names it."""
        schema, name = self.name(table)
        return f"{quote_name(schema)}.{quote_name(name)}"

    def ask(self, con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query that the server answers."""
        return con.execute(f"select * from postgres_query({quote(ALIAS)}, {quote(sql)})").fetchall()

    def look(self, con: duckdb.DuckDBPyConnection, table: str) -> str | None:
        """Numerics that DuckDB's scan reads as 0 (NaN) or as doubles (no precision given, or more than 38 digits)."""
        kinds: dict[str, str] = dict(self.ask(con, COLUMNS_SQL.format(relation=quote(self.relation(table)))))
        numerics = {name: kind for name, kind in kinds.items() if re.fullmatch(NUMERIC, kind)}
        money = {name: f"{quote_name(name)}::numeric(38, 2)" for name, kind in kinds.items() if kind == "money"}
        if not numerics and not money:
            return None
        tests = [test for name, kind in numerics.items() for test in numeric_tests(quote_name(name), kind)]
        asked = ", ".join(f"{test} as t{place}" for place, test in enumerate(tests))
        [answers] = self.ask(con, f"select {asked} from {self.relation(table)}") if tests else [()]
        changed = money
        for place, (name, kind) in enumerate(numerics.items()):
            is_odd, digits = answers[2 * place : 2 * place + 2]
            if cast := numeric_cast(quote_name(name), kind, bool(is_odd), int(digits or 0)):
                changed[name] = cast
        if not changed:
            return None
        fields = ", ".join(f"{changed.get(name, quote_name(name))} as {quote_name(name)}" for name in kinds)
        sql = f"select {fields} from {self.relation(table)}"
        return f"select * from postgres_query({quote(ALIAS)}, {quote(sql)})"

    def count(self, table: str, part: Part = WHOLE) -> int:
        """Rows of the part; all of them are counted by the server."""
        if part.cursor and not part.is_whole:
            return super().count(table, part)
        with memory_database() as con:
            self.attach(con)
            try:
                return int(self.ask(con, f"select count(*) from {self.relation(table)}")[0][0])
            except duckdb.Error as error:
                raise self.unreadable(table, error) from error


COLUMNS_SQL = """
select a.attname, case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod)
  else format_type(a.atttypid, a.atttypmod) end
from pg_attribute a join pg_type t on t.oid = a.atttypid
where a.attrelid = to_regclass({relation}) and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
NUMERIC = r"numeric(\(\d+,(-?\d+)\))?"
PLACES = 10  # decimals that a numeric of no declared precision lands with; 28 digits are left before the point


def fits(kind: str) -> bool:
    """Whether DuckDB has a decimal type for a numeric of PostgreSQL."""
    found = re.fullmatch(r"numeric\((\d+),(\d+)\)", kind)
    return found is not None and int(found[1]) <= 38


def numeric_tests(column: str, kind: str) -> tuple[str, str]:
    """PostgreSQL's SQL of whether some value is no number, and of the most digits before the point."""
    if fits(kind):
        return f"bool_or({column} = 'NaN')", "0"
    is_odd = f"{column}::text in ('NaN', 'Infinity', '-Infinity')"
    return f"bool_or({is_odd})", f"max(case when not {is_odd} then length(trunc(abs({column}))::text) end)"


def numeric_cast(column: str, kind: str, is_odd: bool, digits: int) -> str | None:
    """PostgreSQL's SQL of a numeric in a type that DuckDB reads as it is; None where it does so anyway."""
    if is_odd:
        return f"{column}::float8"  # the only type that can say so; the contract then refuses the value
    if fits(kind):
        return None
    if digits <= 38 - PLACES:
        return f"{column}::numeric(38, {PLACES})"
    return f"case when {column} = trunc({column}) then trunc({column})::text else {column}::text || '{MARK}' end"


class MysqlConnector(ServerConnector):
    """MySQL and MariaDB; a schema is a database there."""

    extension = "mysql_scanner"
    attach_type = "mysql"
    usual_schema = ""

    def name(self, table: str) -> tuple[str, str]:
        """The schema is the database."""
        own = self.system.settings
        assert isinstance(own, ServerSettings)
        schema, name = super().name(table)
        return schema or own.database, name

    def prepare(self, con: duckdb.DuckDBPyConnection) -> None:
        """Read days such as 1980-05-00 as null rather than refuse the table, and tinyint(1) as a number."""
        super().prepare(con)
        con.execute("set mysql_incomplete_dates_as_nulls = true; set mysql_tinyint1_as_boolean = false")

    def look(self, con: duckdb.DuckDBPyConnection, table: str) -> str | None:
        """A flag beside the rows of a table in which some date is none."""
        described = con.execute(f"describe select * from {self.remote(table)}").fetchall()
        dates = [row[0] for row in described if row[1].startswith(("DATE", "TIMESTAMP"))]
        if not dates:
            return None
        schema, name = self.name(table)
        relation = f"{mysql_name(schema)}.{mysql_name(name)}"
        odd = {date: f"(month({mysql_name(date)}) = 0 or dayofmonth({mysql_name(date)}) = 0)" for date in dates}
        found = f"select exists (select 1 from {relation} where {' or '.join(odd.values())})"
        if not con.execute(f"select * from mysql_query({quote(ALIAS)}, {quote(found)})").fetchall()[0][0]:
            return None
        flags = ", ".join(f"if({test}, {quote(f'incomplete_date:{date}')}, null)" for date, test in odd.items())
        texts = {row[0] for row in described if row[1] == "VARCHAR"}  # JSON would come as bytes
        fields = (
            f"cast({mysql_name(name)} as char) as {mysql_name(name)}" if name in texts else mysql_name(name)
            for name, *_ in described
        )
        sql = f"select {', '.join(fields)}, nullif(concat_ws(',', {flags}), '') as {SOURCE_FLAGS} from {relation}"
        return f"select * from mysql_query({quote(ALIAS)}, {quote(sql)})"


def mysql_name(name: str) -> str:
    """A name as MySQL quotes it."""
    return "`" + name.replace("`", "``") + "`"

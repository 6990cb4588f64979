"""What databases have in common that DuckDB attaches, in files and on servers. Always read only."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pyarrow as pa
from pydantic import Field, SecretStr

from orchestration.connectors.base import (
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
from orchestration.platform.errors import RegularsError
from orchestration.platform.literals import quote, quote_name
from orchestration.platform.redaction import HIDDEN, redact
from orchestration.platform.scratch import memory_database

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


class ServerSettings(DatabaseSettings):
    """A database server."""

    of_system: ClassVar[tuple[str, ...]] = ("kind", "host", "port", "database", "user", "password")

    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    database: str = Field(min_length=1)
    user: str = Field(min_length=1)
    password: SecretStr = Field(default=SecretStr(""), description="${ENV} only; never written down here")


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

"""Tell a DuckDB file that is not as it was written: each of its blocks bears a checksum, which reading compares."""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.platform.literals import quote_name

DAMAGE = (
    "corrupt", "checksum", "not a valid duckdb database", "serialization error", "deserial", "internal error",
    "replaying wal", "wal file", "fatal error", "header", "invalidated", "could not read enough bytes",
)  # fmt: skip


def tells_damage(error: BaseException) -> bool:
    """Whether an error may come of a database file that is not as it was written."""
    return any(word in str(error).lower() for word in DAMAGE)


def damage_of(path: Path, deep: bool = False) -> str | None:
    """What is wrong with a database file; None where nothing is, where it is absent, and where another has it open.

    Args:
        path: the file.
        deep: read every block of its tables, each of which bears a checksum.
    """
    if not path.exists():
        return None
    if path.stat().st_size == 0:
        return "is empty"
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            if deep:
                read_all(con, path.stem)
    except duckdb.Error as error:
        if not tells_damage(error) and not isinstance(error, duckdb.InternalException | duckdb.SerializationException):
            return None
        return f"is damaged: {str(error).splitlines()[0]}"
    return None


def read_all(con: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Read every value of every table, so that DuckDB compares the checksum of each block."""
    tables = con.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = ? and not temporary", [catalog]
    ).fetchall()
    for schema, table in tables:
        con.execute(
            f"select bit_xor(hash(t)) from {quote_name(catalog)}.{quote_name(schema)}.{quote_name(table)} t"
        ).fetchall()

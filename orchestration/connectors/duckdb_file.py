"""Files of DuckDB."""

from __future__ import annotations

from typing import Literal

import duckdb

from orchestration.connectors.database import DatabaseFileConnector, DatabaseFileSettings
from orchestration.platform.errors import RegularsError


class DuckdbSettings(DatabaseFileSettings):
    """DuckDB."""

    kind: Literal["duckdb"]


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

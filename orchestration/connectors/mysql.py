"""MySQL and MariaDB."""

from __future__ import annotations

from typing import Literal

import duckdb
from pydantic import Field

from orchestration.connectors.base import SOURCE_FLAGS
from orchestration.connectors.database import ALIAS, ServerConnector, ServerSettings
from orchestration.platform.literals import quote


class MysqlSettings(ServerSettings):
    """MySQL and MariaDB."""

    kind: Literal["mysql"]
    port: int = Field(default=3306, ge=1, le=65535)


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

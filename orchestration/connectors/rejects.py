"""Lines that DuckDB's text reader refused (`store_rejects`), as the lake keeps them."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from orchestration.connectors.base import REJECTED, none_rejected
from orchestration.literals import quote

WRONG_ENCODING = "wrong_encoding"
TOO_MANY_COLUMNS = "too_many_columns"
REASONS = {
    "MISSING COLUMNS": "too_few_columns",
    "TOO MANY COLUMNS": TOO_MANY_COLUMNS,
    "UNQUOTED VALUE": "broken_quotes",
    "LINE SIZE OVER MAXIMUM": "line_too_long",
    "INVALID ENCODING": WRONG_ENCODING,
}
REPEATED_HEADER = "repeated_header"  # no row, so it counts for nothing where shares of bad rows are judged
SHOWN = 10_000  # characters kept of a rejected line


def reader_rejects(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Lines of the connection's scans that did not parse, once each; `_source_row` is the number of the record.

    The header counts as the first one; a line break within quotes ends none.

    The connection has a table `source_name` (path, name) of the files that were read.
    """
    known = con.execute("select count(*) from duckdb_tables() where table_name = 'reject_errors'").fetchone()
    if not known or not known[0]:
        return none_rejected()
    reasons = " ".join(f"when {quote(kind)} then {quote(code)}" for kind, code in REASONS.items())
    found = con.execute(
        f"""
        select n.name as _source_file, e.line::bigint as _source_row,
          case e.error_type::varchar {reasons} else lower(replace(e.error_type::varchar, ' ', '_')) end as reason_code,
          e.column_name, null::varchar as value,
          left(trim(e.csv_line, chr(10) || chr(13)), {SHOWN}) as raw_record
        from reject_errors e
        join reject_scans s using (scan_id, file_id)
        join source_name n on n.path = s.file_path
        qualify row_number() over (partition by n.name, e.line order by e.error_type desc) = 1
        order by 1, 2
        """
    ).to_arrow_table()
    return found.cast(REJECTED)

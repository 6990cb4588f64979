"""Why a line or record is no row of its table; and lines that DuckDB's text reader refused, as the lake keeps them."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from orchestration.connectors.base import REJECTED, none_rejected
from orchestration.platform.literals import quote

TOO_FEW_COLUMNS = "too_few_columns"
TOO_MANY_COLUMNS = "too_many_columns"
BROKEN_QUOTES = "broken_quotes"
OVER_LINES = "quotes_over_lines"
TOO_LONG = "line_too_long"
TOO_SHORT = "line_too_short"
WRONG_ENCODING = "wrong_encoding"
NUL = "nul_character"
REPEATED_HEADER = "repeated_header"  # no row, so it counts for nothing where shares of bad rows are judged
NO_OBJECT = "not_a_json_object"
KEY_TWICE = "key_twice"
NO_LOG_LINE = "not_a_log_line"
NOT_READABLE = "not_readable"
REASONS = {
    TOO_FEW_COLUMNS: "the line has fewer columns than the header",
    TOO_MANY_COLUMNS: "the line has more columns than the header",
    BROKEN_QUOTES: "a quote is out of order, and the line has more than one reading",
    OVER_LINES: "lines within quotes that may be text of several lines, or records that a quote swallows",
    TOO_LONG: "the line is longer than max_line or the last column allows",
    TOO_SHORT: "the line is shorter than min_length allows",
    WRONG_ENCODING: "bytes that are not of the file's encoding",
    NUL: "the record holds a NUL character, or JSON has one in a key",
    REPEATED_HEADER: "the header again, as in joined files; no share of bad rows counts it",
    NO_OBJECT: "the line is no JSON object",
    KEY_TWICE: "the JSON object has a key twice, or two that differ by case only",
    NO_LOG_LINE: "the line is not of the log's format",
    NOT_READABLE: "the reader could not make a row of it",
}
OF_READER = {  # what DuckDB calls them
    "MISSING COLUMNS": TOO_FEW_COLUMNS,
    "TOO MANY COLUMNS": TOO_MANY_COLUMNS,
    "UNQUOTED VALUE": BROKEN_QUOTES,
    "LINE SIZE OVER MAXIMUM": TOO_LONG,
    "INVALID ENCODING": WRONG_ENCODING,
}
SHOWN = 10_000  # characters kept of a rejected line


def reader_rejects(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Lines of the connection's scans that did not parse, once each; `_source_row` is the number of the record.

    The header counts as the first one; a line break within quotes ends none.

    The connection has a table `source_name` (path, name) of the files that were read.
    """
    known = con.execute("select count(*) from duckdb_tables() where table_name = 'reject_errors'").fetchone()
    if not known or not known[0]:
        return none_rejected()
    reasons = " ".join(f"when {quote(kind)} then {quote(code)}" for kind, code in OF_READER.items())
    found = con.execute(
        f"""
        select n.name as _source_file, e.line::bigint as _source_row,
          case e.error_type::varchar {reasons} else {quote(NOT_READABLE)} end as reason_code,
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

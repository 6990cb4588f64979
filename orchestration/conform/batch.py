"""Conform one batch: what a load brings for one entity becomes versions, quarantine and an audit row."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from orchestration.config.contracts import Contract
from orchestration.conform.casting import DUPLICATE, numbered
from orchestration.conform.mapping import ACCEPTED, FILTERED, UNCHANGED, CandidateSql, Mapping, row_id
from orchestration.platform.errors import RegularsError
from orchestration.platform.literals import quote


@dataclass(frozen=True)
class Audit:
    """The second set of books: candidates = accepted + unchanged + quarantined + filtered."""

    source_system: str
    entity: str
    load_id: str
    candidates: int
    accepted: int
    unchanged: int
    quarantined: int
    filtered: int
    flagged: int

    def row(self) -> dict[str, Any]:
        """As a dictionary of the audit table's columns."""
        return asdict(self)


def conform_batch(
    con: duckdb.DuckDBPyConnection,
    mapping: Mapping,
    query: CandidateSql,
    load_id: str,
    loaded_at: dt.datetime,
    ends: bool = False,
    may_shrink: bool = False,
    landed: int | None = None,
) -> Audit:
    """Take one batch in, in one transaction; a kill leaves all of it or nothing.

    Args:
        con: the warehouse; the raw tables are bound as temporary views.
        mapping: the map.
        query: its candidates.
        load_id: the batch.
        loaded_at: its time, naive UTC.
        ends: whether records end that are not in the temporary table `alive`.
        may_shrink: whether a record of the batch may have lost parts, such as an order one of its lines: they end.
        landed: how many candidates there must be; None where only the batch tells.

    Raises:
        RegularsError: there are others; nothing of the batch was taken in.
    """
    contract = mapping.contract
    con.execute("begin")
    try:
        con.execute(f"create or replace temp table candidate as {query.sql}")
        repeats = settle_duplicates(con, contract, query)
        known = has_rows(con, mapping)
        if known:
            settle_known(con, mapping)
            if may_shrink:
                renew_flags(con, mapping)
        quarantine(con, mapping, load_id, loaded_at)
        insert_accepted(con, mapping, load_id, loaded_at)
        if known or repeats:
            supersede(con, mapping, loaded_at)
        if ends:
            con.execute(
                f"""
                update input.{mapping.entity} set _superseded_at = $loaded_at
                where source_system = $system and _superseded_at is null
                  and _record_key not in (select _record_key from alive)
                """,
                {"system": mapping.system, "loaded_at": loaded_at},
            )
        if may_shrink and contract.parent and known:
            con.execute(
                f"""
                update input.{mapping.entity} set _superseded_at = $loaded_at
                where source_system = $system and _superseded_at is null
                  and _parent_key in (select _parent_key from candidate)
                  and _record_key not in (select _record_key from candidate)
                """,
                {"system": mapping.system, "loaded_at": loaded_at},
            )
        audit = book(con, mapping, load_id)
        if landed is not None and audit.candidates != landed:
            raise RegularsError(
                f"{mapping.system}.{mapping.entity}: {audit.candidates:,} rows of load {load_id} were read, but "
                f"{landed:,} were landed",
                "Run: regulars refresh --full; if it says so again, report it",
            )
        con.execute(
            "insert into audit.conform_audit by name (select "
            + ", ".join(f"${name} as {name}" for name in audit.row())
            + ")",
            audit.row(),
        )
        con.execute("drop table candidate")
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return audit


def has_rows(con: duckdb.DuckDBPyConnection, mapping: Mapping) -> bool:
    """Whether the input table holds rows of the system; if not, nothing needs to be compared with them."""
    found = con.execute(
        f"select 1 from input.{mapping.entity} where source_system = $system limit 1", {"system": mapping.system}
    ).fetchone()
    return found is not None


def settle_duplicates(con: duckdb.DuckDBPyConnection, contract: Contract, query: CandidateSql) -> bool:
    """Judge rows of one load that share a key; returns whether there are any.

    A row that repeats an earlier one to the letter is unchanged. A row with other values is a version
    where the source dates its versions; otherwise nobody can say which is right: the first row stays,
    the others go to quarantine. Of files of several days the last that has a key (and date) counts, as if they had
    been loaded one by one: an earlier file's row adds nothing, either. Keys are counted by an aggregate; only repeated
    ones are ranked.
    """
    con.execute(
        f"""
        create or replace temp table repeated as
        select _record_key from candidate where _verdict = {ACCEPTED} group by 1 having count(*) > 1
        """
    )
    if con.execute("select 1 from repeated limit 1").fetchone() is None:
        return False
    duplicate = numbered(contract)[DUPLICATE, ", ".join(contract.key)]
    dated = "updated_at is not null" if contract.has_versions else "false"
    by_file = "".join(f", {name}" for name in query.later)
    newest = ", ".join(f"{name} desc nulls last" for name in query.later)
    version = "_record_key, updated_at" if contract.has_versions else "_record_key"
    is_last = f"rank() over (partition by {version} order by {newest}) = 1" if newest else "true"
    con.execute(
        f"""
        update candidate set _verdict = case
            when ranked.repeats > 1 then {UNCHANGED}
            when not ranked.is_dated and candidate._record_hash <> ranked.first_hash then {duplicate}
            when ranked.is_last then {ACCEPTED}
            else {UNCHANGED} end
        from (
          select c.rowid as id,
            row_number() over (partition by _record_key, _record_hash{by_file}
              order by _source_file nulls first, _source_row nulls first, c.rowid) as repeats,
            first_value(_record_hash) over (partition by _record_key{by_file}
              order by _source_file nulls first, _source_row nulls first, _record_hash) as first_hash,
            {dated} as is_dated, {is_last} as is_last
          from candidate c semi join repeated using (_record_key)
          where _verdict = {ACCEPTED}
        ) ranked
        where candidate.rowid = ranked.id
        """
    )
    found = con.execute(f"select count(*) from candidate where _verdict = {duplicate}").fetchone()
    if found and found[0]:
        # Their raw records were not kept, since nothing was wrong with them by themselves.
        con.execute(
            f"""
            update candidate set _raw_record = again._raw_record
            from (select * from ({query.with_raw}) semi join repeated using (_record_key)) again
            where candidate._verdict = {duplicate} and candidate._record_key = again._record_key
              and candidate._record_hash = again._record_hash
              and candidate._source_file is not distinct from again._source_file
              and candidate._source_row is not distinct from again._source_row
            """
        )
    return True


def settle_known(con: duckdb.DuckDBPyConnection, mapping: Mapping) -> None:
    """Mark candidates that the input table holds already.

    Without the source's own dates the newest version decides, so that a value may return; with them
    any version does, so that a late copy of an old version adds nothing.
    """
    newest = "" if mapping.contract.has_versions else "and k._superseded_at is null"
    con.execute(
        f"""
        update candidate set _verdict = {UNCHANGED}
        from input.{mapping.entity} k
        where candidate._verdict = {ACCEPTED} and k._record_key = candidate._record_key
          and k.source_system = candidate.source_system and k._record_hash = candidate._record_hash {newest}
        """
    )


def renew_flags(con: duckdb.DuckDBPyConnection, mapping: Mapping) -> None:
    """Give versions that a batch brings again its flags: a later file may have settled what was doubtful, or not."""
    con.execute(
        f"""
        update input.{mapping.entity} set _flags = candidate._flags
        from candidate
        where candidate._verdict = {UNCHANGED} and input.{mapping.entity}._record_key = candidate._record_key
          and input.{mapping.entity}.source_system = candidate.source_system
          and input.{mapping.entity}._record_hash = candidate._record_hash
          and input.{mapping.entity}._superseded_at is null
          and input.{mapping.entity}._flags is distinct from candidate._flags
        """
    )


def quarantine(con: duckdb.DuckDBPyConnection, mapping: Mapping, load_id: str, loaded_at: dt.datetime) -> None:
    """Store refused rows with reason, column, value and the raw record."""
    contract = mapping.contract
    checks = ", ".join(
        f"({number}::smallint, {quote(reason)}, {quote(column)})"
        for (reason, column), number in numbered(contract).items()
    )
    key = "json_object(" + ", ".join(f"'{name}', {name}" for name in contract.key) + ")"
    con.execute(
        f"""
        insert into quarantine.{mapping.entity} by name
        select source_system, $load_id as _load_id, _source_file, _source_row, f.reason_code, f.column_name,
          case f.reason_code when '{DUPLICATE}' then concat_ws(', ', {", ".join(contract.key)}) else _value end
            as value,
          {key}::varchar as record_key, {row_id("_raw_record")} as row_id, _raw_record as raw_record,
          $loaded_at as quarantined_at
        from candidate join (values {checks}) f(verdict, reason_code, column_name) on f.verdict = _verdict
        """,
        {"load_id": load_id, "loaded_at": loaded_at},
    )


def insert_accepted(con: duckdb.DuckDBPyConnection, mapping: Mapping, load_id: str, loaded_at: dt.datetime) -> None:
    """Add accepted candidates as versions."""
    entity, contract = mapping.entity, mapping.contract
    columns = [*contract.columns, *contract.business_dates.values()]
    version_at = "coalesce(updated_at, $loaded_at)" if contract.has_versions else "$loaded_at::timestamp"
    con.execute(
        f"""
        insert into input.{entity}
        select source_system, {", ".join(columns)}, _record_key, _parent_key, _record_hash, _source_file,
          _source_row, _flags, $load_id, $loaded_at, {version_at}, null
        from candidate where _verdict = {ACCEPTED}
        """,
        {"load_id": load_id, "loaded_at": loaded_at},
    )


def supersede(con: duckdb.DuckDBPyConnection, mapping: Mapping, loaded_at: dt.datetime) -> None:
    """Date the end of versions that have a newer one.

    The current version of a record is the one with the latest effective time; a version that arrives late is kept and
    is born superseded. Only records of this batch can have got another version.
    """
    entity = mapping.entity
    con.execute(
        f"""
        create or replace temp table several as
        select _record_key from input.{entity}
        semi join (select _record_key from candidate where _verdict = {ACCEPTED}) using (_record_key)
        where source_system = $system and _superseded_at is null group by 1 having count(*) > 1
        """,
        {"system": mapping.system},
    )
    con.execute(
        f"""
        update input.{entity} set _superseded_at = $loaded_at
        from (
          select i.rowid as id from input.{entity} i semi join several using (_record_key)
          where source_system = $system and _superseded_at is null
          qualify row_number() over (
            partition by _record_key order by _version_at desc, _loaded_at desc, _record_hash desc) > 1
        ) old
        where input.{entity}.rowid = old.id
        """,
        {"system": mapping.system, "loaded_at": loaded_at},
    )


def book(con: duckdb.DuckDBPyConnection, mapping: Mapping, load_id: str) -> Audit:
    """Count the batch."""
    found = con.execute(
        f"""
        select count(*), count(*) filter (where _verdict = {ACCEPTED}),
          count(*) filter (where _verdict = {UNCHANGED}), count(*) filter (where _verdict > {ACCEPTED}),
          count(*) filter (where _verdict = {FILTERED}),
          count(*) filter (where _verdict = {ACCEPTED} and _flags is not null)
        from candidate
        """
    ).fetchone()
    assert found is not None
    return Audit(mapping.system, mapping.entity, load_id, *found)

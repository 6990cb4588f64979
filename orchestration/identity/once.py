"""Match a table of records once, with nothing remembered: for measuring identity on sets with truth."""

from __future__ import annotations

import duckdb

from orchestration.identity.blocking import make_blocks, make_pairs
from orchestration.identity.forms import make_entries, make_forms
from orchestration.identity.grouping import make_clusters
from orchestration.identity.match import compare, find_fresh, note_compared
from orchestration.identity.relations import KINDS, SQL, STATE, Bounds
from orchestration.identity.standardise import standard_records
from orchestration.identity.weighing import learn, make_frequencies
from orchestration.platform.sql import Relation, create, fill, run

NO_PAIRS = (
    "select ''::varchar as left_system, '' as left_customer_id, '' as right_system, '' as right_customer_id limit 0"
)


def resolve_records(con: duckdb.DuckDBPyConnection, records: str, country: str) -> None:
    """Match a table of raw records: makes the temporary tables `cluster_person` and `cluster_organisation`.

    Args:
        con: a connection of its own; schema identity is made in it.
        records: name of a table of schema main with the columns of RAW.
        country: ISO 3166 code of the country that local telephone numbers are dialled in.
    """
    state, given = STATE, Relation("main", records)
    run(con, SQL["state"], state)
    written = fill("(select *, 0::bigint as raw_hash from {given})", given=given)
    with standard_records(con, written, country, ["raw_hash"]) as query:
        run(con, "create or replace table {standard_customer} as {query}", state, query=query)
    present = create(con, "present", "select distinct source_system, customer_id from {given}", given=given)
    bounds = Bounds(create(con, "together", NO_PAIRS), create(con, "apart", NO_PAIRS))
    standard = make_forms(con, state, present, bounds, [])
    for kind in KINDS:
        entries = make_entries(con, kind, standard, [])
        blocks = make_blocks(con, entries, state)
        frequencies = make_frequencies(con, entries)
        pairs = make_pairs(con, blocks)
        model = learn(con, entries, pairs, frequencies)
        fresh, _ = find_fresh(con, entries, state, model)
        compare(con, entries, state, model, frequencies, pairs, blocks.block)
        note_compared(con, entries, state, model, fresh)
        make_clusters(con, entries, state, bounds, model, frequencies)

"""What stands around a customer: what is known to reach them by, the household, and the organisation above. Nothing in
it shows who somebody is."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from models_ml.identity.clusters import components
from orchestration.identity.relations import SQL, Inputs, Results
from orchestration.platform.sql import Relation, arrays, arrow, create, drop, run

CONTACT = ("email", "phone", "mobile", "address_line")
MOST_LEVELS = 20  # of an organisation; deeper is a circle


def write_profiles(
    con: duckdb.DuckDBPyConnection,
    standard: Relation,
    current_record: Relation,
    current_link: Relation,
    asking: list[str],
    results: Results,
) -> None:
    """What each record can be reached by: asked for by its source (one of `asking`), given at all, and usable."""
    run(con, SQL["record_profile"], results, standard=standard, current_record=current_record,
        current_link=current_link, asking=asking)  # fmt: skip


def write_households(
    con: duckdb.DuckDBPyConnection, inputs: Inputs, standard: Relation, current_link: Relation, results: Results
) -> None:
    """Persons of one family name at one address, or whom a source relates as a household.

    A household is named by the smallest own key among its records.
    """
    home = create(con, "home", SQL["home"], standard=standard, current_link=current_link)
    kin = create(con, "kin", SQL["kin"], inputs, home=home, current_link=current_link)
    pairs = arrays(run(con, "select l, r from {kin}", kin=kin))
    nodes = np.unique(np.concatenate([pairs["l"], pairs["r"]]).astype(np.int64))
    label = components(len(nodes), np.searchsorted(nodes, pairs["l"]), np.searchsorted(nodes, pairs["r"]))
    first = np.full(len(nodes), np.iinfo(np.int64).max)
    np.minimum.at(first, label, nodes)
    rows = pa.table({"customer_key": nodes, "household_key": first[label]})
    with arrow(con, "household_rows", rows) as households:
        run(con, SQL["household_member"], results, households=households, kin=kin)
    drop(con, home, kin)


def write_organisations(
    con: duckdb.DuckDBPyConnection, inputs: Inputs, standard: Relation, current_link: Relation, results: Results
) -> None:
    """Every organisation with each of its ancestors; level 0 is itself. Circles end where they began."""
    run(con, SQL["organisation_ancestor"], inputs, results, standard=standard, current_link=current_link,
        most_levels=MOST_LEVELS)  # fmt: skip

"""What the warehouse is given of the ledger: links with their history, and events."""

from __future__ import annotations

import duckdb

from orchestration.config.company import CompanyConfig
from orchestration.identity.ledger import pseudonym_key, read_history
from orchestration.identity.records import SHARED_ID
from orchestration.identity.relations import SQL, Mentions, Results
from orchestration.landing.lake import Lake
from orchestration.platform.sql import Expression, Relation, arrow, create, drop, run

# HMAC in its nested form: a plain keyed hash could be extended.
PSEUDONYM = Expression("left(sha256($key || sha256($key || source_system || chr(31) || customer_id)), 32)")


def write_links(
    con: duckdb.DuckDBPyConnection, config: CompanyConfig, lake: Lake, mentions: Mentions, results: Results
) -> None:
    """Write every record that is there with its customer, now and before, and the id that published tables may show;
    and which customer's records went where, when and why. A record that is matched from the start leaves its own key
    for the customer's.

    A system that uses another's ids gets a link for each id that it uses, with the owner's keys and rule `shared_id`,
    so that facts find their customer by the system that delivered them.
    """
    with arrow(con, "ledger_rows", read_history(con, lake)) as ledger_rows:
        span = create(con, "assignment_span", SQL["assignment_span"], ledger_rows=ledger_rows)
    clear = config.company.privacy.clear_keys
    run(
        con, SQL["customer_link"], mentions, results, span=span, shared_id=SHARED_ID,
        public_id=Expression("customer_id") if clear else PSEUDONYM,
        secrets=None if clear else {"key": pseudonym_key(config)},
    )  # fmt: skip
    run(con, SQL["identity_event"], results, span=span)
    drop(con, span)


def current_links(con: duckdb.DuckDBPyConnection, customer_link: Relation) -> Relation:
    """The customer that each record has now."""
    return create(
        con, "current_link",
        "select distinct source_system, customer_id, source_customer_key, customer_key from {customer_link} "
        "where valid_to is null",
        customer_link=customer_link,
    )  # fmt: skip

"""Run the identity step: records from input, customers by matching, keys in the lake, links for dbt."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from models_ml.identity.weights import Model
from orchestration.config.company import CompanyConfig
from orchestration.identity.blocking import keep_large, make_blocks, make_pairs
from orchestration.identity.decisions import make_bounds
from orchestration.identity.enrichment import write_enrichment
from orchestration.identity.forms import make_entries, make_forms
from orchestration.identity.grouping import make_clusters
from orchestration.identity.keys import ALONE, assign_keys
from orchestration.identity.ledger import pseudonym_key, read_history, rekey, remember_keys
from orchestration.identity.links import current_links, write_links
from orchestration.identity.match import compare, find_fresh, note_compared
from orchestration.identity.models import fitting_model, profile_of, store_model
from orchestration.identity.pairs import example_of, write_issues, write_pairs, write_review
from orchestration.identity.records import SHARED_ID, current_records, make_mentions, refresh_standard
from orchestration.identity.relations import (
    INPUTS,
    KINDS,
    RESULTS,
    SQL,
    STATE,
    Bounds,
    Entries,
    Inputs,
    Results,
    State,
)
from orchestration.identity.structure import CONTACT, write_households, write_organisations, write_profiles
from orchestration.identity.weighing import Frequencies, learn, make_frequencies
from orchestration.landing.lake import Lake
from orchestration.platform.clock import naive_utc
from orchestration.platform.sql import Expression, Relation, count, drop, fill, run


@dataclass
class IdentityResult:
    """What the step did."""

    records: int = 0
    customers: int = 0
    new_records: int = 0
    rekeyed: int = 0
    standardised: int = 0
    pairs: dict[str, int] = field(default_factory=dict)
    uncompared: int = 0
    issues: int = 0
    trained: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    example: str = "no two records were weighed"

    def figures(self) -> dict[str, int]:
        """What the journal and the progress line show."""
        return {"records": self.records, "customers": self.customers, "changed_links": self.new_records,
                "keys_minted_again": self.rekeyed,
                "standardised": self.standardised, "pairs_compared": sum(self.pairs.values()),
                "blocks_not_compared": self.uncompared, "decisions_not_applied": self.issues}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One run of the step: where and when, and the tables that every run has."""

    con: duckdb.DuckDBPyConnection
    config: CompanyConfig
    lake: Lake
    load_id: str
    now: dt.datetime
    retrain: bool
    result: IdentityResult = field(default_factory=IdentityResult)
    inputs: Inputs = INPUTS
    state: State = STATE
    results: Results = RESULTS


def resolve_identity(
    con: duckdb.DuckDBPyConnection,
    config: CompanyConfig,
    lake: Lake,
    load_id: str,
    now: dt.datetime,
    retrain: bool = False,
) -> IdentityResult:
    """Give every source record its customer; writes identity.customer_link and identity.identity_event.

    New assignments go to the lake first, so that a rebuild from the lake alone finds the same keys.

    Args:
        con: the warehouse.
        config: the company.
        lake: holds the ledger, the decisions and the trained models.
        load_id: name of the loads that are written.
        now: the refresh's time.
        retrain: train the weights also where that is not due.
    """
    step = Step(con, config, lake, load_id, now, retrain)
    result, inputs, state, results = step.result, step.inputs, step.state, step.results
    run(con, SQL["state"], state)
    mentions = make_mentions(con, config)
    current_record = current_records(con, inputs.customer)
    result.standardised = refresh_standard(con, config, inputs.customer, current_record, state)
    bounds = make_bounds(con, lake, inputs, mentions, results.decision_issue)
    standard = make_forms(con, state, mentions.present, bounds, once_systems(config))
    clusters = clusters_of(step, standard, mentions.present, bounds)
    remember_clusters(step, clusters)
    write_links(con, config, lake, mentions, results)
    current_link = current_links(con, results.customer_link)
    asking = config.fillers("customer", CONTACT)
    write_profiles(con, standard, current_record, current_link, asking, results)
    write_households(con, inputs, standard, current_link, results)
    write_organisations(con, inputs, standard, current_link, results)
    write_enrichment(con, config, inputs, standard, current_link, results)
    write_pairs(con, standard, state, bounds, current_link, results)
    write_review(con, inputs, results)
    write_issues(con, standard, state, results)
    count_results(step)
    result.example = example_of(con, results.record_pair)
    return result


def once_systems(config: CompanyConfig) -> list[str]:
    """Systems that hold each customer once."""
    return sorted(name for name, source in config.sources.items() if source.one_record_per_customer)


def clusters_of(step: Step, standard: Relation, present: Relation, bounds: Bounds) -> pa.Table:
    """Every record that is there with the record that stands for its customer (see `assign_keys`)."""
    parts = []
    for kind in KINDS:
        entries = make_entries(step.con, kind, standard, once_systems(step.config))
        if count(step.con, entries.entry):
            parts.append(match(step, entries, bounds))
        drop(step.con, entries.entry, entries.member)
    return all_clusters(step.con, parts, standard, present)


def all_clusters(
    con: duckdb.DuckDBPyConnection, clusters: Iterable[Relation], standard: Relation, present: Relation
) -> pa.Table:
    """The clusters of every kind, and the records that say nothing, each alone."""
    matched = [fill("select * from {cluster} union all", cluster=cluster) for cluster in clusters]
    return run(
        con, SQL["all_clusters"], matched=Expression(" ".join(matched)), standard=standard, present=present,
        alone=ALONE,
    ).to_arrow_table()  # fmt: skip


def match(step: Step, entries: Entries, bounds: Bounds) -> Relation:
    """Compare the entries of a kind and make their clusters; trains the model where that is due."""
    con, state, kind = step.con, step.state, entries.kind
    profile = profile_of(con, entries)
    fitting = None if step.retrain else fitting_model(con, step.lake, kind, profile)
    if fitting is None:
        blocks = make_blocks(con, entries, state)
        pairs = make_pairs(con, blocks)
        model, frequencies = trained_model(step, entries, pairs, profile)
        fresh, changed = find_fresh(con, entries, state, model)
    else:
        model, frequencies = fitting
        fresh, changed = find_fresh(con, entries, state, model)
        if changed:
            blocks = make_blocks(con, entries, state, fresh)
            pairs = make_pairs(con, blocks, fresh)
    if changed:
        step.result.pairs[kind] = compare(con, entries, state, model, frequencies, pairs, blocks.block)
        note_compared(con, entries, state, model, fresh)
        keep_large(con, kind, blocks.large_now, state)
    if changed or fitting is None:
        drop(con, pairs, blocks.block, blocks.opened_block, blocks.large_now)
    drop(con, fresh)
    return make_clusters(con, entries, state, bounds, model, frequencies)


def trained_model(
    step: Step, entries: Entries, pairs: Relation, profile: dict[str, float]
) -> tuple[Model, Frequencies]:
    """A model that is learnt from the entries, and kept unless there was nothing to learn from."""
    frequencies = make_frequencies(step.con, entries)
    model = learn(step.con, entries, pairs, frequencies)
    if count(step.con, pairs):
        store_model(step.con, step.lake, model, frequencies, profile, step.load_id, step.now)
        step.result.trained.append(entries.kind)
    return model, frequencies


def remember_clusters(step: Step, clusters: pa.Table) -> None:
    """Give each cluster its key; what is new goes to the lake."""
    secret = pseudonym_key(step.config)
    step.result.rekeyed = rekey(step.lake, secret, step.load_id, step.now, step.config.paths.translation)
    fresh = assign_keys(clusters, read_history(step.con, step.lake), secret)
    valid_from = pa.array([naive_utc(step.now)] * fresh.num_rows, pa.timestamp("us"))
    remember_keys(step.lake, fresh.append_column("valid_from", valid_from), secret, step.load_id, step.now)
    step.result.new_records = fresh.num_rows


def count_results(step: Step) -> None:
    """Note how many records, customers, issues and rows of each table there are."""
    con, result = step.con, step.result
    figures = run(
        con,
        "select count(*), count(distinct customer_key) from {customer_link} "
        "where rule <> {shared_id} and valid_to is null",
        step.results, shared_id=SHARED_ID,
    ).fetchone()  # fmt: skip
    result.records, result.customers = figures or (0, 0)
    result.issues, result.uncompared = count(con, step.results.decision_issue), count(con, step.state.uncompared)
    tables = run(con, "select table_name from duckdb_tables() where schema_name = 'identity'").fetchall()
    result.rows = {table: count(con, Relation("identity", table)) for (table,) in tables}

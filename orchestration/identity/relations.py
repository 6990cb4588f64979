"""The relations of identity, by name: what its functions take and return.

Every statement names its tables by places that these fill (`orchestration.platform.sql`); none reads a table that its
caller did not pass. A temporary table is known only to those who are given the `Relation` that made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestration.platform.sql import Relation, Relations, Templates

SQL = Templates(Path(__file__).parent / "sql")
KINDS = ("person", "organisation")


@dataclass(frozen=True)
class Inputs(Relations):
    """What identity reads of the conformed input: every version of every row."""

    customer: Relation
    customer_relation: Relation
    manual_match: Relation
    external_profile: Relation
    sales_order: Relation


@dataclass(frozen=True)
class State(Relations):
    """What the matching keeps from one run to the next. Without it everything is compared anew, with the same result,
    since a pair's weight is a function of the two records and the model alone.

    standard_customer: STANDARD and `raw_hash` (of what the source wrote).
    form_pair: kind, left_form < right_form, weight (log2 odds), rule (exact rule that holds, else null), evidence
        (JSON: comparison → [level in words, weight, adjustment]); pairs from REVIEW on, or with a rule.
    known_form: kind, form, model: what has been compared, with which model.
    large_block: kind, rule (its place), key: the blocks that were too large to compare.
    uncompared: kind, rule, value (as the rule spells it), records, pairs: the same in words.
    shared_value: rule, value, records, names: values of too many different people; they are taken out of the records.
    """

    standard_customer: Relation
    form_pair: Relation
    known_form: Relation
    large_block: Relation
    uncompared: Relation
    shared_value: Relation


@dataclass(frozen=True)
class Results(Relations):
    """What identity writes for those who come after it."""

    customer_link: Relation
    identity_event: Relation
    decision_issue: Relation
    record_profile: Relation
    household_member: Relation
    organisation_ancestor: Relation
    profile_match: Relation
    profile_field: Relation
    record_pair: Relation
    review_pair: Relation
    identity_issue: Relation


@dataclass(frozen=True)
class Mentions(Relations):
    """Who is there.

    mention: source_system, customer_id of every id that a system uses, and owner, the system whose id it is.
    present: source_system, customer_id of every record, by its owner.
    """

    mention: Relation
    present: Relation


@dataclass(frozen=True)
class Bounds(Relations):
    """What binds the clusters: pairs of records (left_system, left_customer_id, right_system, right_customer_id) that
    must, and that must not, be one customer."""

    together: Relation
    apart: Relation


@dataclass(frozen=True)
class Entries(Relations):
    """The records of a kind, those that say the same as one.

    entry: STANDARD, the columns of MADE, `form` (hash of what the record says), `unique_system` (the system, if it
        holds each customer once), and `rec`, an integer per form.
    member: source_system, customer_id, form, rec of every record.
    """

    kind: str
    entry: Relation
    member: Relation


@dataclass(frozen=True)
class Blocks(Relations):
    """Which entries share a block key.

    block: rule (its place), key (hash), rec.
    opened_block: rule, key of the blocks that were too large to compare and are not any more.
    large_now: rule, key, records, rec (one of them) of the blocks that are too large.
    """

    block: Relation
    opened_block: Relation
    large_now: Relation


INPUTS, STATE, RESULTS = Inputs.of("input"), State.of("identity"), Results.of("identity")

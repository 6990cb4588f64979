"""Run the identity step: records from input, customers by matching, keys in the lake, links for dbt."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from models_ml.identity.blocking import keep_large, make_blocks, make_pairs
from models_ml.identity.match import (
    SCHEMA,
    Bound,
    compare,
    find_fresh,
    make_clusters,
    make_entry,
    make_forms,
    model_name,
)
from models_ml.identity.resolve import ALONE, assign_keys
from models_ml.identity.weights import COMPARISONS, Model, frequency_table, make_frequencies, prior_model, train
from orchestration.config.company import CompanyConfig
from orchestration.identity.decisions import make_bounds
from orchestration.identity.ledger import pseudonym_key, read_history, rekey, remember_keys, write_links
from orchestration.identity.records import LENT, make_mentions, refresh_standard
from orchestration.identity.structure import write_structure
from orchestration.landing.lake import Lake
from orchestration.platform.clock import naive_utc
from orchestration.platform.literals import quote

KINDS = ("person", "organisation")
MODEL, FREQUENCY = "identity_model", "identity_frequency"
MODEL_SCHEMA = pa.schema(
    [("kind", pa.string()), ("model", pa.string()), ("profile", pa.string()), ("trained_at", pa.timestamp("us"))]
)
# A model is trained again when there are so many times the records that it learned from, or when a column is filled
# so much more or less often.
GROWTH, FILL_CHANGE = 2.0, 0.15


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
    result = IdentityResult()
    con.execute(SCHEMA)
    make_mentions(con, config)
    result.standardised = refresh_standard(con, config)
    make_bounds(con, lake)
    make_forms(con, once_systems(config))
    parts = []
    for kind in KINDS:
        make_entry(con, kind, "standard", once_systems(config))
        found = con.execute("select count(*) from entry").fetchone()
        if found and found[0]:
            match(con, kind, lake, load_id, now, retrain, result)
            parts.append(f"select * from cluster_{kind}")
    parts.append(
        f"select source_system, customer_id, source_system, customer_id, {quote(ALONE)}, null from present "
        "anti join standard using (source_system, customer_id)"
    )
    names = "source_system, customer_id, cluster_system, cluster_id, rule, weight"
    clusters = con.execute(f"select * from ({' union all '.join(parts)}) as cluster ({names})").to_arrow_table()
    secret = pseudonym_key(config)
    result.rekeyed = rekey(lake, secret, load_id, now, config.paths.translation)
    fresh = assign_keys(clusters, read_history(con, lake), secret)
    valid_from = pa.array([naive_utc(now)] * fresh.num_rows, pa.timestamp("us"))
    remember_keys(lake, fresh.append_column("valid_from", valid_from), secret, load_id, now)
    write_links(con, config, lake)
    write_structure(con, config)
    write_pairs(con)
    write_review(con)
    write_issues(con)
    figures = con.execute(
        "select count(*), count(distinct customer_key) from identity.customer_link "
        "where rule <> $lent and valid_to is null",
        {"lent": LENT},
    ).fetchone()
    result.records, result.customers = figures or (0, 0)
    result.new_records = fresh.num_rows
    issues = con.execute(
        "select (select count(*) from identity.decision_issue), (select count(*) from identity.uncompared)"
    ).fetchone()
    result.issues, result.uncompared = issues or (0, 0)
    tables = con.execute("select table_name from duckdb_tables() where schema_name = 'identity'").fetchall()
    for (table,) in tables:
        row = con.execute(f"select count(*) from identity.{table}").fetchone()
        result.rows[table] = int(row[0]) if row else 0
    result.example = example_of(con)
    return result


def example_of(con: duckdb.DuckDBPyConnection) -> str:
    """The pair that the weights leave most open, as a table in Markdown; without the values of either record."""
    row = con.execute(
        "select weight, evidence, standing from identity.record_pair order by abs(weight), left_source_key limit 1"
    ).fetchone()
    if row is None:
        return "no two records were weighed"
    lines = [f"weight {row[0]:.2f}, {row[2]}", "", "| comparison | level | weight | rarity |", "|---|---|---|---|"]
    lines += [
        f"| {found['comparison']} | {found['level']} | {found['weight']} | {found['rarity']} |"
        for found in comparisons_of(row[1])
    ]
    return "\n".join(lines)


def comparisons_of(text: str) -> list[dict[str, Any]]:
    """Evidence of a pair as rows: comparison, level in words, weight and adjustment for rarity, in log2 odds."""
    return [
        {"comparison": name, "level": level, "weight": round(float(weight), 2), "rarity": round(float(rarity), 2)}
        for name, (level, weight, rarity) in json.loads(text).items()
    ]


def write_pairs(con: duckdb.DuckDBPyConnection) -> None:
    """Write identity.record_pair: every pair that was weighed, as two records with their customers, and its standing.

    linked: of one customer; review: the weight leaves it open, or other evidence keeps a likely pair apart; manual:
    decided. The gain of asking grows with doubt and with how many facts hang on the two records.
    """
    con.execute(
        """
        create or replace table identity.record_pair as
        with named as (
          select form, min(source_system || chr(31) || customer_id) as name, count(*) as records from standard
          group by form
        ),
        record as (
          select form, split_part(name, chr(31), 1) as source_system, split_part(name, chr(31), 2) as customer_id,
            records
          from named
        ),
        decided as (
          select left_system, left_customer_id, right_system, right_customer_id, 'same' as decision from together
          union select right_system, right_customer_id, left_system, left_customer_id, 'same' from together
          union select left_system, left_customer_id, right_system, right_customer_id, 'different' from apart
          union select right_system, right_customer_id, left_system, left_customer_id, 'different' from apart
        ),
        pair as (
          select p.kind, l.source_system as left_system, l.customer_id as left_customer_id,
            r.source_system as right_system, r.customer_id as right_customer_id, x.customer_key as left_customer_key,
            y.customer_key as right_customer_key, x.source_customer_key as left_source_key,
            y.source_customer_key as right_source_key, p.weight, p.rule, p.evidence, l.records * r.records as records
          from identity.form_pair p join record l on l.form = p.left_form join record r on r.form = p.right_form
          join now_link x on x.source_system = l.source_system and x.customer_id = l.customer_id
          join now_link y on y.source_system = r.source_system and y.customer_id = r.customer_id
        )
        select p.*, d.decision, p.left_customer_key = p.right_customer_key as is_linked,
          case when d.decision is not null then 'decided' when p.left_customer_key = p.right_customer_key then 'linked'
            else 'review' end as standing,
          round(1 / (1 + pow(2, -p.weight)), 6) as probability
        from pair p
        left join decided d using (left_system, left_customer_id, right_system, right_customer_id)
        """
    )


def write_review(con: duckdb.DuckDBPyConnection) -> None:
    """Write identity.review_pair: the pairs to decide on, with what asking about each gains.

    The gain is the doubt that an answer ends, p (1 - p), times how many facts hang on the two records.
    """
    con.execute(
        """
        create or replace table identity.review_pair as
        with used as (
          select source_system, customer_id, count(*) as facts from input.sales_order
          where customer_id is not null and _superseded_at is null group by all
        )
        select round(p.probability * (1 - p.probability) * (1 + ln(1 + coalesce(a.facts, 0) + coalesce(b.facts, 0))), 4)
            as gain,
          p.probability, round(p.weight, 2) as weight, p.left_system, p.left_customer_id, p.right_system,
          p.right_customer_id, p.evidence
        from identity.record_pair p
        left join used a on a.source_system = p.left_system and a.customer_id = p.left_customer_id
        left join used b on b.source_system = p.right_system and b.customer_id = p.right_customer_id
        where p.standing = 'review'
        """
    )


def write_issues(con: duckdb.DuckDBPyConnection) -> None:
    """Write identity.identity_issue: what was not applied or not compared, counted; values stay in the warehouse."""
    con.execute(
        """
        create or replace table identity.identity_issue as
        select 'decision ' || issue as issue, 'any' as kind, 'manual' as rule, count(*) as occurrences,
          null::bigint as records, null::hugeint as pairs
        from identity.decision_issue group by issue
        union all
        select 'block too large to compare', kind, rule, count(*), sum(records)::bigint, sum(pairs)
        from identity.uncompared group by kind, rule
        union all
        select 'value of too many people', 'any', rule, count(*), sum(records)::bigint, null
        from identity.shared_value group by rule
        union all
        select 'record without a usable field', kind, 'any', count(*), count(*), null from standard
        where coalesce(organisation, name_key, email, phones[1], national_id, card_no, street) is null group by kind
        """
    )
    con.execute("alter table identity.identity_issue alter pairs type bigint")


def once_systems(config: CompanyConfig) -> list[str]:
    """Systems that hold each customer once."""
    return sorted(name for name, source in config.sources.items() if source.one_record_per_customer)


def match(
    con: duckdb.DuckDBPyConnection,
    kind: str,
    lake: Lake,
    load_id: str,
    now: dt.datetime,
    retrain: bool,
    result: IdentityResult,
) -> None:
    """Compare the records of a kind and make its clusters; trains the model where that is due."""
    profile = profile_of(con)
    model = None if retrain else stored_model(con, lake, kind, profile)
    if model is None:
        make_blocks(con, kind)
        make_frequencies(con, kind)
        make_pairs(con, "new_pair")
        if con.execute("select count(*) from new_pair").fetchone() == (0,):
            model = prior_model(con, kind)  # nothing to learn from, and nothing to weigh but what decisions join
        else:
            model = train(con, kind, "new_pair")
            store_model(con, lake, model, profile, load_id, now)
            result.trained.append(kind)
        changed = find_fresh(con, kind, model_name(model))
    else:
        changed = find_fresh(con, kind, model_name(model))
        if changed:
            make_blocks(con, kind, "fresh_form")
            make_pairs(con, "new_pair", "fresh_form")
    if changed:
        result.pairs[kind] = compare(con, kind, model, model_name(model), "new_pair")
        keep_large(con, kind)
    con.execute("drop table if exists temp.new_pair; drop table if exists temp.block")
    make_clusters(con, kind, model, Bound("together", "apart"))


def profile_of(con: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """How many records there are and how often each compared column is filled: what drift is told by."""
    columns = sorted({"email", "phones", "birth_date", "postal_code", "national_id", "street", "city", "family"})
    shares = ", ".join(f"round(count({name}) / count(*), 4) as {name}" for name in columns)
    found = con.execute(f"select count(*)::double as records, {shares} from entry").fetchone() or ()
    return dict(zip(["records", *columns], (float(value) for value in found), strict=True))


def stored_model(
    con: duckdb.DuckDBPyConnection, lake: Lake, kind: str, profile: dict[str, float]
) -> Model | None:  # fmt: skip
    """The last trained model with its term frequencies, unless it does not fit the records any more."""
    found = read_model(con, lake, kind)
    if found is None:
        return None
    before = found[1]
    if profile["records"] > GROWTH * before["records"] + 100 or any(
        abs(profile[name] - before.get(name, 0.0)) > FILL_CHANGE for name in profile if name != "records"
    ):
        return None
    return newest_model(con, lake, kind)


def read_model(
    con: duckdb.DuckDBPyConnection, lake: Lake, kind: str
) -> tuple[Model, dict[str, float], dt.datetime] | None:
    """The model that was trained last, the profile of its records, and when; None where its comparisons are others."""
    files = lake.remembered(MODEL)
    if not files:
        return None
    row = con.execute(
        "select model, profile, trained_at from read_parquet($files) where kind = $kind "
        "order by trained_at desc limit 1",
        {"files": files, "kind": kind},
    ).fetchone()
    if row is None:
        return None
    model = Model(**json.loads(row[0]))
    sizes = {name: len(values) for name, values in model.m.items()}
    if sizes != {c.name: len(c.levels) + 1 for c in COMPARISONS[kind]}:
        return None
    return model, json.loads(row[1]), row[2]


def newest_model(con: duckdb.DuckDBPyConnection, lake: Lake, kind: str) -> Model | None:
    """The model that was trained last, with its term frequencies as temporary tables; None where there is none."""
    found = read_model(con, lake, kind)
    if found is None:
        return None
    model, _, trained_at = found
    for column in frequency_columns(kind):
        con.execute(
            f"create or replace temp table {frequency_table(column)} as select cast(value as "
            f"{'date' if column == 'birth_date' else 'varchar'}) as {column}, frequency as tf_{column} "
            "from read_parquet($files) where kind = $kind and column_name = $column and trained_at = $at",
            {"files": lake.remembered(FREQUENCY), "kind": kind, "column": column, "at": trained_at},
        )
    return model


def frequency_columns(kind: str) -> list[str]:
    """Columns whose rarity counts."""
    return sorted({c.frequency for c in COMPARISONS[kind] if c.frequency})


def store_model(
    con: duckdb.DuckDBPyConnection, lake: Lake, model: Model, profile: dict[str, float], load_id: str, now: dt.datetime
) -> None:
    """Keep a trained model and its term frequencies in the lake, so that pairs are weighed the same tomorrow."""
    trained_at = naive_utc(now)
    row = {"kind": model.kind, "model": json.dumps(asdict(model)), "profile": json.dumps(profile),
           "trained_at": trained_at}  # fmt: skip
    name = f"{load_id}-{model.kind}"
    lake.remember(MODEL, pa.Table.from_pylist([row], MODEL_SCHEMA), name, now)
    parts = " union all ".join(
        f"select {quote(model.kind)} as kind, {quote(column)} as column_name, cast({column} as varchar) as value, "
        f"tf_{column} as frequency, $at::timestamp as trained_at from {frequency_table(column)}"
        for column in frequency_columns(model.kind)
    )
    lake.remember(FREQUENCY, con.execute(parts + " order by all", {"at": trained_at}).to_arrow_table(), name, now)

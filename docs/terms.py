"""The page of terms: what states, levels, tiers, strategies, KPIs and quality words mean, with the figures in force."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

from models_ml.churn.score import Settings as Churn
from models_ml.value.score import Settings as Value
from orchestration.config.company import Channel, Credit, Lifecycle
from orchestration.config.dictionary.declared import Measure
from orchestration.config.dictionary.kpi import load_dictionary
from orchestration.config.dictionary.survivorship import load_survivorship
from orchestration.config.matrix import ChurnClasses, ValueClasses
from orchestration.conform.casting import REASONS
from orchestration.platform.paths import DBT_PROJECT
from orchestration.quality.rules import DIMENSION, MEANING

Table = Callable[[list[str], list[list[object]]], str]

DIMENSIONS = {
    "completeness": "values that should be there are there",
    "validity": "values are of their type, in their range and list, and rows keep their contract",
    "uniqueness": "what should be told apart is",
    "consistency": "records agree with each other: ids name a record, lines add up to their header",
    "timeliness": "data come when they should, in the amount that is usual",
    "accuracy": "values are as the world is, as far as the data themselves can tell",
}
# The seven links of the marketing chain, from the stranger to the customer who came back.
LINKS = {
    1: "how customers come in",
    2: "who looks buys, and buys more",
    3: "who asks buys, and buys more",
    4: "what is ordered is paid and kept",
    5: "a new customer buys a second time",
    6: "a repeat buyer stays active",
    7: "who is overdue is kept, who is lost is won back",
}
OVERDUE_DAYS = 90  # as in customer_flag
PARTS = {
    "current": "margin of the last 12 months after returns and service cost",
    "future": "margin expected in the next 12 months",
    "credit": "payment behaviour and credit score; unknown where no source tells it",
    "loyalty": "tenure, regularity, main store, points, participation",
    "growth": "trend of spend, categories not used yet, headroom to customers alike",
}
FLAGS = {
    "unreachable": "no usable e-mail address, telephone number or address, though a source has a field for one",
    "opted_out": "denied every channel that the company asks about, and granted none",
    "ceased": "the source says so: closed or deceased",
    "blacklisted": "the source says so",
    "unlisted": "not on the company's named-customer list",
    "high_credit_risk": "an invoice unpaid more than {days} days after it was due; a credit grade among "
                        "`credit.risky_grades` ({grades}); a credit score beyond `credit.risky_score_below` or "
                        "`credit.risky_score_above`, which have no default: scores differ in scale and direction",
    "asks_never_buys": "at least three inquiries, and no order ever",
    "stale_contact": "a source has contact fields, and no record changed for two years",
}  # fmt: skip
START_STATES = {
    "new": "never bought before the period",
    "one_time": "bought on one day before it, not overdue",
    "active_repeat": "bought on several days before it, not overdue",
    "at_risk": "overdue when it started",
    "lapsed": "lost when it started",
}


def seed(name: str) -> list[dict[str, str]]:
    """Rows of a dbt seed."""
    with (DBT_PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def lifecycle(table: Table) -> str:
    """States of customers."""
    days = Lifecycle()
    rows: list[list[object]] = [
        ["`lost`", f"no purchase for more than {days.lost_after_days} days (`lost_after_days`)"],
        ["`at_risk`", f"no purchase for more than {days.at_risk_after_days} days (`at_risk_after_days`)"],
        ["`new`", f"bought on one day only, at most {days.new_days} days ago (`new_days`)"],
        ["`active`", "everybody else who ever bought"],
    ]
    return (
        "## Life-cycle states\n\n`customer_lifecycle.state_basic`: where a customer stands at `as_of`. The first line "
        "that fits counts, so each customer has one state. The days are the defaults of `lifecycle` in "
        "`company.yml`.\n\n"
        + table(["state", "who"], rows)
        + "\n\nIn the KPI tree, customers are grouped by what they "
        "were when the period started, with the same days:\n\n"
        + table(["state at the start", "who"], [[f"`{name}`", text] for name, text in START_STATES.items()])
        + "\n\n**Recency, frequency, monetary** (`r_score`, `f_score`, `m_score`): fifths of all customers by "
        "days since "
        "the last purchase, orders, and net amount; 5 is best. The `_fixed` scores use the company's own bounds (`rfm` "
        "in `company.yml`)."
    )


def churn(table: Table) -> str:
    """Levels of the churn warning."""
    bounds = Churn()
    rows: list[list[object]] = [
        ["`win_back`", f"from {bounds.retain_from}, and no purchase for longer than the horizon already"],
        ["`retain`", f"from {bounds.retain_from} (`retain_from`)"],
        ["`prevent`", f"from {bounds.prevent_from} (`prevent_from`)"],
        ["`normal`", "below"],
    ]
    return (
        "## Churn levels\n\n**Churn** is no purchase within the **horizon**, a number of days that is set "
        "(`churn.horizon_days`) or taken from the customers' own rhythm. `churn_probability` is the model's "
        "probability "
        "of it. `customer_churn.warning_level` by that probability:\n\n" + table(["level", "probability"], rows)
        + "\n\nA **red alert** is a customer at `retain` or `win_back`. Reasons are what raises this customer's "
        "risk above "
        "the mean customer's, the strongest first."
    )  # fmt: skip


def value(table: Table) -> str:
    """The value index and its tiers."""
    settings = Value()
    weights: dict[str, Any] = settings.weights.model_dump()
    rows: list[list[object]] = [[f"`{name}`", weights[name], text] for name, text in PARTS.items()]
    return (
        "## Value index\n\n`customer_value.value_index`, 0 to 100: the weighted mean of five parts, each the "
        "customer's "
        "percentile among all. A part that nobody knows leaves its weight to the others.\n\n"
        + table(["part", "weight", "what it is made of"], rows)
        + f"\n\n**Value tiers** (`index_tier`): `high` is the best {settings.high_share:.0%} of the customers "
        f"(`high_share`), `low` the last {settings.low_share:.0%} (`low_share`), `middle` the rest. "
        "**Value at risk** is churn probability × the margin of 12 months if the customer stays."
    )


def view(table: Table) -> str:
    """What the customer view flags and tells."""
    told = {"days": OVERDUE_DAYS, "grades": ", ".join(Credit().risky_grades)}
    flags: list[list[object]] = [[f"`{name}`", text.format(**told)] for name, text in FLAGS.items()]
    return (
        "## Customer view\n\n`customer_flag.flag`, and `customer_360.flags` with commas: what to mind before anybody "
        "talks to a customer.\n\n" + table(["flag", "when"], flags)
        + "\n\n**Preferred channel**: the one that most of a customer's own orders and contacts came through, from "
        f"{Channel().min_contacts} of them on (`channel.min_contacts`). Complaints, cancelled orders and what the "
        "company began (outbound contacts and calls) do not count.\n\n"
        "**Open offer**: the newest offer that was sent, did not bounce, still holds, and was not answered in any "
        "channel: by a response, redemption or conversion, an order with it, a marketing contact that sold it or was "
        "refused, or by leaving its campaign. An answer that names an offer is to that one alone."
    )  # fmt: skip


def strategies(table: Table) -> str:
    """The nine cells."""
    letters = {(row["axis"], row["letter"]): row["name"] for row in seed("matrix_letter")}
    levels, tiers = ChurnClasses().model_dump(), ValueClasses().model_dump()

    def of(axis: str, letter: str, classes: dict[str, str]) -> str:
        codes = ", ".join(f"`{code}`" for code, given in classes.items() if given == letter)
        return f"{letter}, {letters[axis, letter]} ({codes})"

    rows: list[list[object]] = [
        [f"`{row['cell']}`", of("churn", row["cell"][0], levels), of("value", row["cell"][1], tiers), row["strategy"]]
        for row in seed("cell_strategy")
    ]
    return (
        "## Strategies\n\nThe value × churn matrix has nine cells: a letter for the churn level and one for the value "
        "tier. `cell_strategy` of a customer is the strategy of the cell. A company's own table is "
        "`seeds/cell_strategy.csv` in its folder; its letters are `matrix` in `company.yml`. Stars (0 to 5) say "
        "how well "
        "a treatment suits a cell.\n\n" + table(["cell", "churn", "value", "strategy"], rows)
    )


BASES = {
    "company": "the whole company",
    "order": "the whole company, members of orders and of customers",
    "customer_state": "the whole company, members of customers",
}


def counting(measure: Measure) -> str:
    """What counts of a measure's rows."""
    where = f", where `{measure.where}`" if measure.where else ""
    otherwise = f"; `{measure.if_zero}` where it adds to zero" if measure.if_zero else ""
    return f"`{measure.expression}`{where}{otherwise}"


def kpis(table: Table) -> str:
    """Nodes of the KPI tree, the measures that they are made of, and what they are drilled by."""
    found = load_dictionary()
    rows: list[list[object]] = []
    for code, kpi in found.kpis.items():
        node = kpi.node
        below = {"sum": "its children add up", "product": "its children multiply", None: "a leaf"}[node.children]
        sign = ", taken off" if node.sign == -1 else ""
        rows.append([f"`{code}`", node.name, kpi.unit, f"`{node.formula}`", below + sign, node.owner,
                     node.link or ""])  # fmt: skip
    measures: list[list[object]] = [
        [f"`{code}`", measure.name, measure.unit, measure.fact, counting(measure), measure.kind, BASES[measure.basis]]
        for code, measure in found.files.measures.items()
    ]
    facts: list[list[object]] = [
        [fact, spec.description, f"`{spec.model}`"] for fact, spec in found.files.facts.items()
    ]
    dimensions: list[list[object]] = [
        [f"`{code}`", spec.name, f"{spec.basis}s" if spec.member else "", f"`{spec.member}`" if spec.member else ""]
        for code, spec in found.files.dimensions.items()
    ]
    links: list[list[object]] = [[number, text] for number, text in LINKS.items()]
    return (
        "## KPI tree\n\nEach node of `kpi_tree` by period: `value`, the period before, the year before. "
        "`contribution_to_parent` and `contribution_to_root` split a change exactly over the parts (Shapley shares); "
        "leaves add up to the change of the root.\n\n"
        + table(["node", "name", "unit", "formula", "kind", "owner", "link"], rows)
        + "\n\n### Measures\n\nWhat formulas are made of (`data/kpi/measures.yml`):\n\n"
        + table(["measure", "name", "unit", "fact", "what counts", "kind", "known for"], measures)
        + "\n\n"
        + table(["fact", "rows", "model"], facts)
        + "\n\n### Dimensions\n\nWhat the tree is drilled by (`data/kpi/dimensions.yml`); `dimension` and `member` of "
        "`kpi_tree`:\n\n"
        + table(["dimension", "name", "shares out", "member"], dimensions)
        + "\n\n### Marketing links\n\n`link_no` says which link of the chain a node belongs to, and so what to work "
        "on:\n\n" + table(["link", "about"], links)
    )


def golden(table: Table) -> str:
    """Groups of the golden record."""
    rows: list[list[object]] = []
    read = load_survivorship()
    for name, rules in read.rules({}).items():
        group = read.groups[name]
        fields = ", ".join([*group.fields, *(f"{field} (contacts only)" for field in group.contact)])
        rows.append([f"`{name}`", fields, ", ".join(rules)])
    return (
        "## Golden record\n\nA customer's records are one in `dim_customer` and in clear contact data: what a group "
        "holds is taken together from one record, the one that the rules choose (`data/survivorship.yml`; a company's "
        "own: `identity.survivorship` in `company.yml`). `customer_lineage.field_group` says from which:\n\n"
        + table(["group", "fields", "rules, the first that tells two records apart"], rows)
    )


def quality(table: Table) -> str:
    """Words of data quality."""
    dimensions: list[list[object]] = [[f"`{name}`", text] for name, text in DIMENSIONS.items()]
    rules: list[list[object]] = [[f"`{rule}`", f"`{DIMENSION[rule]}`", text] for rule, text in MEANING.items()]
    reasons: list[list[object]] = [[f"`{code}`", text] for code, text in REASONS.items()]
    return (
        "## Data quality\n\n" + table(["dimension", "asks whether"], dimensions)
        + "\n\nA check of a rule fails as a **warning**, or as a **STOP** that ends the refresh before anything is "
        "published (exit code 3):\n\n" + table(["rule", "dimension", "what is measured"], rules)
        + "\n\n**Quarantine** holds rows that broke their contract, each with a reason:\n\n"
        + table(["reason", "meaning"], reasons)
        + "\n\n**Books**: rows read = landed + rejected, and candidates = accepted + unchanged + quarantined + "
        "filtered, "
        "for every load."
    )  # fmt: skip


def page(note: str, table: Table) -> str:
    """The whole page."""
    parts = (lifecycle, view, churn, value, strategies, kpis, golden, quality)
    return "\n\n".join([f"{note}\n# Terms", *(part(table) for part in parts)])

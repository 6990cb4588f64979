"""KPI tree: what changed, by how much each part of the tree brought it about, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from orchestration.config.dictionary.kpi import ALL, dictionary
from orchestration.dashboard.kit import charts, published
from orchestration.dashboard.kit.churn import NO_ORDERS
from orchestration.dashboard.kit.page import Page
from orchestration.dashboard.kit.parts import HEAD, ROW, Column, chart, choose, head, table
from orchestration.platform.markup import md

TREE = """
select node_code, parent_code, name, unit, operator, level, sort_order, value, previous_value, year_ago_value,
  change, contribution_to_parent, contribution_to_root, link_no, owner_role, is_complete
from kpi_tree
where dimension = $dimension and member = $member and root_code = $root and period_grain = $grain
  and period_start = $start
order by sort_order
"""
MEMBERS = """
select member, value, previous_value, change from kpi_tree
where dimension = $dimension and node_code = $root and root_code = $root and period_grain = $grain
  and period_start = $start
order by abs(change) desc nulls last, member
"""
DIAGNOSIS = """
select rank, name, cost_to_root, link_no, owner_role, advice from kpi_diagnosis
where root_code = $root and period_grain = $grain and period_start = $start and cost_to_root > 0 order by rank limit 8
"""
ROOTS = (
    "select distinct node_code, name, unit, sort_order from kpi_tree where node_code = root_code order by sort_order"
)
DIAGNOSIS_COLUMNS = {
    "rank": Column("Rank", "count"), "name": Column("KPI"), "cost_to_root": Column("Cost in sales", "money"),
    "advice": Column("What to do"), "owner_role": Column("Owner"),
}  # fmt: skip
MOST_MEMBERS = 25
ARROWS = {"sum": "Σ", "product": "×"}


@dataclass(frozen=True)
class Root:
    """The KPI whose tree is looked at."""

    code: str
    name: str
    unit: str

    @property
    def said(self) -> str:
        """Its name within a sentence."""
        return self.name[:1].lower() + self.name[1:]


def page() -> None:
    """Render the page."""
    build = head("KPI tree")
    chosen = choose_period()
    if chosen is None:
        st.info(NO_ORDERS)
        return
    grain, start = chosen
    top = choose_root()
    dimension, member = drill(grain, start, top, build.currency)
    tree = published.query(TREE, grain=grain, start=start, dimension=dimension, member=member, root=top.code)
    if not tree["is_complete"].iloc[0]:
        st.warning(md("The data do not cover this {grain} whole: its figures are shown, not judged.", grain=grain))
    root = tree[tree["parent_code"].isna()].iloc[0]
    if pd.isna(root["previous_value"]):
        st.info(md("The first {grain} in the data has nothing to be compared with.", grain=grain))
    else:
        root_waterfall(tree, grain, top, build.currency)
    st.subheader("The tree")
    shown = tree_table(tree, top, build.currency)
    table(shown, {str(name): Column(str(name)) for name in shown}, height=HEAD + ROW * len(tree))
    st.caption(
        md("Σ: the parts below add up. ×: they multiply. Contributions are Shapley shares of the change; "
           "leaves add up to the change of {root}, and children to that of their parent.", root=top.said)
    )  # fmt: skip
    if dimension == ALL:
        diagnosis(grain, start, top, build.currency)
    history(grain, tree, top, build.currency, dimension, member)


def choose_root() -> Root:
    """The KPI whose tree to look at; asked for where there are several."""
    found = published.query(ROOTS)
    roots = [Root(*texts) for texts in zip(found["node_code"], found["name"], found["unit"], strict=True)]
    return roots[0] if len(roots) == 1 else choose("Tree of", roots, lambda root: root.name, key="root")


def drill(grain: str, start: pd.Timestamp, root: Root, currency: str) -> tuple[str, str]:
    """Dimension and member to look at; ("all", "all") for the whole company."""
    offered = published.query(
        "select distinct dimension from kpi_tree where root_code = $root and period_grain = $grain",
        root=root.code,
        grain=grain,
    )["dimension"]
    declared = dictionary().files.dimensions
    options = [name for name in declared if name in set(offered)]
    if len(options) < 2:
        st.caption("By month and quarter the tree can be drilled into by store, category, customer group.")
        return ALL, ALL
    dimension = choose("Drill by", options, lambda code: declared[code].name, key=f"dimension_{grain}")
    if dimension == ALL:
        return ALL, ALL
    members = published.query(MEMBERS, grain=grain, start=start, dimension=dimension, root=root.code)
    left, right = st.columns([3, 2], gap="large")
    with left:
        shown = members.dropna(subset=["change"]).head(MOST_MEMBERS)
        if shown.empty:
            st.info(md("The first {grain} in the data has nothing to be compared with.", grain=grain))
        else:
            chart(charts.members(shown, currency))
            st.caption(
                md("What each member brought to the change of {root}; the members add up to the whole.", root=root.said)
            )
    with right:
        member = choose("Member", members["member"], key=f"member_{dimension}")
        if dictionary().is_dated(dimension):
            st.caption(
                "Customers are grouped by what they were when the period started, and both periods are counted by that "
                "group: nobody changes it in between."
            )
    return dimension, member


def diagnosis(grain: str, start: pd.Timestamp, root: Root, currency: str) -> None:
    """What cost the root most, and what to do about it."""
    found = published.query(DIAGNOSIS, grain=grain, start=start, root=root.code)
    if found.empty:
        return
    st.subheader(md("What cost {root} most, and what to work on", root=root.said))
    columns = {
        "rank": Column("Rank", "count"), "name": Column("KPI"),
        "cost_to_root": Column(f"Cost in {root.said}", "money" if root.unit == "money" else "number"),
        "owner_role": Column("Owner"), "advice": Column("What to do"),
    }  # fmt: skip
    table(found, columns, currency)


def choose_period() -> tuple[str, pd.Timestamp] | None:
    """Grain and period; the last complete one unless chosen otherwise."""
    left, right = st.columns([1, 2])
    with left:
        grain = st.segmented_control("Period", ["month", "week", "quarter"], default="month", key="grain") or "month"
    periods = published.query(
        "select distinct period_start, is_complete from kpi_tree where period_grain = $grain and dimension = 'all' "
        "order by period_start desc",
        grain=grain,
    )
    if periods.empty:
        return None
    complete = periods["is_complete"].to_numpy().argmax() if periods["is_complete"].any() else 0
    with right:
        start = choose("Which", periods["period_start"], lambda day: charts.period(grain, day), index=int(complete),
                       key=f"start_{grain}")  # fmt: skip
    return grain, start


def root_waterfall(tree: pd.DataFrame, grain: str, root: Root, currency: str) -> None:
    """The change of a node, split over what lies below it."""
    parents = tree[tree["operator"].notna() & tree["change"].notna()]
    options = ["(all leaves)", *parents["node_code"]]
    names = dict(zip(tree["node_code"], tree["name"], strict=True))
    choice = choose(
        "Split the change of", options,
        lambda code: f"{root.name}, over every leaf of the tree" if code == options[0] else names[code], key="node",
    )  # fmt: skip
    if choice == options[0]:
        node, column = tree.iloc[0], "contribution_to_root"
        parts = tree[tree["operator"].isna() & (tree[column].abs() > 0)]
    else:
        node, column = tree[tree["node_code"] == choice].iloc[0], "contribution_to_parent"
        parts = tree[tree["parent_code"] == choice]
    unit = node["unit"]
    relative = f" ({node['change'] / node['previous_value']:+.1%})" if node["previous_value"] else ""
    st.markdown(
        md("#### {name}: {before} → {now}, {change}{relative}", name=node["name"],
           before=charts.formatted(node["previous_value"], unit, currency),
           now=charts.formatted(node["value"], unit, currency), change=charts.change(node["change"], unit, currency),
           relative=relative)
    )  # fmt: skip
    texts = [
        charts.formatted(node["previous_value"], unit, currency),
        *(charts.change(part, unit, currency) for part in parts[column]),
        charts.formatted(node["value"], unit, currency),
    ]
    chart(
        charts.waterfall(
            list(parts["name"]),
            list(parts[column]),
            (f"{grain} before", node["previous_value"]),
            (f"this {grain}", node["value"]),
            texts,
        )
    )


def tree_table(tree: pd.DataFrame, root: Root, currency: str) -> pd.DataFrame:
    """The tree as an indented table in reading form."""

    def shown(row: pd.Series, column: str) -> str:
        return charts.formatted(row[column], row["unit"], currency)

    return pd.DataFrame(
        {
            "KPI": [
                "\u2003" * int(row["level"]) + (ARROWS.get(row["operator"], "·") + " ") + row["name"]
                for _, row in tree.iterrows()
            ],
            "Now": tree.apply(lambda row: shown(row, "value"), axis=1),
            "Before": tree.apply(lambda row: shown(row, "previous_value"), axis=1),
            "Change": tree.apply(lambda row: charts.change(row["change"], row["unit"], currency), axis=1),
            f"Brought to {root.said}": [
                charts.change(part, root.unit, currency) for part in tree["contribution_to_root"]
            ],
            "Year before": tree.apply(lambda row: shown(row, "year_ago_value"), axis=1),
            "Owner": tree["owner_role"],
            "Formula": [formula_of(code) for code in tree["node_code"]],
        }
    )


def formula_of(code: str) -> str:
    """A node's formula over measures; empty for one that the dictionary has no more."""
    node = dictionary().files.nodes.get(code)
    return node.formula.replace(" / ", " ÷ ") if node else ""


def history(grain: str, tree: pd.DataFrame, root: Root, currency: str, dimension: str, member: str) -> None:
    """One node over all periods."""
    st.subheader("One KPI over time")
    names = dict(zip(tree["node_code"], tree["name"], strict=True))
    node = choose("KPI", list(names), names.__getitem__, key="history")
    values = published.query(
        "select period_start, value, is_complete from kpi_tree where dimension = $dimension and member = $member "
        "and root_code = $root and period_grain = $grain and node_code = $node order by period_start",
        root=root.code,
        grain=grain,
        dimension=dimension,
        member=member,
        node=node,
    )
    unit = tree.set_index("node_code").loc[node, "unit"]
    chart(charts.area(values, "period_start", "value", currency if unit == "money" else str(unit), "is_complete"))


PAGE = Page(page, "KPI tree", "account_tree", "kpi-tree", place=20)

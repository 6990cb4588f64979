"""The KPI tree's decomposition is the Shapley value over the leaves, exact, for any tree of sums and products."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.compiled import compiled, warehouse

STEPS = ("int_kpi_evaluated", "int_kpi_gradient", "int_kpi_contribution")
MODELS = (*STEPS, "int_kpi_local")
MAX_FACTORS = 7  # the quadrature is exact for products of up to eight leaves
KEYS = {"period_grain": "month", "period_start": "2024-01-01", "dimension": "all", "member": "all"}


@dataclass
class Node:
    """A node of a random tree; a leaf has old and new values."""

    code: str = ""
    operator: str | None = None
    sign: int = 1
    children: list[Node] = field(default_factory=list)
    old: float = 0.0
    new: float = 0.0

    def factors(self) -> int:
        """Most leaves that are multiplied with each other anywhere below."""
        if not self.children:
            return 1
        below = [child.factors() for child in self.children]
        return sum(below) if self.operator == "product" else max(below)

    def value(self, new: frozenset[str]) -> float:
        """Value where the leaves named in `new` have their new values."""
        if not self.children:
            return self.new if self.code in new else self.old
        if self.operator == "product":
            return math.prod(child.value(new) for child in self.children)
        return sum(child.sign * child.value(new) for child in self.children)

    def walk(self, parent: Node | None = None, level: int = 0) -> list[tuple[Node, Node | None, int]]:
        """Every node with parent and level."""
        found: list[tuple[Node, Node | None, int]] = [(self, parent, level)]
        for child in self.children:
            found += child.walk(self, level + 1)
        return found

    def leaves(self) -> list[Node]:
        """Every leaf below."""
        return [node for node, _, _ in self.walk() if not node.children]


def name_nodes(root: Node) -> Node:
    """Number the nodes, and drop signs below products."""
    for number, (node, parent, _) in enumerate(root.walk()):
        node.code = f"n{number}"
        if parent is None or parent.operator == "product":
            node.sign = 1
    return root


def decompose(root: Node) -> tuple[dict[str, float], dict[str, float]]:
    """Contributions to the root and to the parent, by the models' own SQL."""
    everything = frozenset(leaf.code for leaf in root.leaves())
    nodes, pairs = [], []
    for node, parent, level in root.walk():
        nodes.append(
            {"dimension": "all", "root_code": "n0", "node_code": node.code,
             "parent_code": parent.code if parent else None, "level": level, "operator": node.operator,
             "sign": node.sign, "parent_operator": parent.operator if parent else None}
        )  # fmt: skip
        pairs.append(
            {**KEYS, "root_code": "n0", "node_code": node.code, "has_previous": True,
             "old_value": node.value(frozenset()), "new_value": node.value(everything)}
        )  # fmt: skip
    con = warehouse()
    con.register("nodes", pd.DataFrame(nodes))
    con.register("pairs", pd.DataFrame(pairs))
    con.execute("create table warehouse.intermediate.int_kpi_node as select * from nodes")
    con.execute("create table warehouse.intermediate.int_kpi_pair as select * from pairs")
    sql = compiled(*MODELS)
    for step in STEPS:
        con.execute(f"create table warehouse.intermediate.{step} as {sql[step]}")
    to_root = con.execute(
        "select node_code, contribution_to_root from warehouse.intermediate.int_kpi_contribution"
    ).fetchall()
    to_parent = con.execute(f"select node_code, contribution_to_parent from ({sql['int_kpi_local']})").fetchall()
    return dict(to_root), dict(to_parent)


def shapley(root: Node) -> dict[str, float]:
    """By the definition: the mean marginal contribution over all orders in which leaves change."""
    leaves = [leaf.code for leaf in root.leaves()]
    count = len(leaves)
    found = dict.fromkeys(leaves, 0.0)
    for leaf in leaves:
        others = [code for code in leaves if code != leaf]
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
            for subset in itertools.combinations(others, size):
                before = frozenset(subset)
                found[leaf] += weight * (root.value(before | {leaf}) - root.value(before))
    return found


values = st.one_of(st.sampled_from([0.0, 1.0, -1.0]), st.floats(-1e4, 1e4, allow_nan=False).map(lambda v: round(v, 3)))


def leaf() -> st.SearchStrategy[Node]:
    return st.builds(lambda old, new, sign: Node(old=old, new=new, sign=sign), values, values, st.sampled_from([1, -1]))


def inner(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.builds(
        lambda operator, sign, below: Node(operator=operator, sign=sign, children=below),
        st.sampled_from(["sum", "product"]),
        st.sampled_from([1, -1]),
        st.lists(children, min_size=1, max_size=3),
    )


trees = (
    inner(st.recursive(leaf(), inner, max_leaves=7))
    .filter(lambda t: t.factors() <= MAX_FACTORS and max(level for _, _, level in t.walk()) <= 6)
    .filter(lambda t: len(t.leaves()) <= 8)
    .map(name_nodes)
)


@settings(max_examples=40, deadline=None)
@given(trees)
def test_random_trees_add_up_and_equal_shapley(root: Node) -> None:
    to_root, to_parent = decompose(root)
    everything = frozenset(leaf.code for leaf in root.leaves())
    # Products of large numbers cancel: exact means relative to the largest value on the way.
    scale = max(
        [1.0]
        + [
            abs(root.value(frozenset(s)))
            for n in range(len(everything) + 1)
            for s in itertools.combinations(everything, n)
        ]
    )
    change = root.value(everything) - root.value(frozenset())
    leaves = [leaf.code for leaf in root.leaves()]
    assert math.isclose(sum(to_root[code] for code in leaves), change, rel_tol=1e-9, abs_tol=1e-9 * scale)
    assert math.isclose(to_root["n0"], change, rel_tol=1e-9, abs_tol=1e-9 * scale)
    for code, expected in shapley(root).items():
        assert math.isclose(to_root[code], expected, rel_tol=1e-9, abs_tol=1e-9 * scale)
    for node, _, _ in root.walk():
        if node.children:
            parts = sum(to_parent[child.code] for child in node.children)
            own = node.value(everything) - node.value(frozenset())
            below = max([1.0] + [abs(v) for c in node.children for v in (c.value(everything), c.value(frozenset()))])
            assert math.isclose(parts, own, rel_tol=1e-9, abs_tol=1e-9 * max(scale, below ** len(node.children)))


def tree(operator: str, *children: Node, sign: int = 1) -> Node:
    return Node(operator=operator, children=list(children), sign=sign)


def test_a_product_worked_by_hand() -> None:
    """Buyers 10 → 12, orders each 2 → 3: sales 20 → 36. Buyers: 2 × (2 + 3)/2 = 5; orders: 1 × (10 + 12)/2 = 11."""
    root = name_nodes(tree("product", Node(old=10, new=12), Node(old=2, new=3)))
    to_root, to_parent = decompose(root)
    assert to_root == pytest.approx({"n0": 16, "n1": 5, "n2": 11})
    assert to_parent == pytest.approx({"n1": 5, "n2": 11})


def test_three_factors_worked_by_hand() -> None:
    """1·2·3 = 6 → 2·3·4 = 24. First: 1 × (6 + 12)/3 + 1 × (8 + 9)/6 = 53/6; by symmetry 1/6·(2·3 + ...)."""
    root = name_nodes(tree("product", Node(old=1, new=2), Node(old=2, new=3), Node(old=3, new=4)))
    to_root, _ = decompose(root)
    # Shapley of the first: (2·3)/3 + (3·3)/6 + (2·4)/6 + (3·4)/3 = 2 + 1.5 + 4/3 + 4 = 53/6
    assert to_root["n1"] == pytest.approx(53 / 6)
    # of the second: (1·3)/3 + (2·3)/6 + (1·4)/6 + (2·4)/3 = 1 + 1 + 2/3 + 8/3 = 16/3
    assert to_root["n2"] == pytest.approx(16 / 3)
    # of the third: (1·2)/3 + (2·2)/6 + (1·3)/6 + (2·3)/3 = 2/3 + 2/3 + 1/2 + 2 = 23/6
    assert to_root["n3"] == pytest.approx(23 / 6)


def test_a_parent_that_does_not_change_still_passes_its_parts_on() -> None:
    """Buyers are 5 + 5 → 8 + 2 = 10 throughout, value per buyer 3: the parts bring 9 and −9, the whole nothing."""
    root = name_nodes(tree("product", tree("sum", Node(old=5, new=8), Node(old=5, new=2)), Node(old=3, new=3)))
    to_root, _ = decompose(root)
    assert to_root == pytest.approx({"n0": 0, "n1": 0, "n2": 9, "n3": -9, "n4": 0})


def test_a_subtracted_part_counts_against_its_parent() -> None:
    """Gross 10 → 12 less discount 1 → 2: 9 → 10. Gross brings 2, the discount takes 1."""
    root = name_nodes(tree("sum", Node(old=10, new=12), Node(old=1, new=2, sign=-1)))
    to_root, to_parent = decompose(root)
    assert to_root == pytest.approx({"n0": 1, "n1": 2, "n2": -1})
    assert to_parent == pytest.approx({"n1": 2, "n2": -1})


def test_zero_to_something() -> None:
    """0 × 5 → 4 × 0: nothing to nothing; each factor's part is the mirror of the other's."""
    root = name_nodes(tree("product", Node(old=0, new=4), Node(old=5, new=0)))
    to_root, _ = decompose(root)
    assert to_root == pytest.approx({"n0": 0, "n1": 10, "n2": -10})

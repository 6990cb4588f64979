"""The dictionary of KPIs: measures, the tree of nodes over them, and the dimensions that it is drilled by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path

from orchestration.config.dictionary.catalog import columns_of
from orchestration.config.dictionary.declared import Files, Node, Place, read_files
from orchestration.config.dictionary.expressions import Expression, Formula, expression, formula
from orchestration.config.dictionary.measures import ORDER, Counts
from orchestration.platform.paths import KPI

ALL = "all"
# Members that enter or leave are nodes of these names (kpi_tree).
RESERVED_NODES = ("new_member", "vanished_member")
# The four points of the quadrature are exact for products of so many leaves (docs/decisions/0005).
MOST_FACTORS = 8


@dataclass(frozen=True)
class Kpi:
    """A node in its tree.

    Args:
        code: its key in tree.yml.
        node: as declared.
        formula: over measures.
        root: code of the tree's root.
        level: depth; the root is 0.
        place: number in the order of the tree.
        unit: of its value.
    """

    code: str
    node: Node
    formula: Formula
    root: str
    level: int
    place: int
    unit: str


@dataclass(frozen=True)
class Dictionary:
    """The three files, checked against each other and against the models that they name."""

    files: Files

    @cached_property
    def counts(self) -> Counts:
        """Facts and measures."""
        return Counts(self.files)

    def check(self) -> None:
        """Read everything.

        Raises:
            ConfigError: says file, key, value and what was expected.
        """
        self.counts.check()
        _ = self.members, self.kpis

    # Dimensions -----------------------------------------------------------------------------------------

    @cached_property
    def members(self) -> dict[str, Expression]:
        """Dimension -> SQL of its member; checks every dimension."""
        first = next(iter(self.files.dimensions))
        if first != ALL or self.files.dimensions[ALL].basis != "company":
            raise self.files.at("dimensions", "dimensions").error(first, "first `all`, with basis company")
        bases = {dimension.basis for dimension in self.files.dimensions.values()}
        if lacking := sorted({"order", "customer"} - bases):
            at = self.files.at("dimensions", "dimensions")
            raise at.error(", ".join(self.files.dimensions), f"one with basis {lacking[0]} among them")
        return {code: self.member_of(code) for code in self.files.dimensions if code != ALL}

    def member_of(self, code: str) -> Expression:
        """SQL of a dimension's member."""
        dimension = self.files.dimensions[code]

        def at(key: str) -> Place:
            return self.files.at("dimensions", f"dimensions.{code}.{key}")

        if dimension.basis == "company":
            raise at("basis").error(dimension.basis, "order or customer")
        if dimension.member is None:
            raise at("member").error("", "the member column")
        model = dimension.model or (self.files.facts[ORDER].model if dimension.basis == "order" else "")
        columns = at("model").read(model, partial(columns_of, model))
        if dimension.basis == "customer" and "customer_key" not in columns:
            raise at("model").error(model, "a model with a customer_key")
        if (dimension.basis == "customer" or dimension.model is None) and dimension.key is not None:
            raise at("key").error(dimension.key, "none: what it is joined by is known")
        if dimension.basis == "order" and dimension.model is not None:
            keys = set(columns) & {*self.order_columns, *self.line_columns}
            if dimension.key not in keys:
                raise at("key").error(dimension.key or "", f"a column of {model} and of orders or their lines")
        if not dimension.missing.isprintable() or "'" in dimension.missing or "\\" in dimension.missing:
            raise at("missing").error(dimension.missing, "letters, digits and brackets")
        return at("member").read(dimension.member, partial(expression, dimension.member, columns))

    @property
    def order_columns(self) -> tuple[str, ...]:
        """Columns of the fact of orders."""
        return columns_of(self.files.facts[ORDER].model)

    @property
    def line_columns(self) -> tuple[str, ...]:
        """Columns of its lines."""
        lines = self.files.facts[ORDER].lines
        return columns_of(lines.model) if lines else ()

    def is_of_lines(self, code: str) -> bool:
        """Whether a dimension shares out lines of orders, not orders."""
        dimension = self.files.dimensions[code]
        return dimension.basis == "order" and dimension.key is not None and dimension.key not in self.order_columns

    def is_dated(self, code: str) -> bool:
        """Whether a dimension of customers says what they were when each period started."""
        dimension = self.files.dimensions[code]
        return dimension.basis == "customer" and "period_start" in columns_of(dimension.model or "")

    def known_in(self, code: str) -> tuple[str, ...]:
        """Measures that a dimension's members have."""
        basis = self.files.dimensions[code].basis
        bases = {"company": ("company", "order", "customer_state"), "order": ("order",)}.get(
            basis, ("order", "customer_state")
        )
        return tuple(
            name
            for name, counted in self.counts.measures.items()
            if counted.measure.basis in bases
            and (counted.is_split or counted.measure.fact != ORDER or not self.is_of_lines(code))
        )

    # Nodes ----------------------------------------------------------------------------------------------

    @cached_property
    def below(self) -> dict[str | None, list[str]]:
        """Node -> the nodes right below it; None -> the roots."""
        found: dict[str | None, list[str]] = {}
        for code, node in self.files.nodes.items():
            if node.parent is not None and node.parent not in self.files.nodes:
                raise self.files.at("tree", f"nodes.{code}.parent").error(
                    node.parent, f"one of {', '.join(self.files.nodes)}"
                )
            found.setdefault(node.parent, []).append(code)
        return found

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """Every node, in the order of the tree."""
        found: dict[str, Kpi] = {}
        for code, root, level in self.walk(None, None, 0):
            found[code] = self.kpi(code, root, level, len(found) + 1)
        for code in self.files.nodes:
            if code not in found:
                raise self.files.at("tree", f"nodes.{code}.parent").error(
                    self.files.nodes[code].parent, "a node above, not below"
                )
            if self.files.nodes[code].children == "product" and self.factors(code) > MOST_FACTORS:
                at = self.files.at("tree", f"nodes.{code}.children")
                raise at.error(
                    self.files.nodes[code].children, f"at most {MOST_FACTORS} leaves that multiply each other"
                )
        return found

    def walk(self, parent: str | None, root: str | None, level: int) -> Iterator[tuple[str, str, int]]:
        """Code, root and level of what lies below a node, in the order of the tree."""
        for code in self.below.get(parent, ()):
            yield code, root or code, level
            yield from self.walk(code, root or code, level + 1)

    def kpi(self, code: str, root: str, level: int, place: int) -> Kpi:
        """A node in its tree, checked."""
        node = self.files.nodes[code]

        def at(key: str) -> Place:
            return self.files.at("tree", f"nodes.{code}.{key}")

        if code in RESERVED_NODES:
            raise self.files.at("tree", "nodes").error(
                code, "another name: that is what members are called that come and go"
            )
        if (node.children is None) != (code not in self.below):
            raise at("children").error(node.children or "", "sum or product where nodes lie below, else none")
        if node.sign == -1 and (node.parent is None or self.files.nodes[node.parent].children != "sum"):
            raise at("sign").error(node.sign, "1; only parts of a sum are taken off")
        if node.advice_link is not None and (node.advice is None or node.link is not None):
            raise at("advice_link").error(node.advice_link, "none, where there is no advice or the node has a link")
        read = at("formula").read(node.formula, partial(formula, node.formula, self.counts.measures))
        unit = node.unit or (self.counts.measures[read.only].measure.unit if read.only else None)
        if unit is None:
            raise at("unit").error("", "a unit, since the formula is more than one measure")
        return Kpi(code, node, read, root, level, place, unit)

    def factors(self, code: str) -> int:
        """Most leaves that multiply each other below a node."""
        parts = [self.factors(child) for child in self.below.get(code, ())]
        return (sum(parts) if self.files.nodes[code].children == "product" else max(parts)) if parts else 1

    @property
    def max_level(self) -> int:
        """Depth of the deepest node."""
        return max(kpi.level for kpi in self.kpis.values())

    def tree_of(self, dimension: str) -> dict[str, str | None]:
        """Node of a dimension's tree -> how what lies below it combines, None for a leaf.

        Where a dimension does not know what one node measures, its siblings are left out with it, since the others
        would not add up to their parent.
        """
        known = set(self.known_in(dimension))
        kept: dict[str, str | None] = {}

        def keep(codes: list[str]) -> bool:
            if not all(self.kpis[code].formula.measures <= known for code in codes):
                return False
            for code in codes:
                kept[code] = None
                if self.below.get(code) and keep(self.below[code]):
                    kept[code] = self.files.nodes[code].children
            return True

        for root in self.below[None]:
            keep([root])
        return kept


def load_dictionary(folder: Path = KPI) -> Dictionary:
    """Read and check the dictionary of KPIs.

    Args:
        folder: of the three files.

    Raises:
        ConfigError: says file, key, value and what was expected.
    """
    found = Dictionary(read_files(folder))
    found.check()
    return found


@cache
def dictionary() -> Dictionary:
    """The project's dictionary, read once. Raises as `load_dictionary`."""
    return load_dictionary()

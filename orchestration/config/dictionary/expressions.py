"""Expressions of the dictionaries: a part of SQL that every engine understands alike, and formulas over measures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

# A division is left to formulas: engines keep different digits of a decimal quotient, and a ratio does not add up.
ALLOWED = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Neg, exp.Add, exp.Sub, exp.Mul,
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between, exp.Case,
    exp.If, exp.Coalesce, exp.Nullif, exp.Abs,
)  # fmt: skip
MEANT = "columns, numbers and texts with + - *, comparisons, and, or, not, in, between, case, coalesce, nullif or abs"
FORMULA = "a measure, sums and differences of measures, or a ratio of two such, as in: gross_sales / units"


@dataclass(frozen=True)
class Expression:
    """SQL over the columns of one table.

    Args:
        sql: text for every engine.
        columns: names that it reads.
    """

    sql: str
    columns: frozenset[str]


def parsed(text: str, meant: str) -> exp.Expression:
    """The tree of one SQL expression.

    Raises:
        ValueError: it is none; the message is what was expected.
    """
    try:
        statements = sqlglot.parse(text, read="duckdb")
    except SqlglotError:
        raise ValueError(meant) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Expression):
        raise ValueError(meant)
    return statements[0]


def expression(text: str, known: Collection[str]) -> Expression:
    """Read an expression over columns.

    Args:
        text: the expression.
        known: columns that it may name.

    Raises:
        ValueError: says what was expected.
    """
    tree = parsed(text, MEANT)
    for node in tree.walk():
        quoted = isinstance(node, exp.Identifier) and node.quoted
        if not isinstance(node, ALLOWED) or quoted or (isinstance(node, exp.Literal) and {"\\", "'"} & set(node.name)):
            raise ValueError(MEANT)
    columns = frozenset(column.name for column in tree.find_all(exp.Column))
    if any(column.table for column in tree.find_all(exp.Column)):
        raise ValueError("columns without the name of a table")
    if unknown := sorted(columns - set(known)):
        raise ValueError(f"columns among {', '.join(sorted(known))}; not {', '.join(unknown)}")
    return Expression(tree.sql(dialect="duckdb", comments=False), columns)


Terms = dict[str, float]


@dataclass(frozen=True)
class Formula:
    """A sum of measures with factors, or a ratio of two such sums.

    Args:
        upper: measure -> its factor.
        lower: of the denominator; None where there is none.
    """

    upper: Terms
    lower: Terms | None

    @property
    def measures(self) -> frozenset[str]:
        """Every measure that it names."""
        return frozenset(self.upper) | frozenset(self.lower or ())

    @property
    def only(self) -> str | None:
        """The one measure that it is; None where it is more."""
        return next(iter(self.upper)) if self.lower is None and list(self.upper.values()) == [1] else None


def formula(text: str, known: Collection[str]) -> Formula:
    """Read a formula over measures.

    Args:
        text: the formula.
        known: measures that it may name.

    Raises:
        ValueError: says what was expected.
    """
    tree = parsed(text, FORMULA)
    while isinstance(tree, exp.Paren):
        tree = tree.this
    whole, below = (tree.this, tree.expression) if isinstance(tree, exp.Div) else (tree, None)
    read = Formula(terms(whole), terms(below) if below is not None else None)
    if unknown := sorted(read.measures - set(known)):
        raise ValueError(f"measures among {', '.join(sorted(known))}; not {', '.join(unknown)}")
    if not read.upper or (read.lower is not None and not read.lower):
        raise ValueError(FORMULA)
    return read


def terms(tree: exp.Expression, factor: float = 1) -> Terms:
    """A sum of measures as measure -> factor.

    Raises:
        ValueError: it is no such sum.
    """
    if isinstance(tree, exp.Paren):
        return terms(tree.this, factor)
    if isinstance(tree, exp.Neg):
        return terms(tree.this, -factor)
    if isinstance(tree, exp.Column) and not tree.table and not tree.this.quoted:
        return {tree.name: factor}
    if isinstance(tree, exp.Add | exp.Sub):
        left, right = terms(tree.this, factor), terms(tree.expression, factor if isinstance(tree, exp.Add) else -factor)
        together = left | {name: left.get(name, 0) + share for name, share in right.items()}
        return {name: share for name, share in together.items() if share}
    if isinstance(tree, exp.Mul):
        for number, other in ((tree.this, tree.expression), (tree.expression, tree.this)):
            if (value := constant(number)) is not None:
                return terms(other, factor * value)
    raise ValueError(FORMULA)


def constant(tree: exp.Expression) -> float | None:
    """The number that an expression is, whatever measures are; None where it is none."""
    if isinstance(tree, exp.Literal) and tree.is_number:
        return float(tree.name)
    if isinstance(tree, exp.Paren | exp.Neg):
        inner = constant(tree.this)
        return -inner if isinstance(tree, exp.Neg) and inner is not None else inner
    if isinstance(tree, exp.Mul):
        left, right = constant(tree.this), constant(tree.expression)
        return None if left is None or right is None else left * right
    return None

"""Which checks an entity gets, with their bounds: from its contract, its source's YAML, and its own past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from orchestration.config.contracts import Contract, Quality, Rule

# Dimension of data quality of each rule.
DIMENSION: dict[Rule, str] = {
    "completeness": "completeness",
    "drop": "completeness",
    "distinct": "uniqueness",
    "quarantine": "validity",
    "unknown": "consistency",
    "reconcile": "consistency",
    "currency": "validity",
    "unvalued": "completeness",
    "overlap": "consistency",
    "volume": "timeliness",
    "freshness": "timeliness",
    "ahead": "accuracy",
    "shift": "accuracy",
}
MEANING: dict[Rule, str] = {
    "completeness": "share of rows with a value",
    "drop": "completeness of new rows, as a factor of that of the rows before",
    "distinct": "share of values that differ from each other",
    "quarantine": "share of the newest load's rows in quarantine or rejected",
    "unknown": "share of values that name no record",
    "reconcile": "difference between order headers and their lines, as a share of the lines",
    "currency": "share of orders in another currency for whose day no exchange rate is known",
    "unvalued": "share of orders without an amount, in lines or header",
    "overlap": "rows of orders that several exports hold, none of them whole: each export's lines count",
    "volume": "rows of the last week, as a factor of a usual week's",
    "freshness": "days since the last row's business day",
    "ahead": "rows dated after today; they count from their day on",
    "shift": "median of new rows, as a factor of the median of the rows before",
}


@dataclass(frozen=True)
class Check:
    """One expectation on one figure.

    Args:
        system: source system.
        entity: input entity.
        rule: what is looked at.
        column: the column, if the rule is about one.
        measure: column of the entity's row of measures; None where Great Expectations measures by itself.
        low: least value, if any.
        high: greatest value, if any.
        stops: whether a failure stops the refresh.
    """

    system: str
    entity: str
    rule: Rule
    column: str | None
    measure: str | None
    low: float | None
    high: float | None
    stops: bool

    @property
    def dimension(self) -> str:
        """Dimension of data quality."""
        return DIMENSION[self.rule]

    def row(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"dimension": self.dimension}


def bounds(rule: Rule, bound: float) -> tuple[float | None, float | None]:
    """(low, high) of a rule's bound: shares of good have a least value, the others a greatest; factors both."""
    if rule in ("completeness", "drop", "distinct"):
        return bound, None
    if rule in ("volume", "shift"):
        return 1 / bound, bound
    return None, bound


def checks_of(
    system: str, contract: Contract, quality: Quality, measures: dict[str, float | None], usual_gap: float | None
) -> Iterator[Check]:
    """Checks of a system's rows of an entity; a figure that could not be measured gets none.

    Args:
        system: source system.
        contract: the entity.
        quality: its bounds.
        measures: its row of measures, by name (see `measures.measure`).
        usual_gap: longest gap in days between business days of the data so far.
    """

    def both(rule: Rule, column: str | None, measure: str | None, bound: float | None) -> Iterator[Check]:
        if measure is not None and measures.get(measure) is None:
            return
        for limit, stops in ((bound, False), (quality.stop.get(rule), True)):
            if limit is not None:
                yield Check(system, contract.entity, rule, column, measure, *bounds(rule, limit), stops)

    for column, share in quality.completeness.items():
        yield from both("completeness", column, None, share)
    for column, share in quality.distinct.items():
        yield from both("distinct", column, None, share)
    yield from both("quarantine", None, "quarantine", quality.quarantine)
    yield from both("reconcile", None, "reconcile", quality.reconcile)
    yield from both("currency", None, "currency", quality.currency)
    yield from both("unvalued", None, "unvalued", quality.unvalued)
    yield from both("overlap", None, "overlap", quality.overlap)
    yield from both("ahead", None, "ahead", quality.ahead)
    yield from both("volume", None, "volume", quality.volume)
    if quality.freshness_days is not None:  # a promise is held against the calendar
        yield from both("freshness", None, "age", quality.freshness_days)
    else:  # without one, against the company's other data
        yield from both("freshness", None, "freshness", max(7.0, 3 * (usual_gap or 0)))
    for column in contract.columns:
        yield from both("drop", column, f"drop__{column}", quality.drop)
        yield from both("unknown", column, f"unknown__{column}", quality.unknown)
        yield from both("shift", column, f"shift__{column}", quality.shift)

"""What becomes of a score: a pure function of its history and its gates; and which horizon the features keep."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.scoring.policy import Attempt, History, decide, kept_horizon

TODAY = dt.date(2025, 6, 30)
FEATURES = ("recency_days", "spend")


@dataclass(frozen=True)
class Said:
    """A gate's verdict."""

    passed: bool


OK, BAD = Said(True), Said(False)


def tried(days_ago: int, status: str, **changes: object) -> Attempt:
    made = Attempt(TODAY - dt.timedelta(days=days_ago), status, "c1", 30, FEATURES)
    return replace(made, **changes)  # type: ignore[arg-type]


def history(*attempts: Attempt, **changes: object) -> History:
    return replace(History(TODAY, "c1", 30, FEATURES, attempts), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("past", "is_due"),
    [
        (history(), True),
        (history(tried(27, "passed")), False),
        (history(tried(28, "passed")), True),
        (history(tried(28, "passed"), retrain_after_days=90), False),
        (history(tried(1, "passed"), is_asked=True), True),
        (history(tried(1, "passed", code="c0")), True),
        (history(tried(1, "passed", features=("recency_days",))), True),
        (history(tried(1, "passed", horizon_days=42)), True),
        # Refused: when the next window is over, half a horizon later. No data: a day later.
        (history(tried(14, "refused")), False),
        (history(tried(15, "refused")), True),
        (history(tried(0, "not_enough_data")), False),
        (history(tried(1, "not_enough_data")), True),
        # A short wait of the company's own is no longer than that of a refusal.
        (history(tried(7, "refused"), retrain_after_days=7), True),
        # Features of another horizon than that of the model in use: tried, and after a refusal when a window is over.
        (history(tried(9, "passed"), horizon_days=42), True),
        (history(tried(9, "passed"), tried(1, "refused", horizon_days=42), horizon_days=42), False),
        (history(tried(20, "passed"), tried(15, "refused", horizon_days=42), horizon_days=42), True),
        # Another horizon was tried yesterday in vain: the one in use is not due for that.
        (history(tried(9, "passed"), tried(1, "refused", horizon_days=42)), False),
    ],
)
def test_when_to_train(past: History, is_due: bool) -> None:
    assert (decide(past) == "train") is is_due


@pytest.mark.parametrize(
    ("past", "gates", "expected"),
    [
        (history(tried(1, "passed")), [OK, OK], "publish"),
        (history(tried(1, "provisional")), [OK], "provisional"),
        (history(tried(9, "passed"), tried(1, "provisional")), [OK], "publish"),
        (history(tried(1, "refused")), [], "baseline"),
        (history(), [], "baseline"),
        (history(tried(1, "refused"), good_until=TODAY - dt.timedelta(days=14)), [], "keep"),
        (history(tried(1, "refused"), good_until=TODAY - dt.timedelta(days=15)), [], "baseline"),
        (history(tried(1, "passed"), good_until=TODAY), [OK, BAD], "keep"),
        (history(tried(1, "passed")), [OK, BAD], "baseline"),
        (history(tried(1, "passed", code="c0")), [], "baseline"),
        (history(tried(1, "passed", horizon_days=42)), [], "baseline"),
        (history(tried(1, "passed", features=(*FEATURES, "gone"))), [], "baseline"),
    ],
)
def test_what_is_shown(past: History, gates: list[Said], expected: str) -> None:
    assert decide(past, gates) == expected


ATTEMPTS = st.lists(
    st.builds(
        tried, st.integers(0, 60), st.sampled_from(["passed", "provisional", "refused", "not_enough_data"]),
        code=st.sampled_from(["c0", "c1"]), horizon_days=st.sampled_from([30, 42]),
    ),
    max_size=5,
)  # fmt: skip


@given(ATTEMPTS, st.lists(st.sampled_from([OK, BAD]), max_size=3), st.one_of(st.none(), st.integers(0, 40)))
def test_a_failed_gate_never_shows_todays_model_and_nothing_old_is_kept_for_long(
    attempts: list[Attempt], gates: list[Said], age: int | None
) -> None:
    good = None if age is None else TODAY - dt.timedelta(days=age)
    decision = decide(history(*attempts, good_until=good), gates)
    assert decision in ("publish", "provisional", "keep", "baseline")
    if BAD in gates:
        assert decision in ("keep", "baseline")
    assert (decision == "keep") <= (age is not None and age <= 14)
    if decision == "publish":
        assert any((a.status, a.code, a.horizon_days) == ("passed", "c1", 30) for a in attempts)


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        (history(), (None, True)),
        (history(tried(5, "refused")), (None, True)),
        (history(tried(40, "passed", code="c0")), (None, True)),
        (history(tried(40, "passed")), (30, True)),
        # Another horizon in vain: the model in use keeps its own, and it is tried again when a window of it is over.
        (history(tried(40, "passed"), tried(14, "refused", horizon_days=42)), (30, False)),
        (history(tried(40, "passed"), tried(15, "refused", horizon_days=42)), (30, True)),
        (history(tried(40, "passed"), tried(3, "provisional", horizon_days=42)), (30, False)),
        # It passed: the horizon is the new one's.
        (history(tried(40, "passed"), tried(3, "passed", horizon_days=42)), (42, True)),
        (history(tried(40, "provisional"), tried(3, "provisional", horizon_days=42)), (42, True)),
    ],
)
def test_a_champion_keeps_its_horizon_until_another_one_passes(
    past: History, expected: tuple[int | None, bool]
) -> None:
    assert kept_horizon(past) == expected

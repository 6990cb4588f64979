"""What a refresh does about a score: a pure function of what is remembered and of the gates' verdicts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

# What became of a training. Provisional: its order is better than the baseline's, its figures are off.
PASSED, PROVISIONAL, REFUSED, NOT_ENOUGH = "passed", "provisional", "refused", "not_enough_data"
OLDEST_DAYS = 14  # scores that cannot be renewed give way to the baseline after it
HORIZON_MOVED = 0.25  # share by which the rhythm must move before another horizon is tried
STEPS_PER_HORIZON = 2  # a window ends every half horizon

Decision = Literal["train", "publish", "provisional", "keep", "baseline"]


class Verdict(Protocol):
    """A gate's."""

    @property
    def passed(self) -> bool:
        """Whether it passed."""


@dataclass(frozen=True)
class Attempt:
    """A training as the policy sees it.

    Args:
        as_of: last business day that it learned from.
        status: what became of it.
        code: hash of the code that made it.
        horizon_days: that it looked ahead.
        features: that it knew.
    """

    as_of: dt.date
    status: str
    code: str
    horizon_days: int
    features: tuple[str, ...]


@dataclass(frozen=True)
class History:
    """What is remembered of a score, and what today is like.

    Args:
        as_of: today, as far as the data go.
        code: hash of today's code.
        horizon_days: of today's features.
        features: that there are.
        attempts: trainings, the oldest first.
        good_until: day of the newest remembered scores that a model made; None without any.
        retrain_after_days: the company's.
        is_asked: train also where it is not due.
    """

    as_of: dt.date
    code: str
    horizon_days: int
    features: tuple[str, ...]
    attempts: Sequence[Attempt] = ()
    good_until: dt.date | None = None
    retrain_after_days: int = 28
    is_asked: bool = False


def decide(history: History, gates: Sequence[Verdict] | None = None) -> Decision:
    """What to do next.

    Args:
        history: of the score.
        gates: verdicts on today's scores of the model in use; None before there are any.

    Returns:
        train: learn first, then ask again. Asked with gates, it is never the answer.
        publish: today's scores of the model in use.
        provisional: the same, in its order but with the values of the last published scores.
        keep: the last good scores.
        baseline: what is observed.
    """
    if gates is None and is_due(history):
        return "train"
    place = in_use(history)
    if place is not None and all(gate.passed for gate in gates or ()):
        return "publish" if history.attempts[place].status == PASSED else "provisional"
    return "keep" if has_good_scores(history) else "baseline"


def is_due(history: History) -> bool:
    """Whether to train: never tried by this code on these features and this horizon, or long ago.

    A model that was refused is tried again when another window is over, and what lacked data each day; one with
    another horizon than that of the model in use where `kept_horizon` says so.
    """
    if history.is_asked or not history.attempts:
        return True
    last = history.attempts[-1]
    if (last.code, last.features) != (history.code, history.features):
        return True
    kept, is_open = kept_horizon(history)
    if kept not in (None, history.horizon_days):
        return is_open
    same = [a for a in history.attempts if (a.code, a.horizon_days) == (history.code, history.horizon_days)]
    if not same:
        return True  # nothing is in use, and nothing was tried for this horizon
    wait = history.retrain_after_days
    if same[-1].status == NOT_ENOUGH:
        wait = 1
    elif same[-1].status == REFUSED:
        wait = min(wait, max(1, history.horizon_days // STEPS_PER_HORIZON))
    return (history.as_of - same[-1].as_of).days >= wait


def in_use(history: History) -> int | None:
    """Place of the newest training that passed by this code, for this horizon, and reads features that are there;
    without one, of the newest provisional one."""
    for status in (PASSED, PROVISIONAL):
        for place in reversed(range(len(history.attempts))):
            attempt = history.attempts[place]
            fits = set(attempt.features) <= set(history.features) and attempt.code == history.code
            if attempt.status == status and fits and attempt.horizon_days == history.horizon_days:
                return place
    return None


def has_good_scores(history: History) -> bool:
    """Whether a model's scores are remembered that may be shown still."""
    return history.good_until is not None and (history.as_of - history.good_until).days <= OLDEST_DAYS


def kept_horizon(history: History) -> tuple[int | None, bool]:
    """The horizon of the model in use, whatever today's features have, and whether another may be tried today.

    Another is tried where the rhythm has moved by more than a quarter (SQL sees to that), and where none was refused
    within half a horizon: until then nothing new is over.
    """
    champion = next(
        (
            attempt for status in (PASSED, PROVISIONAL) for attempt in reversed(history.attempts)
            if (attempt.status, attempt.code) == (status, history.code)
        ),
        None,
    )  # fmt: skip
    if champion is None:
        return None, True
    wait = max(1, champion.horizon_days // STEPS_PER_HORIZON)
    tried = [
        attempt for attempt in history.attempts
        if attempt.code == history.code and attempt.horizon_days != champion.horizon_days
        and attempt.as_of >= champion.as_of and (history.as_of - attempt.as_of).days < wait
    ]  # fmt: skip
    return champion.horizon_days, not tried

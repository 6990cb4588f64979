"""The gates of a training by name: which kinds of target they are for, how firm they are, and how they judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from models_ml.common import gates
from models_ml.common.declare import Learning, Part
from models_ml.common.gates import Gate
from models_ml.common.targets import Target
from models_ml.common.types import Floats, Ints

PASSED, PROVISIONAL, REFUSED = "passed", "provisional", "refused"


@dataclass(frozen=True)
class Window:
    """A finished window as estimators tell it that had learned only from windows over by its cut-off.

    Args:
        y: (n,) outcomes.
        p: estimator → predictions.
        customer: (n,) cluster.
        weight: (n,).
        part: (n,) who is in the part that is judged by itself; None where there is none.
    """

    y: Floats
    p: dict[str, Floats]
    customer: Ints
    weight: Floats
    part: Any = None

    def of(self, chosen: Any) -> Window:
        """Some of its rows."""
        p = {name: values[chosen] for name, values in self.p.items()}
        return Window(self.y[chosen], p, self.customer[chosen], self.weight[chosen])


@dataclass(frozen=True)
class Judged:
    """What the gates of a training look at.

    Args:
        target: the kind's.
        windows: finished ones that do not overlap, the newest first.
        chosen: the estimator.
        baselines: what it has to beat.
        selected: y and its p on the window that it was chosen on.
        today: predictions of today's units.
        before: scale at the reporting cut-off.
        now: scale today.
        bounds: gate → bound.
        part: the part that is judged by itself, too.
    """

    target: Target
    windows: Sequence[Window]
    chosen: str
    baselines: tuple[str, ...]
    selected: tuple[Floats, Floats]
    today: Floats
    before: Floats
    now: Floats
    bounds: Mapping[str, float] = field(default_factory=dict)
    part: Part | None = None

    def newest(self) -> tuple[Floats, Floats]:
        """y and p on the reporting cut-off."""
        return self.windows[0].y, self.windows[0].p[self.chosen]


@dataclass(frozen=True)
class GateKind:
    """A gate that declarations name.

    Args:
        judge: (what is judged, the gate's name, its bound) → the verdict.
        kinds: of targets that it is for.
        bound: what it allows.
        part_bound: what it allows in the part that is judged by itself; None where the part is not asked.
        is_soft: failing says how far to believe a figure, and not that another one is better.
        asks: in words, for the list of gates.
    """

    judge: Callable[[Judged, str, float], Gate]
    kinds: tuple[str, ...]
    asks: str
    bound: float = 0.0
    part_bound: float | None = None
    is_soft: bool = False


def _beats(judged: Judged, name: str, _: float) -> Gate:
    """Pooled over every window."""
    y, weight = (np.concatenate([getattr(w, key) for w in judged.windows]) for key in ("y", "weight"))
    customer = np.concatenate([w.customer for w in judged.windows])

    def losses(estimator: str) -> Floats:
        return judged.target.losses(y, np.concatenate([w.p[estimator] for w in judged.windows]))

    rules = {rule: losses(rule) for rule in judged.baselines}
    return gates.beats_baseline(name, losses(judged.chosen), rules, customer, weight, spoken_loss(judged.target))


def spoken_loss(target: Target) -> str:
    """The loss as sentences call it."""
    return target.loss.replace("_", "-")


def _plausible(judged: Judged, *_: object) -> Gate:
    y, p = judged.newest()
    if judged.target.kind == "binary":
        return gates.plausible(y, p)
    if p.ndim > 1:
        constant = np.tile(np.bincount(y.astype(int), minlength=p.shape[1]) / len(y), (len(y), 1))
    else:
        constant = np.full(len(y), y.mean())
    return gates.plausible_share(judged.target.losses(y, p), judged.target.losses(y, constant))


def _total(judged: Judged, name: str, bound: float) -> Gate:
    return gates.right_total(name, *judged.newest(), judged.windows[0].customer, bound)


PROBABILITIES, FIGURES = ("binary", "multiclass"), ("count", "amount")
GATES: dict[str, GateKind] = {
    "beats_baseline": GateKind(
        _beats, PROBABILITIES + FIGURES, "upper 95 % bound of the difference in loss to the best baseline below 0, "
        "over three windows, by customer", part_bound=0.0,
    ),
    "calibrated": GateKind(
        lambda judged, name, bound: gates.calibrated(name, *judged.newest(), bound), PROBABILITIES,
        "calibration error beyond chance within the bound", 0.05, part_bound=0.08, is_soft=True,
    ),
    "right_total": GateKind(
        _total, FIGURES, "expected total off by no more than the bound beyond chance", 0.1, is_soft=True
    ),
    "right_fifths": GateKind(
        lambda judged, name, bound: gates.right_fifths(name, *judged.newest(), bound), FIGURES,
        "fifths by expected value right to within the bound beyond chance", 0.15, is_soft=True,
    ),
    "covered": GateKind(
        lambda judged, name, bound: gates.covered(name, judged.selected, judged.newest(), bound), FIGURES,
        "intervals of 80 % cover no fewer outcomes, but for the bound beyond chance", 0.1, is_soft=True,
    ),
    "plausible": GateKind(
        _plausible, PROBABILITIES + FIGURES, "not better than behaviour can be: else a feature knows the future",
        gates.TOO_GOOD,
    ),
    "stable_ranking": GateKind(
        lambda judged, *_: gates.stable_ranking(judged.selected, judged.newest()), ("binary",),
        "AUC no more than the bound below that of the cut-off before, beyond chance", gates.MAX_AUC_DROP, is_soft=True,
    ),
    "complete": GateKind(
        lambda judged, *_: gates.complete(judged.today, judged.target.figure, judged.target.most),
        PROBABILITIES + FIGURES, "everybody has a prediction, and not all the same", 1.0,
    ),
    "stable_scores": GateKind(
        lambda judged, *_: gates.stable_scores(judged.before, judged.now), PROBABILITIES + FIGURES,
        "scores distributed as at the training", gates.MAX_SCORE_PSI,
    ),
}  # fmt: skip
# Asked when a model scores, or takes another's place, whatever the declaration says.
WHEN_SCORING = {
    "complete": GATES["complete"].asks,
    "stable_scores": GATES["stable_scores"].asks,
    "still_better": "not worse than the baseline on a window that the model in use has not seen",
    "not_worse_champion": "loss not worse than that of the model in use, where that has not seen the window",
}


def gates_of(judged: Judged, names: Sequence[str]) -> list[Gate]:
    """The verdicts of the declared gates, of everybody and, where there are enough, of the part; gates that the part
    is asked come first."""
    shared = [name for name in names if GATES[name].part_bound is not None]
    found = [asked(judged, name, name, GATES[name].bound) for name in shared]
    part = judged.part
    if part is not None and shared:
        theirs = replace(judged, windows=[window.of(window.part) for window in judged.windows])
        if judged.target.is_enough(theirs.windows[0].y):
            found += [asked(theirs, name, f"{name}_{part.name}", GATES[name].part_bound or 0.0) for name in shared]
    return found + [asked(judged, name, name, GATES[name].bound) for name in names if name not in shared]


def asked(judged: Judged, name: str, called: str, bound: float) -> Gate:
    """A gate's verdict, within its own bound or the score's."""
    return GATES[name].judge(judged, called, judged.bounds.get(called, bound))


def gate_names(learning: Learning) -> dict[str, str]:
    """Every gate of a score that is learned, and what it asks; those of the part among them."""
    found = {name: GATES[name].asks for name in learning.gates}
    if learning.part:
        found |= {
            f"{name}_{learning.part.name}": f"{GATES[name].asks}; among those who {learning.part.title}"
            for name in learning.gates
            if GATES[name].part_bound is not None
        }
    return found | WHEN_SCORING


def standing(verdicts: Sequence[Gate], part: Part | None) -> str:
    """passed; provisional: better than the baseline, but a soft gate failed; or refused."""
    failed = [gate.name for gate in verdicts if not gate.passed]
    if not failed:
        return PASSED
    return PROVISIONAL if all(is_soft(name, part) for name in failed) else REFUSED


def is_soft(name: str, part: Part | None) -> bool:
    """Whether a gate that fails leaves the order of a model standing."""
    kind = GATES.get(name.removesuffix(f"_{part.name}") if part else name)
    return kind is not None and kind.is_soft

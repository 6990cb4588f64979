"""A score that is a formula: computed from features and other scores at every refresh."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from models_ml.common.declare import Score, resolve
from orchestration.platform.clock import naive_utc
from orchestration.scoring.columns import run_columns
from orchestration.scoring.history import gather, read_newest
from orchestration.scoring.registry import code_of, scores
from orchestration.scoring.step import Scored, Step

if TYPE_CHECKING:
    import pandas as pd

    from models_ml.common.formula import Computed

BASIS = "model"


def frames_of(step: Step, score: Score) -> dict[str, pd.DataFrame]:
    """Everything that the formula reads: feature models, and the rows of other scores that readers see."""
    keys = ", ".join(score.unit)
    found = {name: step.frame(f"select * from features.{name} order by {keys}") for name in score.features}
    for name in score.after:
        other = scores()[name]
        columns = ", ".join((*other.unit, *(column.name for column in other.columns)))
        found[name] = step.frame(f"select {columns} from scores.{name} order by {', '.join(other.unit)}")
    return found


def fingerprint_of(frames: Mapping[str, pd.DataFrame], settings: str, code: str) -> str:
    """Hash of everything that the formula's result depends on."""
    import pandas as pd

    digest = hashlib.sha256(f"{code} {settings}".encode())
    for name, frame in frames.items():
        digest.update(name.encode() + pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def run_formula(step: Step, score: Score, scored: Scored) -> None:
    """Compute a score, and fill its tables."""
    frames, settings = frames_of(step, score), step.config.company.block(score.name)
    if frames[score.features[0]].empty:
        scored.models.append(step.nobody(score))
        return
    made: Computed = resolve(score.formula)(frames, settings)
    code = code_of(score.name)
    print_ = fingerprint_of(frames, settings.model_dump_json(), code)
    version = f"formula-{code[:8]}"
    rows = made.scores.assign(
        model_version=version, score_basis=BASIS, as_of=step.as_of, scored_at=naive_utc(step.now),
        input_fingerprint=print_,
    )[[column.name for column in run_columns(score)]]  # fmt: skip
    for name, table in made.tables.items():
        step.insert(name, table.to_dict("records"))
    step.keep_scores(score, rows)
    gather(step.con, step.lake, score, None if step.keep else rows)
    read_newest(step.con, score, step.as_of, print_, None)
    message = "a formula, nothing to train" + (f"; {made.note}" if made.note else "")
    row: dict[str, Any] = {
        "model": score.name, "version": version, "status": "published", "is_current": True, "message": message,
        "scores_as_of": step.as_of, "training_rows": 0, "customers": len(rows),
    }  # fmt: skip
    step.insert("model_run", [row])
    scored.models.append(row | {"trained_as_of": None})

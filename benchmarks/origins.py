"""Rolling origins of every learned score: what would have been shown on earlier days, and was it the better of two?

    python benchmarks/origins.py COMPANY [COMPANY ...] [--score NAME]

Reads the features that the company's last refresh built (regulars refresh --company COMPANY), writes nothing. For each
earlier cut-off whose next window is over, a training sees what was known on that day; its model, the baseline and what
the gates let through are held against the window that followed. Each refusal is listed with its interval. Exit code 1
where three windows were finished and the worse of two would have been shown. Reported in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from models_ml.common.declare import Score
from models_ml.common.judge import spoken_loss
from models_ml.common.replay import Origin, replay
from models_ml.common.targets import target_of
from models_ml.common.train import WINDOWS
from orchestration.platform.paths import CompanyPaths
from orchestration.scoring.learned import read_samples
from orchestration.scoring.registry import learned


def print_origin(origin: Origin) -> None:
    """One day's line, and its refusals."""
    mark = "" if origin.is_the_better_shown else "  the other was better"
    print(
        f"  {origin.day}  {origin.windows} window(s)  {origin.units:>7,} units  model {origin.loss:.4f}  "
        f"baseline {origin.baseline_loss:.4f}  shown {origin.shown_loss:.4f} ({origin.shown}){mark}"
    )
    for gate in origin.refused:
        interval = gate.interval()
        told = f"95 % interval {interval[0]:+.4f} to {interval[1]:+.4f}" if interval else f"observed {gate.observed}"
        print(f"              {gate.name}: {gate.message}; {told}, bound {gate.bound}")


def replay_score(con: duckdb.DuckDBPyConnection, company: str, score: Score) -> list[Origin]:
    """Print a score's origins; returns them."""
    assert score.learning is not None
    samples = read_samples(con, score)
    if samples is None:
        print(f"{company}: nobody to score")
        return []
    loss = spoken_loss(target_of(score.learning.kind))
    print(f"\n{company}, {score.title}: {loss} in the next {samples.horizon_days} days")
    began, origins = time.monotonic(), []
    for origin in replay(samples, score.learning):
        print_origin(origin)
        origins.append(origin)
    whole = [origin for origin in origins if origin.windows >= WINDOWS]
    better = sum(origin.loss < origin.baseline_loss for origin in origins)
    right = sum(origin.is_the_better_shown for origin in whole)
    print(
        f"  the model is the better in {better} of {len(origins)} origins; where {WINDOWS} windows were finished, the "
        f"better of two is shown in {right} of {len(whole)}  ({time.monotonic() - began:.0f} s)"
    )
    return whole


def main() -> int:
    """Replay the companies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("companies", nargs="+")
    parser.add_argument("--score", choices=list(learned()), help="one of them; default: all")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    whole: list[Origin] = []
    for company in asked.companies:
        with duckdb.connect(str(CompanyPaths.of(company).warehouse), read_only=True) as con:
            for name, score in learned().items():
                if asked.score in (None, name):
                    whole += replay_score(con, company, score)
    return 0 if all(origin.is_the_better_shown for origin in whole) else 1


if __name__ == "__main__":
    sys.exit(main())

"""How like two records are: a Fellegi-Sunter model for persons and one for organisations.

A level's weight is log2(m / u): m is the share of true pairs that fall into it, u that of random pairs. u is counted on
random pairs of the company's own records, m is learnt by expectation maximisation and held near the stated priors, so
that a small or odd set of records cannot carry it off. Fellegi and Sunter, A Theory for Record Linkage (1969); Winkler
(1988) for term frequencies.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models_ml.identity.comparisons import COMPARISONS, Comparison

# A value rarer than this counts as this rare: one that occurs once may be a slip.
RARE = 1e-5
TRAINING_PAIRS = 500_000
ROUNDS = 30
# Pairs that the prior counts for beside what is observed.
PRIOR_PAIRS_M = 200
PRIOR_PAIRS_U = 1_000
PRIOR_U = 1e-3
# ... and as a share of the matches found: half of m is the prior's, half the data's.
PRIOR_SHARE = 1.0


@dataclass(frozen=True)
class Model:
    """A trained model: m and u by comparison and level, and the chance that two random records are one customer."""

    kind: str
    m: dict[str, list[float]]
    u: dict[str, list[float]]
    chance: float

    def settings(self) -> dict[str, Any]:
        """Splink's settings; a file of them opens in Splink."""
        return {
            "link_type": "dedupe_only",
            "unique_id_column_name": "rec",
            "probability_two_random_records_match": self.chance,
            "comparisons": [comparison_settings(c, self.m, self.u) for c in COMPARISONS[self.kind]],
            "blocking_rules_to_generate_predictions": [],
            "retain_intermediate_calculation_columns": True,
            "retain_matching_columns": True,
        }


def comparison_settings(comparison: Comparison, m: dict[str, list[float]], u: dict[str, list[float]]) -> dict[str, Any]:
    """Splink's settings of a comparison."""
    levels: list[dict[str, Any]] = [
        {"sql_condition": comparison.null, "label_for_charts": "nothing to compare", "is_null_level": True}
    ]
    labels = [(label, condition) for label, condition, _ in comparison.levels] + [("nothing agrees", "ELSE")]
    for i, (label, condition) in enumerate(labels):
        level: dict[str, Any] = {
            "sql_condition": condition,
            "label_for_charts": label,
            "m_probability": m[comparison.name][i],
            "u_probability": u[comparison.name][i],
        }
        if comparison.frequency and i == 0:
            level |= {
                "tf_adjustment_column": comparison.frequency,
                "tf_adjustment_weight": 1.0,
                "tf_minimum_u_value": RARE,
                "disable_tf_exact_match_detection": True,
            }
        levels.append(level)
    return {"output_column_name": comparison.name, "comparison_levels": levels}


def level_weights(comparison: Comparison, model: Model) -> NDArray[np.float64]:
    """Weight of each level in log2 odds, in Splink's order: the last level first."""
    return np.asarray(np.log2(np.array(model.m[comparison.name]) / np.array(model.u[comparison.name]))[::-1])


class Patterns(NamedTuple):
    """Level patterns of pairs (pattern × comparison, -1 where there is nothing to compare) and how many pairs have
    each."""

    levels: NDArray[np.int64]
    pairs: NDArray[np.float64]


def frequency_columns(kind: str) -> list[str]:
    """Columns whose rarity counts."""
    return sorted({c.frequency for c in COMPARISONS[kind] if c.frequency})


def model_name(model: Model) -> str:
    """Name of a model: a hash of its parameters."""
    text = json.dumps([model.m, model.u, model.chance, COMPARISONS[model.kind]], default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def prior_model(kind: str, agreement: Mapping[str, float]) -> Model:
    """The model before training: m as stated, u small.

    Args:
        kind: person or organisation.
        agreement: for each of `frequency_columns` the chance that two records hold the same by themselves.
    """
    m, u = {}, {}
    for comparison in COMPARISONS[kind]:
        m[comparison.name] = [p for _, _, p in comparison.levels] + [comparison.otherwise]
        u[comparison.name] = [PRIOR_U] * len(comparison.levels) + [1 - PRIOR_U * len(comparison.levels)]
        if comparison.fixed:  # m = u = that chance
            chance = min(max(agreement[str(comparison.frequency)], 1e-9), 0.999)
            m[comparison.name] = u[comparison.name] = [chance, 1 - chance]
    return Model(kind, m, u, 1e-4)


def train(model: Model, records: int, random: Patterns, blocked: Patterns) -> Model:
    """Learn the model from level patterns.

    u is counted on random pairs, less the true pairs that are among them (a small set of records has many); m and the
    chance of a match by expectation maximisation on the blocked pairs, which hold nearly all true pairs. All sums
    are over counts of level patterns, so the result does not depend on rows' order or threads.

    Args:
        model: where to start from, see `prior_model`.
        records: how many there are.
        random: of random pairs.
        blocked: of the pairs that share a block.
    """
    all_pairs = records * (records - 1) / 2
    for _ in range(ROUNDS):
        odds = math.log2(model.chance / (1 - model.chance))
        true_random = posterior(model, random.levels, odds)
        true_blocked = posterior(model, blocked.levels, odds)
        matches = float((true_blocked * blocked.pairs).sum())
        u = shares(model, Patterns(random.levels, random.pairs * (1 - true_random)), model.u, PRIOR_PAIRS_U, True)
        m = shares(model, Patterns(blocked.levels, blocked.pairs * true_blocked), model.m,
                   PRIOR_PAIRS_M + PRIOR_SHARE * matches, False)  # fmt: skip
        model = Model(model.kind, m, u, min(max(matches, 1.0) / max(all_pairs, 1.0), 0.5))
    return rounded(model)


def posterior(model: Model, levels: NDArray[np.int64], odds: float) -> NDArray[np.float64]:
    """Probability of a match of each level pattern."""
    total = np.full(len(levels), odds)
    for i, comparison in enumerate(COMPARISONS[model.kind]):
        if not comparison.fixed:
            weights = level_weights(comparison, model)
            total += np.where(levels[:, i] < 0, 0.0, weights[np.maximum(levels[:, i], 0)])  # -1: nothing to compare
    return np.asarray(1 / (1 + np.exp2(-np.clip(total, -500, 500))))


def shares(
    model: Model, patterns: Patterns, before: dict[str, list[float]], prior_pairs: float, prior_u: bool
) -> dict[str, list[float]]:
    """Share of the counted pairs in each level of each comparison, with the prior's pairs added.

    Args:
        model: names the kind.
        patterns: what is counted.
        before: shares of comparisons that are not learnt.
        prior_pairs: pairs that the prior counts for.
        prior_u: whether the prior is that of random pairs, or that of true ones.
    """
    levels, counts = patterns
    result = {}
    for i, comparison in enumerate(COMPARISONS[model.kind]):
        if comparison.fixed:
            result[comparison.name] = before[comparison.name]
            continue
        size = len(comparison.levels) + 1
        stated = [p for _, _, p in comparison.levels] + [comparison.otherwise]
        prior = [PRIOR_U] * (size - 1) + [1 - PRIOR_U * (size - 1)] if prior_u else stated
        compared = levels[:, i] >= 0
        observed = np.bincount(levels[compared, i], counts[compared], size)[::-1]
        smooth = observed + prior_pairs * np.array(prior)
        result[comparison.name] = list(smooth / smooth.sum())
    return result


def rounded(model: Model) -> Model:
    """The model with parameters that print and read back the same."""
    return Model(
        model.kind,
        {name: [float(f"{p:.9g}") for p in values] for name, values in model.m.items()},
        {name: [float(f"{p:.9g}") for p in values] for name, values in model.u.items()},
        float(f"{model.chance:.9g}"),
    )

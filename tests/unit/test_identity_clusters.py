"""Clusters hold together as a whole: chains break at their weakest edge, and decisions bind."""

from __future__ import annotations

import numpy as np
import pytest

from models_ml.identity.clusters import MAX_COMPONENT, cluster

NONE = (np.array([], np.int64), np.array([], np.int64))


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def made(records: int, edges: dict[tuple[int, int], float], **bound: object) -> list[int]:
    """Clusters of records by weighted edges; every other pair weighs -10."""
    left, right = ints(*(a for a, _ in edges)), ints(*(b for _, b in edges))
    weights = np.array(list(edges.values()), float)

    def score(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return a, b, np.full(len(a), -10.0)

    found = cluster(
        records, (left, right, weights), bound.get("together", NONE), bound.get("apart", NONE), -3.0, 0.0, score,
        bound.get("systems"),
    )  # fmt: skip
    return found.tolist()


def test_a_pair_is_one_customer_from_even_odds_on() -> None:
    assert made(4, {(0, 1): 0.1, (2, 3): -0.1}) == [0, 0, 2, 3]


def test_a_chain_breaks_at_its_weakest_edge() -> None:
    """0-1-2 and 3-4-5 are strong; one doubtful edge between them does not make one customer of six."""
    strong = {(0, 1): 15.0, (1, 2): 15.0, (0, 2): 12.0, (3, 4): 15.0, (4, 5): 15.0, (3, 5): 12.0}
    assert made(6, strong | {(2, 3): 5.0}) == [0, 0, 0, 3, 3, 3]


def test_must_link_joins_what_nothing_speaks_for_and_takes_the_friends_along() -> None:
    assert made(3, {(0, 1): -20.0}, together=(ints(0), ints(2))) == [0, 1, 0]


def test_cannot_link_parts_a_strong_pair_and_the_third_goes_with_the_stronger() -> None:
    edges = {(0, 1): 20.0, (1, 2): 14.0, (0, 2): 9.0}
    assert made(3, edges, apart=(ints(0), ints(1))) == [0, 1, 1]
    assert made(2, {(0, 1): 20.0}, apart=(ints(0), ints(1))) == [0, 1]


def test_a_system_that_holds_a_customer_once_gives_one_record_to_a_cluster() -> None:
    edges = {(0, 1): 20.0, (0, 2): 12.0, (1, 2): 12.0}
    assert made(3, edges, systems=ints(7, 0, 7)) == [0, 0, 2]
    assert made(2, {(0, 1): 20.0}, systems=ints(7, 7)) == [0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_pairs_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(0)
    edges = {(int(a), int(b)): float(w) for a, b, w in zip(rng.integers(0, 20, 60), rng.integers(20, 40, 60),
                                                          rng.normal(2, 6, 60), strict=True)}  # fmt: skip
    keys = list(edges)
    np.random.default_rng(seed).shuffle(keys)
    assert made(40, {key: edges[key] for key in keys}) == made(40, edges)


def test_a_component_that_is_too_large_is_cut_at_stronger_edges() -> None:
    """A thousand records in a chain of doubtful edges, with strong pairs in it, stay pairs."""
    size = 2 * MAX_COMPONENT
    edges = {(i, i + 1): 20.0 if i % 2 == 0 else 1.0 for i in range(size - 1)}
    found = made(size, edges)
    assert found == [i - i % 2 for i in range(size)]

"""From weighted pairs to clusters that hold together as a whole.

Blind transitive closure makes one customer of a chain whose ends have nothing in common. Here two groups are joined
only while the mean weight over all pairs between them says so (average linkage), so that the weakest edge of a chain
gives way; decisions bind, and limits on how many records a system may have of one customer hold.

Sokal and Michener (1958) for average linkage; the weights are log2 odds (models_ml/identity/weights.py).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
# Weights of pairs that were not compared (they share nothing), of decisions, and of pairs that may not be joined.
UNCOMPARED, TOGETHER, APART = -4.0, 1e6, -1e9
# Weight of a mere score is kept within this, so that no single field outvotes a whole cluster.
STRONGEST, WEAKEST = 25.0, -4.0
# A component with more records is cut at ever higher weights first.
MAX_COMPONENT = 600

Pairs = tuple[Ints, Ints, Floats]


def components(records: int, left: Ints, right: Ints) -> Ints:
    """Label of each record's connected component; labels grow with the smallest record."""
    graph = coo_matrix((np.ones(len(left), np.int8), (left, right)), shape=(records, records))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def split_large(records: int, pairs: Pairs, low: float) -> tuple[Ints, Pairs]:
    """Components of the pairs from `low` on; those with too many records only by ever stronger pairs."""
    left, right, weight = pairs
    labels = components(records, left, right)
    cut = low
    while len(labels) and np.bincount(labels).max() > MAX_COMPONENT and cut < STRONGEST:
        cut += 2.0
        large = np.bincount(labels) > MAX_COMPONENT
        kept = ~large[labels[left]] | (weight >= cut)
        left, right, weight = left[kept], right[kept], weight[kept]
        labels = components(records, left, right)
    return labels, (left, right, weight)


def cluster(
    records: int,
    pairs: Pairs,
    together: tuple[Ints, Ints],
    apart: tuple[Ints, Ints],
    low: float,
    link: float,
    score: Callable[[Ints, Ints], Pairs],
    systems: Ints | None = None,
) -> Ints:
    """The cluster of each record, named by its smallest record.

    Args:
        records: how many; they are numbered from 0.
        pairs: left < right and weight, each pair once; those below `low` are ignored.
        together, apart: pairs that must, or must not, be one customer. A pair in both is a mistake of the caller.
        low: weight from which a pair makes a component.
        link: mean weight from which two groups are one customer.
        score: weights of pairs of one component that share no block.
        systems: per record the system (from 1) that holds a customer once, 0 for any other.
    """
    left, right, weight = pairs
    kept = weight >= low
    left, right, weight = left[kept], right[kept], np.minimum(weight[kept], STRONGEST)
    left, right, weight = (
        np.concatenate([left, together[0]]),
        np.concatenate([right, together[1]]),
        np.concatenate([weight, np.full(len(together[0]), TOGETHER)]),
    )
    labels, (left, right, weight) = split_large(records, (left, right, weight), low)
    sizes = np.bincount(labels, minlength=1)
    result = np.arange(records)
    # Components of two: the pair's own weight decides.
    members = np.argsort(labels, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    barred = set(zip(apart[0].tolist(), apart[1].tolist(), strict=True))
    two = sizes[labels[left]] == 2
    joined = two & (weight >= link)
    if barred:
        joined &= np.array([(a, b) not in barred for a, b in zip(left.tolist(), right.tolist(), strict=True)], bool)
    only = np.zeros(records, np.int64) if systems is None else systems
    joined &= (only[left] == 0) | (only[left] != only[right])
    result[right[joined]] = left[joined]
    # Larger ones: all pairs inside are weighed, those that share no block too.
    big = np.flatnonzero(sizes > 2)
    if not len(big):
        return result
    inner = [np.triu_indices(sizes[c], 1) for c in big]
    blocks = [members[starts[c] : starts[c + 1]] for c in big]
    all_left = np.concatenate([b[i] for b, (i, _) in zip(blocks, inner, strict=True)])
    all_right = np.concatenate([b[j] for b, (_, j) in zip(blocks, inner, strict=True)])
    weights = lookup(records, (pairs[0], pairs[1], np.minimum(pairs[2], STRONGEST)), all_left, all_right)
    unknown = np.isnan(weights)
    if unknown.any():
        found = score(all_left[unknown], all_right[unknown])
        weights[unknown] = np.minimum(lookup(records, found, all_left[unknown], all_right[unknown]), STRONGEST)
    weights = np.where(np.isnan(weights), UNCOMPARED, np.maximum(weights, WEAKEST))
    must = lookup(records, (*together, np.ones(len(together[0]))), all_left, all_right)
    bar = lookup(records, (*apart, np.ones(len(apart[0]))), all_left, all_right)
    weights = np.where(~np.isnan(must), TOGETHER, weights)
    once = (only[all_left] > 0) & (only[all_left] == only[all_right])
    weights = np.where(~np.isnan(bar) | once, APART, weights)
    at = 0
    for block in blocks:
        count = len(block) * (len(block) - 1) // 2
        inside = weights[at : at + count]
        at += count
        if inside.min() >= link:
            result[block] = block[0]
            continue
        group = grouped(inside, link)
        first = np.full(group.max() + 1, records)
        np.minimum.at(first, group, block)
        result[block] = first[group]
    return result


def lookup(records: int, pairs: Pairs, left: Ints, right: Ints) -> Floats:
    """Weights of the pairs (left, right) among `pairs`, whichever side is which; nan where there is none."""
    if not len(pairs[0]):
        return np.full(len(left), np.nan)
    keys = np.minimum(pairs[0], pairs[1]) * records + np.maximum(pairs[0], pairs[1])
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], pairs[2][order]
    wanted = np.minimum(left, right) * records + np.maximum(left, right)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], np.nan)


def grouped(inside: Floats, link: float) -> Ints:
    """Average linkage of one component: a label from 0 for each of its records.

    Must-links are contracted first; a group that holds a barred pair cannot come about, since one barred pair
    outweighs all others.
    """
    ceiling = 2 * TOGETHER
    tree = linkage(ceiling - inside, method="average")
    return np.asarray(fcluster(tree, ceiling - link, criterion="distance"), dtype=np.int64) - 1

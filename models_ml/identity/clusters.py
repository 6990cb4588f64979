"""From weighted pairs to clusters that hold together as a whole.

Blind transitive closure makes one customer of a chain whose ends have nothing in common. Here two groups are joined
only while the mean weight over all pairs between them says so (average linkage), so that the weakest edge of a chain
gives way; decisions bind, and limits on how many records a system may have of one customer hold.

Sokal and Michener (1958) for average linkage; the weights are log2 odds (models_ml/identity/weights.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
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


@dataclass(frozen=True)
class Limits:
    """What decisions and systems say of who may be one customer.

    Args:
        together, apart: pairs that must, or must not, be one customer. A pair in both is a mistake of the caller.
        systems: per record the system (from 1) that holds a customer once, 0 for any other.
    """

    together: tuple[Ints, Ints]
    apart: tuple[Ints, Ints]
    systems: Ints

    def once(self, left: Ints, right: Ints) -> Flags:
        """Which pairs are of one system that holds a customer once."""
        return np.asarray((self.systems[left] > 0) & (self.systems[left] == self.systems[right]))


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
        together, apart, systems: see `Limits`.
        low: weight from which a pair makes a component.
        link: mean weight from which two groups are one customer.
        score: weights of pairs of one component that share no block.
    """
    limits = Limits(together, apart, np.zeros(records, np.int64) if systems is None else systems)
    capped = (pairs[0], pairs[1], np.minimum(pairs[2], STRONGEST))
    kept = pairs[2] >= low
    bound = (*together, np.full(len(together[0]), TOGETHER))
    edges = [np.concatenate([side[kept], more]) for side, more in zip(capped, bound, strict=True)]
    labels, strong = split_large(records, (edges[0], edges[1], edges[2]), low)
    sizes = np.bincount(labels, minlength=1)
    result = np.arange(records)
    left, right = joined_twos(strong, sizes[labels[strong[0]]] == 2, limits, link)
    result[right] = left
    members = np.argsort(labels, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    blocks = [members[starts[c] : starts[c + 1]] for c in np.flatnonzero(sizes > 2)]
    if blocks:
        weights = weights_inside(records, blocks, capped, limits, score)
        for block, inside in zip(blocks, weights, strict=True):
            result[block] = names_of(records, block, inside, link)
    return result


def joined_twos(pairs: Pairs, is_two: Flags, limits: Limits, link: float) -> tuple[Ints, Ints]:
    """Of components of two records the pairs that are one customer: the pair's own weight decides."""
    left, right, weight = pairs
    joined = is_two & (weight >= link) & ~limits.once(left, right)
    barred = set(zip(limits.apart[0].tolist(), limits.apart[1].tolist(), strict=True))
    if barred:
        joined &= np.array([(a, b) not in barred for a, b in zip(left.tolist(), right.tolist(), strict=True)], bool)
    return left[joined], right[joined]


def weights_inside(
    records: int, blocks: list[Ints], pairs: Pairs, limits: Limits, score: Callable[[Ints, Ints], Pairs]
) -> list[Floats]:
    """Weights of all pairs inside each of several components, those that share no block too, in the order of
    `np.triu_indices`."""
    inner = [np.triu_indices(len(block), 1) for block in blocks]
    left = np.concatenate([block[i] for block, (i, _) in zip(blocks, inner, strict=True)])
    right = np.concatenate([block[j] for block, (_, j) in zip(blocks, inner, strict=True)])
    weights = lookup(records, pairs, left, right)
    unknown = np.isnan(weights)
    if unknown.any():
        scored = score(left[unknown], right[unknown])
        weights[unknown] = np.minimum(lookup(records, scored, left[unknown], right[unknown]), STRONGEST)
    weights = np.where(np.isnan(weights), UNCOMPARED, np.maximum(weights, WEAKEST))
    must = lookup(records, (*limits.together, np.ones(len(limits.together[0]))), left, right)
    weights = np.where(~np.isnan(must), TOGETHER, weights)
    bar = lookup(records, (*limits.apart, np.ones(len(limits.apart[0]))), left, right)
    weights = np.where(~np.isnan(bar) | limits.once(left, right), APART, weights)
    return np.split(weights, np.cumsum([len(i) for i, _ in inner])[:-1])


def names_of(records: int, block: Ints, inside: Floats, link: float) -> Ints:
    """The cluster of each record of a component, named by its smallest record."""
    if inside.min() >= link:
        return np.full(len(block), block[0])
    group = grouped(inside, link)
    first = np.full(group.max() + 1, records)
    np.minimum.at(first, group, block)
    return np.asarray(first[group], dtype=np.int64)


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

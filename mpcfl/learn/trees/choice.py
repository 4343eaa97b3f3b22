"""The largest of many, in few rounds: groups in which each is compared with each.

A tournament of pairs takes a comparison for each doubling. Here a level divides their number by the width of a group,
at (width - 1) / 2 comparisons a candidate, and who lost none is told by counting. Two levels serve 4,096 candidates.
"""

import math

import numpy as np

from mpcfl.learn.validation import Array

WIDEST = 64
"""Candidates of a group: as many as losses can be told from none by one table."""

LEVEL = 40_000
"""Comparisons that take as long as a level's rounds between processes of one machine (docs/performance.md)."""

LOWEST = -2.0
"""Below all worths."""


def first_largest(x: Array, lowest: float = LOWEST) -> Array:
    """Where the first largest of each column is.

    Parameters
    ----------
    x : array, shape (m, k)
        More than `lowest`.
    lowest : float
        Stands for candidates that fill up a group.

    Returns
    -------
    array of bool, shape (m, k)

    Notes
    -----
    6 rounds for each level, of which there are as many as `levels` says, and one for each beyond two.
    """
    return _first_largest(x, levels(*x.shape), lowest)


def levels(m: int, k: int) -> int:
    """How many levels find the largest of m candidates in k columns: what is least with rounds and comparisons."""
    least = max(1, math.ceil(math.log(m, WIDEST) - 1e-9)) if m > 1 else 1

    def cost(count: int) -> int:
        return count * LEVEL + m * k * (_width(m, count) - 1) // 2

    return min(range(least, least + 4), key=cost)


def _width(m: int, count: int) -> int:
    """Candidates of a group, of m in so many levels."""
    return math.ceil(math.pow(m, 1 / count) - 1e-9)


def _first_largest(x: Array, left: int, lowest: float) -> Array:
    m, k = x.shape
    if m == 1:
        return x > lowest
    width = _width(m, left)
    groups = -(-m // width)
    if groups * width > m:
        x = np.concatenate([x, np.full((groups * width - m, k), lowest)])
    x = x.reshape(groups, width, k)
    early, late = np.triu_indices(width, 1)
    overtaken = x[:, early] < x[:, late]
    # an earlier one loses where it is overtaken, a later one where it does not overtake
    pair = np.zeros((width, width), np.int64)
    pair[early, late] = pair[late, early] = np.arange(len(early))
    one, other = np.nonzero(~np.eye(width, dtype=np.bool_))
    lost = overtaken[:, pair[one, other]] ^ (one > other)[:, None]
    best = ~lost.reshape(groups, width, width - 1, k).any(axis=2)
    if groups == 1:
        return best[0]
    won = _first_largest((best * x).sum(axis=1), left - 1, lowest)
    return (best & won[:, None]).reshape(groups * width, k)[:m]

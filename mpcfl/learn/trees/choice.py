"""The largest of many, in few rounds: groups of up to nine, in which each is compared with each.

A tournament of pairs takes a comparison for each doubling. Here a level divides their number by nine, at four
comparisons a candidate: one in each pair, and one that tells who lost none. Three levels serve 729 candidates.
"""

import math

import numpy as np

from mpcfl.learn.validation import Array

WIDEST = 9
"""Candidates of a group."""

LOWEST = -2.0
"""Below all worths."""


def first_largest(x: Array, lowest: float = LOWEST) -> Array:
    """1 at the first largest of each column, else 0.

    Parameters
    ----------
    x : array, shape (m, k)
        More than `lowest`.
    lowest : float
        Stands for candidates that fill up a group.

    Returns
    -------
    array of integers, shape (m, k)

    Notes
    -----
    10 rounds for each of the ceil(log9(m)) levels, less 2.
    """
    m, k = x.shape
    if m == 1:
        return 1 * (x > lowest)
    levels = math.ceil(math.log(m, WIDEST) - 1e-9)
    width = math.ceil(m ** (1 / levels) - 1e-9)
    groups = -(-m // width)
    if groups * width > m:
        x = np.concatenate([x, np.full((groups * width - m, k), lowest)])
    x = x.reshape(groups, width, k)
    early, late = np.triu_indices(width, 1)
    place = np.arange(width)[:, None]
    overtaken = 1 * (x[:, early] < x[:, late])
    # an earlier one loses where it is overtaken, a later one where it does not overtake
    losses = (1 * (place == early) - (place == late)) @ overtaken + place
    best = losses < 1
    if groups == 1:
        return 1 * best[0]
    won = first_largest((best * x).sum(axis=1), lowest)
    return (best * won[:, None]).reshape(groups * width, k)[:m]

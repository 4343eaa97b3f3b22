"""How well scores tell two classes apart: array programs on plain and on secret data alike.

Throughout, `y` holds labels 0 and 1, and `z` log-odds, both numbers of shape (n,). P and N are the numbers of ones and
zeros: secret if the labels are, as everything else that is not a shape.

Ranks come from all pairs compared, once for AUC and KS together. Comparisons count as the integers 0 and 1, as
``1 * (a > b)`` makes them where NumPy's own arithmetic on booleans would be logic. So all is exact up to the two
quotients: integers of at most n * n = 2.5e7.
"""

import numpy as np

from mpcfl import numerics
from mpcfl.errors import InputError, ResourceError
from mpcfl.learn.validation import Array, is_secret

MAX_ROWS = 5000
"""Rows that may be compared pair by pair."""

PAIRS_AT_ONCE = 1 << 19
"""Comparisons in one block of rows: bounds the memory of the comparisons, which are merged within a block."""


def accuracy(y: Array, z: Array) -> Array:
    """Share of the rows whose score has the sign of their class; a score of 0 counts for class 0."""
    y, z = _checked(y, z)
    second = 1 * (z > 0)
    return (1 - y - second + 2 * (y * second)).mean()


def log_loss(y: Array, z: Array) -> Array:
    """Mean negative log-likelihood, mean(log(1 + exp(z)) - y z), in nats."""
    y, z = _checked(y, z)
    return (numerics.softplus(z) - y * z).mean()


def roc_auc(y: Array, z: Array) -> Array:
    """Area under the ROC curve; see `ranking`."""
    return ranking(y, z)[0]


def ks(y: Array, z: Array) -> Array:
    """Kolmogorov-Smirnov distance of the two classes' scores; see `ranking`."""
    return ranking(y, z)[1]


def ranking(y: Array, z: Array) -> tuple[Array, Array]:
    """AUC and KS, from the same comparisons (nearly all of the cost of either).

    With ge_ij = [z_i >= z_j], R_i = sum_j ge_ij (scores up to z_i) and C_i = sum_j ge_ji (scores from z_i up), the
    difference R_i - C_i is the number of scores below z_i less those above: ties cancel and count one half
    (Mann and Whitney, 1947):

        AUC = 1/2 + sum_i y_i (R_i - C_i) / (2 P N).

    With A_i = sum_j y_j ge_ji, the ones among the scores from z_i up, the curve at threshold z_i is exact, tied or not:

        KS  = max_i |A_i / P - (C_i - A_i) / N| = max_i |n A_i - P C_i| / (P N).

    Returns
    -------
    auc, ks : array, shape ()
        If `y` holds a single class they are undefined, and given as 0.5 and 0: those of a score that ranks nothing.

    Raises
    ------
    InputError
        No rows, or shapes that differ.
    ResourceError
        More than 5000 rows.
    """
    y, z = _checked(y, z)
    n = y.shape[0]
    if n > MAX_ROWS:
        raise ResourceError(
            f"Ranking {n} rows needs a sort, which this version does not have: hold out at most {MAX_ROWS} rows.",
            rows=n,
        )
    positive = 1 * (y > 0.5)
    upto: list[Array] = []
    above: Array = 0
    ones_above: Array = 0
    height = max(1, PAIRS_AT_ONCE // n)
    for start in range(0, n, height):
        block = slice(start, start + height)
        ge = z[block, None] >= z[None, :]
        upto.append(ge.sum(axis=1))
        above = above + ge.sum(axis=0)
        ones_above = ones_above + positive[block] @ ge
    ones = positive.sum()
    pairs = ones * (n - ones)
    lead = positive @ (np.concatenate(upto) - above)
    gap = ones_above * n - ones * above
    one_class = 1 * (pairs < 1)
    quotients = numerics.divide(
        np.concatenate([(pairs + lead + one_class)[None], (2 * _largest(np.maximum(gap, -gap)))[None]]),
        2 * pairs + 2 * one_class,
    )
    return quotients[0], quotients[1]


def report(y: Array, z: Array) -> dict[str, Array]:
    """All metrics by name: auc, ks, accuracy, log_loss."""
    auc, distance = ranking(y, z)
    return {"auc": auc, "ks": distance, "accuracy": accuracy(y, z), "log_loss": log_loss(y, z)}


def _checked(y: Array, z: Array) -> tuple[Array, Array]:
    y, z = _numbers(y), _numbers(z)
    if y.ndim != 1 or y.shape != z.shape or y.shape[0] == 0:
        raise InputError(f"Labels and scores must be one a row, not of shapes {y.shape} and {z.shape}.")
    return y, z


def _numbers(values: Array) -> Array:
    return values if is_secret(values) else np.asarray(values, dtype=np.float64)


def _largest(values: Array) -> Array:
    """The maximum, by a tournament of ceil(log2(n)) rounds of comparisons."""
    while values.shape[0] > 1:
        half = (values.shape[0] + 1) // 2
        # The halves of an odd number overlap in the middle one, which a maximum does not mind.
        values = np.maximum(values[:half], values[-half:])
    return values[0]

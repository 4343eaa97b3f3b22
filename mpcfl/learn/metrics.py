"""How well predictions fit: array programs on plain and on secret data alike.

Two classes come first. There `y` holds labels 0 and 1, and `z` log-odds, both numbers of shape (n,). P and N are the
numbers of ones and zeros: secret if the labels are, as everything else that is not a shape.

Few rows are ranked by all pairs compared, many by a sort; AUC and KS share either. Comparisons count as the integers 0
and 1, as ``1 * (a > b)`` makes them where NumPy's own arithmetic on booleans would be logic. So all is exact up to the
two quotients: integers of at most n * n.
"""

import numpy as np

from mpcfl import numerics, ordering
from mpcfl.errors import InputError
from mpcfl.learn.validation import Array, is_secret

PAIRED_ROWS = 1000
"""Rows up to which all pairs are compared, see `ranking` for the cost of either form."""

PAIRS_AT_ONCE = 1 << 19
"""Comparisons in one block of rows: bounds the memory of the comparisons, which are merged within a block."""

LEAST_PROBABILITY = 2.0**-16
"""A probability of 0 has no logarithm, and fixed point rounds small ones to it."""


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
    """AUC and KS, from the same comparisons (nearly all of the cost of either), ties exact.

    Of the scores in ascending order let S_i be the first place with the score at place i, and B_i the ones before it.
    Ties count one half (Mann and Whitney, 1947): a one leads the zeros below it, which are S_i - B_i, and a zero lags
    the ones below it, so that

        AUC = 1/2 + sum_i (y_i S_i - B_i) / (2 P N).

    A threshold at place i with i = S_i leaves P - B_i ones and n - i - (P - B_i) zeros above, and the curve there is
    exact, tied or not:

        KS  = max_i |(P - B_i) / P - (n - i - P + B_i) / N| = max_i |P i - n B_i| / (P N).

    Returns
    -------
    auc, ks : array, shape ()
        If `y` holds a single class they are undefined, and given as 0.5 and 0: those of a score that ranks nothing.

    Raises
    ------
    InputError
        No rows, or shapes that differ.

    Notes
    -----
    All pairs take few rounds and n^2 comparisons, a sort few comparisons and log2(n)^2 rounds. Two parties with all
    secret, by `mpcfl.forecast`; besides the rounds, those of `numerics.divide`:

        rows        form     rounds    bytes a party    bytes from the dealer
        256         pairs        41       8.3e5              3.5e6
        256         sort        189       1.2e5              3.5e5
        1,000       pairs        49       1.2e7              5.3e7
        1,000       sort        273       6.4e5              1.9e6
        5,000       sort        429       4.5e6              1.4e7
        100,000     sort        693       1.5e8              4.9e8

    At 1000 rows the two take about as long, within one machine and over 20 ms and 100 Mbit/s alike.
    """
    y, z = _checked(y, z)
    n = y.shape[0]
    positive = 1 * (y > 0.5)
    lead, gap = _by_pairs(positive, z) if n <= PAIRED_ROWS else _by_sort(positive, z)
    ones = positive.sum()
    pairs = ones * (n - ones)
    one_class = 1 * (pairs < 1)
    quotients = numerics.divide(
        np.concatenate([(pairs + lead + one_class)[None], (2 * _largest(np.maximum(gap, -gap)))[None]]),
        2 * pairs + 2 * one_class,
    )
    return quotients[0], quotients[1]


def _by_pairs(positive: Array, z: Array) -> tuple[Array, Array]:
    """2 P N (AUC - 1/2), and P N times the distance of the classes' curves at the threshold of each row.

    With ge_ij = [z_i >= z_j], R_i = sum_j ge_ij (scores up to z_i) and C_i = sum_j ge_ji (scores from z_i up), R_i -
    C_i is the number of scores below z_i less those above: ties cancel. With A_i = sum_j y_j ge_ji, the ones from z_i
    up, the distance is |A_i / P - (C_i - A_i) / N|.
    """
    n = z.shape[0]
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
    return positive @ (np.concatenate(upto) - above), ones_above * n - positive.sum() * above


def _by_sort(positive: Array, z: Array) -> tuple[Array, Array]:
    """The same from the rows sorted by score, where a distance counts at the first of equal scores alone."""
    n = z.shape[0]
    z, positive = ordering.sort_by(z, positive)
    changed = z[1:] != z[:-1]
    before = np.cumsum(positive) - positive
    start, ones_before = _held(changed, np.stack([np.zeros_like(before) + np.arange(n), before]))
    gap = positive.sum() * np.arange(n) - n * before
    gap = np.concatenate([gap[:1], np.where(changed, gap[1:], 0)])
    return positive @ start - ones_before.sum(), gap


def _held(changed: Array, values: Array) -> Array:
    """Each row of values, shape (c, n), as it is at the last place up to each where `changed`, of places 1 to n - 1.

    Pairs of places are joined to one and solved alike: 2 log2(n) steps, and some 2 n choices a row (Brent and Kung,
    1982).
    """
    n = values.shape[1]
    if n == 1:
        return values
    at_odd, at_even = changed[::2], changed[1::2]
    joined = np.where(at_odd, values[:, 1::2], values[:, : n - n % 2 : 2])
    odd = _held(at_even[: n // 2 - 1] | at_odd[1:], joined)
    even = np.where(at_even, values[:, 2::2], odd[:, : (n - 1) // 2])
    even = np.concatenate([values[:, :1], even], axis=1)
    woven = np.stack([even[:, : n // 2], odd], axis=2).reshape(values.shape[0], n - n % 2)
    return np.concatenate([woven, even[:, n // 2 :]], axis=1)


def report(y: Array, z: Array, log_odds: Array | None = None) -> dict[str, Array]:
    """All metrics by name: auc, ks, accuracy, log_loss; the last of `log_odds`, where the scores z are none."""
    auc, distance = ranking(y, z)
    loss = log_loss(y, z if log_odds is None else log_odds)
    return {"auc": auc, "ks": distance, "accuracy": accuracy(y, z), "log_loss": loss}


# ------------------------------------------------------------------------------------------------------ several classes


def class_accuracy(y: Array, p: Array) -> Array:
    """Share of the rows whose class number, in `y`, is the place of the largest number of its row of `p`, (n, K)."""
    y, p = _of_classes(y, p)
    return (1 * (np.argmax(p, axis=1) == y)).mean()


def class_log_loss(y: Array, p: Array) -> Array:
    """Mean of -log of the probability, in `p` of shape (n, K), of a row's class; one below 2^-16 counts as that."""
    y, p = _of_classes(y, p)
    own = ((1 * (y[:, None] == np.arange(p.shape[1]))) * p).sum(axis=1)
    return -np.log(np.maximum(own, LEAST_PROBABILITY)).mean()


# -------------------------------------------------------------------------------------------------------------- numbers


def r2(y: Array, p: Array) -> Array:
    """Part of the variance of `y` that predictions `p` explain, 1 - mean((y - p)^2) / var(y); 0 if y is constant."""
    y, p = _checked(y, p)
    rest, spread = np.square(y - p).mean(), np.square(y - y.mean()).mean()
    constant = 1 * (spread <= 0)
    return (1 - constant) - numerics.divide((1 - constant) * rest, spread + constant)


def rmse(y: Array, p: Array) -> Array:
    """Root of the mean squared error."""
    y, p = _checked(y, p)
    return np.sqrt(np.square(y - p).mean())


def mae(y: Array, p: Array) -> Array:
    """Mean of |y - p|."""
    y, p = _checked(y, p)
    return np.abs(y - p).mean()


def deviance(y: Array, p: Array, power: float) -> Array:
    """Mean deviance of Tweedie's family, twice the log-likelihood that predictions lack of a perfect fit.

    Parameters
    ----------
    y : array, shape (n,)
        At least 0; above 0 for a power of 2 or more.
    p : array, shape (n,)
        Predicted means, above 0.
    power : float
        Of the mean in the variance: 0, or at least 1.

    Returns
    -------
    array, shape ()

    Raises
    ------
    InputError
        No rows, or shapes that differ.
    """
    y, p = _checked(y, p)
    if power == 0:
        return np.square(y - p).mean()
    if power == 1:
        # y log y is 0 at 0.
        return (2 * (y * (np.log(y + 1 * (y <= 0)) - np.log(p)) - (y - p))).mean()
    if power == 2:
        return (2 * (np.log(p) - np.log(y) + numerics.divide(y, p) - 1)).mean()
    own, both, mean = y ** (2 - power), y * p ** (1 - power), p ** (2 - power)
    return (own * (2 / ((1 - power) * (2 - power))) - both * (2 / (1 - power)) + mean * (2 / (2 - power))).mean()


# --------------------------------------------------------------------------------------------------------------- checks


def _checked(y: Array, z: Array) -> tuple[Array, Array]:
    y, z = _numbers(y), _numbers(z)
    if y.ndim != 1 or y.shape != z.shape or y.shape[0] == 0:
        raise InputError(f"Labels and scores must be one a row, not of shapes {y.shape} and {z.shape}.")
    return y, z


def _of_classes(y: Array, p: Array) -> tuple[Array, Array]:
    y, p = _numbers(y), _numbers(p)
    if p.ndim != 2 or y.shape != p.shape[:1] or y.shape[0] == 0:
        raise InputError(f"Labels must be one a row, and scores one a row and class, not {y.shape} and {p.shape}.")
    return y, p


def _numbers(values: Array) -> Array:
    return values if is_secret(values) else np.asarray(values, dtype=np.float64)


def _largest(values: Array) -> Array:
    """The maximum, by a tournament of ceil(log2(n)) rounds of comparisons."""
    while values.shape[0] > 1:
        half = (values.shape[0] + 1) // 2
        # The halves of an odd number overlap in the middle one, which a maximum does not mind.
        values = np.maximum(values[:half], values[-half:])
    return values[0]

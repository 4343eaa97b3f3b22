"""L1 penalties on squared error: accelerated proximal gradient on the Gram matrix.

The rows are read once, for the matrix and its right-hand side; each step then costs what p numbers cost, however many
rows there are.
"""

import math

import numpy as np

from mpcfl.learn.marks import Marks, begun
from mpcfl.learn.optimizers import soft_threshold
from mpcfl.learn.solvers import TINY, gram
from mpcfl.learn.validation import Array

FINER = 8.0
"""The Gram matrix is kept this squared times larger: its rounding, over the smallest eigenvalue, is the solution's."""

RESTART = 60
"""Steps after which momentum begins anew, which makes up for not knowing the condition."""


def elastic_net(
    X: Array,
    y: Array,
    start: Array,
    l1: float,
    l2: float,
    steps: int,
    weight: Array | None = None,
    marks: Marks | None = None,
) -> tuple[Array, Array]:
    """Minimise the mean of ``weight (x @ w + b - y)^2 / 2`` plus ``l1 |w| + l2 / 2 |w|^2``.

    Parameters
    ----------
    X : array, shape (n, d)
        Columns of like scale.
    y : array, shape (n,)
    start : array, shape (d,)
    l1, l2 : float
    steps : int
    weight : array, shape (n,), or None
        Of mean 1.
    marks : Marks, optional
        From where to go on, and who is told of each step.

    Returns
    -------
    w : array, shape (d,)
    b : array, shape ()

    Notes
    -----
    Reference: Beck and Teboulle, SIAM J. Imaging Sciences 2 (2009); restarts: O'Donoghue and Candes, FoCM 15 (2015).
    """
    n, d = X.shape
    rows = X if weight is None else weight[:, None] * X
    target = y if weight is None else weight * y
    middle, level = rows.sum(axis=0) * (FINER / n), target.sum() * (FINER / n)
    square = gram(X, rows, FINER**2) - middle[:, None] * middle + FINER**2 * l2 * np.eye(d)
    right = gram(X, target[:, None], FINER**2) - (middle * level)[:, None]
    # No eigenvalue is larger than the largest sum of magnitudes in a row; a constant column has none.
    step = np.reciprocal(np.abs(square).sum(axis=1).max() * FINER**-2 + TINY)
    system = np.concatenate([square, -right], axis=1) * step
    first, (w, ahead, speed) = begun(marks, (start, start, 1.0))
    for done in range(first, steps):
        if done % RESTART == 0:
            ahead, speed = w, 1.0
        slope = (system @ np.concatenate([ahead, np.ones(1)])) * FINER**-2
        after = soft_threshold(ahead - slope, step * l1)
        faster = (1 + math.sqrt(1 + 4 * speed**2)) / 2
        ahead = after + (after - w) * ((speed - 1) / faster)
        w, speed = after, faster
        if marks is not None:
            marks.keep(done + 1, (w, ahead, speed))
    return w, (level - middle @ w) * (1 / FINER)

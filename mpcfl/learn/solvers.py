"""How the coefficients of a linear model are found: minibatch descent, and Newton's method by Cholesky.

Every schedule is public: the number of steps depends on shapes and parameters alone, unless the caller asks for early
stopping.
"""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from mpcfl import numerics
from mpcfl.learn.losses import Loss
from mpcfl.learn.marks import Marks, begun
from mpcfl.learn.optimizers import Optimizer, Penalty
from mpcfl.learn.schedule import Rows
from mpcfl.learn.validation import Array

ROWS = 1 << 15
"""Rows summed before a division by their number: sums over a million rows would leave the range of products."""

DAMPING = 2.0**-14
"""Added to the unit diagonal of a scaled Hessian, so that its factor exists where columns depend on one another."""

TINY = 2.0**-16
"""Added to a diagonal before its root is divided by; columns of like scale are far above it."""

LENGTHS = (1.0, 0.5, 0.25, 0.125)
"""Parts of a Newton step of which the best is taken."""

FINER = 16.0
"""Slopes are kept this many times larger: their rounding, over the smallest eigenvalue, is that of the coefficients."""

GAIN = 1e-3
"""What a part must gain in mean loss over the whole step: less than that may be rounding."""


def gram(a: Array, b: Array, gain: float = 1.0) -> Array:
    """The mean over rows of the outer products of the rows of a and b, (n, p) and (n, q), shape (p, q).

    It is ``gain * a.T @ b / n``; a gain is a part of the one rounding.
    """
    n = a.shape[0]
    total: Array = sum((a[at : at + ROWS].T @ b[at : at + ROWS]) * (gain / n) for at in range(0, n, ROWS))
    return total


def with_ones(X: Array) -> Array:
    """X and a last column of ones, whose weight is the intercept."""
    return np.concatenate([X, np.ones((X.shape[0], 1))], axis=1)


def weighted(residual: Array, weight: Array | None) -> Array:
    """Residuals of one output, (n,), or several, (n, K), by the weights of their rows."""
    if weight is None:
        return residual
    return residual * (weight if residual.ndim == 1 else weight[:, None])


def predictor(X: Array, w: Array, b: Array, offset: Array | None) -> Array:
    """X @ w + b, plus an offset a row."""
    z = numerics.affine(X, w, b)
    if offset is None:
        return z
    return z + (offset if z.ndim == 1 else offset[:, None])


def descend(
    loss: Loss,
    X: Array,
    y: Array,
    start: tuple[Array, Array],
    optimizer: Optimizer,
    batches: Iterator[Rows],
    rate: Callable[[int], float],
    penalty: Penalty,
    weight: Array | None = None,
    offset: Array | None = None,
    over: Callable[[int, Array, Array], bool] | None = None,
    marks: Marks | None = None,
) -> tuple[Array, Array, int]:
    """One step a minibatch.

    Parameters
    ----------
    loss : Loss
    X : array, shape (n, d)
    y : array, shape (n,) or (n, K)
    start : tuple of array
        Coefficients (d,) or (d, K), and intercepts () or (K,).
    optimizer : Optimizer
    batches : iterator of ndarray
        Rows of each step.
    rate : callable
        The learning rate of a step, counted from 0.
    penalty : Penalty
        Of the coefficients; the intercept has none.
    weight, offset : array, shape (n,), or None
    over : callable, optional
        Is given the number of steps done and the parameters after each, and says whether to end.
    marks : Marks, optional
        From where to go on, and who is told of each step.

    Returns
    -------
    w, b : array
    steps : int
    """
    steps, (w, b, optimizer.kept) = begun(marks, (*start, optimizer.kept))
    for rows in itertools.islice(batches, steps, None):
        batch = X[rows]
        z = predictor(batch, w, b, None if offset is None else offset[rows])
        residual = weighted(loss.residual(z, y[rows]), None if weight is None else weight[rows])
        share = 1 / len(rows)
        gradients = (batch.T @ residual) * share, residual.sum(axis=0) * share
        w, b = optimizer.step((w, b), gradients, rate(steps), (penalty, Penalty()))
        steps += 1
        if marks is not None:
            marks.keep(steps, (w, b, optimizer.kept))
        if over is not None and over(steps, w, b):
            break
    return w, b, steps


class Factor:
    """A symmetric positive definite matrix, or a stack of them, factored to be divided by.

    Brought to a unit diagonal by secret factors, and damped. What it solves errs by the damping, in directions of small
    eigenvalues; steps that are repeated from new residuals end where they should.

    Parameters
    ----------
    matrices : array, shape (k, q, q)

    Notes
    -----
    19 q + 56 rounds, of which the Cholesky factor takes 15 q and its inverse 4 q; a solution takes 6 more.
    """

    def __init__(self, matrices: Array) -> None:
        one = np.eye(matrices.shape[-1])
        self._scale = numerics.rsqrt(np.diagonal(matrices, axis1=1, axis2=2) + TINY)
        self._matrices = matrices * self._scale[:, :, None] * self._scale[:, None, :]
        lower = np.linalg.cholesky(self._matrices + DAMPING * one)
        self._half = numerics.solve_triangular(lower, one)

    def solve(self, right: Array, gain: float = 1.0) -> Array:
        """x with gain * matrix @ x = right, both of shape (k, q); the gain is a part of the last rounding."""
        half = self._half @ (right * self._scale)[:, :, None]
        return (np.swapaxes(self._half, 1, 2) @ half)[:, :, 0] * self._scale * (1 / gain)

    def inverse_diagonal(self) -> tuple[Array, Array]:
        """The diagonal of the inverse as a product of two parts, shape (k, q): in like scale, and what scales it twice.

        A step of Newton's method for inverses removes the damping but for its square.
        """
        near = np.swapaxes(self._half, 1, 2) @ self._half
        exact = 2 * near - near @ (self._matrices @ near)
        return np.diagonal(exact, axis1=1, axis2=2), self._scale


def newton(
    loss: Loss,
    X: Array,
    y: Array,
    start: Array,
    l2: float,
    steps: int,
    weight: Array | None = None,
    offset: Array | None = None,
    marks: Marks | None = None,
) -> Array:
    """Newton's method, or iteratively reweighted least squares where the loss gives expected curvatures.

    Each step is the best of four lengths, chosen in secret. A curvature that is constant is factored once; on
    a quadratic loss the steps after the first correct the rounding and the damping of those before.

    Parameters
    ----------
    loss : Loss
    X : array, shape (n, p)
        The last column is that of the intercept, which has no penalty.
    y : array, shape (n, K)
    start : array, shape (p, K)
    l2 : float
    steps : int
    weight, offset : array, shape (n,), or None
    marks : Marks, optional
        From where to go on, and who is told of each step.

    Returns
    -------
    array, shape (p, K)
    """
    first, w = begun(marks, start)
    factor: Factor | None = None
    ridge = penalties(X.shape[1], l2)
    for step in range(first + 1, steps + 1):
        z = predictor(X, w, 0, offset)
        residual, curvature = loss.slopes(z, y)
        slope = gram(X, weighted(residual, weight), FINER)
        if l2:
            slope = slope + FINER * ridge[:, None] * w
        if factor is None or not loss.constant:
            factor, blocks = factored(loss, X, curvature, weight, l2)
        move = factor.solve(slope.T.reshape(blocks, -1), FINER).reshape(slope.shape[::-1]).T
        w = w - (move if loss.quadratic else move * _length(loss, X, y, z, w, move, ridge, weight))
        if marks is not None:
            marks.keep(step, w)
    return w


def factored(loss: Loss, X: Array, curvature: Array, weight: Array | None, l2: float) -> tuple[Factor, int]:
    """The Hessian of the mean loss and its penalty, factored, and the number of its blocks."""
    hessian = loss.hessian(X, curvature, weight, gram)
    outputs = hessian.shape[-1] // X.shape[1]
    if l2:
        hessian = hessian + np.diag(np.tile(penalties(X.shape[1], l2), outputs))
    return Factor(hessian), hessian.shape[0]


def penalties(p: int, l2: float) -> NDArray[np.float64]:
    """The strength of the penalty by column, 0 for the last, the intercept's."""
    return np.array([l2] * (p - 1) + [0.0])


def _length(
    loss: Loss,
    X: Array,
    y: Array,
    z: Array,
    w: Array,
    move: Array,
    ridge: NDArray[np.float64],
    weight: Array | None,
) -> Array:
    """The best part of a step by the mean loss that it leads to, of each output or of all: shape (K,) or (1,)."""
    along = X @ move
    found = weighted_mean(loss.value(np.stack([z - along * part for part in LENGTHS]), y), weight)
    if ridge.any():
        squares = (np.square(np.stack([w - move * part for part in LENGTHS])) * (ridge / 2)[:, None]).sum(axis=1)
        found = found + (squares if found.shape == squares.shape else squares.sum(axis=1, keepdims=True))
    best = np.argmin(found + np.array([[0.0]] + [[GAIN]] * (len(LENGTHS) - 1)), axis=0)
    return (best[:, None] == np.arange(len(LENGTHS))) @ np.array(LENGTHS)


def weighted_mean(values: Array, weight: Array | None) -> Array:
    """The mean over the last axis but one, the rows'."""
    return (values if weight is None else values * weight[:, None]).mean(axis=-2)

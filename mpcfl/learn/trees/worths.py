"""What a node is worth: second-order steps, with penalties and bounds, on sums of slopes and curvatures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mpcfl import numerics
from mpcfl.learn.validation import Array

LIFT = 64
"""Quotients G / (H + lambda) are kept this many times larger: worths then lose fewer digits."""

TINY = 2.0**-16
"""The least that is added to a curvature before it divides: an empty side has the worth 0."""

SMALL_ROWS = 1 << 14
"""Rows up to which sums need no scale: half the digits of a number are left for those of its square."""

FURTHEST = 2.0**24
"""Bound of a lifted quotient where no constraint binds it."""


@dataclass(frozen=True)
class Rules:
    """What a tree may be.

    Attributes
    ----------
    depth : int
        Levels of splits, at least 1.
    reg_lambda, reg_alpha : float
        L2 and L1 penalty of a leaf's value.
    gamma : float
        Worth that a split must add.
    min_child_weight : float
        Curvature that each side must have.
    rate : float
        What a leaf's value is multiplied by.
    monotone : tuple of int
        For each column 1 where leaves must not fall as it grows, -1 where they must not rise, 0 where they may; empty
        where all may. Of trees with one output.
    own_splits : bool
        Whether those who own columns are told the splits of these.
    """

    depth: int
    reg_lambda: float = 1.0
    reg_alpha: float = 0.0
    gamma: float = 0.0
    min_child_weight: float = 1.0
    rate: float = 1.0
    monotone: tuple[int, ...] = ()
    own_splits: bool = False


class Between(NamedTuple):
    """Bounds of the lifted quotient in each node, (nodes,)."""

    low: Array
    high: Array

    def __call__(self, quotients: Array) -> Array:
        """Quotients (..., nodes, 1) within their bounds."""
        return np.clip(quotients, self.low[:, None], self.high[:, None])


UNBOUND = Between(np.array([-FURTHEST]), np.array([FURTHEST]))
"""Of the root."""


def unit_of(n: int) -> float:
    """What sums over n rows are scaled by before they are squared: a power of two."""
    return 2.0 ** -max(0, math.ceil(math.log2(n / SMALL_ROWS)))


def worth(sums: Array, rules: Rules, unit: float, between: Between | None = None) -> tuple[Array, Array]:
    """What nodes lower the loss by, twice over, and the quotients that do so; both times LIFT.

    Parameters
    ----------
    sums : array, shape (..., outputs + 1)
        Slopes and curvatures, scaled.
    rules : Rules
    unit : float
        The scale.
    between : Between, optional
        The axis before the last of `sums` is that of nodes.

    Returns
    -------
    worths : array, shape (...)
        G^2 / (H + lambda) where nothing binds, summed over outputs and scaled.
    quotients : array, shape (..., outputs)
    """
    found, slopes = quotients(sums, rules, unit), _thresholded(sums[..., :-1], rules, unit)
    if between is None:
        return (found * slopes).sum(axis=-1), found
    kept = between(found)
    pull = (kept * (sums[..., -1:] + _penalty(rules, unit))) * (1 / LIFT)
    return (kept * (2 * slopes - pull)).sum(axis=-1), kept


def quotients(sums: Array, rules: Rules, unit: float) -> Array:
    """G / (H + lambda) of scaled sums, times LIFT: minus a leaf's value."""
    slopes = _thresholded(sums[..., :-1], rules, unit)
    return numerics.divide(slopes * LIFT, sums[..., -1:] + _penalty(rules, unit))


def _penalty(rules: Rules, unit: float) -> float:
    return max(rules.reg_lambda * unit, TINY)


def _thresholded(slopes: Array, rules: Rules, unit: float) -> Array:
    """Slopes brought nearer to 0 by the L1 penalty."""
    alpha = rules.reg_alpha * unit
    return slopes if not alpha else slopes - np.clip(slopes, -alpha, alpha)

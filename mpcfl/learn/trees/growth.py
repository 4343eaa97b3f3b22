"""Growing one tree of full depth, level by level, without telling anything of it.

    histograms   sums of slopes and curvatures by bin and node: one product of the bins' matrix with all left children,
                 the right ones by subtraction from their parents
    worths       of every split in every node, sum of G^2 / (H + lambda) of both sides: two quotients and a product
    choice       a one at the largest, where the first candidate is not to split
    rows         the bins that go left of each node's split, times the bins' matrix; one product a node and row

Splits that gain alike are told apart by rank and not by rounding: of two cuts of a column without rows in between the
lower one counts, and each column is worth a little less than the one before.

A node that is not split sends all its rows right, and so do all nodes below it: every tree is complete, and its shape
says nothing. Sums are exact in fixed point; before they are squared they are scaled by a public power of two.

Sources: second-order boosting by histograms, Chen and Guestrin (KDD 2016), Ke et al. (NeurIPS 2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mpcfl import numerics, ordering
from mpcfl.learn.trees.choice import first_largest
from mpcfl.learn.trees.splits import Splits
from mpcfl.learn.validation import Array

LIFT = 64
"""Quotients G / (H + lambda) are kept this many times larger: worths then lose fewer digits."""

TINY = 2.0**-16
"""The least that is added to a curvature before it divides: an empty side has the worth 0."""

TIE = 2.0**-7
"""What each column counts less than the one before it, as a lifted worth: of splits alike the first is chosen."""

SMALL_ROWS = 1 << 14
"""Rows up to which sums need no scale: half the digits of a number are left for those of its square."""


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
    """

    depth: int
    reg_lambda: float = 1.0
    reg_alpha: float = 0.0
    gamma: float = 0.0
    min_child_weight: float = 1.0
    rate: float = 1.0


class Tree(NamedTuple):
    """A complete tree.

    Attributes
    ----------
    left : array, shape (bins, 2^depth - 1)
        For each inner node 1 in the bins that go left. Nodes stand level by level; the children of the i-th of a
        level's K nodes are the i-th and the (K + i)-th of the next.
    leaves : array, shape (2^depth, outputs)
    """

    left: Array
    leaves: Array


class Grown(NamedTuple):
    """A tree, its value for each row that it was grown on, (n, outputs), and each split's gain, (splits,)."""

    tree: Tree
    values: Array
    gains: Array


def grow(hot: Array, slopes: Array, curvature: Array, splits: Splits, rules: Rules) -> Grown:
    """Grow a tree.

    Parameters
    ----------
    hot : array, shape (n, bins)
        Zeros and ones.
    slopes : array, shape (n, outputs)
        Derivatives of the loss, which the tree brings down.
    curvature : array, shape (n,)
        Second derivatives, or weights.
    splits : Splits
    rules : Rules

    Returns
    -------
    Grown

    Notes
    -----
    With f fractional bits of 64: sums of curvatures and slopes below 2^(62-f), and the worth of a node below
    2^(62-2f-6) times max(1, n / 2^14), which it is where the sum over its rows of slope^2 / curvature is.
    """
    n, outputs = slopes.shape
    unit = unit_of(n)
    both = np.concatenate([slopes, curvature[:, None]], axis=1)
    sums = (hot.T @ both)[:, None, :]
    inside: Array | None = None  # which rows are in each node, (n, nodes); the root has all
    left, gains = [], 0.0
    for level in range(rules.depth):
        chosen, gain, first, whole = _best(sums, splits, rules, unit)
        gains = gains + gain
        left.append(splits.going_left(chosen))
        went = ordering.odd(hot @ left[-1])
        went_left = went if inside is None else ordering.odd(inside & went)
        if level == rules.depth - 1:
            break
        rest = ~went if inside is None else ordering.odd(inside & ~went)
        inside = np.concatenate([went_left, rest], axis=1)
        parts = (went_left[:, :, None] * both[:, None, :]).reshape(n, -1)
        of_left = (hot.T @ parts).reshape(sums.shape[0], -1, outputs + 1)
        sums = np.concatenate([of_left, sums - of_left], axis=1)
    of_leaves = np.concatenate([first, whole - first])
    leaves = _leaf(of_leaves * unit, rules, unit) * (-rules.rate / LIFT)
    nodes = 1 << rules.depth - 1
    values = _chosen(went_left, leaves[:nodes] - leaves[nodes:])
    values = values + (leaves[nodes:] if inside is None else _chosen(inside, leaves[nodes:]))
    return Grown(Tree(np.concatenate(left, axis=1), leaves), values, gains * (1 / (unit * LIFT)))


def _chosen(inside: Array, values: Array) -> Array:
    """The value of the node that each row is in, (n, outputs), or 0 where it is in none."""
    return (inside[:, :, None] * values[None]).sum(axis=1)


def unit_of(n: int) -> float:
    """What sums over n rows are scaled by before they are squared: a power of two."""
    return 2.0 ** -max(0, math.ceil(math.log2(n / SMALL_ROWS)))


def _best(sums: Array, splits: Splits, rules: Rules, unit: float) -> tuple[Array, Array, Array, Array]:
    """The best split of each node.

    Returns
    -------
    chosen : array, shape (splits, nodes)
        1 at the best split; none where no split is worth it.
    gains : array, shape (splits,)
        What the chosen ones add, summed over nodes and scaled.
    first, whole : array, shape (nodes, outputs + 1)
        Sums of the left side, and of the node.
    """
    bins, nodes, width = sums.shape
    whole = sums[: splits.columns[0].size].sum(axis=0)
    of_left = splits.left(sums.reshape(bins, -1)).reshape(-1, nodes, width)
    of_right = whole - of_left
    parts = np.concatenate([of_left, of_right, whole[None]]) * unit
    worths = _worth(parts, rules, unit)
    count = len(splits)
    found = worths[:count] + worths[count : 2 * count]
    unsplit = worths[2 * count :] + rules.gamma * unit * LIFT
    # what parts rows like an earlier cut, for lack of rows in between, or leaves too little on a side
    lacks = splits.lacking(1 * (sums[:, :, -1] > TINY))
    if rules.min_child_weight > 0:
        least = rules.min_child_weight
        lacks = lacks + 1 * (of_left[:, :, -1] < least) + 1 * (of_right[:, :, -1] < least)
    allowed = np.where(lacks < 0.5, found - (TIE + TIE * splits.readers)[:, None], -1.0)
    chosen = first_largest(np.concatenate([unsplit, allowed]))[1:]
    gains = (chosen * (found - worths[2 * count :])).sum(axis=1)
    first = (chosen[:, :, None] * of_left).sum(axis=0)
    return chosen, gains, first, whole


def _worth(sums: Array, rules: Rules, unit: float) -> Array:
    """G^2 / (H + lambda), summed over outputs, times LIFT: of scaled sums (..., outputs + 1)."""
    return (_leaf(sums, rules, unit) * _thresholded(sums[..., :-1], rules, unit)).sum(axis=-1)


def _leaf(sums: Array, rules: Rules, unit: float) -> Array:
    """G / (H + lambda) of scaled sums, times LIFT: minus a leaf's value."""
    slopes = _thresholded(sums[..., :-1], rules, unit)
    return numerics.divide(slopes * LIFT, sums[..., -1:] + max(rules.reg_lambda * unit, TINY))


def _thresholded(slopes: Array, rules: Rules, unit: float) -> Array:
    """Slopes brought nearer to 0 by the L1 penalty."""
    alpha = rules.reg_alpha * unit
    return slopes if not alpha else slopes - np.clip(slopes, -alpha, alpha)


def evaluate(hot: Array, trees: Array, leaves: Array) -> Array:
    """The value of each tree for each row: `depth` + 2 rounds, whatever the trees.

    Parameters
    ----------
    hot : array, shape (n, bins)
    trees : array, shape (trees, bins, 2^depth - 1)
    leaves : array, shape (trees, 2^depth, outputs)

    Returns
    -------
    array, shape (n, trees, outputs)
    """
    count, bins, inner = trees.shape
    went = ordering.odd(hot @ np.transpose(trees, (1, 0, 2)).reshape(bins, count * inner)).reshape(-1, count, inner)
    value = leaves[None]
    nodes = (inner + 1) // 2
    while nodes:
        step = went[:, :, nodes - 1 : 2 * nodes - 1, None]
        value = value[:, :, nodes:] + step * (value[:, :, :nodes] - value[:, :, nodes:])
        nodes //= 2
    return value[:, :, 0]

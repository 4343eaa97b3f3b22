"""Growing one tree of full depth, level by level, without telling anything of it.

    histograms   sums of slopes and curvatures by bin and node: one product of the bins' matrix with all left children,
                 the right ones by subtraction from their parents
    worths       of every split in every node, sum of G^2 / (H + lambda) of both sides: two quotients and a product
    choice       a one at the largest, where the first candidate is not to split
    rows         the bins that go left of each node's split, times the bins' matrix; these bits part each node's slopes
                 and curvatures, two products a node and row

Splits that gain alike are told apart by rank and not by rounding: of two cuts of a column without rows in between the
lower one counts, and each column is worth a little less than the one before.

A node that is not split sends all its rows right, and so do all nodes below it: every tree is complete, and its shape
says nothing. Where owners are told the splits of their columns, such a node is split like any other, by the best split
there is, and in secret all leaves below it get its own value. Sums are exact in fixed point; before they are squared
they are scaled by a public power of two.

Sources: second-order boosting by histograms, Chen and Guestrin (KDD 2016), Ke et al. (NeurIPS 2017); bounds that keep a
constrained column's order, as XGBoost has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mpcfl import ordering
from mpcfl.learn.trees.choice import first_largest
from mpcfl.learn.trees.hot import product, transposed_product
from mpcfl.learn.trees.splits import Splits
from mpcfl.learn.trees.worths import LIFT, TINY, UNBOUND, Between, Rules, quotients, unit_of, worth
from mpcfl.learn.validation import Array, is_secret

TIE = 2.0**-7
"""What each column counts less than the one before it, as a lifted worth: of splits alike the first is chosen."""

BEHIND = 2.0**32
"""What a split counts less that is not allowed, where one must be chosen: more than any worth."""

PURPOSE = "splits on its own columns"
"""Under which each owner of columns is told the splits of these, where that is agreed."""


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


class Best(NamedTuple):
    """The best split of each node.

    Attributes
    ----------
    chosen : array, shape (splits, nodes)
        1 at the best split; where nobody is told, none at nodes that are not worth a split.
    worthy : array of bool, shape (nodes,), or None
        Which nodes are worth a split, where `chosen` does not say it.
    gained, middles : array, shape (splits, nodes)
        What each split adds, scaled and lifted; the middle between the quotients of its sides, where columns are
        constrained.
    first, whole : array, shape (nodes, outputs + 1)
        Sums of the left side, and of the node.
    """

    chosen: Array
    worthy: Array | None
    gained: Array
    middles: Array
    first: Array
    whole: Array


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
    sums = transposed_product(hot, both)[:, None, :]
    inside = both[:, None, :]  # of the rows of each node, (n, nodes, outputs + 1); zeros for all others
    alive: Array | None = None  # which nodes have no unsplit one above them, (nodes,); None: nothing is kept of that
    between = UNBOUND if any(rules.monotone) else None
    kept: Array = None  # sums that each node's leaves are made of
    left, went, gains = [], [], 0.0
    for level in range(rules.depth):
        best = best_splits(sums, splits, rules, unit, between if level else None)
        counted = best.chosen
        if best.worthy is not None:
            alive = best.worthy if alive is None else alive & best.worthy
            counted = counted * alive
        gains = gains + (counted * best.gained).sum(axis=1)
        parts_of = np.concatenate([best.first, best.whole - best.first])
        if alive is None:
            kept = parts_of
        else:
            alive, above = _twice(alive), _twice(best.whole if kept is None else kept)
            kept = np.where(alive[:, None], parts_of, above)
        if between is not None:
            between = _narrowed(between, counted, best.middles, splits.signs(rules.monotone))
        left.append(splits.going_left(best.chosen))
        went.append(rows_left(hot, left[-1], rules.own_splits))
        if level == rules.depth - 1:
            break
        first, second = ordering.parted(went[-1][:, :, None], inside)
        of_left = transposed_product(hot, first.reshape(n, -1)).reshape(sums.shape[0], -1, outputs + 1)
        sums = np.concatenate([of_left, sums - of_left], axis=1)
        inside = np.concatenate([first, second], axis=1)
    found = quotients(kept * unit, rules, unit)
    leaves = (found if between is None else between(found)) * (-rules.rate / LIFT)
    return Grown(Tree(np.concatenate(left, axis=1), leaves), _reached(went, leaves), gains * (1 / (unit * LIFT)))


def rows_left(hot: Array, left: Array, own_splits: bool) -> Array:
    """Which rows go left at each node, (n, nodes): of those bins that `left` has, (bins, nodes)."""
    told = own_splits and is_secret(hot) and is_secret(left)
    return ordering.odd(hot.told(left, PURPOSE) if told else product(hot, left))


def _twice(nodes: Array) -> Array:
    """What nodes have, for both children of each."""
    return np.concatenate([nodes, nodes])


def _reached(went: Sequence[Array], leaves: Array) -> Array:
    """The leaf that each row reaches, (..., outputs): from its sides at each level's nodes, (..., nodes), upwards."""
    value = leaves
    for side in reversed(went):
        nodes = side.shape[-1]
        first, second = value[..., :nodes, :], value[..., nodes:, :]
        value = second + side[..., None] * (first - second)
    return value[..., 0, :]


def best_splits(sums: Array, splits: Splits, rules: Rules, unit: float, between: Between | None = None) -> Best:
    """The best split of each node.

    Parameters
    ----------
    sums : array, shape (bins, nodes, outputs + 1)
        Slopes and curvatures of each node's rows, by bin.
    splits : Splits
    rules : Rules
    unit : float
        What sums are scaled by, see `unit_of`.
    between : Between, optional
        Bounds of the nodes' quotients.

    Returns
    -------
    Best
    """
    bins, nodes, width = sums.shape
    whole = sums[: splits.columns[0].size].sum(axis=0)
    of_left = splits.left(sums.reshape(bins, -1)).reshape(-1, nodes, width)
    of_right = whole - of_left
    parts = np.concatenate([of_left, of_right, whole[None]]) * unit
    worths, found = worth(parts, rules, unit, between)
    count = len(splits)
    gained = worths[:count] + worths[count : 2 * count]
    unsplit = worths[2 * count :] + rules.gamma * unit * LIFT
    # what parts rows like an earlier cut, for lack of rows in between, or leaves too little on a side
    lacks = splits.lacking(1 * (sums[:, :, -1] > TINY))
    if rules.min_child_weight > 0:
        least = rules.min_child_weight
        lacks = lacks + 1 * (of_left[:, :, -1] < least) + 1 * (of_right[:, :, -1] < least)
    middles: Array = 0.0
    if any(rules.monotone):
        of_sides = found[:count, :, 0], found[count : 2 * count, :, 0]
        signs = splits.signs(rules.monotone)[:, None]
        middles = (of_sides[0] + of_sides[1]) * 0.5
        lacks = lacks + 1 * (signs * (of_sides[1] - of_sides[0]) > 0)
    ranked = gained - (TIE + TIE * splits.readers)[:, None]
    worthy = None
    if rules.own_splits:
        ranked = ranked - BEHIND * (lacks > 0.5)
        chosen = first_largest(ranked, -2 * BEHIND)
        worthy = (chosen * ranked).sum(axis=0) > unsplit[0]
    else:
        allowed = np.where(lacks < 0.5, ranked, -1.0)
        chosen = first_largest(np.concatenate([unsplit, allowed]))[1:]
    first = (chosen[:, :, None] * of_left).sum(axis=0)
    return Best(chosen, worthy, gained - worths[2 * count :], middles, first, whole)


def _narrowed(between: Between, chosen: Array, middles: Array, signs: Array) -> Between:
    """The bounds of both children of each node: the middle of a constrained split parts them.

    A leaf is minus a quotient: where it may not fall, quotients of the left side are the larger ones.
    """
    low, high = between
    middle = (chosen * middles).sum(axis=0)
    rising, falling = ((chosen * (signs == sign)[:, None]).sum(axis=0) for sign in (1, -1))
    above_low, above_high = middle - low, middle - high
    return Between(
        np.concatenate([low + rising * above_low, low + falling * above_low]),
        np.concatenate([high + falling * above_high, high + rising * above_high]),
    )


def evaluate(hot: Array, trees: Array, leaves: Array, own_splits: bool = False) -> Array:
    """The value of each tree for each row: `depth` + 2 rounds, whatever the trees.

    Parameters
    ----------
    hot : array, shape (n, bins)
    trees : array, shape (trees, bins, 2^depth - 1)
    leaves : array, shape (trees, 2^depth, outputs)
    own_splits : bool
        Whether those who own columns are told the splits of these (again): they then look up their bins themselves.

    Returns
    -------
    array, shape (n, trees, outputs)
    """
    count, bins, inner = trees.shape
    left = np.transpose(trees, (1, 0, 2)).reshape(bins, count * inner)
    went = rows_left(hot, left, own_splits).reshape(-1, count, inner)
    levels = [went[:, :, (1 << level) - 1 : (2 << level) - 1] for level in range((inner + 1).bit_length() - 1)]
    return _reached(levels, leaves)

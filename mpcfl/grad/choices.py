"""Gradients of what chooses: the comparison of the forward pass is the one that the cotangent is multiplied by.

A secret boolean holds its form after the forward pass (see `mpcfl.protocols.beaver.mux`), so the backward pass opens
the cotangent alone. Of equal elements one has the whole gradient; at 0, |x| rises and relu is the identity.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mpcfl import numerics
from mpcfl.array import SecretArray
from mpcfl.grad.cotangent import axes_of, fitted
from mpcfl.grad.tape import Step, remembered
from mpcfl.operations import comparisons, folds
from mpcfl.overrides import Overriding, overridable


def compared(x: Any) -> tuple[Any, Any]:
    """[x < 0] and min(x, 0), for what one comparison costs."""
    if isinstance(x, SecretArray):
        pair: tuple[Any, Any] = x._wrap(comparisons.sign_and_negative_part(x._value))
        return pair
    below = x < 0
    return below, np.where(below, x, 0.0)


def _product(g: Any, choice: Any) -> Any:
    """A cotangent where a condition holds, else zero."""
    return np.multiply(g, choice)


def _larger(x: Any, y: Any) -> Step:
    below, part = compared(np.subtract(x, y))
    moved = remembered(lambda g: _product(g, below))
    return Step(np.subtract(x, part), (fitted(x, lambda g: g - moved(g)), fitted(y, moved)))


def _smaller(x: Any, y: Any) -> Step:
    below, part = compared(np.subtract(x, y))
    kept = remembered(lambda g: _product(g, below))
    return Step(np.add(y, part), (fitted(x, kept), fitted(y, lambda g: g - kept(g))))


def _absolute(x: Any) -> Step:
    below, part = compared(x)
    return Step(x - 2 * part, (lambda g: g - 2 * _product(g, below),))


def _relu(x: Any) -> Step:
    below, part = compared(x)
    return Step(x - part, (lambda g: g - _product(g, below),))


def _clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """By public limits both comparisons side by side; by others one after the other."""
    low, high = a_min if min is None else min, a_max if max is None else max
    if low is None or high is None or _is_secret_or_traced(low) or _is_secret_or_traced(high):
        x = x if low is None else np.maximum(x, low)
        return x if high is None else np.minimum(x, high)
    return limited(x, np.minimum(low, high), high)


def _is_secret_or_traced(limit: Any) -> bool:
    return isinstance(limit, SecretArray | Overriding)


@overridable
def limited(x: Any, low: Any, high: Any) -> Any:
    """np.clip between public limits that do not cross."""
    return np.clip(x, low, high)


def _limited(x: Any, low: Any, high: Any) -> Step:
    under, too_low = compared(np.subtract(x, low))
    above, too_high = compared(np.subtract(high, x))
    value = x - too_low + too_high
    return Step(value, (fitted(x, lambda g: g - _product(g, under) - _product(g, above)),))


def _where(condition: Any, x: Any, y: Any) -> Step:
    if not _is_secret_or_traced(condition):
        condition = np.asarray(condition, np.bool_)
    chosen = remembered(lambda g: _product(g, condition))
    return Step(np.where(condition, x, y), (None, fitted(x, chosen), fitted(y, lambda g: g - chosen(g))))


# ------------------------------------------------------------------------------------------------------------- extremes


def tournament(columns: Any, largest: bool) -> tuple[Any, list[Any]]:
    """The largest or smallest of each column of a matrix, and the comparisons that it was found by.

    Of each pair of neighbours one goes on, level by level: [left < right], of shape (pairs, columns) for each level.
    """
    if isinstance(columns, SecretArray):
        won, levels = folds.extreme_by_levels(columns._value, largest)
        return columns._wrap(won), columns._wrap(levels)
    levels = []
    while columns.shape[0] > 1:
        even = columns.shape[0] - columns.shape[0] % 2
        left, right = columns[0:even:2], columns[1:even:2]
        below, part = compared(left - right)
        levels.append(below)
        won = left - part if largest else right + part
        columns = np.concatenate([won, columns[even:]], axis=0)
    return columns[0], levels


def _returned(g: Any, levels: list[Any], rows: int, largest: bool) -> Any:
    """The cotangent of each column's winner, back through the levels to the element that won."""
    sizes = [rows]
    while sizes[-1] > 1:
        sizes.append(-(-sizes[-1] // 2))
    g = np.reshape(g, (1, *g.shape))
    for below, size in zip(reversed(levels), reversed(sizes[:-1]), strict=True):
        pairs = size // 2
        whole = g[:pairs]
        moved = _product(whole, below)
        left, right = (whole - moved, moved) if largest else (moved, whole - moved)
        both = np.reshape(np.stack([left, right], axis=1), (2 * pairs, g.shape[1]))
        g = np.concatenate([both, g[pairs:]], axis=0)
    return g


def _extreme(largest: bool) -> Callable[..., Step]:
    def rule(x: Any, axis: Any = None, keepdims: bool = False) -> Step:
        shape, axes = x.shape, axes_of(x.shape, axis)
        others = tuple(i for i in range(len(shape)) if i not in axes)
        order, rest = axes + others, tuple(shape[i] for i in others)
        rows, width = math.prod(shape[i] for i in axes), math.prod(rest)
        if not rows:
            raise ValueError(f"the {'largest' if largest else 'smallest'} of no elements")
        won, levels = tournament(np.reshape(np.transpose(x, order), (rows, width)), largest)

        def pull(g: Any) -> Any:
            back = _returned(np.reshape(g, (width,)), levels, rows, largest)
            back = np.reshape(back, tuple(shape[i] for i in order))
            return np.transpose(back, tuple(order.index(i) for i in range(len(shape))))

        kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
        return Step(np.reshape(won, kept if keepdims else rest), (pull,))

    return rule


RULES: dict[Any, Callable[..., Step]] = {
    np.maximum: _larger,
    np.minimum: _smaller,
    np.fmax: _larger,
    np.fmin: _smaller,
    np.absolute: _absolute,
    np.fabs: _absolute,
    numerics.relu: _relu,
    limited: _limited,
    np.where: _where,
    np.max: _extreme(True),
    np.min: _extreme(False),
    np.amax: _extreme(True),
    np.amin: _extreme(False),
}


def _ptp(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims)


def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = np.where(condition, choice, result)
    return result


COMPOSED: dict[Any, Callable[..., Any]] = {
    np.clip: _clip,
    np.select: _select,
    np.ptp: _ptp,
}

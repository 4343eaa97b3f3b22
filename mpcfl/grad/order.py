"""Gradients of sorts: the cotangent goes back through the network by the comparisons of the forward pass.

A comparator puts (x, y) in order by b = [x < y]; the cotangents (g, h) of its results go back as (h + b (g - h), g - b
(g - h)): one opening a stage, and no comparison. Plain arrays go by the order itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl.array import SecretArray
from mpcfl.grad.choices import compared
from mpcfl.grad.cotangent import axes_of, count
from mpcfl.grad.places import positions, scattered
from mpcfl.grad.tape import Step
from mpcfl.operations import ordering
from mpcfl.overrides import overridable

Comparison = tuple[ordering.Stage, Any]
"""Left and right places of a stage, and [left < right]."""


@overridable
def ordered(x: Any, wanted: Sequence[int] | None = None) -> Any:
    """The elements in ascending order along the last axis: all, or those at the wanted places."""
    result = np.sort(x, axis=-1)
    return result if wanted is None else result[..., list(wanted)]


def _ordered(x: Any, wanted: Sequence[int] | None = None) -> Step:
    shape = x.shape
    places = range(shape[-1]) if wanted is None else wanted
    public = isinstance(np.zeros_like(x), np.ndarray)
    value, returned = _by_order(x, places) if public else _by_network(x, places)

    def pull(g: Any) -> Any:
        whole = g if wanted is None else scattered(g, positions(shape)[..., list(wanted)], shape)
        return returned(whole)

    return Step(value, (pull,))


def _by_order(x: Any, wanted: Sequence[int]) -> tuple[Any, Callable[[Any], Any]]:
    """The wanted places of a plain array in order, and what takes cotangents of all back."""
    order = np.argsort(x, axis=-1, kind="stable")
    back = np.argsort(order, axis=-1)
    value = np.take_along_axis(x, order[..., list(wanted)], axis=-1)
    return value, lambda g: np.take_along_axis(g, back, axis=-1)


def _by_network(x: Any, wanted: Sequence[int]) -> tuple[Any, Callable[[Any], Any]]:
    """As `_by_order`, by a network of comparators."""
    value, stages = _staged(x, wanted)

    def returned(g: Any) -> Any:
        for (left, right), below in reversed(stages):
            low, high = g[..., left], g[..., right]
            stays = np.multiply(low - high, below)
            g = _placed(g, left, right, high + stays, low - stays)
        return g

    return value, returned


def _staged(x: Any, wanted: Sequence[int]) -> tuple[Any, list[Comparison]]:
    if isinstance(x, SecretArray):
        value, stages = ordering.sort_by_stages(x._value, wanted)
        return x._wrap(value), [(places, x._wrap(below)) for places, below in stages]
    comparisons = []
    for left, right in ordering.network(x.shape[-1], wanted):
        low, high = x[..., left], x[..., right]
        below, part = compared(low - high)
        comparisons.append(((left, right), below))
        x = _placed(x, left, right, high + part, low - part)
    return x[..., list(wanted)], comparisons


def _placed(x: Any, left: NDArray[np.int64], right: NDArray[np.int64], low: Any, high: Any) -> Any:
    """x with other elements at the left and right places."""
    idle = np.ones(x.shape[-1], np.bool_)
    idle[left] = idle[right] = False
    rest = np.flatnonzero(idle)
    back = np.argsort(np.concatenate([left, right, rest]))
    return np.concatenate([low, high, x[..., rest]], axis=-1)[..., back]


RULES: dict[Any, Callable[..., Step]] = {ordered: _ordered}


def _sort(a: Any, axis: int | None = -1, kind: Any = None, *, stable: Any = None) -> Any:
    if axis is None:
        a, axis = np.ravel(a), -1
    return np.moveaxis(ordered(np.moveaxis(a, axis, -1)), -1, axis)


def _quantile(a: Any, q: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """By linear interpolation between the two nearest ranks, for public q."""
    shape, axes = np.shape(a), axes_of(np.shape(a), axis)
    others = tuple(i for i in range(len(shape)) if i not in axes)
    rest, n = tuple(shape[i] for i in others), count(shape, axes)
    ranks = np.asarray(q, np.float64) * (n - 1)
    if not ((ranks >= 0) & (ranks <= n - 1)).all() or not n:
        raise ValueError("quantiles are of some elements, and in the range [0, 1]")
    places = sorted({int(f(rank)) for rank in ranks.reshape(-1) for f in (math.floor, math.ceil)})
    picked = ordered(np.reshape(np.transpose(a, others + axes), (*rest, n)), tuple(places))
    found = []
    for rank in ranks.reshape(-1):
        low, high = (picked[..., places.index(int(f(rank)))] for f in (math.floor, math.ceil))
        weight = float(rank) - math.floor(rank)
        found.append(low * (1 - weight) + high * weight if weight else low)
    kept = tuple(1 if i in axes else size for i, size in enumerate(shape)) if keepdims else rest
    return np.reshape(np.stack(found), (*ranks.shape, *kept))


COMPOSED: dict[Any, Callable[..., Any]] = {
    np.sort: _sort,
    np.quantile: _quantile,
    np.percentile: lambda a, q, axis=None, *, keepdims=False: _quantile(
        a, np.asarray(q, np.float64) / 100, axis, keepdims=keepdims
    ),
    np.median: lambda a, axis=None, *, keepdims=False: _quantile(a, 0.5, axis, keepdims=keepdims),
}

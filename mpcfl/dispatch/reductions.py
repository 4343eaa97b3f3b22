"""NumPy's reductions on secret values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl import operations as op
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value
from mpcfl.ring import Shape


def axes_of(x: Value, axis: Any) -> tuple[int, ...]:
    """The axes that an argument names, in order."""
    if axis is None:
        return tuple(range(len(x.shape)))
    chosen = axis if isinstance(axis, tuple) else (axis,)
    for one in chosen:
        if not -len(x.shape) <= one < len(x.shape):
            raise np.exceptions.AxisError(one, len(x.shape))
    return tuple(sorted({one % len(x.shape) for one in chosen}))


def total(x: Value, axis: Any = None, keepdims: bool = False) -> Value:
    """np.sum."""
    axes, shape = axes_of(x, axis), x.shape
    if x.kind == BOOLEAN:
        x = op.as_kind(x, INTEGER)
    for one in reversed(axes):
        x = op.total(x, one)
    return kept(x, shape, axes) if keepdims else x


def kept(x: Value, shape: Shape, axes: tuple[int, ...]) -> Value:
    """A reduced array with the reduced axes of length one (keepdims)."""
    return op.reshape(x, tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _mean(x: Value, axis: Any = None, keepdims: bool = False) -> Value:
    count = math.prod(x.shape[one] for one in axes_of(x, axis))
    if count == 0:
        raise ValueError("the mean of no elements")
    return op.divide(op.as_kind(total(x, axis, keepdims), FIXED), np.array(count))


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: total,
    np.mean: _mean,
}

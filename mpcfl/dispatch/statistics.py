"""NumPy's means, variances and limits on secret values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from mpcfl import operations as op
from mpcfl.dispatch import elementary
from mpcfl.dispatch.reductions import axes_of, kept, total
from mpcfl.dispatch.structure import permuted
from mpcfl.dispatch.ufuncs import maximum, minimum
from mpcfl.engine import FIXED, Value


def mean(x: Value, axis: Any = None, keepdims: bool = False) -> Value:
    """np.mean."""
    count = math.prod(x.shape[one] for one in axes_of(x, axis))
    if count == 0:
        raise ValueError("the mean of no elements")
    return op.divide(op.as_kind(total(x, axis, keepdims), FIXED), np.array(count))


def _weighed(a: Any, axis: Any, weights: Value, returned: bool, keepdims: bool) -> Any:
    """np.average by secret weights: the sum of products by the sum of weights."""
    x = a if isinstance(a, Value) else op.constant(weights.engine, op.public(a))
    axes, named = axes_of(x, axis), axis
    if weights.shape != x.shape:  # one weight a place along the axes, in the order in which they are named
        order = [i % len(x.shape) for i in np.atleast_1d(named)]
        moved = permuted(weights, np.argsort(order).tolist())
        weights = op.reshape(moved, tuple(n if i in axes else 1 for i, n in enumerate(x.shape)))
        weights = op.broadcast(weights, x.shape)
    sums = total(weights, axes, keepdims)
    result = elementary.UFUNCS[np.true_divide](total(op.multiply(x, weights), axes, keepdims), sums)
    return (result, sums) if returned else result


def _average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    """np.average: by public weights one product with the normalised weights."""
    if weights is None:
        axes = axes_of(a, axis)
        even = mean(a, axis, keepdims)
        count = math.prod(a.shape[one] for one in axes)
        return (even, np.full(even.shape, float(count))) if returned else even
    if isinstance(weights, Value) or not isinstance(a, Value):
        return _weighed(a, axis, weights, returned, keepdims)
    axes = axes_of(a, axis)
    plain = np.asarray(op.public(weights), np.float64)
    average: Any = np.average
    _, sums = average(np.zeros(a.shape), axis=axis, weights=plain, returned=True, keepdims=keepdims)
    if plain.shape == a.shape:
        shares = plain / plain.sum(axis=axes, keepdims=True)
        result = total(op.multiply(op.as_kind(a, FIXED), shares), axes)
    else:  # one weight a place along the axes, in the order in which they are named
        plain = plain.transpose(np.argsort(normalize_axis_tuple(axis, len(a.shape)))).reshape(-1)
        rest = tuple(i for i in range(len(a.shape)) if i not in axes)
        rows = op.reshape(permuted(a, rest + axes), (*(a.shape[i] for i in rest), plain.size))
        result = op.as_kind(op.matmul(rows, plain / plain.sum()), FIXED)
    result = kept(result, a.shape, axes) if keepdims else result
    return (result, sums) if returned else result


def variance(x: Value, axis: Any = None, correction: float = 0, keepdims: bool = False) -> Value:
    """np.var: the mean of the squares of x - mean(x), truncated one by one, so that only their sum must fit."""
    axes = axes_of(x, axis)
    count = math.prod(x.shape[one] for one in axes) - correction
    if count <= 0:
        raise ValueError("a variance of too few elements")
    centred = op.subtract(x, mean(x, axes, True))
    return op.divide(total(op.multiply(centred, centred), axes, keepdims), np.array(count))


def square_root(x: Value) -> Value:
    """np.sqrt."""
    root: Value = elementary.UFUNCS[np.sqrt](x)
    return root


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Value:
    """Limits: x - min(x - low, 0) + min(high - x, 0), which opens x once, by public ones; else one after the other."""
    low, high = (
        v if v is None or isinstance(v, Value) else op.public(v)
        for v in (a_min if min is None else min, a_max if max is None else max)
    )
    x: Any = a if isinstance(a, Value) else op.public(a)
    if isinstance(x, np.ndarray) or low is None or high is None or isinstance(low, Value) or isinstance(high, Value):
        if low is not None:
            x = maximum(x, low)
        if high is not None:
            x = minimum(x, high)
        limited: Value = x
        return limited
    low = np.minimum(low, high)  # crossed limits give the upper one
    under = op.negative_part(op.subtract(x, low))
    over = op.negative_part(op.add(op.negative(x), high))
    return op.add(op.subtract(x, under), over)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.average: _average,
    np.clip: _clip,
}

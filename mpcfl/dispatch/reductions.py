"""NumPy's reductions on secret values: sums, products, extremes, logic and running ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from mpcfl import operations as op
from mpcfl.dispatch.ufuncs import truth
from mpcfl.engine import BOOLEAN, INTEGER, Value
from mpcfl.ring import Shape


def axes_of(x: Value, axis: Any) -> tuple[int, ...]:
    """The axes that an argument names, in order."""
    if axis is None:
        return tuple(range(len(x.shape)))
    return tuple(sorted(normalize_axis_tuple(axis, len(x.shape))))


def counted(x: Value) -> Value:
    """A boolean as the integer 0 or 1, numbers as they are."""
    return op.as_kind(x, INTEGER) if x.kind == BOOLEAN else x


def total(x: Value, axis: Any = None, keepdims: bool = False) -> Value:
    """np.sum."""
    axes, shape = axes_of(x, axis), x.shape
    x = counted(x)
    for one in reversed(axes):
        x = op.total(x, one)
    return kept(x, shape, axes) if keepdims else x


def kept(x: Value, shape: Shape, axes: tuple[int, ...]) -> Value:
    """A reduced array with the reduced axes of length one (keepdims)."""
    return op.reshape(x, tuple(1 if i in axes else n for i, n in enumerate(shape)))


def fold(function: Callable[[Value], Value], x: Value, axis: Any, keepdims: bool, *, empty: str | None = None) -> Value:
    """Reduce some axes by a function from a matrix to what it makes of each column.

    Parameters
    ----------
    empty : str, optional
        Names a reduction that no elements have no result of.
    """
    axes = axes_of(x, axis)
    others = tuple(i for i in range(len(x.shape)) if i not in axes)
    rest = tuple(x.shape[i] for i in others)
    n = math.prod(x.shape[i] for i in axes)
    if n == 0 and empty:
        raise ValueError(f"{empty} of no elements")
    columns = op.reshape(op.transpose(x, axes + others), (n, math.prod(rest)))
    result = function(columns)
    return kept(result, x.shape, axes) if keepdims else op.reshape(result, rest)


# ------------------------------------------------------------------------------------------------------------- extremes


def _extreme(name: str, largest: bool) -> Callable[..., Value]:
    def apply(x: Value, axis: Any = None, keepdims: bool = False) -> Value:
        if x.kind == BOOLEAN:
            return (any_of if largest else all_of)(x, axis, keepdims)
        return fold(lambda columns: op.extreme(columns, largest), x, axis, keepdims, empty=name)

    return apply


largest_of, smallest_of = _extreme("np.max", True), _extreme("np.min", False)


def _place(name: str, largest: bool) -> Callable[..., Value]:
    def apply(x: Value, axis: int | None = None, *, keepdims: bool = False) -> Value:
        return fold(lambda columns: op.place_of_extreme(columns, largest), counted(x), axis, keepdims, empty=name)

    return apply


def _range(x: Value, axis: Any = None, keepdims: bool = False) -> Value:
    """np.ptp: the largest of x plus the largest of -x, side by side."""
    if x.kind == BOOLEAN:
        raise TypeError("np.ptp takes numbers: multiply a secret boolean by 1")

    def both(columns: Value) -> Value:
        ends = op.extreme(op.concatenate([columns, op.negative(columns)], 1), True)
        return op.total(op.reshape(ends, (2, columns.shape[1])), 0)

    return fold(both, x, axis, keepdims, empty="np.ptp")


# ---------------------------------------------------------------------------------------------------------------- logic


def _column_totals(x: Value) -> Value:
    return op.total(x, 0)


def any_of(x: Value, axis: Any = None, keepdims: bool = False) -> Value:
    """np.any: whether the count is not zero: one equality for any number of elements, one table below 64."""
    return op.invert(_none(truth(x), axis, keepdims))


def all_of(x: Value, axis: Any = None, keepdims: bool = False) -> Value:
    """np.all: whether none fails."""
    return _none(op.invert(truth(x)), axis, keepdims)


def _none(x: Value, axis: Any, keepdims: bool) -> Value:
    count = fold(_column_totals, counted(x), axis, keepdims)
    return op.none(count, math.prod(x.shape) // max(1, math.prod(count.shape)))


def _count_nonzero(x: Value, axis: Any = None, *, keepdims: bool = False) -> Value:
    return total(truth(x), axis, keepdims)


def _close(x: Any, y: Any, rtol: float = 1e-05, atol: float = 1e-08) -> Value:
    """|x - y| <= atol + rtol |y|, as a secret boolean."""
    distance = op.absolute(op.subtract(x, y) if isinstance(x, Value) else op.add(op.negative(y), op.public(x)))
    if isinstance(y, Value):
        bound: Any = op.add(op.multiply(op.absolute(counted(y)), np.array(rtol)), np.array(atol))
    else:
        bound = atol + rtol * np.abs(op.public(y))
    return op.invert(op.greater(distance, bound))


def _isclose(a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08) -> Value:
    left, right = (v if isinstance(v, Value) else op.public(v) for v in (a, b))
    return _close(left, right, rtol, atol)


def _array_equal(a1: Any, a2: Any) -> Value:
    """Whether shapes and all elements agree, as a secret boolean."""
    left, right = (v if isinstance(v, Value) else op.public(v) for v in (a1, a2))
    secret: Any
    secret, other = (left, right) if isinstance(left, Value) else (right, left)
    if left.shape != right.shape:
        return op.constant(secret.engine, np.array(False))
    return all_of(op.equal(secret, other))


# ------------------------------------------------------------------------------------------------- products and running


def product_of(x: Value, axis: Any = None, keepdims: bool = False) -> Value:
    """np.prod: pairs, pairs of pairs, ..."""
    if not math.prod(x.shape[i] for i in axes_of(x, axis)):
        shape = np.prod(np.empty(x.shape, np.uint8), axis=axis, keepdims=keepdims).shape
        return op.constant(x.engine, np.ones(shape, np.int64), counted(x).kind)
    if x.kind == BOOLEAN:
        return counted(all_of(x, axis, keepdims))
    return fold(op.product, x, axis, keepdims)


def _running(function: Callable[[Value], Value]) -> Callable[..., Value]:
    """A running reduction along one axis (of all elements where that is None)."""

    def apply(x: Value, axis: int | None = None) -> Value:
        x = counted(x)
        if axis is None:
            return op.reshape(function(op.reshape(x, (math.prod(x.shape), 1))), (math.prod(x.shape),))
        (place,) = axes_of(x, axis)
        order = (place, *(i for i in range(len(x.shape)) if i != place))
        moved = op.transpose(x, order)
        columns = op.reshape(moved, (moved.shape[0], math.prod(moved.shape[1:])))
        back = tuple(int(i) for i in np.argsort(order))
        return op.transpose(op.reshape(function(columns), moved.shape), back)

    return apply


running_total = _running(lambda columns: op.running_total(columns, 0))
running_product = _running(op.running_product)

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.argmax: _place("np.argmax", True),
    np.argmin: _place("np.argmin", False),
    np.ptp: _range,
    np.count_nonzero: _count_nonzero,
    np.isclose: _isclose,
    np.allclose: lambda a, b, rtol=1e-05, atol=1e-08: all_of(_isclose(a, b, rtol, atol)),
    np.array_equal: _array_equal,
}

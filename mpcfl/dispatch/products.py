"""NumPy's products of vectors, matrices and tensors on secret values: all by transposes, reshapes and `matmul`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from mpcfl import operations as op
from mpcfl.dispatch.arrangement import along, diagonal, with_zero
from mpcfl.dispatch.reductions import total
from mpcfl.dispatch.structure import permuted, values
from mpcfl.dispatch.ufuncs import commutative
from mpcfl.engine import Value

times = commutative(op.multiply)


def operands(*arrays: Any) -> list[Any]:
    """Secret values as they are, all else as public arrays."""
    return [v if isinstance(v, Value) else op.public(v) for v in arrays]


def reshaped(x: Any, shape: Sequence[int]) -> Any:
    """A secret or public array in another shape."""
    return op.reshape(x, tuple(shape)) if isinstance(x, Value) else x.reshape(shape)


def transposed(x: Any, axes: Sequence[int]) -> Any:
    """A secret or public array with its axes in another order."""
    return op.transpose(x, tuple(axes)) if isinstance(x, Value) else x.transpose(axes)


def _dot(a: Any, b: Any) -> Value:
    x, y = operands(a, b)
    if not x.shape or not y.shape:
        return times(x, y)
    if len(y.shape) <= 2 and len(x.shape) <= 2:
        return op.matmul(x, y)
    return contracted(x, y, (len(x.shape) - 1,), (max(len(y.shape) - 2, 0),))


def contracted(x: Any, y: Any, left: tuple[int, ...], right: tuple[int, ...]) -> Value:
    """Sums of products over pairs of axes, as one matrix product: what is left of x, then of y."""
    if [x.shape[i] for i in left] != [y.shape[i] for i in right]:
        raise ValueError(f"shapes {x.shape} and {y.shape} do not fit along axes {left} and {right}")
    keep_left = tuple(i for i in range(len(x.shape)) if i not in left)
    keep_right = tuple(i for i in range(len(y.shape)) if i not in right)
    rows, columns = tuple(x.shape[i] for i in keep_left), tuple(y.shape[i] for i in keep_right)
    inner = math.prod(x.shape[i] for i in left)
    a = reshaped(transposed(x, keep_left + left), (math.prod(rows), inner))
    b = reshaped(transposed(y, right + keep_right), (inner, math.prod(columns)))
    return op.reshape(op.matmul(a, b), rows + columns)


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Value:
    x, y = operands(a, b)
    if np.ndim(axes) == 0 and not isinstance(axes, tuple | list):
        left, right = range(len(x.shape) - axes, len(x.shape)), range(axes)
    else:
        left, right = axes
    return contracted(x, y, normalize_axis_tuple(left, len(x.shape)), normalize_axis_tuple(right, len(y.shape)))


def _vdot(a: Any, b: Any) -> Value:
    x, y = operands(a, b)
    return op.matmul(reshaped(x, (math.prod(x.shape),)), reshaped(y, (math.prod(y.shape),)))


def _inner(a: Any, b: Any) -> Value:
    x, y = operands(a, b)
    if not x.shape or not y.shape:
        return times(x, y)
    return contracted(x, y, (len(x.shape) - 1,), (len(y.shape) - 1,))


def _outer(a: Any, b: Any) -> Value:
    x, y = operands(a, b)
    return times(reshaped(x, (math.prod(x.shape), 1)), reshaped(y, (1, math.prod(y.shape))))


def _kron(a: Any, b: Any) -> Value:
    x, y = operands(a, b)
    dims = max(len(x.shape), len(y.shape))
    left, right = ((1,) * (dims - len(v.shape)) + v.shape for v in (x, y))
    product = times(
        reshaped(x, [n for size in left for n in (size, 1)]), reshaped(y, [n for size in right for n in (1, size)])
    )
    return op.reshape(product, tuple(m * n for m, n in zip(left, right, strict=True)))


def sums_of_products(x: Any, y: Any) -> Value:
    """Sums over the last axis of the products of two arrays of one shape."""
    if isinstance(x, Value) and isinstance(y, Value):
        return op.inner(x, y)
    shape = np.broadcast_shapes(x.shape, y.shape)
    product = op.matmul(reshaped(x, (*x.shape[:-1], 1, shape[-1])), reshaped(y, (*y.shape[:-1], shape[-1], 1)))
    return op.reshape(product, shape[:-1])


def _vecdot(x1: Any, x2: Any, axis: int = -1) -> Value:
    x, y = operands(x1, x2)
    last = [
        transposed(v, [*(i for i in range(len(v.shape)) if i != axis % len(v.shape)), axis % len(v.shape)])
        for v in (x, y)
    ]
    return sums_of_products(*last)


def _matvec(x: Any, y: Any) -> Value:
    product = op.matmul(x, reshaped(y, (*y.shape, 1)))
    return op.reshape(product, product.shape[:-1])


def _vecmat(x: Any, y: Any) -> Value:
    product = op.matmul(reshaped(x, (*x.shape[:-1], 1, x.shape[-1])), y)
    return op.reshape(product, (*product.shape[:-2], product.shape[-1]))


def _trace(a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    return total(diagonal(a, offset, axis1, axis2), -1)


def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Value:
    """Vectors of three: the six products in one operation."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = (permuted(v, _last(v, one)) for v, one in zip(values([a, b]), (axisa, axisb), strict=True))
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise ValueError("a cross product takes vectors of three")
    shape = np.broadcast_shapes(x.shape, y.shape)
    x, y = op.broadcast(x, shape), op.broadcast(y, shape)
    products = op.multiply(along(x, -1, [1, 2, 0, 2, 0, 1]), along(y, -1, [2, 0, 1, 1, 2, 0]))
    result = op.subtract(along(products, -1, slice(0, 3)), along(products, -1, slice(3, 6)))
    order = list(range(len(shape) - 1))
    order.insert(normalize_axis_index(axisc, len(shape)), len(shape) - 1)
    return op.transpose(result, tuple(order))


def _last(x: Value, axis: int) -> tuple[int, ...]:
    """The order of axes that puts one last."""
    place = normalize_axis_index(axis, len(x.shape))
    return (*(i for i in range(len(x.shape)) if i != place), place)


def _convolve(a: Any, v: Any, mode: str = "full") -> Value:
    """The windows of the longer operand, as a gather, times the shorter one: one matrix product."""
    x, y = operands(a, v)
    if len(x.shape) != 1 or len(y.shape) != 1 or not x.shape[0] or not y.shape[0]:
        raise ValueError("a convolution takes two vectors that are not empty")
    if y.shape[0] > x.shape[0]:
        x, y = y, x
    n, m = x.shape[0], y.shape[0]
    starts = {"full": range(n + m - 1), "same": range((m - 1) // 2, (m - 1) // 2 + n), "valid": range(m - 1, n)}
    if mode not in starts:
        raise ValueError("the mode of a convolution is full, same or valid")
    places = np.array(starts[mode])[:, None] - np.arange(m)  # of x, outside of which there are zeros
    places = np.where((places >= 0) & (places < n), places + 1, 0)
    if isinstance(x, Value):
        return op.matmul(with_zero(x, places), y)
    return op.matmul(np.concatenate([np.zeros(1, x.dtype), x])[places], y)


def _correlate(a: Any, v: Any, mode: str = "valid") -> Value:
    x, y = operands(a, v)
    longer = x.shape[0] >= y.shape[0]
    reverse = slice(None, None, -1)
    if longer:
        return _convolve(x, op.take(y, reverse) if isinstance(y, Value) else y[reverse], mode)
    return op.take(_convolve(y, op.take(x, reverse) if isinstance(x, Value) else x[reverse], mode), reverse)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.dot: _dot,
    np.vdot: _vdot,
    np.inner: _inner,
    np.outer: _outer,
    np.linalg.outer: _outer,
    np.tensordot: _tensordot,
    np.linalg.tensordot: lambda x1, x2, *, axes=2: _tensordot(x1, x2, axes),
    np.kron: _kron,
    np.trace: _trace,
    np.linalg.trace: lambda x, *, offset=0: _trace(x, offset, -2, -1),
    np.cross: _cross,
    np.linalg.cross: lambda x1, x2, *, axis=-1: _cross(x1, x2, axis=axis),
    np.convolve: _convolve,
    np.correlate: _correlate,
    np.linalg.matmul: lambda x1, x2: op.matmul(*operands(x1, x2)),
    np.linalg.vecdot: lambda x1, x2, *, axis=-1: _vecdot(x1, x2, axis),
}
UFUNCS: dict[Any, Callable[..., Any]] = {
    np.matmul: op.matmul,
    np.vecdot: _vecdot,
    np.matvec: _matvec,
    np.vecmat: _vecmat,
}

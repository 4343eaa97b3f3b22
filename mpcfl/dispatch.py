"""One table from NumPy's functions to operations on secret values.

`ufunc` serves `__array_ufunc__`, `function` serves `__array_function__`. A function that is not in the tables, or an
argument that a secret cannot honour, raises TypeError with the alternative.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mpcfl import operations as op
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value
from mpcfl.ring import Shape

# --------------------------------------------------------------------------------------------------------------- ufuncs


def ufunc(called: np.ufunc, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Apply a ufunc to operands of which at least one is a `Value`."""
    if method == "reduce" and called in (np.add,) and isinstance(inputs[0], Value):
        return _sum(inputs[0], axis=kwargs.get("axis", 0), keepdims=kwargs.get("keepdims", False))
    unsupported = [name for name in kwargs if name not in ("casting", "order", "subok")]
    if method != "__call__" or unsupported or called not in _UFUNCS:
        what = f"numpy.{called.__name__}" + (f".{method}" if method != "__call__" else "")
        arguments = f" with {', '.join(unsupported)}" if unsupported else ""
        raise TypeError(f"{what}{arguments} is not offered on secret arrays{_HINTS.get(called.__name__, '')}")
    return _UFUNCS[called](*(x if isinstance(x, Value) else op.public(x) for x in inputs))


_HINTS = {
    "isnan": ": a secret is never NaN, encoding refuses it",
    "isfinite": ": a secret is always finite, encoding refuses all else",
    "floor_divide": ": use np.rint(x / public divisor - 0.5)",
    "power": ": multiply, or use np.square",
    "exp": ": mpcfl.numerics has sigmoid and softplus",
    "log": ": mpcfl.numerics has softplus",
}


def _commutes(operation: Callable[..., Value]) -> Callable[..., Value]:
    return lambda x, y: operation(x, y) if isinstance(x, Value) else operation(y, x)


def _add(x: Any, y: Any) -> Value:
    _refuse_booleans(x, y, "+", "|")
    return op.add(x, y) if isinstance(x, Value) else op.add(y, x)


def _subtract(x: Any, y: Any) -> Value:
    _refuse_booleans(x, y, "-", "^")
    return op.subtract(x, y) if isinstance(x, Value) else op.add(op.negative(y), x)


def _all_boolean(*operands: Any) -> bool:
    return all((v.kind if isinstance(v, Value) else op.public_kind(v)) == BOOLEAN for v in operands)


def _refuse_booleans(x: Any, y: Any, sign: str, instead: str) -> None:
    if _all_boolean(x, y):
        raise TypeError(f"booleans and {sign}: use {instead} for logic, or multiply by 1 to count")


def _divide(x: Any, y: Any) -> Value:
    if isinstance(y, Value):
        raise TypeError("division by a secret: use mpcfl.numerics.divide, which states its range")
    return op.divide(x, y)


def _less(x: Any, y: Any) -> Value:
    return op.less(x, y) if isinstance(x, Value) else op.greater(y, x)


def _greater(x: Any, y: Any) -> Value:
    return op.greater(x, y) if isinstance(x, Value) else op.less(y, x)


def _and(x: Any, y: Any) -> Value:
    return op.multiply(*_booleans(x, y))


def _or(x: Any, y: Any) -> Value:
    left, right = _booleans(x, y)
    return op.invert(op.multiply(op.invert(left), _not(right)))


def _xor(x: Any, y: Any) -> Value:
    """x + y - 2 x y."""
    left, right = _booleans(x, y)
    twice = op.multiply(op.as_kind(op.multiply(left, right), INTEGER), np.array(2))
    return op.as_boolean(op.subtract(op.add(left, right), twice))


def _booleans(x: Any, y: Any) -> tuple[Value, Any]:
    for operand in (x, y):
        if (operand.kind if isinstance(operand, Value) else op.public_kind(operand)) != BOOLEAN:
            raise TypeError("logic on secrets takes booleans: compare first, as in x != 0")
    return (x, y) if isinstance(x, Value) else (y, x)


def _not(x: Any) -> Any:
    return op.invert(x) if isinstance(x, Value) else ~x


def _invert(x: Value) -> Value:
    if x.kind != BOOLEAN:
        raise TypeError("~ takes a secret boolean: compare first")
    return op.invert(x)


def _maximum(x: Any, y: Any) -> Value:
    if _all_boolean(x, y):
        return _or(x, y)
    return op.extremum(x, y, True) if isinstance(x, Value) else op.extremum(y, x, True)


def _minimum(x: Any, y: Any) -> Value:
    if _all_boolean(x, y):
        return _and(x, y)
    return op.extremum(x, y, False) if isinstance(x, Value) else op.extremum(y, x, False)


_UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _commutes(op.multiply),
    np.true_divide: _divide,
    np.matmul: op.matmul,
    np.negative: op.negative,
    np.positive: lambda x: x,
    np.absolute: op.absolute,
    np.square: lambda x: op.multiply(x, x),
    np.rint: op.rounded,
    np.less: _less,
    np.greater: _greater,
    np.less_equal: lambda x, y: op.invert(_greater(x, y)),
    np.greater_equal: lambda x, y: op.invert(_less(x, y)),
    np.equal: _commutes(op.equal),
    np.not_equal: lambda x, y: op.invert(_commutes(op.equal)(x, y)),
    np.logical_and: _and,
    np.bitwise_and: _and,
    np.logical_or: _or,
    np.bitwise_or: _or,
    np.logical_xor: _xor,
    np.bitwise_xor: _xor,
    np.logical_not: _invert,
    np.invert: _invert,
    np.maximum: _maximum,
    np.minimum: _minimum,
}

# ------------------------------------------------------------------------------------------------------------ functions


def function(called: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Apply a NumPy function to arguments among which a `Value` stands."""
    implementation = _FUNCTIONS.get(called)
    name = f"numpy.{getattr(called, '__name__', called)}"
    if implementation is None:
        raise TypeError(
            f"{name} is not offered on secret arrays; np.where, np.concatenate, sums, products and comparisons are"
        )
    try:
        return implementation(*args, **kwargs)
    except TypeError as error:
        if "argument" in str(error) and "()" in str(error):
            raise TypeError(f"{name} on secret arrays does not take these arguments: {error}") from None
        raise


def getitem(x: Value, index: Any) -> Value:
    """Basic, slice and public integer-array indexing; public boolean masks."""
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, Value) or hasattr(part, "reveal") for part in parts):
        raise TypeError("a secret cannot index: choose by np.where, or reveal() it to disclose the position")
    clean = tuple(part if _is_basic(part) else np.asarray(part) for part in parts)
    return op.take(x, clean if isinstance(index, tuple) else clean[0])


def _is_basic(part: Any) -> bool:
    return part is None or part is Ellipsis or isinstance(part, slice | int | np.integer)


def astype(x: Value, dtype: np.dtype[Any]) -> Value:
    """A secret of a wider type: bool to int64 to float64."""
    kinds = [BOOLEAN, INTEGER, FIXED]
    target = {"b": BOOLEAN, "i": INTEGER, "u": INTEGER, "f": FIXED}.get(dtype.kind)
    if target is None or kinds.index(target) < kinds.index(x.kind):
        raise TypeError(f"a secret does not become {dtype}: compare it for bool, np.rint it for whole numbers")
    return op.as_kind(x, target)


def _axes(x: Value, axis: Any) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(len(x.shape)))
    chosen = axis if isinstance(axis, tuple) else (axis,)
    for one in chosen:
        if not -len(x.shape) <= one < len(x.shape):
            raise np.exceptions.AxisError(one, len(x.shape))
    return tuple(sorted({one % len(x.shape) for one in chosen}))


def _sum(x: Value, axis: Any = None, keepdims: bool = False) -> Value:
    axes, shape = _axes(x, axis), x.shape
    if x.kind == BOOLEAN:
        x = op.as_kind(x, INTEGER)
    for one in reversed(axes):
        x = op.total(x, one)
    return _kept(x, shape, axes) if keepdims else x


def _kept(x: Value, shape: Shape, axes: tuple[int, ...]) -> Value:
    return op.reshape(x, tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _mean(x: Value, axis: Any = None, keepdims: bool = False) -> Value:
    count = math.prod(x.shape[one] for one in _axes(x, axis))
    if count == 0:
        raise ValueError("the mean of no elements")
    return op.divide(op.as_kind(_sum(x, axis, keepdims), FIXED), np.array(count))


def _where(condition: Any, x: Any, y: Any) -> Any:
    left, right = (v if isinstance(v, Value) else op.public(v) for v in (x, y))
    if isinstance(condition, Value):
        if condition.kind != BOOLEAN:
            raise TypeError("np.where takes a secret boolean: compare first")
        result = op.where(condition, left, right)
        return op.as_boolean(result) if _all_boolean(left, right) else result
    mask = np.asarray(condition).astype(np.bool_)
    left, right = _values([left, right])
    result = op.add(op.multiply(left, mask.astype(np.int64)), op.multiply(right, (~mask).astype(np.int64)))
    return op.as_boolean(result) if _all_boolean(left, right) else result


def _values(parts: Sequence[Any]) -> list[Value]:
    engine = next(part.engine for part in parts if isinstance(part, Value))
    return [part if isinstance(part, Value) else op.constant(engine, op.public(part)) for part in parts]


def _concatenate(parts: Sequence[Any], axis: int | None = 0) -> Value:
    values = _values(parts)
    if axis is None:
        return op.concatenate([_ravel(value) for value in values], 0)
    return op.concatenate(values, axis)


def _stack(parts: Sequence[Any], axis: int = 0) -> Value:
    values = _values(parts)
    return op.concatenate([_expand_dims(value, axis) for value in values], axis)


def _column_stack(parts: Sequence[Any]) -> Value:
    return op.concatenate([v if len(v.shape) > 1 else _expand_dims(v, 1) for v in _values(parts)], 1)


def _reshape(x: Value, shape: Any = None, order: str = "C") -> Value:
    if order != "C":
        raise TypeError("reshape of a secret takes order 'C' alone")
    return op.reshape(x, np.broadcast_to(np.uint8(0), x.shape).reshape(shape).shape)


def _ravel(x: Value) -> Value:
    return op.reshape(x, (math.prod(x.shape),))


def _transpose(x: Value, axes: Any = None) -> Value:
    n = len(x.shape)
    order = tuple(range(n))[::-1] if axes is None else tuple(axis % n for axis in axes)
    if sorted(order) != list(range(n)):
        raise ValueError("axes do not match the array")
    return op.transpose(x, order)


def _expand_dims(x: Value, axis: int) -> Value:
    return op.reshape(x, np.expand_dims(np.broadcast_to(np.uint8(0), x.shape), axis).shape)


def _squeeze(x: Value, axis: Any = None) -> Value:
    return op.reshape(x, np.squeeze(np.broadcast_to(np.uint8(0), x.shape), axis).shape)


def _take(x: Value, indices: Any, axis: int | None = None) -> Value:
    if axis is None:
        return getitem(_ravel(x), np.asarray(indices))
    return getitem(x, (slice(None),) * (axis % len(x.shape)) + (np.asarray(indices),))


def _dot(x: Any, y: Any) -> Value:
    left, right = (v if isinstance(v, Value) else op.public(v) for v in (x, y))
    if not left.shape or not right.shape:
        return _commutes(op.multiply)(left, right)
    return op.matmul(left, right)


_PUBLIC: dict[str, type[np.generic]] = {FIXED: np.float64, INTEGER: np.int64, BOOLEAN: np.bool_}


def _full_like(x: Value, fill: Any, dtype: Any = None, shape: Any = None) -> Value:
    """A secret constant of the type of x, without communication."""
    kind = x.kind if dtype is None else op.public_kind(np.empty(0, dtype))
    size = x.shape if shape is None else tuple(np.atleast_1d(shape).tolist())
    return op.constant(x.engine, np.full(size, fill, _PUBLIC[kind]), kind)


def _round(x: Value, decimals: int = 0) -> Value:
    if decimals:
        raise TypeError("rounding a secret to decimals: use np.rint(x * 10**decimals), reveal it, and divide")
    return op.rounded(x)


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: len(x.shape),
    np.size: lambda x, axis=None: math.prod(x.shape) if axis is None else x.shape[axis],
    np.sum: _sum,
    np.mean: _mean,
    np.where: _where,
    np.concatenate: _concatenate,
    np.stack: _stack,
    np.column_stack: _column_stack,
    np.hstack: lambda parts: _concatenate(parts, 0 if len(np.shape(parts[0])) == 1 else 1),
    np.vstack: lambda parts: _concatenate([v if len(v.shape) > 1 else _expand_dims(v, 0) for v in _values(parts)], 0),
    np.reshape: _reshape,
    np.ravel: _ravel,
    np.transpose: _transpose,
    np.expand_dims: _expand_dims,
    np.squeeze: _squeeze,
    np.broadcast_to: lambda x, shape: op.broadcast(x, tuple(np.atleast_1d(shape).tolist())),
    np.take: _take,
    np.dot: _dot,
    np.zeros_like: lambda x, dtype=None, shape=None: _full_like(x, 0, dtype, shape),
    np.ones_like: lambda x, dtype=None, shape=None: _full_like(x, 1, dtype, shape),
    np.full_like: lambda x, fill_value, dtype=None, shape=None: _full_like(x, fill_value, dtype, shape),
    np.copy: lambda x: x,
    np.round: _round,
    np.around: _round,
}

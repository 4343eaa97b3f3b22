"""NumPy's functions of structure, choice and creation on secret values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mpcfl import operations as op
from mpcfl.dispatch.ufuncs import all_boolean, commutative
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value


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


def _where(condition: Any, x: Any, y: Any) -> Any:
    left, right = (v if isinstance(v, Value) else op.public(v) for v in (x, y))
    if isinstance(condition, Value):
        if condition.kind != BOOLEAN:
            raise TypeError("np.where takes a secret boolean: compare first")
        result = op.where(condition, left, right)
        return op.as_boolean(result) if all_boolean(left, right) else result
    mask = np.asarray(condition).astype(np.bool_)
    left, right = values([left, right])
    result = op.add(op.multiply(left, mask.astype(np.int64)), op.multiply(right, (~mask).astype(np.int64)))
    return op.as_boolean(result) if all_boolean(left, right) else result


def values(parts: Sequence[Any]) -> list[Value]:
    """Secret and public arrays, the public ones as secret constants."""
    engine = next(part.engine for part in parts if isinstance(part, Value))
    return [part if isinstance(part, Value) else op.constant(engine, op.public(part)) for part in parts]


def _concatenate(parts: Sequence[Any], axis: int | None = 0) -> Value:
    arrays = values(parts)
    if axis is None:
        return op.concatenate([_ravel(value) for value in arrays], 0)
    return op.concatenate(arrays, axis)


def _stack(parts: Sequence[Any], axis: int = 0) -> Value:
    arrays = values(parts)
    return op.concatenate([_expand_dims(value, axis) for value in arrays], axis)


def _column_stack(parts: Sequence[Any]) -> Value:
    return op.concatenate([v if len(v.shape) > 1 else _expand_dims(v, 1) for v in values(parts)], 1)


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
        return commutative(op.multiply)(left, right)
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


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: len(x.shape),
    np.size: lambda x, axis=None: math.prod(x.shape) if axis is None else x.shape[axis],
    np.where: _where,
    np.concatenate: _concatenate,
    np.stack: _stack,
    np.column_stack: _column_stack,
    np.hstack: lambda parts: _concatenate(parts, 0 if len(np.shape(parts[0])) == 1 else 1),
    np.vstack: lambda parts: _concatenate([v if len(v.shape) > 1 else _expand_dims(v, 0) for v in values(parts)], 0),
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

"""NumPy's functions of structure, indexing and choice on secret values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.typing import NDArray

from mpcfl import operations as op
from mpcfl.dispatch.ufuncs import all_boolean, truth
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value

PUBLIC: dict[str, type[np.generic]] = {FIXED: np.float64, INTEGER: np.int64, BOOLEAN: np.bool_}
"""What public numbers are cast to that stand among secrets of a kind."""


def getitem(x: Value, index: Any) -> Value:
    """Basic, slice and public integer-array indexing; public boolean masks."""
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, Value) or hasattr(part, "reveal") for part in parts):
        raise TypeError(
            "a secret cannot index: choose by np.where, weigh by the mask, read by mpcfl.ordering.gather, or "
            "reveal() it"
        )
    clean = tuple(part if is_basic(part) else _whole(part) for part in parts)
    return op.take(x, clean if isinstance(index, tuple) else clean[0])


def _whole(part: Any) -> Any:
    array = np.asarray(part)
    return array.astype(np.intp) if array.size == 0 and array.dtype.kind == "f" else array


def is_basic(part: Any) -> bool:
    """Whether a part of an index is neither an array nor a list."""
    return part is None or part is Ellipsis or isinstance(part, slice | int | np.integer)


def astype(x: Value, dtype: np.dtype[Any]) -> Value:
    """A secret as float64, int64 (the integer part) or bool (whether it is not zero).

    Raises
    ------
    TypeError
        A dtype of another kind.
    """
    if dtype.kind == "b":
        truths: Value = truth(x)
        return truths
    target = {"i": INTEGER, "u": INTEGER, "f": FIXED}.get(dtype.kind)
    if target is None:
        raise TypeError(f"a secret does not become {dtype}: it is float64, int64 or bool")
    return op.whole_toward_zero(x) if target == INTEGER else op.as_kind(x, target)


def chosen(condition: Any, x: Any, y: Any) -> Any:
    """np.where."""
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


def values(parts: Any) -> list[Value]:
    """Secret and public arrays, the public ones as secret constants; the rows of one secret array."""
    if isinstance(parts, Value):
        return [op.take(parts, i) for i in range(parts.shape[0])]
    engine = next(part.engine for part in parts if isinstance(part, Value))
    return [part if isinstance(part, Value) else op.constant(engine, op.public(part)) for part in parts]


def concatenated(parts: Sequence[Any], axis: int | None = 0) -> Value:
    """np.concatenate."""
    arrays = values(parts)
    if axis is None:
        return op.concatenate([flattened(value) for value in arrays], 0)
    return op.concatenate(arrays, axis)


def _stack(parts: Sequence[Any], axis: int = 0) -> Value:
    arrays = values(parts)
    return op.concatenate([expanded(value, axis) for value in arrays], axis)


def _column_stack(parts: Sequence[Any]) -> Value:
    return op.concatenate([v if len(v.shape) > 1 else expanded(v, 1) for v in values(parts)], 1)


def _hstack(parts: Any) -> Value:
    arrays = [v if v.shape else op.reshape(v, (1,)) for v in values(parts)]
    return op.concatenate(arrays, 0 if len(arrays[0].shape) == 1 else 1)


def _deep(x: Value) -> Value:
    return op.reshape(x, np.atleast_3d(shadow(x)).shape)


def _reshape(x: Value, /, shape: Any = None, order: str = "C", *, copy: bool | None = None) -> Value:
    if order != "C":
        raise TypeError("reshape of a secret takes order 'C' alone")
    return op.reshape(x, shadow(x).reshape(shape).shape)


def shadow(x: Value) -> NDArray[np.uint8]:
    """A plain array of the shape of x, without memory of its own: what NumPy makes of its shape holds for x."""
    return np.broadcast_to(np.uint8(0), x.shape)


def flattened(x: Value) -> Value:
    """np.ravel."""
    return op.reshape(x, (math.prod(x.shape),))


def permuted(x: Value, axes: Any = None) -> Value:
    """np.transpose."""
    n = len(x.shape)
    order = tuple(range(n))[::-1] if axes is None else tuple(axis % n for axis in axes)
    if sorted(order) != list(range(n)):
        raise ValueError("axes do not match the array")
    return op.transpose(x, order)


def expanded(x: Value, axis: int) -> Value:
    """np.expand_dims."""
    return op.reshape(x, np.expand_dims(shadow(x), axis).shape)


def _take(x: Value, indices: Any, axis: int | None = None) -> Value:
    if axis is None:
        return getitem(flattened(x), _places(indices))
    return getitem(x, (slice(None),) * normalize_axis_index(axis, len(x.shape)) + (_places(indices),))


def _places(indices: Any) -> Any:
    """Public indices, of which a secret is none."""
    return indices if isinstance(indices, Value) else np.asarray(indices, np.intp)


def _take_along_axis(x: Value, indices: Any, axis: int | None = -1) -> Value:
    if axis is None:
        return getitem(flattened(x), _places(indices))
    places = _places(indices)
    if isinstance(places, Value):
        return getitem(x, places)
    grid = np.take_along_axis(np.arange(math.prod(x.shape)).reshape(x.shape), places, axis)
    return op.take(flattened(x), grid)


def _compress(condition: Any, a: Value, axis: int | None = None) -> Value:
    if isinstance(condition, Value):
        raise TypeError("choosing by a secret condition would tell how many there are: use np.where, or weigh by it")
    return _take(a, np.flatnonzero(np.asarray(condition)), axis)


def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        secret = any(isinstance(part, Value) for part in (condition, choice, result))
        result = (chosen if secret else np.where)(condition, choice, result)
    return result


def _round(x: Value, decimals: int = 0) -> Value:
    if decimals:
        raise TypeError("rounding a secret to decimals: use np.rint(x * 10**decimals), reveal it, and divide")
    return op.as_kind(op.rounded(x), FIXED) if x.kind == BOOLEAN else op.rounded(x)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: len(x.shape),
    np.size: lambda x, axis=None: math.prod(x.shape) if axis is None else x.shape[axis],
    np.where: chosen,
    np.astype: lambda x, dtype, /, *, copy=True, device=None: astype(x, np.dtype(dtype)),
    np.concatenate: concatenated,
    np.stack: _stack,
    np.column_stack: _column_stack,
    np.hstack: _hstack,
    np.dstack: lambda parts: op.concatenate([_deep(v) for v in values(parts)], 2),
    np.vstack: lambda parts: concatenated([v if len(v.shape) > 1 else expanded(v, 0) for v in values(parts)], 0),
    np.reshape: _reshape,
    np.ravel: flattened,
    np.transpose: permuted,
    np.broadcast_to: lambda x, shape: op.broadcast(x, tuple(np.atleast_1d(shape).tolist())),
    np.take: _take,
    np.take_along_axis: _take_along_axis,
    np.compress: _compress,
    np.extract: lambda condition, arr: _compress(np.ravel(condition), flattened(arr)),
    np.select: _select,
    np.copy: lambda x: x,
    np.round: _round,
    np.around: _round,
}

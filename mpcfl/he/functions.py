"""NumPy's functions on Paillier arrays: one table, keyed by the function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from mpcfl.errors import Mismatch

Kind = TypeVar("Kind", bound="Encrypted")


class Encrypted:
    """What the functions here know an array of ciphertexts by."""

    __slots__ = ()
    key: Any
    fraction: int

    def _raised(self: Kind, fraction: int) -> Kind:
        """The same numbers with at least so many fractional bits."""
        raise NotImplementedError


_UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: lambda x, y: x + y if _encrypted(x) else y.__radd__(x),
    np.subtract: lambda x, y: x - y if _encrypted(x) else y.__rsub__(x),
    np.multiply: lambda x, y: x * y if _encrypted(x) else y.__rmul__(x),
    np.divide: lambda x, y: x / y if _encrypted(x) else _refused("division by encrypted numbers"),
    np.matmul: lambda x, y: x @ y if _encrypted(x) else y.__rmatmul__(x),
    np.negative: lambda x: -x,
    np.positive: lambda x: +x,
}
_ARRANGED = (
    *(np.ravel, np.squeeze, np.expand_dims, np.broadcast_to, np.moveaxis, np.swapaxes, np.flip, np.roll, np.repeat),
    *(np.tile, np.take, np.atleast_1d, np.atleast_2d, np.diagonal, np.matrix_transpose, np.rot90),
)
_JOINED = (np.concatenate, np.stack, np.vstack, np.hstack, np.column_stack)


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """A ufunc of which an argument is encrypted."""
    if method == "reduce" and ufunc is np.add and set(options) <= {"axis", "keepdims"}:
        return inputs[0].sum(options.get("axis", 0), options.get("keepdims", False))
    if method != "__call__" or options or ufunc not in _UFUNCS:
        what = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        _refused(f"np.{what}" + (f" with {', '.join(options)}" if options else ""))
    return _UFUNCS[ufunc](*inputs)


def apply_function(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """A function of which an argument is encrypted."""
    if function in _ARRANGED and _encrypted(args[0]):
        return args[0]._like(function(args[0]._cells, *args[1:], **kwargs))
    if function in _JOINED:
        parts = aligned([one if _encrypted(one) else _refused("joining with plain arrays") for one in args[0]])
        cells = function([part._cells for part in parts], *args[1:], **kwargs)
        dtype = np.result_type(*(part.dtype for part in parts))
        return parts[0]._made(cells, parts[0].fraction, max(part.bound for part in parts), dtype)
    if function in _FUNCTIONS:
        return _FUNCTIONS[function](*args, **kwargs)
    return _refused(f"np.{function.__name__}")


def aligned(arrays: Sequence[Kind]) -> list[Kind]:
    """The same numbers with one fraction.

    Raises
    ------
    Mismatch
        They are encrypted under different keys.
    """
    if any(one.key != arrays[0].key for one in arrays):
        raise Mismatch("arrays that are encrypted under different keys do not meet")
    fraction = max(one.fraction for one in arrays)
    return [one._raised(fraction) for one in arrays]


def _where(condition: Any, x: Any, y: Any) -> Any:
    """Elements of two encrypted arrays, by a plain condition."""
    if _encrypted(condition) or not (_encrypted(x) and _encrypted(y)):
        _refused("np.where other than of a plain condition and two encrypted arrays")
    left, right = aligned([x, y])
    cells = np.where(condition, left._cells, right._cells)
    return left._made(cells, left.fraction, max(left.bound, right.bound), np.result_type(x.dtype, y.dtype))


def _dot(x: Any, y: Any) -> Any:
    return x * y if np.ndim(x) == 0 or np.ndim(y) == 0 else np.matmul(x, y)


_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: lambda x, axis=None, *, keepdims=False: x.sum(axis, keepdims),
    np.mean: lambda x, axis=None, *, keepdims=False: x.mean(axis, keepdims),
    np.reshape: lambda x, shape: x.reshape(shape),
    np.transpose: lambda x, axes=None: x.transpose(axes),
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x: x.size,
    np.copy: lambda x: x,
    np.where: _where,
    np.dot: _dot,
}


def _encrypted(value: Any) -> bool:
    return isinstance(value, Encrypted)


def _refused(what: str) -> Any:
    raise TypeError(f"{what} cannot be had from Paillier: sums, and products with plain numbers, can")

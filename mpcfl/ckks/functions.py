"""NumPy's functions on CKKS arrays: one table, keyed by the function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np


class Encrypted:
    """What the functions here know an encrypted array by."""

    __slots__ = ()


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """A ufunc of which an argument is encrypted."""
    if method != "__call__" or options or ufunc not in _UFUNCS:
        _refused(f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}"))
    return _UFUNCS[ufunc](*inputs)


def apply_function(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A function of which an argument is encrypted."""
    if function not in _FUNCTIONS:
        _refused(f"np.{function.__name__}")
    return _FUNCTIONS[function](*args, **kwargs)


def _encrypted(value: Any) -> bool:
    return isinstance(value, Encrypted)


def _matmul(x: Any, y: Any) -> Any:
    return x @ y if _encrypted(x) else y.__rmatmul__(x)


_UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: lambda x, y: x + y if _encrypted(x) else y + x,
    np.subtract: lambda x, y: x - y if _encrypted(x) else y.__rsub__(x),
    np.multiply: lambda x, y: x * y if _encrypted(x) else y * x,
    np.divide: lambda x, y: x / y if _encrypted(x) else _refused("division by encrypted numbers"),
    np.matmul: _matmul,
    np.negative: lambda x: -x,
    np.positive: lambda x: +x,
    np.square: lambda x: x.square(),
    np.power: lambda x, y: x**y,
}
_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: lambda x, axis=None: x.sum(axis),
    np.mean: lambda x, axis=None: x.mean(axis),
    np.dot: lambda x, y: x * y if np.ndim(x) == 0 or np.ndim(y) == 0 else _matmul(x, y),
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x: x.size,
}


def _refused(what: str) -> NoReturn:
    raise TypeError(f"{what} cannot be had from CKKS: sums, products and polynomials can")

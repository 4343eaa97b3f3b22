"""NumPy's functions on CKKS arrays: one table, keyed by the function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np


class Encrypted:
    """What NumPy and Python may not do with an encrypted array, and what NumPy's functions do."""

    __slots__ = ()
    __array_priority__ = 1000

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options or ufunc not in _UFUNCS:
            _refused(f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}"))
        return _UFUNCS[ufunc](*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function not in _FUNCTIONS:
            _refused(f"np.{function.__name__}")
        return _FUNCTIONS[function](*args, **kwargs)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a CKKS array does not turn plain by itself: SecretKey.decrypt it")

    def __bool__(self) -> NoReturn:
        raise TypeError("an encrypted number cannot decide a branch: SecretKey.decrypt it")

    __float__ = __int__ = __index__ = __array__

    def __getitem__(self, index: Any) -> NoReturn:
        raise TypeError("a CKKS array is not indexed: multiply it by a plain matrix that picks what is wanted")

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError("a CKKS array is not assigned to")

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("encrypted numbers cannot be compared")

    __lt__ = __le__ = __gt__ = __ge__ = __ne__ = __eq__
    __hash__ = None  # type: ignore[assignment]
    __iter__ = None

    def __reduce__(self) -> NoReturn:
        raise TypeError("a CKKS array is not pickled: it is sent by mpcfl.ckks.to_words")


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

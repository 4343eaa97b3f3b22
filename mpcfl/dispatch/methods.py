"""The methods of NumPy's ufuncs on secret values: `reduce`, `accumulate`, `reduceat` and `outer`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mpcfl.dispatch.arrangement import along
from mpcfl.dispatch.masked import FUNCTIONS, REDUCE
from mpcfl.dispatch.products import operands, reshaped
from mpcfl.dispatch.reductions import axes_of
from mpcfl.dispatch.structure import concatenated
from mpcfl.dispatch.ufuncs import truth
from mpcfl.engine import Value

_SUMS: dict[Any, Callable[..., Value]] = {np.add: FUNCTIONS[np.cumsum], np.multiply: FUNCTIONS[np.cumprod]}


def _accumulate(ufunc: np.ufunc, function: Callable[..., Value], x: Value, axis: int = 0) -> Value:
    """The reductions of the first 1, 2, ... along one axis, in log2 of its length steps.

    Source: Hillis and Steele, "Data parallel algorithms", CACM 1986.
    """
    if ufunc in (np.logical_and, np.logical_or, np.logical_xor):
        x = truth(x)
    if ufunc in _SUMS:
        return _SUMS[ufunc](x, axis)
    (place,) = axes_of(x, axis)
    step = 1
    while step < x.shape[place]:
        late, early = along(x, place, slice(step, None)), along(x, place, slice(None, -step))
        x = concatenated([along(x, place, slice(None, step)), function(early, late)], place)
        step *= 2
    return x


def _reduceat(ufunc: np.ufunc, x: Value, indices: Any, axis: int = 0) -> Value:
    """The reductions of the runs that begin at public places; a run that would not end gives its first element."""
    if isinstance(indices, Value):
        raise TypeError(f"numpy.{ufunc.__name__}.reduceat takes public places: their runs have public lengths")
    places = [int(i) for i in np.asarray(indices)]
    ends = [*places[1:], x.shape[axis]]
    parts = [
        REDUCE[ufunc](along(x, axis, slice(a, b if b > a else a + 1)), axis=axis, keepdims=True)
        for a, b in zip(places, ends, strict=True)
    ]
    return concatenated(parts, axis)


def _outer(function: Callable[..., Any], x: Any, y: Any) -> Any:
    """All pairs of elements."""
    left, right = operands(x, y)
    return function(reshaped(left, (*left.shape, *(1 for _ in right.shape))), right)


def called(ufunc: np.ufunc, function: Callable[..., Any], method: str, inputs: Sequence[Any], kwargs: Any) -> Any:
    """A method of a ufunc whose call on secrets is `function`.

    Raises
    ------
    TypeError
        The method or an argument of it is not offered, with what to use instead.
    """
    if method == "outer" and ufunc.nin == 2 and not kwargs:
        return _outer(function, *inputs)
    name = f"numpy.{ufunc.__name__}.{method}"
    if method == "at":
        raise TypeError(f"{name} changes an array in place: assign x[index], or use mpcfl.ordering.scatter for sums")
    if ufunc not in REDUCE:
        raise TypeError(f"{name} is not offered on secret arrays: call numpy.{ufunc.__name__} on parts of the array")
    if method == "reduce":
        (operand,) = inputs
        return REDUCE[ufunc](operand, **{"axis": 0, **kwargs})
    dtype = kwargs.pop("dtype", None)
    if dtype is not None:
        raise TypeError(f"{name} on secret arrays takes no dtype: use astype before")
    if method == "accumulate":
        return _accumulate(ufunc, function, *inputs, **kwargs)
    if method == "reduceat":
        return _reduceat(ufunc, *inputs, **kwargs)
    raise TypeError(f"{name} on secret arrays takes no further arguments")

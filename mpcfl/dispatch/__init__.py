"""One table from NumPy's functions to operations on secret values.

`ufunc` serves `__array_ufunc__`, `function` serves `__array_function__`. A function that is not in the tables, or an
argument that a secret cannot honour, raises TypeError with the alternative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mpcfl import operations as op
from mpcfl.dispatch import (
    arrangement,
    creation,
    einsum,
    elementary,
    linalg,
    ordering,
    products,
    reductions,
    refusals,
    statistics,
    structure,
    ufuncs,
)
from mpcfl.dispatch.arrangement import arranged
from mpcfl.dispatch.assignment import VIEWS, Layout, assigned, is_view, layout_of, places_in
from mpcfl.dispatch.structure import astype, getitem
from mpcfl.engine import Engine, Value

__all__ = [
    "VIEWS",
    "Layout",
    "arranged",
    "assigned",
    "astype",
    "function",
    "getitem",
    "is_view",
    "layout_of",
    "places_in",
    "ufunc",
]

_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    **structure.FUNCTIONS,
    **arrangement.FUNCTIONS,
    **reductions.FUNCTIONS,
    **statistics.FUNCTIONS,
    **products.FUNCTIONS,
    **einsum.FUNCTIONS,
    **elementary.FUNCTIONS,
    **linalg.FUNCTIONS,
    **ordering.FUNCTIONS,
}
_UFUNCS: dict[Any, Callable[..., Any]] = {
    **ufuncs.UFUNCS,
    **products.UFUNCS,
    **elementary.UFUNCS,
    **ordering.UFUNCS,
}


def ufunc(called: np.ufunc, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Apply a ufunc to operands of which at least one is a `Value`."""
    unsupported = [name for name in kwargs if name not in ("casting", "order", "subok")]
    if method == "reduce" and called in reductions.REDUCE and not set(kwargs) - {"axis", "keepdims"}:
        (operand,) = inputs
        return reductions.REDUCE[called](operand, axis=kwargs.get("axis", 0), keepdims=kwargs.get("keepdims", False))
    if method != "__call__" or unsupported or called not in _UFUNCS:
        what = f"numpy.{called.__name__}" + (f".{method}" if method != "__call__" else "")
        arguments = f" with {', '.join(unsupported)}" if unsupported else ""
        raise TypeError(f"{what}{arguments} is not offered on secret arrays{ufuncs.HINTS.get(called.__name__, '')}")
    return _UFUNCS[called](*(x if isinstance(x, Value) else op.public(x) for x in inputs))


def function(engine: Engine, called: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Apply a NumPy function to arguments among which a `Value` stands, or that makes an array beside one (`like=`)."""
    name = f"numpy.{getattr(called, '__name__', called)}"
    if called in creation.FUNCTIONS:
        return creation.FUNCTIONS[called](engine, *args, **kwargs)
    implementation = _FUNCTIONS.get(called)
    if implementation is None:
        alternative = refusals.ALTERNATIVES.get(called, "np.where, np.concatenate, sums, products and comparisons are")
        raise TypeError(f"{name} is not offered on secret arrays; {alternative}")
    try:
        return implementation(*args, **kwargs)
    except TypeError as error:
        if "argument" in str(error) and "()" in str(error):
            raise TypeError(f"{name} on secret arrays does not take these arguments: {error}") from None
        raise

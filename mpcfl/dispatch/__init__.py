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
    calculus,
    choice,
    creation,
    einsum,
    elementary,
    inspection,
    linalg,
    masked,
    methods,
    ordering,
    padding,
    polynomials,
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
    "PROGRAMS",
    "VIEWS",
    "Layout",
    "alternative",
    "arranged",
    "assigned",
    "astype",
    "function",
    "getitem",
    "is_view",
    "layout_of",
    "offered",
    "places_in",
    "program",
    "ufunc",
]

_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    **structure.FUNCTIONS,
    **arrangement.FUNCTIONS,
    **padding.FUNCTIONS,
    **reductions.FUNCTIONS,
    **masked.FUNCTIONS,
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
PROGRAMS: dict[Any, Callable[..., Any]] = {
    **inspection.PROGRAMS,
    **choice.PROGRAMS,
    **calculus.PROGRAMS,
    **polynomials.PROGRAMS,
}
"""NumPy functions that are written in terms of others; they take secret arrays themselves."""


def ufunc(called: np.ufunc, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Apply a ufunc, or a method of it, to operands of which at least one is a `Value`."""
    name = f"numpy.{called.__name__}"
    implementation = _UFUNCS.get(called)
    if implementation is None:
        raise TypeError(f"{name} is not offered on secret arrays{_alternative(called)}")
    operands = [x if isinstance(x, Value) else op.public(x) for x in inputs]
    if method != "__call__":
        return _called(f"{name}.{method}", methods.called, called, implementation, method, inputs, kwargs)
    if kwargs.pop("where", True) is not True:
        raise TypeError(f"{name} on secret arrays takes no where: choose by np.where(mask, {name}(...), x)")
    dtype = kwargs.pop("dtype", None)
    if dtype is not None:
        operands = [astype(x, np.dtype(dtype)) if isinstance(x, Value) else x.astype(dtype) for x in operands]
    placed = {one: kwargs.pop(one) for one in ("axis", "keepdims") if one in kwargs}
    unsupported = [one for one in kwargs if one not in ("casting", "order", "subok")]
    if unsupported:
        raise TypeError(f"{name} on secret arrays does not take {', '.join(unsupported)}")
    return _called(name, implementation, *operands, **placed)


def function(engine: Engine, called: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Apply a NumPy function to arguments among which a `Value` stands, or that makes an array beside one (`like=`)."""
    name = _name(called)
    if called in creation.FUNCTIONS:
        return _called(name, creation.FUNCTIONS[called], engine, *args, **kwargs)
    implementation = _FUNCTIONS.get(called)
    if implementation is None:
        raise TypeError(f"{name} is not offered on secret arrays{_alternative(called)}")
    return _called(name, implementation, *args, **kwargs)


def program(called: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Apply a NumPy function that is a program of others (`PROGRAMS`), to secret arrays as they are."""
    return _called(_name(called), PROGRAMS[called], *args, **kwargs)


def offered(called: Callable[..., Any]) -> bool:
    """Whether a NumPy function or ufunc takes secret arrays."""
    return any(called in table for table in (_UFUNCS, _FUNCTIONS, creation.FUNCTIONS, PROGRAMS))


def alternative(called: Callable[..., Any]) -> str | None:
    """What to use instead of a NumPy function that secret arrays do not have; None where nothing is said of it."""
    return refusals.ALTERNATIVES.get(called)


def _name(called: Callable[..., Any]) -> str:
    """Its public name: `numpy.linalg.inv`."""
    module = getattr(called, "__module__", None) or "numpy"
    return f"{module}.{getattr(called, '__name__', called)}"


def _alternative(called: Callable[..., Any]) -> str:
    instead = refusals.ALTERNATIVES.get(called)
    return f": {instead}" if instead else "; docs/numpy.md lists what is"


def _called(name: str, implementation: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """A call whose arguments, if they do not fit, are told of NumPy's function and not of what implements it."""
    try:
        return implementation(*args, **kwargs)
    except TypeError as error:
        if "'Value'" in str(error):
            raise TypeError(f"{name}: an argument is secret that must be public") from None
        if "argument" in str(error) and "()" in str(error):
            raise TypeError(f"{name} on secret arrays does not take these arguments: {error}") from None
        raise

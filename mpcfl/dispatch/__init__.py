"""One table from NumPy's functions to operations on secret values.

`ufunc` serves `__array_ufunc__`, `function` serves `__array_function__`. A function that is not in the tables, or an
argument that a secret cannot honour, raises TypeError with the alternative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpcfl.dispatch import reductions, structure
from mpcfl.dispatch.structure import astype, getitem
from mpcfl.dispatch.ufuncs import ufunc

__all__ = ["astype", "function", "getitem", "ufunc"]

_FUNCTIONS: dict[Any, Callable[..., Any]] = {**structure.FUNCTIONS, **reductions.FUNCTIONS}


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

"""NumPy's elementary functions on secret values; their ranges and errors are in `docs/numerics.md`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl import operations as op
from mpcfl.engine import Value
from mpcfl.operations import transcendental


def _rule(name: str) -> Callable[[Value], Value]:
    """A function that the suite has a rule for."""
    return lambda x: op.function(name, x)


def _logaddexp(x: Any, y: Any) -> Value:
    return transcendental.logaddexp(x, y) if isinstance(x, Value) else transcendental.logaddexp(y, x)


FUNCTIONS: dict[Any, Callable[..., Any]] = {}
UFUNCS: dict[Any, Callable[..., Any]] = {
    np.true_divide: transcendental.divided,
    np.reciprocal: transcendental.reciprocal,
    np.exp: _rule("exp"),
    np.exp2: _rule("exp2"),
    np.expm1: transcendental.expm1,
    np.log: _rule("log"),
    np.log2: _rule("log2"),
    np.log10: _rule("log10"),
    np.log1p: transcendental.log1p,
    np.logaddexp: _logaddexp,
    np.sqrt: _rule("sqrt"),
    np.sin: _rule("sin"),
    np.cos: _rule("cos"),
    np.tanh: transcendental.tanh,
    np.cosh: transcendental.cosh,
    np.sinh: transcendental.sinh,
}

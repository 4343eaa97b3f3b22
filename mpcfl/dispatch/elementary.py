"""NumPy's elementary functions on secret values; their ranges and errors are in `docs/numerics.md`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl import operations as op
from mpcfl.engine import FIXED, Value
from mpcfl.operations import powers, transcendental


def _rule(name: str) -> Callable[[Value], Value]:
    """A function that the suite has a rule for."""
    return lambda x: op.function(name, x)


def _of_two(name: str) -> Callable[[Any, Any], Value]:
    return lambda x, y: op.function_of_two(name, x, y)


def _real(x: Any) -> Any:
    return op.as_kind(x, FIXED) if isinstance(x, Value) else x.astype(np.float64)


def _logaddexp2(x: Any, y: Any) -> Value:
    return transcendental.logaddexp2(x, y) if isinstance(x, Value) else transcendental.logaddexp2(y, x)


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
    **{
        ufunc: _rule(ufunc.__name__)
        for ufunc in (np.tan, np.arctan, np.arcsin, np.arccos, np.arcsinh, np.arccosh, np.arctanh, np.cbrt)
    },
    np.arctan2: _of_two("arctan2"),
    np.hypot: _of_two("hypot"),
    np.power: powers.raised,
    np.float_power: lambda x, y: powers.raised(_real(x), _real(y)),
    np.logaddexp2: _logaddexp2,
    np.ldexp: transcendental.ldexp,
    np.deg2rad: transcendental.scaled(math.pi / 180),
    np.radians: transcendental.scaled(math.pi / 180),
    np.rad2deg: transcendental.scaled(180 / math.pi),
    np.degrees: transcendental.scaled(180 / math.pi),
}

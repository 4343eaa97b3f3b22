"""NumPy's functions that make arrays, beside a secret one: `np.eye(3, like=secret)`, `np.zeros_like(secret)`.

What they make are secret constants, without communication.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl import operations as op
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Engine, Value

_PUBLIC: dict[str, type[np.generic]] = {FIXED: np.float64, INTEGER: np.int64, BOOLEAN: np.bool_}


def _like(create: Callable[..., Any]) -> Callable[..., Value]:
    """A creation function called with `like=`."""

    def apply(engine: Engine, *args: Any, **kwargs: Any) -> Value:
        return op.constant(engine, op.public(create(*args, **kwargs)))

    return apply


def _full_like(engine: Engine, x: Any, fill_value: Any, dtype: Any = None, shape: Any = None) -> Value:
    """A constant of the type and shape of x; the fill value may be secret."""
    kind = (x.kind if isinstance(x, Value) else op.public_kind(op.public(x))) if dtype is None else _kind(dtype)
    size = x.shape if shape is None else tuple(np.atleast_1d(shape).tolist())
    if isinstance(fill_value, Value):
        if kind != fill_value.kind != BOOLEAN and kind != FIXED:
            raise TypeError("np.full_like with a secret of another type: give dtype, wide enough for it")
        return op.broadcast(op.as_kind(fill_value, kind), size)
    return op.constant(engine, np.full(size, fill_value, _PUBLIC[kind]), kind)


def _kind(dtype: Any) -> str:
    return op.public_kind(np.empty(0, dtype))


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.zeros: _like(np.zeros),
    np.empty: _like(np.zeros),
    np.ones: _like(np.ones),
    np.full: _like(np.full),
    np.eye: _like(np.eye),
    np.identity: _like(np.identity),
    np.tri: _like(np.tri),
    np.arange: _like(np.arange),
    np.array: _like(np.array),
    np.asarray: _like(np.asarray),
    np.zeros_like: lambda engine, x, dtype=None, shape=None: _full_like(engine, x, 0, dtype, shape),
    np.empty_like: lambda engine, prototype, dtype=None, shape=None: _full_like(engine, prototype, 0, dtype, shape),
    np.ones_like: lambda engine, x, dtype=None, shape=None: _full_like(engine, x, 1, dtype, shape),
    np.full_like: _full_like,
}

"""NumPy's functions that make arrays, beside a secret one: `np.eye(3, like=secret)`, `np.zeros_like(secret)`.

What they make are secret constants, without communication.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl import operations as op
from mpcfl.dispatch.structure import PUBLIC
from mpcfl.engine import BOOLEAN, FIXED, Engine, Value


def _like(create: Callable[..., Any]) -> Callable[..., Value]:
    """A creation function called with `like=`."""

    def apply(engine: Engine, *args: Any, **kwargs: Any) -> Value:
        return op.constant(engine, op.public(create(*args, **kwargs)))

    return apply


def _full_like(
    engine: Engine, a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True,
    shape: Any = None, *, device: str | None = None,
) -> Value:  # fmt: skip
    """A constant of the type and shape of a; the fill value may be secret."""
    kind = (a.kind if isinstance(a, Value) else op.public_kind(op.public(a))) if dtype is None else _kind(dtype)
    size = a.shape if shape is None else tuple(np.atleast_1d(shape).tolist())
    if isinstance(fill_value, Value):
        if kind != fill_value.kind != BOOLEAN and kind != FIXED:
            raise TypeError("np.full_like with a secret of another type: give dtype, wide enough for it")
        return op.broadcast(op.as_kind(fill_value, kind), size)
    return op.constant(engine, np.full(size, fill_value, PUBLIC[kind]), kind)


def _filled_with(fill_value: int) -> Callable[..., Value]:
    return lambda engine, a, /, *args, **kwargs: _full_like(engine, a, fill_value, *args, **kwargs)


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
    np.zeros_like: _filled_with(0),
    np.empty_like: _filled_with(0),
    np.ones_like: _filled_with(1),
    np.full_like: _full_like,
}

"""NumPy's whole quotients and remainders on secret values: by public numbers, by public arrays and by secrets."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl import operations as op
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value


def divided(x: Any, y: Any) -> tuple[Value, Value]:
    """np.divmod: floor(x / y), and x - y floor(x / y), which has the sign of y.

    By public numbers both are exact for every x; each number that differs is an operation of its own, side by side with
    the others. By secrets both are exact for |x / y| < 2^38 and y not 0.
    """
    if isinstance(y, Value):
        return _by_secrets(x if isinstance(x, Value) else op.constant(y.engine, x), y)
    shape = np.broadcast_shapes(x.shape, y.shape)
    numbers, places = np.unique(np.broadcast_to(y, shape), return_inverse=True)
    if numbers.size == 1:
        quotient, remainder = op.floor_divided(op.broadcast(x, shape), _number(numbers[0]))
        return op.as_kind(quotient, remainder.kind), remainder
    flat, size = op.reshape(op.broadcast(x, shape), (math.prod(shape),)), (math.prod(shape),)
    groups = [np.flatnonzero(places.reshape(-1) == i) for i in range(numbers.size)]
    parts = [
        op.floor_divided(op.take(flat, group), _number(number)) for group, number in zip(groups, numbers, strict=True)
    ]
    if not parts:
        whole = op.as_kind(flat, op.joined(x.kind, op.public_kind(y)))
        return op.reshape(whole, shape), op.reshape(whole, shape)
    back = np.empty(size, np.int64)
    back[np.concatenate(groups)] = np.arange(size[0])
    quotient, remainder = (
        op.reshape(op.take(op.concatenate([pair[i] for pair in parts], 0), back), shape) for i in (0, 1)
    )
    return op.as_kind(quotient, remainder.kind), remainder


def _number(divisor: Any) -> float:
    return float(divisor) if isinstance(divisor, np.floating) else int(divisor)


def _by_secrets(x: Value, y: Value) -> tuple[Value, Value]:
    """Two quotients, the second of what the first left over, and one correction.

    A quotient q is within 1.1 ulp + 2^-20.3 |q| of the true one, so what is left of x is below (2^-20.3 |q| + 2) |y|,
    its quotient is within a quarter of the true one for |q| < 2^38, and the floor of that one is at most one off.
    """
    kind = op.joined(x.kind, y.kind)
    x, y = op.as_kind(x, kind), op.as_kind(y, kind)
    negative = op.less(y, np.array(0))
    sign = op.add(op.multiply(op.as_kind(negative, INTEGER), np.array(-2)), np.array(1))
    by, rest = op.absolute(y), op.multiply(sign, x)
    whole: Value | None = None
    for _ in range(2):
        step = op.whole(op.quotient(rest, by))
        rest = op.subtract(rest, op.multiply(step, by))  # an integer times words: exact
        whole = step if whole is None else op.add(whole, step)
    assert whole is not None
    below, above = op.less(rest, np.array(0)), op.invert(op.less(rest, by))
    correction = op.subtract(op.as_kind(above, INTEGER), below)
    rest = op.subtract(rest, op.multiply(correction, by))
    return op.as_kind(op.add(whole, correction), kind), op.multiply(sign, rest)


def _truncated_remainder(x: Any, y: Any) -> Value:
    """np.fmod: the remainder of magnitudes, with the sign of x."""
    if not isinstance(x, Value):
        x = op.constant(y.engine, x)
    x = op.as_kind(x, INTEGER) if x.kind == BOOLEAN else x
    negative = op.less(x, np.array(0))
    by = op.absolute(op.as_kind(y, INTEGER) if y.kind == BOOLEAN else y) if isinstance(y, Value) else np.abs(y)
    _, rest = divided(op.absolute(x), by)
    return op.where(negative, op.negative(rest), rest)


def _parts(x: Value) -> tuple[Value, Value]:
    """np.modf: the part after the point and the whole part, both with the sign of x, exact."""
    x = op.as_kind(x, FIXED)
    whole = op.toward_zero(x)
    return op.subtract(x, whole), whole


UFUNCS: dict[Any, Callable[..., Any]] = {
    np.floor_divide: lambda x, y: divided(x, y)[0],
    np.remainder: lambda x, y: divided(x, y)[1],
    np.divmod: divided,
    np.fmod: _truncated_remainder,
    np.modf: _parts,
}

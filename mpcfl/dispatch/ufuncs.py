"""NumPy's ufuncs on secret values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl import operations as op
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value

HINTS = {
    "isnan": ": a secret is never NaN, encoding refuses it",
    "isinf": ": a secret is always finite, encoding refuses all else",
    "isfinite": ": a secret is always finite, encoding refuses all else",
    "fmod": ": use np.remainder, or np.trunc of the quotient",
}


def commutative(operation: Callable[..., Value]) -> Callable[..., Value]:
    """An operation that wants its first operand secret, for operands in either order."""
    return lambda x, y: operation(x, y) if isinstance(x, Value) else operation(y, x)


def _add(x: Any, y: Any) -> Value:
    _refuse_booleans(x, y, "+", "|")
    return op.add(x, y) if isinstance(x, Value) else op.add(y, x)


def _subtract(x: Any, y: Any) -> Value:
    _refuse_booleans(x, y, "-", "^")
    return op.subtract(x, y) if isinstance(x, Value) else op.add(op.negative(y), x)


def all_boolean(*operands: Any) -> bool:
    """Whether all operands, secret or public, are boolean."""
    return all((v.kind if isinstance(v, Value) else op.public_kind(v)) == BOOLEAN for v in operands)


def _refuse_booleans(x: Any, y: Any, sign: str, instead: str) -> None:
    if all_boolean(x, y):
        raise TypeError(f"booleans and {sign}: use {instead} for logic, or multiply by 1 to count")


def _less(x: Any, y: Any) -> Value:
    return op.less(x, y) if isinstance(x, Value) else op.greater(y, x)


def _greater(x: Any, y: Any) -> Value:
    return op.greater(x, y) if isinstance(x, Value) else op.less(y, x)


def _and(x: Any, y: Any) -> Value:
    return op.multiply(*_booleans(x, y))


def _or(x: Any, y: Any) -> Value:
    left, right = _booleans(x, y)
    return op.invert(op.multiply(op.invert(left), _not(right)))


def _xor(x: Any, y: Any) -> Value:
    """x + y - 2 x y."""
    left, right = _booleans(x, y)
    twice = op.multiply(op.as_kind(op.multiply(left, right), INTEGER), np.array(2))
    return op.as_boolean(op.subtract(op.add(left, right), twice))


def _booleans(x: Any, y: Any) -> tuple[Value, Any]:
    for operand in (x, y):
        if (operand.kind if isinstance(operand, Value) else op.public_kind(operand)) != BOOLEAN:
            raise TypeError("logic on secrets takes booleans: compare first, as in x != 0")
    return (x, y) if isinstance(x, Value) else (y, x)


def _not(x: Any) -> Any:
    return op.invert(x) if isinstance(x, Value) else ~x


def _invert(x: Value) -> Value:
    if x.kind != BOOLEAN:
        raise TypeError("~ takes a secret boolean: compare first")
    return op.invert(x)


def maximum(x: Any, y: Any) -> Value:
    """np.maximum."""
    if all_boolean(x, y):
        return _or(x, y)
    return op.extremum(x, y, True) if isinstance(x, Value) else op.extremum(y, x, True)


def minimum(x: Any, y: Any) -> Value:
    """np.minimum."""
    if all_boolean(x, y):
        return _and(x, y)
    return op.extremum(x, y, False) if isinstance(x, Value) else op.extremum(y, x, False)


def unequal(x: Any, y: Any) -> Value:
    """np.not_equal."""
    return op.invert(commutative(op.equal)(x, y))


def _sign(x: Value) -> Value:
    """[x > 0] - [x < 0]: both comparisons open x once."""
    if x.kind == BOOLEAN:
        raise TypeError("np.sign takes numbers: a secret boolean is its own sign as an integer")
    above, below = op.greater(x, np.array(0)), op.less(x, np.array(0))
    return op.as_kind(op.subtract(above, below), x.kind)


def _heaviside(x: Any, at_zero: Any) -> Value:
    if not isinstance(x, Value):
        raise TypeError("np.heaviside takes a secret first: of a public x it is np.where(x == 0, y, x > 0)")
    x = op.as_kind(x, FIXED) if x.kind == BOOLEAN else x
    above, zero = op.greater(x, np.array(0)), op.equal(x, np.array(0))
    part = op.as_kind(op.multiply(zero, at_zero), FIXED)
    return op.add(part, above)


def _square(x: Value) -> Value:
    return op.multiply(x, x)


def divisor(y: Any) -> float:
    """The one public number that floor division takes."""
    if isinstance(y, Value) or y.size != 1:
        raise TypeError(
            "floor division and remainder of a secret take one public divisor: else use np.floor(x / y), which may "
            "differ where x / y is within its error of a whole number"
        )
    number = y.reshape(-1)[0]
    return float(number) if y.dtype.kind == "f" else int(number)


def divided(x: Any, y: Any) -> tuple[Value, Value]:
    """np.divmod by one public number."""
    if not isinstance(x, Value):
        raise TypeError("floor division by a secret: use np.floor(x / y), and mind the error of the quotient")
    shape = np.broadcast_shapes(x.shape, y.shape) if not isinstance(y, Value) else x.shape
    quotient, remainder = op.floor_divided(op.broadcast(x, shape), divisor(y))
    return op.as_kind(quotient, remainder.kind), remainder


UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: commutative(op.multiply),
    np.matmul: op.matmul,
    np.negative: op.negative,
    np.positive: lambda x: x,
    np.absolute: op.absolute,
    np.fabs: lambda x: op.as_kind(op.absolute(x), FIXED),
    np.sign: _sign,
    np.heaviside: _heaviside,
    np.square: _square,
    np.rint: op.rounded,
    np.floor: op.floored,
    np.ceil: lambda x: op.negative(op.floored(op.negative(x))) if x.kind == FIXED else x,
    np.trunc: op.toward_zero,
    np.floor_divide: lambda x, y: divided(x, y)[0],
    np.remainder: lambda x, y: divided(x, y)[1],
    np.divmod: divided,
    np.less: _less,
    np.greater: _greater,
    np.less_equal: lambda x, y: op.invert(_greater(x, y)),
    np.greater_equal: lambda x, y: op.invert(_less(x, y)),
    np.equal: commutative(op.equal),
    np.not_equal: unequal,
    np.logical_and: _and,
    np.bitwise_and: _and,
    np.logical_or: _or,
    np.bitwise_or: _or,
    np.logical_xor: _xor,
    np.bitwise_xor: _xor,
    np.logical_not: _invert,
    np.invert: _invert,
    np.maximum: maximum,
    np.minimum: minimum,
}

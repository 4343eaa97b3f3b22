"""NumPy's ufuncs on secret values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl import operations as op
from mpcfl.dispatch import division
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value


def commutative(operation: Callable[..., Value]) -> Callable[..., Value]:
    """An operation that wants its first operand secret, for operands in either order."""
    return lambda x, y: operation(x, y) if isinstance(x, Value) else operation(y, x)


def _add(x: Any, y: Any) -> Value:
    if all_boolean(x, y):  # NumPy's sum of booleans
        return _or(x, y)
    return op.add(x, y) if isinstance(x, Value) else op.add(y, x)


def _subtract(x: Any, y: Any) -> Value:
    if all_boolean(x, y):
        raise TypeError("booleans and -: use ^ where they differ, x & ~y for what x alone has, or multiply by 1 first")
    return op.subtract(x, y) if isinstance(x, Value) else op.add(op.negative(y), x)


def all_boolean(*operands: Any) -> bool:
    """Whether all operands, secret or public, are boolean."""
    return all((v.kind if isinstance(v, Value) else op.public_kind(v)) == BOOLEAN for v in operands)


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
    """x + y - 2 x y; of a public y x, or 1 - x where it is set."""
    left, right = _booleans(x, y)
    if not isinstance(right, Value):
        turned = op.multiply(op.as_kind(left, INTEGER), np.where(right, -1, 1))
        return op.as_boolean(op.add(turned, right.astype(np.int64)))
    twice = op.multiply(op.as_kind(op.multiply(left, right), INTEGER), np.array(2))
    return op.as_boolean(op.subtract(op.add(left, right), twice))


def _booleans(x: Any, y: Any) -> tuple[Value, Any]:
    for operand in (x, y):
        if (operand.kind if isinstance(operand, Value) else op.public_kind(operand)) != BOOLEAN:
            raise TypeError(
                "bitwise logic on secrets takes booleans: compare first, as in x != 0; the low k bits of an integer "
                "are x % 2**k, and the others x >> k"
            )
    return (x, y) if isinstance(x, Value) else (y, x)


def truth(x: Any) -> Any:
    """Whether numbers are not zero; booleans as they are."""
    if not isinstance(x, Value):
        return x.astype(np.bool_)
    return x if x.kind == BOOLEAN else unequal(x, np.array(0))


def _of_truths(function: Callable[[Any, Any], Value]) -> Callable[[Any, Any], Value]:
    """NumPy's logical functions, which take the truth of numbers."""
    return lambda x, y: function(truth(x), truth(y))


def _not(x: Any) -> Any:
    return op.invert(x) if isinstance(x, Value) else ~x


def _invert(x: Value) -> Value:
    """Not of booleans, -1 - x of integers."""
    if x.kind == FIXED:
        raise TypeError("~ takes a secret boolean: compare first")
    return op.invert(x) if x.kind == BOOLEAN else op.subtract(op.negative(x), np.array(1))


def _signed(operation: Callable[[Value], Value], sign: str) -> Callable[[Value], Value]:
    def apply(x: Value) -> Value:
        if x.kind == BOOLEAN:
            raise TypeError(f"{sign} of a secret boolean: use ~ for its opposite, or multiply by 1 first")
        return operation(x)

    return apply


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


def _magnitude(x: Value) -> Value:
    return x if x.kind == BOOLEAN else op.absolute(x)


def _square(x: Value) -> Value:
    x = _numeric(x)
    return op.multiply(x, x)


def _shifted_left(x: Any, by: Any) -> Value:
    """x 2^by for secret integers and public counts."""
    return op.multiply(_whole(x, by), np.left_shift(1, by.astype(np.int64)))


def _shifted_right(x: Any, by: Any) -> Value:
    """floor(x / 2^by), which is what a shift of a signed integer gives."""
    return division.divided(_whole(x, by), np.left_shift(1, by.astype(np.int64)))[0]


def _whole(x: Any, by: Any) -> Value:
    """An integer that may be shifted by public counts."""
    if not isinstance(x, Value) or isinstance(by, Value):
        raise TypeError("a shift by a secret: choose among the public shifts by np.choose, or multiply by 2**by")
    if x.kind == FIXED or by.dtype.kind not in "biu":
        raise TypeError("a shift is of secret integers by public ones: multiply fixed-point numbers by 2.0**by")
    if by.size and (int(by.min()) < 0 or int(by.max()) >= 60):
        raise ValueError("a secret integer is shifted by 0 to 59 places")
    return op.as_kind(x, INTEGER)


def _negative_sign(x: Value) -> Value:
    """np.signbit: x < 0, since a fixed-point number has no negative zero."""
    return op.less(op.as_kind(x, INTEGER) if x.kind == BOOLEAN else x, np.array(0))


def _with_sign(x: Any, y: Any) -> Value:
    """np.copysign: |x| with the sign of y; zero counts as positive."""
    size = op.as_kind(op.absolute(_numeric(x)), FIXED) if isinstance(x, Value) else np.abs(x).astype(np.float64)
    if not isinstance(y, Value):
        assert isinstance(size, Value)
        return op.multiply(size, np.where(np.signbit(y), -1, 1))
    negative = _negative_sign(y)
    return op.where(negative, op.negative(size) if isinstance(size, Value) else -size, size)


def _numeric(x: Value) -> Value:
    return op.as_kind(x, INTEGER) if x.kind == BOOLEAN else x


UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: commutative(op.multiply),
    np.negative: _signed(op.negative, "-"),
    np.positive: _signed(lambda x: x, "+"),
    np.absolute: _magnitude,
    np.fabs: lambda x: op.as_kind(_magnitude(x), FIXED),
    np.conjugate: lambda x: x,
    np.copysign: _with_sign,
    np.signbit: _negative_sign,
    np.sign: _sign,
    np.heaviside: _heaviside,
    np.square: _square,
    np.rint: lambda x: op.rounded(op.as_kind(x, FIXED)),
    np.floor: op.floored,
    np.ceil: lambda x: op.negative(op.floored(op.negative(x))) if x.kind == FIXED else x,
    np.trunc: op.toward_zero,
    np.less: _less,
    np.greater: _greater,
    np.less_equal: lambda x, y: op.invert(_greater(x, y)),
    np.greater_equal: lambda x, y: op.invert(_less(x, y)),
    np.equal: commutative(op.equal),
    np.not_equal: unequal,
    np.logical_and: _of_truths(_and),
    np.bitwise_and: _and,
    np.logical_or: _of_truths(_or),
    np.bitwise_or: _or,
    np.logical_xor: _of_truths(_xor),
    np.bitwise_xor: _xor,
    np.logical_not: lambda x: op.invert(truth(x)),
    np.invert: _invert,
    np.left_shift: _shifted_left,
    np.right_shift: _shifted_right,
    np.maximum: maximum,
    np.minimum: minimum,
    np.fmax: maximum,
    np.fmin: minimum,
    **division.UFUNCS,
}

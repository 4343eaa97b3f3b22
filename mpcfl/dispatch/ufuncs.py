"""NumPy's ufuncs on secret values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mpcfl import operations as op
from mpcfl.dispatch.reductions import total
from mpcfl.engine import BOOLEAN, INTEGER, Value


def ufunc(called: np.ufunc, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Apply a ufunc to operands of which at least one is a `Value`."""
    if method == "reduce" and called in (np.add,) and isinstance(inputs[0], Value):
        return total(inputs[0], axis=kwargs.get("axis", 0), keepdims=kwargs.get("keepdims", False))
    unsupported = [name for name in kwargs if name not in ("casting", "order", "subok")]
    if method != "__call__" or unsupported or called not in _UFUNCS:
        what = f"numpy.{called.__name__}" + (f".{method}" if method != "__call__" else "")
        arguments = f" with {', '.join(unsupported)}" if unsupported else ""
        raise TypeError(f"{what}{arguments} is not offered on secret arrays{_HINTS.get(called.__name__, '')}")
    return _UFUNCS[called](*(x if isinstance(x, Value) else op.public(x) for x in inputs))


_HINTS = {
    "isnan": ": a secret is never NaN, encoding refuses it",
    "isfinite": ": a secret is always finite, encoding refuses all else",
    "floor_divide": ": use np.rint(x / public divisor - 0.5)",
    "power": ": multiply, or use np.square",
    "exp": ": mpcfl.numerics has sigmoid and softplus",
    "log": ": mpcfl.numerics has softplus",
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


def _divide(x: Any, y: Any) -> Value:
    if isinstance(y, Value):
        raise TypeError("division by a secret: use mpcfl.numerics.divide, which states its range")
    return op.divide(x, y)


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


def _maximum(x: Any, y: Any) -> Value:
    if all_boolean(x, y):
        return _or(x, y)
    return op.extremum(x, y, True) if isinstance(x, Value) else op.extremum(y, x, True)


def _minimum(x: Any, y: Any) -> Value:
    if all_boolean(x, y):
        return _and(x, y)
    return op.extremum(x, y, False) if isinstance(x, Value) else op.extremum(y, x, False)


_UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: commutative(op.multiply),
    np.true_divide: _divide,
    np.matmul: op.matmul,
    np.negative: op.negative,
    np.positive: lambda x: x,
    np.absolute: op.absolute,
    np.square: lambda x: op.multiply(x, x),
    np.rint: op.rounded,
    np.less: _less,
    np.greater: _greater,
    np.less_equal: lambda x, y: op.invert(_greater(x, y)),
    np.greater_equal: lambda x, y: op.invert(_less(x, y)),
    np.equal: commutative(op.equal),
    np.not_equal: lambda x, y: op.invert(commutative(op.equal)(x, y)),
    np.logical_and: _and,
    np.bitwise_and: _and,
    np.logical_or: _or,
    np.bitwise_or: _or,
    np.logical_xor: _xor,
    np.bitwise_xor: _xor,
    np.logical_not: _invert,
    np.invert: _invert,
    np.maximum: _maximum,
    np.minimum: _minimum,
}

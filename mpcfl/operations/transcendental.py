"""Elementary functions that are made of others: what the suite has no rule for.

Ranges and errors are in `docs/numerics.md`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mpcfl.engine import BOOLEAN, FIXED, Value
from mpcfl.operations.comparisons import extremum, function, quotient
from mpcfl.operations.linear import add, negative, subtract
from mpcfl.operations.operands import Operand, as_kind, constant
from mpcfl.operations.products import divide, multiply

ONE = np.array(1)
TWO = np.array(2)


def divided(x: Operand, y: Operand) -> Value:
    """x / y, either of them secret."""
    if not isinstance(y, Value):
        assert isinstance(x, Value)
        return divide(x, y)
    if isinstance(x, Value):
        return quotient(x, y)
    if x.size == 1 and x.ndim <= len(y.shape) and x.reshape(-1)[0] == 1 and y.kind == FIXED:
        return reciprocal(y)
    return quotient(constant(y.engine, x), y)


def reciprocal(x: Value) -> Value:
    """1 / x, a fixed-point number for integers too."""
    return function("reciprocal", x)


def expm1(x: Value) -> Value:
    """exp(x) - 1."""
    return subtract(function("exp", x), ONE)


def log1p(x: Value) -> Value:
    """log(1 + x)."""
    return function("log", add(x, ONE))


def tanh(x: Value) -> Value:
    """2 sigmoid(2 x) - 1."""
    return subtract(multiply(function("sigmoid", multiply(x, TWO)), TWO), ONE)


def cosh(x: Value) -> Value:
    """(exp(x) + exp(-x)) / 2, both side by side."""
    return divide(add(function("exp", x), function("exp", negative(x))), TWO)


def sinh(x: Value) -> Value:
    """(exp(x) - exp(-x)) / 2, both side by side."""
    return divide(subtract(function("exp", x), function("exp", negative(x))), TWO)


def relu(x: Value) -> Value:
    """max(x, 0), for what one comparison costs."""
    return x if x.kind == BOOLEAN else extremum(x, np.array(0), True)


def logaddexp(x: Value, y: Operand) -> Value:
    """log(exp(x) + exp(y)) = y + softplus(x - y)."""
    return add(function("softplus", subtract(as_kind(x, FIXED), y)), y)


def erfc(x: Value) -> Value:
    """1 - erf(x)."""
    return subtract(constant(x.engine, ONE, FIXED), function("erf", x))


def logaddexp2(x: Value, y: Operand) -> Value:
    """log2(2^x + 2^y) = y + softplus((x - y) ln 2) / ln 2, by the precise softplus."""
    natural = multiply(subtract(as_kind(x, FIXED), y), np.array(math.log(2)))
    return add(divide(function("precise_softplus", natural), np.array(math.log(2))), y)


def ldexp(x: Operand, exponent: Operand) -> Value:
    """x 2^n for public whole numbers n."""
    if isinstance(exponent, Value):
        raise TypeError("np.ldexp takes a public exponent: by a secret one it is x * np.exp2(n)")
    assert isinstance(x, Value)
    return multiply(as_kind(x, FIXED), np.ldexp(1.0, exponent))


def scaled(factor: float) -> Callable[[Value], Value]:
    """x times a public number."""
    return lambda x: multiply(as_kind(x, FIXED), np.array(factor))

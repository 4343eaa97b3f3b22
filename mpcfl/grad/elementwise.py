"""Gradients of arithmetic and of elementary functions.

Each uses the result of the forward pass where the derivative is a function of it (exp, tan, sqrt, a quotient), and what
is not is issued beside it, in the same rounds (the cosine of a sine).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gmpy2
import numpy as np

from mpcfl import numerics
from mpcfl.grad.cotangent import by, fitted, over, times, uniform
from mpcfl.grad.tape import Later, Step, remembered

LN_2, LN_10 = 0.6931471805599453, 2.302585092994046
"""Written out: the logarithm of a library may differ by a bit from one CPU to another, and parties would part."""


def _add(x: Any, y: Any) -> Step:
    return Step(np.add(x, y), (fitted(x, lambda g: g), fitted(y, lambda g: g)))


def _subtract(x: Any, y: Any) -> Step:
    return Step(np.subtract(x, y), (fitted(x, lambda g: g), fitted(y, np.negative)))


def _multiply(x: Any, y: Any) -> Step:
    if x is y:  # either of them may be meant as a constant
        share = remembered(lambda g: times(g, x))
        return Step(np.multiply(x, y), (share, share))
    local = uniform(x) is not None or uniform(y) is not None
    pulls = fitted(x, lambda g: times(g, y)), fitted(y, lambda g: times(g, x))
    return Step(np.multiply(x, y), pulls, local=local)


def _true_divide(x: Any, y: Any) -> Step:
    """With q = x / y: dx = dq / y, one quotient for both operands, and dy = -q dx."""
    quotient = np.true_divide(x, y)
    share = remembered(lambda g: over(g, y))
    numerator = uniform(x)

    def to_divisor(g: Any) -> Any:
        if numerator is None:
            return by(-1.0, times(share(g), quotient))
        # a public numerator c: dy = -dq q^2 / c, without another quotient
        return by(-1.0 / numerator if numerator else 0.0, times(times(g, quotient), quotient))

    return Step(quotient, (fitted(x, share), fitted(y, to_divisor)))


def _negative(x: Any) -> Step:
    return Step(np.negative(x), (np.negative,))


def _positive(x: Any) -> Step:
    return Step(np.positive(x), (lambda g: g,))


def _remainder(x: Any, y: Any) -> Step:
    return Step(np.remainder(x, y), (fitted(x, lambda g: g),))


def _square(x: Any) -> Step:
    return Step(np.square(x), (lambda g: by(2.0, times(g, x)),))


def _power(x: Any, exponent: Any) -> Step:
    """y x^(y - 1) by the base, and log(x) x^y by the exponent of a positive base."""
    value = np.power(x, exponent)
    logarithm = Later(lambda: np.log(x))
    base, number = uniform(x), uniform(exponent)

    def to_exponent(g: Any) -> Any:
        if base is not None:  # correctly rounded, since a library's logarithm may differ from one CPU to another
            return by(float(gmpy2.log(gmpy2.mpfr(base))), times(g, value))
        return times(times(g, value), logarithm())

    if number in (0, 1, 2):
        slope = Later(lambda: (np.zeros(()), np.ones(()), x)[int(number)])
    elif number is None:
        slope = Later(lambda: np.power(x, exponent - 1))
    else:
        less = int(number) - 1 if number.is_integer() else number - 1
        slope = Later(lambda: np.power(x, less))
    pulls = fitted(x, lambda g: times(times(g, exponent), slope())), fitted(exponent, to_exponent)
    return Step(value, pulls, () if number is None else (slope,))


def _from_result(function: Callable[..., Any], slope: Callable[[Any], Any], factor: float = 1.0) -> Callable[..., Step]:
    """A function whose derivative is `factor` times a function of its result."""

    def rule(x: Any) -> Step:
        value = function(x)
        later = Later(lambda: slope(value))
        return Step(value, (lambda g: by(factor, times(g, later())),), (later,))

    return rule


def _beside(function: Callable[..., Any], slope: Callable[..., Any], factor: float = 1.0) -> Callable[..., Step]:
    """A function whose derivative is `factor` times another function, issued beside it."""

    def rule(x: Any) -> Step:
        value, derivative = function(x), slope(x)
        return Step(value, (lambda g: by(factor, times(g, derivative)),))

    return rule


def _logarithm(
    function: Callable[[Any], Any], factor: float = 1.0, argument: Callable[[Any], Any] = np.positive
) -> Callable[..., Step]:
    """A logarithm, whose derivative is `factor` over its argument."""
    return lambda x: Step(function(x), (lambda g: by(factor, over(g, argument(x))),))


def _sqrt(x: Any) -> Step:
    root = np.sqrt(x)
    return Step(root, (lambda g: by(0.5, over(g, root)),))


def _cbrt(x: Any) -> Step:
    root = np.cbrt(x)
    square = Later(lambda: np.square(root))
    return Step(root, (lambda g: by(1 / 3, over(g, square())),), (square,))


def _inverse(
    function: Callable[[Any], Any], divisor: Callable[[Any], Any], factor: float = 1.0, root: bool = False
) -> Callable[..., Step]:
    """A function whose derivative is `factor` over a function of its argument, or over that function's root."""

    def rule(x: Any) -> Step:
        below = Later(lambda: numerics.rsqrt(divisor(x)) if root else divisor(x))
        divided = times if root else over
        return Step(function(x), (lambda g: by(factor, divided(g, below())),), (below,))

    return rule


def _hypot(x: Any, y: Any) -> Step:
    """With r the result: dx = dr x / r, by one quotient for both."""
    length = np.hypot(x, y)
    share = remembered(lambda g: over(g, length))
    return Step(length, (fitted(x, lambda g: times(share(g), x)), fitted(y, lambda g: times(share(g), y))))


def _ldexp(x: Any, n: Any) -> Step:
    return Step(np.ldexp(x, n), (fitted(x, lambda g: np.ldexp(g, n)),))


def _arctan2(y: Any, x: Any) -> Step:
    squares = Later(lambda: np.square(x) + np.square(y))
    share = remembered(lambda g: over(g, squares()))
    pulls = fitted(y, lambda g: times(share(g), x)), fitted(x, lambda g: by(-1.0, times(share(g), y)))
    return Step(np.arctan2(y, x), pulls, (squares,))


RULES: dict[Any, Callable[..., Step]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.true_divide: _true_divide,
    np.negative: _negative,
    np.positive: _positive,
    np.remainder: _remainder,
    np.square: _square,
    np.power: _power,
    np.float_power: _power,
    np.hypot: _hypot,
    np.reciprocal: _from_result(np.reciprocal, np.square, -1.0),
    np.sqrt: _sqrt,
    np.cbrt: _cbrt,
    np.ldexp: _ldexp,
    np.exp: _from_result(np.exp, np.positive),
    np.exp2: _from_result(np.exp2, np.positive, LN_2),
    np.expm1: _from_result(np.expm1, lambda value: value + 1.0),
    np.log: _logarithm(np.log),
    np.log2: _logarithm(np.log2, 1 / LN_2),
    np.log10: _logarithm(np.log10, 1 / LN_10),
    np.log1p: _logarithm(np.log1p, argument=lambda x: x + 1.0),
    np.sin: _beside(np.sin, np.cos),
    np.cos: _beside(np.cos, np.sin, -1.0),
    np.tan: _from_result(np.tan, lambda value: np.square(value) + 1.0),
    np.arctan: _inverse(np.arctan, lambda x: np.square(x) + 1.0),
    np.arctan2: _arctan2,
    np.arcsin: _inverse(np.arcsin, lambda x: 1.0 - np.square(x), root=True),
    np.arccos: _inverse(np.arccos, lambda x: 1.0 - np.square(x), -1.0, root=True),
    np.arcsinh: _inverse(np.arcsinh, lambda x: np.square(x) + 1.0, root=True),
    np.arccosh: _inverse(np.arccosh, lambda x: np.square(x) - 1.0, root=True),
    np.arctanh: _inverse(np.arctanh, lambda x: 1.0 - np.square(x)),
    numerics.rsqrt: _from_result(numerics.rsqrt, lambda value: value * np.square(value), -0.5),
}


COMPOSED: dict[Any, Callable[..., Any]] = {
    np.deg2rad: lambda x: x * (np.pi / 180),
    np.radians: lambda x: x * (np.pi / 180),
    np.rad2deg: lambda x: x * (180 / np.pi),
    np.degrees: lambda x: x * (180 / np.pi),
    np.sinh: lambda x: (np.exp(x) - np.exp(-x)) / 2.0,
    np.cosh: lambda x: (np.exp(x) + np.exp(-x)) / 2.0,
    np.logaddexp: lambda x, y: y + numerics.softplus(x - y),
    np.logaddexp2: lambda x, y: np.logaddexp(x * LN_2, y * LN_2) / LN_2,
}
"""Functions of which others are made, whose gradients they have."""

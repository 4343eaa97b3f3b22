"""Coefficients of the trigonometric series of Z_2^128, computed when first asked for. See `series`.

Each function f is straight outside a window, up to 2^-51: it tends to 0 below and to q + slope t above. Made up of

    f(t) = q / 2 + slope (t / 2 + L / 4) + F(t) + tail(t - L) + tail(t + L),        F(t + L) = -F(t),

where tail is what f is above its lines, it gives an F without corners or jumps, hence a series of odd multiples of half
a turn in L with coefficients that fall off exponentially: by pi / L times the distance of the nearest singularity of f
from the real line. With L twice the window both tails are below 2^-51 inside it. Sums over equidistant points are the
coefficients. They are taken in multiple precision, each function correctly rounded: the same integers on every CPU.

Reference   Trapezoidal rule for periodic analytic functions: Trefethen and Weideman, SIAM Review 56 (2014).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gmpy2

FACTOR_BITS = 56
"""Fractional bits of coefficients, and of the shared factors made of them."""
SCALE = 60 + FACTOR_BITS
"""Fractional bits of a result."""
TURN_BITS = 16
"""The period is 2^16 / turns."""
FAR = 1 << 10
"""Where each function is its line, to more digits than are asked for."""


def sigmoid(x: Any) -> Any:
    return 1 / (1 + gmpy2.exp(-x))


def gelu_tanh(x: Any) -> Any:
    slope = gmpy2.sqrt(2 / gmpy2.const_pi())
    return x * sigmoid(2 * slope * (x + gmpy2.mpfr(44715) / 10**6 * x**3))


@dataclass(frozen=True)
class Extended:
    """A function that is made periodic.

    Parameters
    ----------
    function : callable
        f, 0 far below.
    window : float
        Where the series holds: |t| < window; a multiple of 2^-8.
    slope : int
        0 or 1: that of the line above.
    terms : int
        Odd multiples.
    """

    function: Callable[[Any], Any]
    window: float
    slope: int
    terms: int

    @property
    def turns(self) -> int:
        """2^16 by the period, which is four windows or little more."""
        return int((1 << TURN_BITS) / (4 * self.window))


FUNCTIONS = {
    "sigmoid": Extended(sigmoid, 36.0, 0, 132),
    "tanh": Extended(lambda x: 2 * sigmoid(2 * x), 18.5, 0, 146),
    "softplus": Extended(lambda x: gmpy2.log1p(gmpy2.exp(x)), 36.0, 1, 124),
    "erf": Extended(lambda x: gmpy2.erfc(-x), 5.8125, 0, 23),
    "gelu": Extended(lambda x: x * gmpy2.erfc(-x / gmpy2.sqrt(2)) / 2, 8.375, 1, 25),
    "gelu_tanh": Extended(gelu_tanh, 7.25, 1, 34),
    "silu": Extended(lambda x: x * sigmoid(x), 39.75, 1, 150),
    "arctan_exp2": Extended(lambda x: gmpy2.atan(gmpy2.exp2(x)), 52.0, 0, 240),
    "hypot": Extended(lambda x: gmpy2.log1p(gmpy2.exp2(2 * x)) / (2 * gmpy2.const_log2()), 26.0, 1, 124),
    "arcsinh_exp": Extended(lambda x: gmpy2.asinh(gmpy2.exp(x)), 27.0, 1, 172),
}
"""arctan_exp2(t) is arctan(2^t), arcsinh_exp(t) arcsinh(e^t), hypot(t) log2(1 + 4^t) / 2; tanh and erf have 1 added."""


@dataclass(frozen=True)
class Coefficients:
    """Of sines and cosines, times 2^56, either none or one a multiple; the constant times 2^116."""

    sin: tuple[int, ...]
    cos: tuple[int, ...]
    constant: int


@functools.cache
def coefficients(name: str) -> Coefficients:
    """Those of a function."""
    own = FUNCTIONS[name]
    f, terms, slope = own.function, own.terms, own.slope
    points = 3 * terms
    with gmpy2.context(precision=160):
        length = gmpy2.mpfr(1 << TURN_BITS - 1) / own.turns
        above = f(gmpy2.mpfr(FAR)) - slope * FAR
        centre = above / 2 + slope * length / 4

        def tail(t: Any) -> Any:
            return f(t) - (above + slope * t if t > 0 else 0)

        def folded(t: Any) -> Any:
            return f(t) - centre - slope * t / 2 - tail(t - length) - tail(t + length)

        samples = [folded(length * (2 * i - points) / (2 * points)) for i in range(points)]
        # a multiple m of the angle at point i is m (2 i - points) of these steps
        step = gmpy2.const_pi() / (2 * points)
        sines = [gmpy2.sin(step * j) for j in range(4 * points)]

        def row(ahead: int) -> tuple[int, ...]:
            sums = (
                sum(v * sines[(m * (2 * i - points) + ahead) % (4 * points)] for i, v in enumerate(samples))
                for m in range(1, 2 * terms, 2)
            )
            rounded = tuple(int(gmpy2.rint(total * 2 / points * (1 << FACTOR_BITS))) for total in sums)
            return rounded if any(rounded) else ()

        return Coefficients(row(0), row(points), int(gmpy2.rint(centre * (1 << SCALE))))

"""The table: what every operation on secrets states. An operation is added by one entry, and one in `wide`.

`python -m bench numerics` measures each entry, `--write` renews docs/numerics.md from it; tests hold the statements of
docstrings, the page, and the code against it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mpcfl import numerics
from mpcfl.bounds import samples as on
from mpcfl.bounds.stated import Array, Entry, Error
from mpcfl.bounds.wide import WIDE

NONE = Error()
WRAPS = "wraps by multiples of 2^(64-f)"
WRAPS_EARLIER = "off by multiples of 2^(64-2f)"
WRAPS_EARLIEST = "off by multiples of 2^(63-2f)"
MEANINGLESS = "a number without meaning"
GROWS = "errors grow with the factors"
SIGN = "the sign may come out wrong"
MODULAR = "exact modulo 2^64"

POLES = "relative 2^-27 |tan x + 1 / tan x|, absolute (1 + tan(x)^2) |x| 2^(f-62)"

SCALAR, DIVISOR, STEP = 0.1, 3.0, 0.75
WEIGHTS = np.array([0.9, -0.1, 1e-3, 0.5, -0.7, 0.31, 2e-6, 0.0, -0.99])
"""Public factors, below 1, for rows."""
MATRIX = np.outer(WEIGHTS, [1.0, -0.3, 0.01]) + 0.001


def _sizes(x: Array) -> Array:
    return np.asarray(np.abs(x).sum(-1, keepdims=True))


def _total(x: Array) -> Array:
    return np.asarray(np.abs(x.sum(-1)))


def _sigmoid(x: Array) -> Array:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x))


def _each(function: Callable[[float], float], x: Array) -> Array:
    return np.asarray(np.vectorize(function, otypes=[np.float64])(x))


def _precise(function: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda x: function(x, precise=True)


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def _logsumexp(x: Array) -> Array:
    largest = x.max(-1, keepdims=True)
    return np.asarray(np.log(np.exp(x - largest).sum(-1)) + largest[..., 0])


def _last(function: Any) -> Any:
    """A reduction along the last axis."""
    return lambda x: function(x, axis=-1)


ARITHMETIC = [
    Entry("x + y", np.add, on.SUMS, NONE, 0, 0, WRAPS),
    Entry("x - y", np.subtract, on.SUMS, NONE, 0, 0, WRAPS),
    Entry("-x", np.negative, on.ALL, NONE, 0, 0, WRAPS),
    Entry("np.sum", _last(np.sum), on.ROW_SUMS, NONE, 0, 0, WRAPS),
    Entry("np.cumsum", _last(np.cumsum), on.ROW_SUMS, NONE, 0, 0, WRAPS),
    Entry("x * y", np.multiply, on.PRODUCTS, Error(ulps=1), 2, 24, WRAPS_EARLIER),
    Entry("np.square", np.square, on.SQUARES, Error(ulps=1), 2, 16, WRAPS_EARLIER),
    Entry("x @ y", np.matmul, on.MATRICES, Error(ulps=1), 2, 24, WRAPS_EARLIEST),
    Entry(
        "numerics.affine",
        lambda x, y: numerics.affine(x, y, y),
        on.AFFINE,
        Error(ulps=1),
        2,
        24,
        WRAPS_EARLIEST,
        lambda x, y: x @ y + y,
    ),
    Entry("x ** 3", lambda x: x**3, on.UNITS, Error(ulps=2), 4, 32, GROWS),
    Entry("np.prod", _last(np.prod), on.UNIT_ROWS, Error(ulps=-1, each=1), 8, 21.3, GROWS),
    Entry("np.cumprod", _last(np.cumprod), on.UNIT_ROWS, Error(ulps=-1, each=1), 8, 50.7, GROWS),
    Entry("x * 3, a public whole number", lambda x: x * 3, on.TRIPLED, NONE, 0, 0, WRAPS),
    Entry("x * 0.1, a public scalar", lambda x: x * SCALAR, on.SCALED, Error(ulps=1, operand=2**-63), 1, 8, WRAPS),
    Entry("x / 3, a public scalar", lambda x: x / DIVISOR, on.SCALED, Error(ulps=1, operand=2**-63), 1, 8, WRAPS),
    Entry(
        "x * a, a public array",
        lambda x: x * WEIGHTS,
        on.ARRAY_SCALED,
        Error(ulps=1, operand=2**-25),
        1,
        8,
        WRAPS_EARLIER,
    ),
    Entry(
        "x @ a, a public array",
        lambda x: x @ MATRIX,
        on.MATRIX_SCALED,
        Error(ulps=1, operand=2**-25, size=_sizes, of="sum of |x|"),
        1,
        2.7,
        WRAPS_EARLIER,
    ),
    Entry("x + y of integers", np.add, on.WHOLE, NONE, 0, 0, MODULAR),
    Entry("x * y of integers", np.multiply, on.WHOLE, NONE, 1, 16, MODULAR),
]
CHOICE = [
    Entry("x < y", np.less, on.COMPARED, NONE, 4, 12.4, SIGN),
    Entry("x <= y", np.less_equal, on.COMPARED, NONE, 4, 12.4, SIGN),
    Entry("x > y", np.greater, on.COMPARED, NONE, 4, 12.4, SIGN),
    Entry("x >= y", np.greater_equal, on.COMPARED, NONE, 4, 12.4, SIGN),
    Entry("x == y", np.equal, on.COMPARED, NONE, 4, 10.6, MODULAR),
    Entry("x != y", np.not_equal, on.COMPARED, NONE, 4, 10.6, MODULAR),
    Entry("np.where", np.where, on.CHOICES, NONE, 1, 16, MODULAR),
    Entry("np.maximum", np.maximum, on.COMPARED, NONE, 4, 12.4, SIGN),
    Entry("np.minimum", np.minimum, on.COMPARED, NONE, 4, 12.4, SIGN),
    Entry("np.abs", np.abs, on.ALL, NONE, 4, 12.4, SIGN),
    Entry("np.sign", np.sign, on.ALL, NONE, 4, 16.8, SIGN),
    Entry("np.clip", lambda x: np.clip(x, -1, 1), on.ALL, NONE, 4, 16.8, SIGN),
    Entry("numerics.relu", numerics.relu, on.ANY, NONE, 4, 12.4, SIGN, lambda x: np.maximum(x, 0)),
    Entry("np.floor", np.floor, on.ROUNDED, NONE, 5, 20.4, MEANINGLESS),
    Entry("np.ceil", np.ceil, on.ROUNDED, NONE, 5, 20.4, MEANINGLESS),
    Entry("np.trunc", np.trunc, on.ROUNDED, NONE, 9, 32.8, MEANINGLESS),
    Entry("np.rint, halves up", np.rint, on.ROUNDED, NONE, 5, 20.4, MEANINGLESS, lambda x: np.floor(x + 0.5)),
    Entry("x // 0.75, a public scalar", lambda x: x // STEP, on.DIVIDED, NONE, 5, 29.1, WRAPS),
    Entry("x % 0.75, a public scalar", lambda x: x % STEP, on.DIVIDED, NONE, 5, 29.1, WRAPS),
    Entry("np.max", _last(np.max), on.EXTREMES, NONE, 16, 11, SIGN),
    Entry("np.min", _last(np.min), on.EXTREMES, NONE, 16, 11, SIGN),
    Entry("np.argmax", _last(np.argmax), on.EXTREMES, NONE, 17, 14.6, SIGN),
    Entry("np.argmin", _last(np.argmin), on.EXTREMES, NONE, 17, 14.6, SIGN),
    Entry("np.sort", np.sort, on.EXTREMES, NONE, 40, 35.8, SIGN),
    Entry("np.argsort", np.argsort, on.EXTREMES, NONE, 50, 102.2, SIGN, lambda x: np.argsort(x, kind="stable")),
]
STATISTICS = [
    Entry(
        "np.mean", _last(np.mean), on.ROW_SUMS, Error(ulps=1, operand=2**-63, size=_total, of="|sum(x)|"), 1, 0.9, WRAPS
    ),
    Entry("np.var", _last(np.var), on.SPREAD, Error(ulps=2.1), 4, 17.8, WRAPS_EARLIER),
    Entry(
        "np.std",
        _last(np.std),
        on.DEVIATING,
        Error(ulps=3.2, relative=2**-20.5),
        15,
        25.7,
        "for smaller ones the error grows as ulp / r, to sqrt(2 ulps)",
    ),
    Entry("np.median", lambda x: np.median(x[..., 1:], axis=-1), on.SCATTERED, Error(ulps=1), 25, 25.2, WRAPS),
    Entry("np.quantile", lambda x: np.quantile(x, 0.3, axis=-1), on.SCATTERED, Error(ulps=2), 41, 33.4, WRAPS),
    Entry(
        "np.linalg.norm",
        _last(np.linalg.norm),
        on.NORMED,
        Error(ulps=1.1, each=0.5, relative=2**-20.5),
        13,
        23.9,
        "for smaller ones the error grows as n ulps / r, to sqrt(n ulps)",
    ),
]
ELEMENTARY = [
    Entry("x / y", np.true_divide, on.QUOTIENTS, Error(ulps=1.1, relative=2**-20.3), 12, 159.1, MEANINGLESS),
    Entry("np.reciprocal", np.reciprocal, on.NOT_ZERO, Error(ulps=1.1, relative=2**-20.5), 12, 83.8, MEANINGLESS),
    Entry("np.exp", np.exp, on.EXPONENTS, Error(ulps=1.1, relative=2**-20.8), 4, 29.5, MEANINGLESS),
    Entry("np.exp2", np.exp2, on.EXPONENTS_OF_TWO, Error(ulps=1.1, relative=2**-20.8), 4, 29.5, MEANINGLESS),
    Entry("np.expm1", np.expm1, on.EXPONENTS, Error(ulps=1.6, relative=2**-20.8), 4, 29.5, MEANINGLESS),
    Entry("np.log", np.log, on.POSITIVE, Error(ulps=1.3), 8, 54.8, MEANINGLESS),
    Entry("np.log2", np.log2, on.POSITIVE, Error(ulps=1.3), 8, 54.8, MEANINGLESS),
    Entry("np.log10", np.log10, on.POSITIVE, Error(ulps=1.3), 8, 54.8, MEANINGLESS),
    Entry("np.log1p", np.log1p, on.ABOVE_MINUS_ONE, Error(ulps=1.3), 8, 54.8, MEANINGLESS),
    Entry("np.sqrt", np.sqrt, on.NOT_NEGATIVE, Error(ulps=1.1, relative=2**-20.5), 11, 71.5, MEANINGLESS),
    Entry(
        "numerics.rsqrt",
        numerics.rsqrt,
        on.POSITIVE,
        Error(ulps=1.1, relative=2**-20.5),
        11,
        71.2,
        MEANINGLESS,
        lambda x: 1 / np.sqrt(x),
    ),
    Entry("np.sin", np.sin, on.ANGLES, Error(ulps=1.8), 2, 16, "error grows by |x| 2^(f-62)"),
    Entry("np.cos", np.cos, on.ANGLES, Error(ulps=1.8), 2, 16, "error grows by |x| 2^(f-62)"),
    Entry("np.sinh", np.sinh, on.HYPERBOLIC, Error(ulps=2.6, relative=2**-20.5), 5, 59, MEANINGLESS),
    Entry("np.cosh", np.cosh, on.HYPERBOLIC, Error(ulps=2.1, relative=2**-20.5), 5, 59, MEANINGLESS),
    Entry("np.tanh", np.tanh, on.HALF_RANGE, Error(absolute=4e-4, ulps=2), 4, 24.8, MEANINGLESS),
    Entry("np.logaddexp", np.logaddexp, on.DIFFERENCES, Error(absolute=1.3e-4, ulps=1), 4, 24.8, MEANINGLESS),
    Entry(
        "numerics.sigmoid",
        numerics.sigmoid,
        on.ANY,
        Error(absolute=2e-4, ulps=1.3),
        4,
        24.8,
        SIGN,
        _sigmoid,
    ),
    Entry(
        "numerics.softplus",
        numerics.softplus,
        on.ANY,
        Error(absolute=1.3e-4, ulps=1),
        4,
        24.8,
        SIGN,
        lambda x: np.logaddexp(0, x),
    ),
    *(
        Entry(f"numerics.{name}", getattr(numerics, name), on.ANY, Error(ulps=ulps), 4, 24.8, SIGN, exact)
        for name, ulps, exact in [
            ("erf", 1.2, lambda x: _each(math.erf, x)),
            ("erfc", 1.2, lambda x: _each(math.erfc, x)),
            ("gelu", 1.2, lambda x: 0.5 * x * _each(math.erfc, -x / math.sqrt(2))),
            ("silu", 1.5, lambda x: x * _sigmoid(x)),
        ]
    ),
    Entry("numerics.sigmoid, precise", _precise(numerics.sigmoid), on.ANY, Error(ulps=1.3), 4, 24.8, SIGN, _sigmoid),
    Entry(
        "numerics.softplus, precise",
        _precise(numerics.softplus),
        on.ANY,
        Error(ulps=1.4),
        4,
        24.8,
        SIGN,
        lambda x: np.logaddexp(0, x),
    ),
    Entry("numerics.tanh", numerics.tanh, on.HALF_RANGE, Error(absolute=4e-4, ulps=2), 4, 24.8, MEANINGLESS, np.tanh),
    Entry("numerics.tanh, precise", _precise(numerics.tanh), on.ANY, Error(ulps=1.5), 4, 24.8, SIGN, np.tanh),
    Entry(
        "numerics.gelu, by tanh",
        lambda x: numerics.gelu(x, "tanh"),
        on.ANY,
        Error(ulps=1.2),
        4,
        24.8,
        SIGN,
        lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    ),
    Entry("np.tan", np.tan, on.TANGENTS, Error(ulps=1.4, relative=2**-16), 13, 167.1, POLES),
    Entry("np.arctan", np.arctan, on.ANY, Error(ulps=1.5), 10, 75.5, SIGN),
    Entry("np.arctan2", np.arctan2, on.PLANE, Error(ulps=2.1), 12, 159.5, MEANINGLESS),
    Entry("np.arcsin", np.arcsin, on.SINES, Error(ulps=2), 9, 102, MEANINGLESS),
    Entry("np.arccos", np.arccos, on.SINES, Error(ulps=2), 9, 102, MEANINGLESS),
    Entry("np.arcsinh", np.arcsinh, on.ANY, Error(ulps=1.4), 10, 83.5, MEANINGLESS),
    Entry("np.arccosh", np.arccosh, on.FROM_ONE, Error(ulps=1.4), 9, 110, MEANINGLESS),
    Entry("np.arctanh", np.arctanh, on.INSIDE_ONE, Error(ulps=1.2), 8, 93.5, MEANINGLESS),
    Entry("np.cbrt", np.cbrt, on.ANY, Error(ulps=1.1, relative=2**-20.5), 12, 83.9, MEANINGLESS),
    Entry("np.hypot", np.hypot, on.HYPOTENUSES, Error(ulps=1.1, relative=2**-20.2), 15, 152.1, MEANINGLESS),
    Entry("x ** y", np.power, on.POWERS, Error(ulps=1.1, relative=2**-16), 13, 100.5, MEANINGLESS),
    Entry("x ** 0.3", lambda x: x**0.3, on.NOT_NEGATIVE, Error(ulps=1.1, relative=2**-20.6), 12, 84.5, MEANINGLESS),
    Entry(
        "x ** -2",
        lambda x: np.power(x, -2.0),
        on.INVERSE_SQUARES,
        Error(ulps=1.1, relative=2**-20.2),
        16,
        96.9,
        MEANINGLESS,
    ),
    Entry(
        "2.5 ** x",
        lambda x: 2.5**x,
        on.EXPONENTS_OF_BASE,
        Error(ulps=1.1, relative=2**-20, grain=1.2),
        5,
        37.5,
        MEANINGLESS,
    ),
    Entry("np.logaddexp2", np.logaddexp2, on.DIFFERENCES, Error(ulps=3.9), 6, 40.8, MEANINGLESS),
    Entry("numerics.softmax", numerics.softmax, on.SCATTERED, Error(ulps=4, each=1), 34, 66.7, MEANINGLESS, _softmax),
    Entry(
        "numerics.logsumexp", numerics.logsumexp, on.SCATTERED, Error(ulps=2, each=1), 28, 46.6, MEANINGLESS, _logsumexp
    ),
]
SECTIONS: Mapping[str, Sequence[Entry]] = {
    "arithmetic": ARITHMETIC,
    "choice": CHOICE,
    "statistics": STATISTICS,
    "elementary": [replace(entry, wide=WIDE.get(entry.name)) for entry in ELEMENTARY],
}
"""The entries by the section of docs/numerics.md that has them."""
TABLE: Mapping[str, Entry] = {entry.name: entry for section in SECTIONS.values() for entry in section}

"""Calls that a random program is made of, each with what is known of its result.

The error of a result is what `mpcfl.bounds` states for the call, and that of its operands as far as the function
spreads it. None is the answer where the call is to be left out: a step that the error of an operand reaches over, or an
operand that may lie outside the domain.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from known import FRACTION, ULP, Known, exactly, stated

from mpcfl import numerics, ordering
from mpcfl.bounds import TABLE
from mpcfl.operations import ARRAY_SIGNIFICANT_BITS

Alone: TypeAlias = Callable[[Known], Known | None]
"""What is known of the result, of what is known of the operand."""
Paired: TypeAlias = Callable[[Known, Known, bool], Known | None]
"""The same of two operands, and whether the second is public."""

# ------------------------------------------------------------------------------------------------------ pairs of arrays


def _times(x: Known, y: Known, public: bool) -> Known:
    """A product; a public factor is the second."""
    value = x.value * y.value
    spread = x.size * np.where(public, 0, y.error) + np.abs(y.value) * x.error
    if not public:
        return exactly(value, spread + (ULP if x.kind == y.kind == "f" else 0))
    whole = y.kind != "f" or bool((y.value == np.rint(y.value)).all())
    if whole:
        return exactly(value, spread)
    if x.kind == "b" or (x.kind == "i" and y.value.size > 1):
        return exactly(value, spread + x.size * y.error)
    if y.value.size == 1:
        return exactly(value, spread + ULP + x.size * 2.0**-58)
    return exactly(value, spread + ULP + x.size * 2.0 ** -(scale_of(y.value) + 1))


def scale_of(y: np.ndarray) -> int:
    """Fractional bits of a public real array, as docs/numerics.md has it."""
    exponent = math.frexp(float(np.abs(y).max(initial=0.0)))[1]
    return min(max(FRACTION, ARRAY_SIGNIFICANT_BITS - exponent), 2 * FRACTION) if y.any() else FRACTION


def quotient(x: Known, y: Known, public: bool) -> Known | None:
    if not (np.abs(y.value) - (0 if public else y.error) > 2.0**-4).all():
        return None
    value = x.value / y.value
    if public and y.value.size == 1:
        return exactly(value, x.error / np.abs(y.value) + ULP + x.size * 2.0**-58)
    if public:
        inverse = 1 / y.value
        return _times(exactly(x.value.astype(np.float64), x.error), exactly(inverse), True)
    spread = (x.error + np.abs(value) * y.error) / (np.abs(y.value) - y.error)
    return exactly(value, spread + stated("x / y", value, spread))


def _nearly(function: Callable[..., Any]) -> Paired:
    """A comparison: only of what is further apart than the errors, or exact."""

    def result(x: Known, y: Known, public: bool) -> Known | None:
        error, apart = x.error + y.error, np.abs(x.value - y.value * np.float64(1))
        return exactly(function(x.value, y.value)) if ((apart > error) | (error == 0)).all() else None

    return result


def _linear(function: Callable[..., Any]) -> Paired:
    return lambda x, y, public: exactly(function(x.value, y.value), x.error + y.error)


def _either(function: Callable[..., Any]) -> Paired:
    return lambda x, y, public: exactly(function(x.value, y.value), np.maximum(x.error, y.error))


def _logaddexp(x: Known, y: Known, public: bool) -> Known:
    value = np.logaddexp(x.value, y.value)
    return exactly(value, x.error + y.error + stated("np.logaddexp", value))


PAIRS: dict[str, tuple[Callable[..., Any], str, Paired]] = {
    "np.add": (np.add, "fi", _linear(np.add)),
    "np.subtract": (np.subtract, "fi", _linear(np.subtract)),
    "np.multiply": (np.multiply, "fib", _times),
    "np.true_divide": (np.true_divide, "fi", quotient),
    "np.maximum": (np.maximum, "fib", _either(np.maximum)),
    "np.minimum": (np.minimum, "fib", _either(np.minimum)),
    "larger": (lambda x, y: np.where(x < y, y, x), "fi", _either(np.maximum)),
    "smaller": (lambda x, y: np.where(x > y, y, x), "fi", _either(np.minimum)),
    "np.less": (np.less, "fi", _nearly(np.less)),
    "np.less_equal": (np.less_equal, "fi", _nearly(np.less_equal)),
    "np.greater": (np.greater, "fi", _nearly(np.greater)),
    "np.greater_equal": (np.greater_equal, "fi", _nearly(np.greater_equal)),
    "np.equal": (np.equal, "fi", _nearly(np.equal)),
    "np.not_equal": (np.not_equal, "fi", _nearly(np.not_equal)),
    "np.logaddexp": (np.logaddexp, "f", _logaddexp),
    "np.logical_and": (np.logical_and, "b", _either(np.logical_and)),
    "np.logical_or": (np.logical_or, "b", _either(np.logical_or)),
    "np.logical_xor": (np.logical_xor, "b", _either(np.logical_xor)),
}


# ------------------------------------------------------------------------------------------------- functions of numbers

END = 2.0**20


def _smooth(name: str, low: float, high: float) -> Alone:
    """A function that is monotone, or even and convex, on its domain."""
    entry = TABLE[name]

    def result(x: Known) -> Known | None:
        if not ((x.low >= low) & (x.high <= high)).all():
            return None
        value, below, above = (np.asarray(entry.reference([v]), np.float64) for v in (x.value * 1.0, x.low, x.high))
        spread = np.maximum(np.abs(above - value), np.abs(below - value))
        return exactly(value, spread + stated(name, value, spread))

    return result


def _jumping(function: Callable[..., Any]) -> Alone:
    """A step: only where the error does not reach over it."""

    def result(x: Known) -> Known | None:
        below, above = function(x.low), function(x.high)
        return exactly(function(x.value)) if (below == above).all() else None

    return result


def _waving(name: str) -> Alone:
    """A sine or cosine."""

    def result(x: Known) -> Known | None:
        value = np.asarray(TABLE[name].reference([x.value * 1.0]), np.float64)
        return exactly(value, x.error + stated(name, value)) if (x.size < END).all() else None

    return result


def _reciprocal(x: Known) -> Known | None:
    least = np.abs(x.value) - x.error
    if not (least > 2.0**-4).all():
        return None
    value = 1 / x.value
    spread = np.abs(value) * x.error / least
    return exactly(value, spread + stated("np.reciprocal", value, spread))


def _power(exponent: int) -> Alone:
    def result(x: Known) -> Known:
        spread = x.size**exponent - np.abs(x.value * 1.0) ** exponent
        rounding = (exponent - 1) * ULP * np.maximum(1, x.size + ULP) ** (exponent - 2)
        return exactly(x.value**exponent, (spread + rounding) * (x.kind == "f"))

    return result


def _same(function: Callable[..., Any]) -> Alone:
    return lambda x: exactly(function(x.value), x.error)


def _halves_up(x: np.ndarray) -> np.ndarray:
    return np.floor(x + 0.5) if x.dtype.kind == "f" else x


SINGLES: dict[str, tuple[Callable[..., Any], str, Alone]] = {
    "np.negative": (np.negative, "fi", _same(np.negative)),
    "np.abs": (np.abs, "fi", _same(np.abs)),
    "np.logical_not": (np.logical_not, "b", _same(np.logical_not)),
    "numerics.relu": (numerics.relu, "fi", _same(numerics.relu)),
    "np.square": (np.square, "fi", _power(2)),
    "np.power 3": (lambda x: x**3, "fi", _power(3)),
    "np.clip": (lambda x: np.clip(x, -1, 2), "fi", _same(lambda x: np.clip(x, -1, 2))),
    "np.sign": (np.sign, "fi", _jumping(np.sign)),
    "np.floor": (np.floor, "f", _jumping(np.floor)),
    "np.ceil": (np.ceil, "f", _jumping(np.ceil)),
    "np.trunc": (np.trunc, "f", _jumping(np.trunc)),
    "np.rint": (np.rint, "f", _jumping(_halves_up)),
    "np.floor_divide": (lambda x: x // 0.75, "f", _jumping(lambda x: x // 0.75)),
    "np.remainder 3": (lambda x: x % 3, "i", _jumping(lambda x: x % 3)),
    "astype": (lambda x: x.astype(np.float64), "fib", _same(lambda x: x.astype(np.float64))),
    "np.exp": (np.exp, "fi", _smooth("np.exp", -END, 8)),
    "np.exp2": (np.exp2, "fi", _smooth("np.exp2", -END, 12)),
    "np.expm1": (np.expm1, "f", _smooth("np.expm1", -END, 8)),
    "np.log": (np.log, "fi", _smooth("np.log", 0.1, END)),
    "np.log2": (np.log2, "f", _smooth("np.log2", 0.1, END)),
    "np.log10": (np.log10, "f", _smooth("np.log10", 0.1, END)),
    "np.log1p": (np.log1p, "f", _smooth("np.log1p", -0.9, END)),
    "np.sqrt": (np.sqrt, "fi", _smooth("np.sqrt", 0, END)),
    "numerics.rsqrt": (numerics.rsqrt, "fi", _smooth("numerics.rsqrt", 0.1, END)),
    "np.reciprocal": (np.reciprocal, "f", _reciprocal),
    "np.sin": (np.sin, "fi", _waving("np.sin")),
    "np.cos": (np.cos, "fi", _waving("np.cos")),
    "np.sinh": (np.sinh, "f", _smooth("np.sinh", -8, 8)),
    "np.cosh": (np.cosh, "f", _smooth("np.cosh", -8, 8)),
    "np.tanh": (np.tanh, "fi", _smooth("np.tanh", -END, END)),
    "numerics.sigmoid": (numerics.sigmoid, "fi", _smooth("numerics.sigmoid", -END, END)),
    "numerics.softplus": (numerics.softplus, "fi", _smooth("numerics.softplus", -END, END)),
}


# ----------------------------------------------------------------------------------------------------------- reductions

PRODUCTS = 2.0**25
"""Products of fixed point must stay below twice this."""


def _summed(x: Known, mean: bool) -> Known:
    value = x.value.mean(-1) if mean else x.value.sum(-1)
    error = x.error.sum(-1)
    return exactly(value, error / x.value.shape[-1] + ULP * 1.001 if mean else error)


def _extreme(function: Callable[..., Any]) -> Alone:
    return lambda x: exactly(function(x.value, axis=-1), x.worst[..., 0])


def _place(function: Callable[..., Any]) -> Alone:
    """Only where no two elements are within their errors of one another."""

    def result(x: Known) -> Known | None:
        order = np.sort(x.value, -1)
        apart = (np.diff(order) > 2 * x.worst).all() or not x.error.any()
        return exactly(function(x.value)) if apart else None

    return result


def _product(x: Known) -> Known | None:
    n = x.value.shape[-1]
    spread = x.size.prod(-1) - np.abs(x.value * 1.0).prod(-1)
    part = np.maximum(1, x.size + ULP).prod(-1)  # of some of the elements, at most
    if not (part < PRODUCTS).all():
        return None
    rounding = (n - 1) * ULP * part
    return exactly(x.value.prod(-1), (spread + rounding) * (x.kind == "f"))


def _variance(x: Known) -> Known:
    centred = np.abs(x.value - x.value.mean(-1, keepdims=True)).max(-1)
    worst = x.worst[..., 0]
    value = x.value.var(-1)
    return exactly(value, 4 * worst * (centred + worst) + stated("np.var", value))


def _deviation(x: Known) -> Known | None:
    spread = _variance(x).error
    value = x.value.std(-1)
    if not (value**2 - spread >= 0.25).all():
        return None
    return exactly(value, spread / value + stated("np.std", value, spread))


def _norm(x: Known) -> Known | None:
    value, spread = np.linalg.norm(x.value, axis=-1), x.error.sum(-1)
    if not ((value - spread >= 1) & (value**2 < PRODUCTS)).all():
        return None
    return exactly(value, spread + stated("np.linalg.norm", value, spread, x.value.shape[-1]))


def _along(name: str, keep: bool) -> Alone:
    """softmax and logsumexp."""

    def result(x: Known) -> Known:
        value = np.asarray(TABLE[name].reference([x.value * 1.0]), np.float64)
        worst = x.worst if keep else x.worst[..., 0]
        return exactly(value, worst + stated(name, value, worst, x.value.shape[-1]))

    return result


def _stable(x: np.ndarray) -> np.ndarray:
    return np.argsort(x, axis=-1, kind="stable")


def _last(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: function(x, axis=-1)


def _differences(x: Known) -> Known:
    return exactly(np.diff(x.value), np.abs(x.error[..., 1:]) + x.error[..., :-1])


def _largest(x: Any) -> Any:
    return ordering.top_k(x, 1)[0]


ROWS: dict[str, tuple[Callable[..., Any], str, Alone]] = {
    "np.sum": (_last(np.sum), "fib", lambda x: _summed(x, False)),
    "np.mean": (_last(np.mean), "fib", lambda x: _summed(x, True)),
    "np.max": (_last(np.max), "fi", _extreme(np.max)),
    "np.min": (_last(np.min), "fi", _extreme(np.min)),
    "np.median": (_last(np.median), "fi", lambda x: exactly(np.median(x.value, -1), x.worst[..., 0] + ULP)),
    "np.argmax": (_last(np.argmax), "fi", _place(_last(np.argmax))),
    "np.argmin": (_last(np.argmin), "fi", _place(_last(np.argmin))),
    "np.any": (_last(np.any), "b", lambda x: exactly(x.value.any(-1))),
    "np.all": (_last(np.all), "b", lambda x: exactly(x.value.all(-1))),
    "np.ptp": (_last(np.ptp), "fi", lambda x: exactly(np.ptp(x.value, -1), 2 * x.worst[..., 0])),
    "np.diff": (np.diff, "fi", _differences),
    "np.count_nonzero": (_last(np.count_nonzero), "b", lambda x: exactly(np.count_nonzero(x.value, -1))),
    "ordering.top_k": (_largest, "fib", lambda x: exactly(_largest(x.value), x.worst)),
    "np.sort": (np.sort, "fib", lambda x: exactly(np.sort(x.value), x.worst)),
    "np.argsort": (np.argsort, "fi", _place(_stable)),
    "np.cumsum": (_last(np.cumsum), "fi", lambda x: exactly(x.value.cumsum(-1), x.error.cumsum(-1))),
    "np.prod": (_last(np.prod), "fi", _product),
    "np.var": (_last(np.var), "f", _variance),
    "np.std": (_last(np.std), "f", _deviation),
    "np.linalg.norm": (_last(np.linalg.norm), "f", _norm),
    "numerics.softmax": (numerics.softmax, "f", _along("numerics.softmax", True)),
    "numerics.logsumexp": (numerics.logsumexp, "f", _along("numerics.logsumexp", False)),
}

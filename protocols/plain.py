"""The oracle: every primitive on clear ring values, in a world of one party that opens nothing.

Each rule states what its primitive means; the conformance test holds every suite against it. Numbers that a suite may
round by a coin are rounded down here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import gmpy2
import numpy as np

from mpcfl import ring
from mpcfl.correlation import Leaf
from mpcfl.effects import Protocol
from mpcfl.protocol import Context, Rule, Suite
from mpcfl.ring import Words
from mpcfl.share import Bit, Share
from mpcfl.view import View


def _words(ctx: Context, values: Sequence[int]) -> Words:
    """Integers as a vector of the ring."""
    return ring.words(np.array([value % (1 << ctx.width) for value in values], object), ctx.width)


def _bit(ctx: Context, values: Sequence[bool]) -> Bit:
    words = ring.words(np.array(values, np.bool_), ctx.width)
    t = ring.words(np.array(values, np.bool_))
    return Bit(words, t, ring.zeros(words.shape, ctx.width), View.leaf(Leaf(0, 0, words.shape), words.shape))


def _mul(ctx: Context, x: Share, y: Share) -> Any:
    return ring.multiply(x.words, y.words)


def _matmul(ctx: Context, x: Share, y: Share) -> Any:
    return ring.matmul(x.words, y.words)


def _double_matmul(ctx: Context, x: Share, y: Share) -> Any:
    return ring.multiply(ring.matmul(x.words, y.words), 2)


def _square(ctx: Context, x: Share) -> Any:
    return ring.multiply(x.words, x.words)


def _mux(ctx: Context, bit: Bit, value: Share) -> Any:
    return ring.multiply(bit.words, value.words)


def _trunc_pr(ctx: Context, x: Words, multiplier: int, shift: int) -> Any:
    return Share(_words(ctx, [v * multiplier >> shift for v in ring.integers(x)]))


def _trunc_exact(ctx: Context, x: Words, shift: int) -> Any:
    return _words(ctx, [v >> shift for v in ring.integers(x)])


def _msb(ctx: Context, x: Share) -> Any:
    return _bit(ctx, [v < 0 for v in ring.integers(x.words)])


def _eqz(ctx: Context, x: Share) -> Any:
    return _bit(ctx, [v == 0 for v in ring.integers(x.words)])


def _narrow_eqz(ctx: Context, x: Share) -> Any:
    return _bit(ctx, [v % 64 == 0 for v in ring.integers(x.words)])


def _parity(ctx: Context, x: Share) -> Any:
    return _bit(ctx, [v % 2 == 1 for v in ring.integers(x.words)])


def _matmul_parity(ctx: Context, x: Share, y: Share) -> Any:
    return _parity(ctx, Share(ring.matmul(x.words, y.words).reshape(-1)))


def _sigmoid(ctx: Context, x: Share) -> Any:
    values = ring.decode(x.words, ctx.fraction)
    return ring.encode(0.5 + 0.5 * np.tanh(0.5 * values), ctx.fraction, ctx.width)


def _softplus(ctx: Context, x: Share) -> Any:
    values = ring.decode(x.words, ctx.fraction)
    return ring.encode(np.logaddexp(0.0, values), ctx.fraction, ctx.width)


def _divide(ctx: Context, x: Share, y: Share) -> Any:
    pairs = zip(ring.integers(x.words), ring.integers(y.words), strict=True)
    return _words(ctx, [(a << ctx.fraction) // b for a, b in pairs])


def _reciprocal(ctx: Context, y: Share) -> Any:
    one = 1 << 2 * ctx.fraction
    return _words(ctx, [one // b for b in ring.integers(y.words)])


def _sqrt(ctx: Context, x: Share) -> Any:
    return _words(ctx, [math.isqrt(v << ctx.fraction) for v in ring.integers(x.words)])


def _real(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function of real numbers at 250 bits, rounded down to the session's fraction."""

    def rule(ctx: Context, x: Share) -> Any:
        with gmpy2.context(precision=250):
            step = gmpy2.mpfr(1) / (1 << ctx.fraction)
            values = [int(gmpy2.floor(function(v * step) / step)) for v in ring.integers(x.words)]
        return _words(ctx, values)

    return rule


def _two_reals(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """A function of two real numbers, as `_real`."""

    def rule(ctx: Context, x: Share, y: Share) -> Any:
        return _rounded(ctx, function, x.words, y.words, ctx.fraction)

    return rule


def _public_power(ctx: Context, x: Share, y: Words, bits: int) -> Any:
    return _rounded(ctx, lambda a, b: a**b, x.words, y, bits)


def _rounded(ctx: Context, function: Callable[[Any, Any], Any], x: Words, y: Words, bits: int) -> Any:
    with gmpy2.context(precision=250):
        unit, step = gmpy2.mpfr(1) / (1 << ctx.fraction), gmpy2.mpfr(1) / (1 << bits)
        pairs = zip(ring.integers(x), ring.integers(y), strict=True)
        values = [int(gmpy2.floor(function(a * unit, b * step) / unit)) for a, b in pairs]
    return _words(ctx, values)


def _logistic(x: Any) -> Any:
    return 1 / (1 + gmpy2.exp(-x))


def _gelu_tanh(x: Any) -> Any:
    slope = gmpy2.sqrt(2 / gmpy2.const_pi())
    return x * (1 + gmpy2.tanh(slope * (x + gmpy2.mpfr(44715) / 10**6 * x**3))) / 2


def _permute(ctx: Context, x: Share, owner: int) -> Any:
    """Any order will do; here it is the one given."""
    return x.words


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "mul": _mul,
    "matmul": _matmul,
    "double_matmul": _double_matmul,
    "square": _square,
    "mux": _mux,
    "narrow_eqz": _narrow_eqz,
    "parity": _parity,
    "matmul_parity": _matmul_parity,
    "trunc_pr": _trunc_pr,
    "trunc_exact": _trunc_exact,
    "msb": _msb,
    "eqz": _eqz,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "divide": _divide,
    "permute": _permute,
    "reciprocal": _reciprocal,
    "exp": _real(gmpy2.exp),
    "exp2": _real(gmpy2.exp2),
    "log": _real(gmpy2.log),
    "log2": _real(gmpy2.log2),
    "log10": _real(gmpy2.log10),
    "sqrt": _sqrt,
    "rsqrt": _real(gmpy2.rec_sqrt),
    "sin": _real(gmpy2.sin),
    "cos": _real(gmpy2.cos),
    "precise_sigmoid": _real(_logistic),
    "precise_softplus": _real(lambda x: max(x, 0) + gmpy2.log1p(gmpy2.exp(-abs(x)))),
    "precise_tanh": _real(gmpy2.tanh),
    "erf": _real(gmpy2.erf),
    "gelu": _real(lambda x: x * gmpy2.erfc(-x / gmpy2.sqrt(2)) / 2),
    "gelu_tanh": _real(_gelu_tanh),
    "silu": _real(lambda x: x * _logistic(x)),
    "tan": _real(gmpy2.tan),
    "arctan": _real(gmpy2.atan),
    "arctan2": _two_reals(gmpy2.atan2),
    "arcsin": _real(gmpy2.asin),
    "arccos": _real(gmpy2.acos),
    "arcsinh": _real(gmpy2.asinh),
    "arccosh": _real(gmpy2.acosh),
    "arctanh": _real(gmpy2.atanh),
    "power": _two_reals(lambda x, y: x**y),
    "public_power": _public_power,
    "cbrt": _real(gmpy2.cbrt),
    "hypot": _two_reals(gmpy2.hypot),
}


def _silent(function: Callable[..., Any]) -> Callable[..., Protocol]:
    """A function as a protocol without effects."""

    def protocol(*operands: Any, **parameters: Any) -> Protocol:
        yield from ()
        return function(*operands, **parameters)

    return protocol


suite = Suite(
    "plain",
    [Rule(primitive, _silent(function), 0, lambda shapes, parties: 0) for primitive, function in _FUNCTIONS.items()],
    parties=(1, 1),
)

"""Sigmoid, softplus, tanh, erf, silu and gelu in four rounds: a series inside a window, straight lines outside it.

Parties hold [x] and want [f(x)] for every representable x, |x| < 2^(62 - f). Inside |x| < w a trigonometric series
(`series`); below, f is 0, or -1 for tanh and erf; above it is 1, or x for softplus, silu and gelu. The windows are so
wide that what is left out is below 2^-20, in Z_2^128 below 2^-51; those of the fast sigmoid and softplus, for Z_2^64
alone, leave out 2e-4 and 1.3e-4.

    offline    r = -a for the operand's mask a;  U and V of the series;  digit tables of r, daBits, a truncation pair
    online     d = open([x] - [a])                                         1 round, none if x was opened or truncated
    local      [S] = f(x) less its value below, as d and r give it
    online     c = open([S] + 2^62 + [rho']) beside the merges of [x < w] and [x < -w], both from one table
                                                                           2 rounds
               inside = [x < w] xor [x < -w] and high = 1 - [x < w], converted
                                                                           1 round
    local      [f(x)] = low + inside [trunc(S)] + high [line(x) - low]: the products are dealt, nothing is opened

A fast form has the same rounds and bytes; only the dealer's tables are shorter.

Error       absolute, below 2^-20 and one unit, in Z_2^128 below 2^-50 and one; of the fast forms below 2e-4 (sigmoid)
            or 1.3e-4 (softplus) and one.
Realises    x to f(x) + error, the error a function of x, of the uniform public d and of the public rounding coin of one
            truncation. Simulator: all openings uniform (see beaver, comparison, conversion, truncation); U and V
            depend on a alone and are shared uniformly.
Reference   series. Sines of a masked angle with a dealer: Zheng et al., ACSAC 2023 (Secure softmax/sigmoid).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mpcfl import ring
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context, Rule, rule, together
from mpcfl.protocols import series128
from mpcfl.protocols.beaver import Mask, Triple, mux
from mpcfl.protocols.comparison import CORRELATIONS, MESSAGES, Digits, comparable, msb_bits, sign
from mpcfl.protocols.conversion import b2a
from mpcfl.protocols.series import SCALES, Waves, series_of
from mpcfl.protocols.truncation import PRODUCT, TruncPair, trunc_pr
from mpcfl.protocols.upper import TruncMux
from mpcfl.ring import Shape
from mpcfl.share import Share


@dataclass(frozen=True)
class Window:
    """Where a series holds, and the lines outside.

    Parameters
    ----------
    limit : float
        w in Z_2^64, a multiple of 2^-8.
    low : int
        f below the window.
    identity : bool
        Whether f above the window is x; else it is 1.
    """

    limit: float
    low: int
    identity: bool


WINDOWS = {
    "fast_sigmoid": Window(8.53125, 0, False),
    "fast_softplus": Window(9, 0, True),
    "sigmoid": Window(14.5, 0, False),
    "softplus": Window(14.5, 0, True),
    "tanh": Window(7.25, -1, False),
    "erf": Window(3.6875, -1, False),
    "gelu": Window(5.375, 0, True),
    "gelu_tanh": Window(5.375, 0, True),
    "silu": Window(17.5, 0, True),
}


def series_bits(shapes: Sequence[Shape], parties: int, width: int = 64) -> int:
    """Declared payload bits: two comparisons of one opened operand and one truncation, as much as that operand."""
    return 2 * msb_bits(shapes, parties, width)


def below(ctx: Context, t: Share, limits: Sequence[int]) -> Protocol:
    """Planes of <[t < limit]> of an opened vector, with limits in its units: two rounds."""
    operand = yield from comparable(ctx, t)
    dealt = yield Draw(Digits(operand.mask, True))
    return (yield from together(*(sign(ctx, operand.less(end), dealt) for end in limits)))


def sides(ctx: Context, t: Share, limit: int) -> Protocol:
    """Bits [-limit <= t < limit] and [t >= limit] of an opened vector, with a limit in its units: three rounds."""
    n = t.shape[0]
    below_high, below_low = yield from below(ctx, t, (limit, -limit))
    high = ~below_high if ctx.first else below_high
    return (yield from together(b2a(ctx, below_high ^ below_low, n), b2a(ctx, high, n)))


def windowed(ctx: Context, x: Share, name: str) -> Protocol:
    """f(x) on a vector at the session's fraction."""
    window, one = WINDOWS[name], 1 << ctx.fraction
    limit = series128.FUNCTIONS[name].window if ctx.width == 128 else window.limit
    series = yield from series_of(ctx, x, name, ctx.fraction)
    word, (inside, high) = yield from together(
        trunc_pr(ctx, series, 1, SCALES[ctx.width] - ctx.fraction), sides(ctx, x, int(limit * one))
    )
    result = yield from mux(ctx, inside, word)
    if window.low:
        result = ring.add(result, ring.scalar(ctx.first * window.low * one))
    if window.identity:
        return ring.add(result, (yield from mux(ctx, high, x)))
    return ring.add(result, ring.multiply(high.words, ring.scalar((1 - window.low) * one)))


def _rule(primitive: str, name: str) -> Rule:
    @rule(
        primitive,
        rounds=4,
        bits=series_bits,
        messages=[PRODUCT, *MESSAGES],
        correlations=[*CORRELATIONS, Mask, Triple, TruncPair, TruncMux, Waves],
    )
    def function(ctx: Context, x: Share) -> Protocol:
        return (yield from windowed(ctx, x, name))

    return function


sigmoid = _rule("sigmoid", "fast_sigmoid")
softplus = _rule("softplus", "fast_softplus")
precise_sigmoid = _rule("precise_sigmoid", "sigmoid")
precise_softplus = _rule("precise_softplus", "softplus")
precise_tanh = _rule("precise_tanh", "tanh")
erf = _rule("erf", "erf")
gelu = _rule("gelu", "gelu")
gelu_tanh = _rule("gelu_tanh", "gelu_tanh")
silu = _rule("silu", "silu")

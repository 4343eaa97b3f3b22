"""Inverse trigonometric and hyperbolic functions, as functions of logarithms. Dealer model.

Parties hold [x], and want [f(x)]. Where others divide or take roots, a quotient or a root is a difference or a half of
logarithms here, and f a series in them (`series`):

    arctan x            g(log2 |x|), with the sign of x                         g(t) = arctan(2^t)
    arctan2(y, x)       g(log2 |y| - log2 |x|), by the quadrant
    arccos x            2 g((log2(1 - x) - log2(1 + x)) / 2);  arcsin x is pi / 2 less that
    arcsinh x           h(ln |x|), with the sign of x                           h(t) = arcsinh(e^t)
    arccosh x           h((ln(x - 1) + ln(x + 1)) / 2)
    arctanh x           (ln(1 + x) - ln(1 - x)) / 2

    v, e of x, of 1 - x and 1 + x, or of x - 1 and x + 1: all open x alone              6 rounds (leading)
    [t]                                                                                  1 round (normalisation)
    [S] at t, which opens it                                                             1 round
    S / 2^(56 - f), times the bit of the window                                          1 round (upper)
    the sign                                                                             1 round, for arctan and arcsinh

Outside the windows arctan and arcsinh are x below; above, arctan is pi / 2 and arcsinh and arccosh are t + ln 2. The
bits for that are among those of `leading`; only arctan2 compares t. For a zero so much is taken from its logarithm that
g is nearly 0 or pi / 2.

Error       absolute, below 2^-20 and one unit: that of the series, and half or less of the logarithms' 2^-23.
Realises    x (and y) to f + error, a function of them, of uniform public words and of public rounding coins. Outside
            the domain the result has no meaning. Simulator: that of its parts.
Reference   leading; normalisation; series; upper.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import gmpy2

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.protocol import Context, Rule, rule, together
from mpcfl.protocols.beaver import Mask, Triple, mul, mux
from mpcfl.protocols.comparison import planes_bits
from mpcfl.protocols.conversion import b2a
from mpcfl.protocols.leading import CORRELATIONS as LEADING_CORRELATIONS
from mpcfl.protocols.leading import MESSAGES as LEADING_MESSAGES
from mpcfl.protocols.leading import leading, leading_bits
from mpcfl.protocols.logarithm import unit
from mpcfl.protocols.nearness import TESTS
from mpcfl.protocols.normalisation import LogHarmonics, logarithm, logarithm_bits
from mpcfl.protocols.series import SCALE, Waves, series_of
from mpcfl.protocols.truncation import PRODUCT, TruncPair, trunc_pr
from mpcfl.protocols.upper import TruncMux
from mpcfl.protocols.windows import sides
from mpcfl.ring import Shape, Words
from mpcfl.share import Bit, Share

MESSAGES = (PRODUCT, *LEADING_MESSAGES)
CORRELATIONS = (*LEADING_CORRELATIONS, Mask, Triple, LogHarmonics, Waves, TruncPair, TruncMux)
ARCTAN_END = 20
"""arctan is pi / 2 from 2^20 or 2^21 on."""
LOW_END, HIGH_END = -11, 10
"""arctan and arcsinh are x up to 2^-11 or 2^-10; arcsinh and arccosh are ln(2 x) from 2^10 or 2^11 on."""
HALF_SCALE = SCALE - 1
RATIO_END = 21
"""arctan2 is a multiple of pi / 2 where |y| / |x| is beyond 2^(+-21)."""
DROP_Y, DROP_X = 128, 64
"""Taken from the logarithms of zeros in arctan2: y counts as the smaller zero."""


@functools.cache
def constant(name: str, bits: int) -> int:
    """pi / 2 or ln 2 times 2^bits, to the nearest integer."""
    with gmpy2.context(precision=160):
        value = gmpy2.const_log2() if name == "ln 2" else gmpy2.const_pi() / 2
        return int(gmpy2.rint(value * (1 << bits)))


def odd_test(ctx: Context, end: int) -> int:
    """The test of `leading` at 2^end or 2^(end + 1), whichever is an odd bit of the word."""
    return max((ctx.fraction + end) // 2, 0)


def flipped(ctx: Context, plane: Words) -> Words:
    """Shares of the other bits."""
    return ~plane if ctx.first else plane


def _bits(n: int, parties: int, words: int, planes: int) -> int:
    """Payload bits of so many words and planes of bits."""
    return (parties - 1) * 64 * (n * words + ring.packed(n) * planes)


# ------------------------------------------------------------------------------------------------------- arctan


def arctan_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: t, its truncation and the sign; three bits of the window."""
    n = shapes[0][0]
    return leading_bits(n, parties, signed=True) + logarithm_bits(n, parties) + _bits(n, parties, 3, 3)


@rule("arctan", rounds=10, bits=arctan_bits, messages=MESSAGES, correlations=CORRELATIONS)
def arctan(ctx: Context, x: Share) -> Protocol:
    """arctan x on a vector at the session's fraction."""
    n = x.shape[0]
    top = yield from leading(ctx, x, signed=True)
    tiny, moderate = (ring.take(top.planes, odd_test(ctx, end)) for end in (LOW_END, ARCTAN_END))
    log2, low, inside, high = yield from together(
        logarithm(ctx, top, series="long"),
        b2a(ctx, tiny, n),
        b2a(ctx, tiny ^ moderate, n),
        b2a(ctx, flipped(ctx, moderate), n),
    )
    t = Share(ring.subtract(log2, ring.scalar(ctx.first * ctx.fraction << SCALE)))
    size = yield from _inside(ctx, t, "arctan_exp2", SCALE, inside)
    size = ring.add(size, ring.multiply(high.words, ring.scalar(constant("pi / 2", ctx.fraction))))
    result, itself = yield from together(signed(ctx, top.negative, size), mux(ctx, low, x))
    return ring.add(result, itself)


def _inside(ctx: Context, t: Share, name: str, scale: int, inside: Bit) -> Protocol:
    """A series of t, truncated, where the bit holds, else 0: two rounds."""
    words = yield from series_of(ctx, t, name, scale)
    word = yield from trunc_pr(ctx, words, 1, SCALE - ctx.fraction)
    return (yield from mux(ctx, inside, word))


def signed(ctx: Context, negative: Bit, size: Words) -> Protocol:
    """-size where the bit holds, else size: one round."""
    part = yield from mux(ctx, negative, Share(size))
    return ring.subtract(size, ring.multiply(part, ring.scalar(2)))


def arctan2_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: t, its truncation and comparisons; both signs and their product, and the angle."""
    n = shapes[0][0]
    tops = 2 * (leading_bits(n, parties, signed=True, zero=True) + logarithm_bits(n, parties))
    return tops + _bits(n, parties, 2 + 3 + 1, 0) + 2 * planes_bits(n, parties)


@rule("arctan2", rounds=12, bits=arctan2_bits, messages=MESSAGES, correlations=CORRELATIONS)
def arctan2(ctx: Context, y: Share, x: Share) -> Protocol:
    """The angle of (x, y) on vectors of one scale, at the session's fraction; 0 for (0, 0)."""
    tops = yield from together(*(leading(ctx, operand, signed=True, zero=True) for operand in (y, x)))
    ones = ctx.constant(ring.like(y.words, y.shape, 1))
    sign_y, sign_x = (Share(ring.subtract(ones, ring.multiply(top.negative.words, ring.scalar(2)))) for top in tops)
    logs = yield from together(
        *(logarithm(ctx, top, 1 << HALF_SCALE, series="long") for top in tops), mul(ctx, sign_y, sign_x)
    )
    product = logs.pop()
    log_y, log_x = (
        ring.subtract(log, ring.multiply(top.zero.words, ring.scalar(drop << HALF_SCALE)))
        for log, top, drop in zip(logs, tops, (DROP_Y, DROP_X), strict=True)
    )
    t = Share(ring.subtract(log_y, log_x))
    words = yield from series_of(ctx, t, "arctan_exp2", HALF_SCALE)
    word, (inside, high) = yield from together(
        trunc_pr(ctx, words, 1, SCALE - ctx.fraction), sides(ctx, t, RATIO_END << HALF_SCALE)
    )
    angle = yield from mux(ctx, inside, word)
    quarter = ring.scalar(constant("pi / 2", ctx.fraction))
    beyond = ring.subtract(high.words, ones)
    angle = ring.add(angle, ring.multiply(beyond, quarter))
    turned = yield from mul(ctx, Share(product), Share(angle))
    return ring.add(turned, ring.multiply(sign_y.words, quarter))


# -------------------------------------------------------------------------------------- arcsin, arccos, arctanh


def one_more_one_less(ctx: Context, x: Share) -> tuple[Share, Share]:
    """1 + x and 1 - x, which are opened with x."""
    one = ring.like(x.words, x.shape, 1 << ctx.fraction)
    return x.shift(one, ctx.first), x.scale(-1).shift(one, ctx.first)


def arccos_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: t and its truncation."""
    n = shapes[0][0]
    tops = 2 * (leading_bits(n, parties, zero=True) + logarithm_bits(n, parties))
    return tops + _bits(n, parties, 2 - 1, 0)


def _arc(ctx: Context, x: Share, sine: bool) -> Protocol:
    """arccos x, or arcsin x, on a vector at the session's fraction, |x| <= 1."""
    tops = yield from together(*(leading(ctx, part, zero=True) for part in one_more_one_less(ctx, x)))
    logs = yield from together(*(logarithm(ctx, top, 1 << HALF_SCALE, series="long") for top in tops))
    drop = ring.scalar(37 - ctx.fraction << HALF_SCALE)
    plus, minus = (ring.subtract(log, ring.multiply(top.zero.words, drop)) for log, top in zip(logs, tops, strict=True))
    words = yield from series_of(ctx, Share(ring.subtract(minus, plus)), "arctan_exp2", SCALE)
    words = ring.multiply(words, ring.scalar(-2 if sine else 2))
    if sine:
        words = ring.add(words, ring.scalar(ctx.first * constant("pi / 2", SCALE)))
    return (yield from trunc_pr(ctx, words, 1, SCALE - ctx.fraction))


def _arc_rule(name: str, sine: bool) -> Rule:
    @rule(name, rounds=9, bits=arccos_bits, messages=MESSAGES, correlations=CORRELATIONS)
    def function(ctx: Context, x: Share) -> Protocol:
        return (yield from _arc(ctx, x, sine))

    return function


arccos = _arc_rule("arccos", False)
arcsin = _arc_rule("arcsin", True)


def arctanh_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: one truncation."""
    n = shapes[0][0]
    return 2 * (leading_bits(n, parties) + logarithm_bits(n, parties)) + _bits(n, parties, 1 - 1, 0)


@rule("arctanh", rounds=8, bits=arctanh_bits, messages=MESSAGES, correlations=CORRELATIONS)
def arctanh(ctx: Context, x: Share) -> Protocol:
    """arctanh x on a vector at the session's fraction, |x| < 1."""
    tops = yield from together(*(leading(ctx, part) for part in one_more_one_less(ctx, x)))
    plus, minus = yield from together(*(logarithm(ctx, top, unit("e") >> 1, series="long") for top in tops))
    return (yield from trunc_pr(ctx, ring.subtract(plus, minus), 1, SCALE - ctx.fraction))


# --------------------------------------------------------------------------------------------- arcsinh, arccosh


def arcsinh_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: t, two truncations and the sign; three bits of the window."""
    n = shapes[0][0]
    return leading_bits(n, parties, signed=True) + logarithm_bits(n, parties) + _bits(n, parties, 4, 3)


def _arcsinh_of_exp(ctx: Context, t: Share, inside: Bit, high: Bit) -> Protocol:
    """arcsinh(e^t) in the window and t + ln 2 above it, t at 55 fractional bits: two rounds."""
    words = yield from series_of(ctx, t, "arcsinh_exp", HALF_SCALE)
    line = ring.add(
        (yield from mux(ctx, high, t)), ring.multiply(high.words, ring.scalar(constant("ln 2", HALF_SCALE)))
    )
    word, above = yield from together(
        trunc_pr(ctx, words, 1, SCALE - ctx.fraction), trunc_pr(ctx, line, 1, HALF_SCALE - ctx.fraction)
    )
    return ring.add((yield from mux(ctx, inside, word)), above.words)


@rule("arcsinh", rounds=10, bits=arcsinh_bits, messages=MESSAGES, correlations=CORRELATIONS)
def arcsinh(ctx: Context, x: Share) -> Protocol:
    """arcsinh x on a vector at the session's fraction."""
    n = x.shape[0]
    top = yield from leading(ctx, x, signed=True)
    tiny, moderate = (ring.take(top.planes, odd_test(ctx, end)) for end in (LOW_END, HIGH_END))
    natural, low, inside, high = yield from together(
        logarithm(ctx, top, unit("e") >> 1, series="long"),
        b2a(ctx, tiny, n),
        b2a(ctx, tiny ^ moderate, n),
        b2a(ctx, flipped(ctx, moderate), n),
    )
    t = Share(ring.subtract(natural, ring.scalar(ctx.first * ctx.fraction * (unit("e") >> 1))))
    size = yield from _arcsinh_of_exp(ctx, t, inside, high)
    result, itself = yield from together(signed(ctx, top.negative, size), mux(ctx, low, x))
    return ring.add(result, itself)


def arccosh_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: t and two truncations; two bits of the window."""
    n = shapes[0][0]
    tops = leading_bits(n, parties, zero=True) + leading_bits(n, parties) + 2 * logarithm_bits(n, parties)
    return tops + _bits(n, parties, 3 - 1, 2)


@rule("arccosh", rounds=9, bits=arccosh_bits, messages=MESSAGES, correlations=CORRELATIONS)
def arccosh(ctx: Context, x: Share) -> Protocol:
    """arccosh x on a vector at the session's fraction, x >= 1."""
    n = x.shape[0]
    one = ring.like(x.words, x.shape, 1 << ctx.fraction)
    less, more = yield from together(
        leading(ctx, x.shift(ring.negative(one), ctx.first), zero=True), leading(ctx, x.shift(one, ctx.first))
    )
    moderate = ring.take(less.planes, odd_test(ctx, HIGH_END))
    quarter = unit("e") >> 2
    log_less, log_more, inside, high = yield from together(
        logarithm(ctx, less, quarter, series="long"),
        logarithm(ctx, more, quarter, series="long"),
        b2a(ctx, moderate ^ ring.take(less.planes, TESTS), n),
        b2a(ctx, flipped(ctx, moderate), n),
    )
    t = ring.subtract(ring.add(log_less, log_more), ring.scalar(ctx.first * 2 * ctx.fraction * quarter))
    return (yield from _arcsinh_of_exp(ctx, Share(t), inside, high))

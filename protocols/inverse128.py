"""Inverse trigonometric and hyperbolic functions in Z_2^128, as functions of logarithms. Dealer model.

What each of them is, is said in `inverse`; the steps here are

    v, c of x, of 1 - x and 1 + x, or of x - 1 and x + 1: all open x alone             10 rounds (scaling)
    the bits of the window, from the same opening                                       beside that
    [t], a logarithm                                                                     1 round (logarithms128)
    [S] at t, which opens it                                                             1 round (series)
    S / 2^(116 - f), times the bit of the window                                         1 round (upper)
    the sign                                                                             1 round, for arctan and arcsinh

arctan x is x up to 2^-17 and pi / 2 from 2^51 on; arcsinh x is x up to 2^-17 and ln(2 x), like arccosh x, from 2^25 on.
Only arctan2 compares t, with +-51.

Error       absolute, below 2^-48.7 and one unit: that of the series, and half or less of the logarithms' 2^-49.4.
Realises    x (and y) to f + error, a function of them, of uniform public words and of public rounding coins. Outside
            the domain the result has no meaning. Simulator: that of its parts.
Reference   inverse; scaling; logarithms128; series; upper.
"""

from __future__ import annotations

from collections.abc import Sequence

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.protocol import Context, rule, together
from mpcfl.protocols import series128
from mpcfl.protocols.beaver import mul, mux
from mpcfl.protocols.comparison import planes_bits
from mpcfl.protocols.conversion import b2a
from mpcfl.protocols.inverse import constant, flipped, one_more_one_less, signed
from mpcfl.protocols.logarithms128 import LOGARITHM_CORRELATIONS, MESSAGES, SCALE, logarithm, unit_of, word_bits
from mpcfl.protocols.scaling import scaled, scaled_bits
from mpcfl.protocols.series import Waves, series_of
from mpcfl.protocols.truncation import trunc_pr
from mpcfl.protocols.upper import TruncMux
from mpcfl.protocols.windows import below, sides
from mpcfl.ring import Shape
from mpcfl.share import Bit, Share

CORRELATIONS = (*LOGARITHM_CORRELATIONS, Waves, TruncMux)
LOW_END = -17
"""arctan and arcsinh are x up to 2^-17."""
ARCTAN_END, ARCSINH_END = 51, 25
"""From 2^51 on arctan is pi / 2, from 2^25 on arcsinh and arccosh are ln(2 x)."""
DROP_Y, DROP_X = 128, 64
"""Taken from the logarithms of zeros in arctan2: y counts as the smaller zero."""
NOTHING = 52
"""g(-52) is nearly 0 and g(52) nearly pi / 2."""
LOG_OF_ZERO = -5
"""What comes out: the series has the same value, 0, for v = 0 and 2^126, and c is 131."""


def planes(ctx: Context, x: Share, ends: Sequence[int], negative: bool) -> Protocol:
    """Planes of <[|x| < 2^end]>, or x < one unit where that is less: three rounds, or less if x was opened before."""
    limits = [1 << max(ctx.fraction + end, 0) for end in ends]
    upper = yield from below(ctx, x, [*limits, *(1 - limit for limit in limits)] if negative else limits)
    if not negative:
        return upper
    return [above ^ under for above, under in zip(upper[: len(ends)], upper[len(ends) :], strict=True)]


def region_bits(n: int, parties: int, compared: int, converted: int) -> int:
    """Payload bits of so many comparisons of an opened vector, and conversions."""
    return compared * planes_bits(n, parties, 128) + (converted - compared) * (parties - 1) * 64 * ring.packed(n)


def inside(ctx: Context, t: Share, name: str, bit: Bit) -> Protocol:
    """A series of t, truncated, where the bit holds, else 0: two rounds."""
    words = yield from series_of(ctx, t, name, SCALE)
    word = yield from trunc_pr(ctx, words, 1, series128.SCALE - ctx.fraction)
    return (yield from mux(ctx, bit, word))


# ------------------------------------------------------------------------------------------------------- arctan


def arctan_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: v, t, its truncation and the sign; the window."""
    n = shapes[0][0]
    return scaled_bits(n, parties, signed=True) + word_bits(n, parties, 4) + region_bits(n, parties, 4, 3)


@rule("arctan", rounds=14, bits=arctan_bits, messages=MESSAGES, correlations=CORRELATIONS)
def arctan(ctx: Context, x: Share) -> Protocol:
    """arctan x on a vector at the session's fraction."""
    n = x.shape[0]
    top, (tiny, moderate) = yield from together(
        scaled(ctx, x, signed=True), planes(ctx, x, (LOW_END, ARCTAN_END), negative=True)
    )
    log2, low, within, high = yield from together(
        logarithm(ctx, top),
        b2a(ctx, tiny, n),
        b2a(ctx, tiny ^ moderate, n),
        b2a(ctx, flipped(ctx, moderate), n),
    )
    t = Share(ring.subtract(log2, ctx.first * ctx.fraction << SCALE))
    size = yield from inside(ctx, t, "arctan_exp2", within)
    size = ring.add(size, ring.multiply(high.words, constant("pi / 2", ctx.fraction)))
    result, itself = yield from together(signed(ctx, top.negative, size), mux(ctx, low, x))
    return ring.add(result, itself)


def arctan2_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: both v, t, its truncation and comparisons; both signs, their product and the angle."""
    n = shapes[0][0]
    tops = 2 * scaled_bits(n, parties, signed=True, zero=True)
    return tops + word_bits(n, parties, 2 + 2 + 4) + 2 * planes_bits(n, parties, 128)


@rule("arctan2", rounds=16, bits=arctan2_bits, messages=MESSAGES, correlations=CORRELATIONS)
def arctan2(ctx: Context, y: Share, x: Share) -> Protocol:
    """The angle of (x, y) on vectors of one scale, at the session's fraction; 0 for (0, 0)."""
    tops = yield from together(*(scaled(ctx, operand, signed=True, zero=True) for operand in (y, x)))
    ones = ctx.constant(ring.like(y.words, y.shape, 1))
    sign_y, sign_x = (Share(ring.subtract(ones, ring.multiply(top.negative.words, 2))) for top in tops)
    # [x < 1] counts negative numbers in: a zero is what is below 1 and not negative
    zeros = [ring.subtract(top.zero.words, top.negative.words) for top in tops]
    *logs, product = yield from together(*(logarithm(ctx, top) for top in tops), mul(ctx, sign_y, sign_x))
    log_y, log_x = (
        ring.subtract(log, ring.multiply(zero, drop << SCALE))
        for log, zero, drop in zip(logs, zeros, (DROP_Y, DROP_X), strict=True)
    )
    t = Share(ring.subtract(log_y, log_x))
    words = yield from series_of(ctx, t, "arctan_exp2", SCALE)
    word, (within, high) = yield from together(
        trunc_pr(ctx, words, 1, series128.SCALE - ctx.fraction), sides(ctx, t, ARCTAN_END << SCALE)
    )
    angle = yield from mux(ctx, within, word)
    quarter = constant("pi / 2", ctx.fraction)
    angle = ring.add(angle, ring.multiply(ring.subtract(high.words, ones), quarter))
    turned = yield from mul(ctx, Share(product), Share(angle))
    return ring.add(turned, ring.multiply(sign_y.words, quarter))


# -------------------------------------------------------------------------------------- arcsin, arccos, arctanh


def arccos_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: both v, t and its truncation; x is opened once."""
    n = shapes[0][0]
    return 2 * scaled_bits(n, parties, zero=True) + word_bits(n, parties, 2 + 2 - 1)


def _arc(ctx: Context, x: Share, sine: bool) -> Protocol:
    """arccos x, or arcsin x."""
    tops = yield from together(*(scaled(ctx, part, zero=True) for part in one_more_one_less(ctx, x)))
    logs = yield from together(*(logarithm(ctx, top, 1 << SCALE - 1) for top in tops))
    # for one of them 0 the other is 2, and t, half their difference, becomes -52 or 52
    drop = (2 * NOTHING + LOG_OF_ZERO - ctx.fraction - 1) << SCALE - 1
    plus, minus = (ring.subtract(log, ring.multiply(top.zero.words, drop)) for log, top in zip(logs, tops, strict=True))
    words = yield from series_of(ctx, Share(ring.subtract(minus, plus)), "arctan_exp2", SCALE)
    words = ring.multiply(words, -2 if sine else 2)
    if sine:
        words = ring.add(words, ctx.first * constant("pi / 2", series128.SCALE))
    return (yield from trunc_pr(ctx, words, 1, series128.SCALE - ctx.fraction))


@rule("arccos", rounds=13, bits=arccos_bits, messages=MESSAGES, correlations=CORRELATIONS)
def arccos(ctx: Context, x: Share) -> Protocol:
    """arccos x on a vector at the session's fraction, |x| <= 1."""
    return (yield from _arc(ctx, x, sine=False))


@rule("arcsin", rounds=13, bits=arccos_bits, messages=MESSAGES, correlations=CORRELATIONS)
def arcsin(ctx: Context, x: Share) -> Protocol:
    """arcsin x on a vector at the session's fraction, |x| <= 1."""
    return (yield from _arc(ctx, x, sine=True))


def arctanh_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: both v and one truncation; x is opened once."""
    n = shapes[0][0]
    return 2 * scaled_bits(n, parties) + word_bits(n, parties, 2 + 1 - 1)


@rule("arctanh", rounds=12, bits=arctanh_bits, messages=MESSAGES, correlations=CORRELATIONS)
def arctanh(ctx: Context, x: Share) -> Protocol:
    """arctanh x on a vector at the session's fraction, |x| < 1."""
    tops = yield from together(*(scaled(ctx, part) for part in one_more_one_less(ctx, x)))
    plus, minus = yield from together(*(logarithm(ctx, top, unit_of("e") >> 1) for top in tops))
    return (yield from trunc_pr(ctx, ring.subtract(plus, minus), 1, SCALE - ctx.fraction))


# --------------------------------------------------------------------------------------------- arcsinh, arccosh


def arcsinh_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: v, t, two truncations and the sign; the window."""
    n = shapes[0][0]
    return scaled_bits(n, parties, signed=True) + word_bits(n, parties, 5) + region_bits(n, parties, 4, 3)


def _arcsinh_of_exp(ctx: Context, t: Share, within: Bit, high: Bit) -> Protocol:
    """arcsinh(e^t) in the window and t + ln 2 above it: two rounds."""
    words = yield from series_of(ctx, t, "arcsinh_exp", SCALE)
    line = ring.add((yield from mux(ctx, high, t)), ring.multiply(high.words, constant("ln 2", SCALE)))
    word, above = yield from together(
        trunc_pr(ctx, words, 1, series128.SCALE - ctx.fraction), trunc_pr(ctx, line, 1, SCALE - ctx.fraction)
    )
    return ring.add((yield from mux(ctx, within, word)), above.words)


@rule("arcsinh", rounds=14, bits=arcsinh_bits, messages=MESSAGES, correlations=CORRELATIONS)
def arcsinh(ctx: Context, x: Share) -> Protocol:
    """arcsinh x on a vector at the session's fraction."""
    n, natural = x.shape[0], unit_of("e")
    top, (tiny, moderate) = yield from together(
        scaled(ctx, x, signed=True), planes(ctx, x, (LOW_END, ARCSINH_END), negative=True)
    )
    log, low, within, high = yield from together(
        logarithm(ctx, top, natural),
        b2a(ctx, tiny, n),
        b2a(ctx, tiny ^ moderate, n),
        b2a(ctx, flipped(ctx, moderate), n),
    )
    t = Share(ring.subtract(log, ctx.first * ctx.fraction * natural))
    size = yield from _arcsinh_of_exp(ctx, t, within, high)
    result, itself = yield from together(signed(ctx, top.negative, size), mux(ctx, low, x))
    return ring.add(result, itself)


def arccosh_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: both v, t and two truncations; x is opened once; the window."""
    n = shapes[0][0]
    return 2 * scaled_bits(n, parties) + word_bits(n, parties, 2 + 3 - 1) + region_bits(n, parties, 2, 2)


@rule("arccosh", rounds=13, bits=arccosh_bits, messages=MESSAGES, correlations=CORRELATIONS)
def arccosh(ctx: Context, x: Share) -> Protocol:
    """arccosh x on a vector at the session's fraction, x >= 1."""
    n, half = x.shape[0], unit_of("e") >> 1
    one = ring.like(x.words, x.shape, 1 << ctx.fraction)
    more, less = x.shift(one, ctx.first), x.shift(ring.negative(one), ctx.first)
    above, beyond, (none, moderate) = yield from together(
        scaled(ctx, more), scaled(ctx, less), planes(ctx, less, (-ctx.fraction, ARCSINH_END), negative=False)
    )
    log_more, log_less, within, high = yield from together(
        logarithm(ctx, above, half),
        logarithm(ctx, beyond, half),
        b2a(ctx, none ^ moderate, n),
        b2a(ctx, flipped(ctx, moderate), n),
    )
    t = ring.subtract(ring.add(log_less, log_more), ctx.first * 2 * ctx.fraction * half)
    return (yield from _arcsinh_of_exp(ctx, Share(t), within, high))

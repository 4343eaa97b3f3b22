"""Powers with any exponent, cube roots and lengths in Z_2^128, as powers of two of logarithms. Dealer model.

What each of them is, is said in `powering`; the steps here are

    v, c of x (of both); [x = 0]                                             10 rounds (scaling)
    [L] = log2 |x| at 112 fractional bits                                    1 round (logarithms128)

    power      L / 2^52, with 60 fractional bits                             1 round
               [E] = [L] [y], or [L] y for a public y                        1 round, or none
               2^(E + f) beside [E < T], the least E of a unit, and its product: as exp             5 rounds
    cbrt       2^((L + 2 f) / 3), times the sign of x or 0                   3 rounds
    hypot      [t] = [L_x] - [L_y];  [E] = [L_y] + log2(1 + 4^t) / 2, a series for |t| < 26, 0 below and t above
                                                                             4 rounds
               2^E                                                           2 rounds

Error       one unit, and relative: 2^-45 of cbrt and hypot; of a power 2^-45 and |y| 2^-49.5, its logarithm's error,
            with a public y rounded to 59 bits.
Realises    the power up to that error, which is a function of x and y, of uniform public words and of public rounding
            coins. What is not representable, a negative x and 0^y for y <= 0 have results without meaning. Simulator:
            that of its parts.
Reference   powering; scaling; logarithms128; powers128; series.
"""

from __future__ import annotations

from collections.abc import Sequence

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.protocol import Context, rule, together
from mpcfl.protocols import series128
from mpcfl.protocols.beaver import masked, mul, mux
from mpcfl.protocols.comparison import msb, planes_bits
from mpcfl.protocols.logarithms128 import MESSAGES, POWER_CORRELATIONS, SCALE, logarithm, sign_of, word_bits
from mpcfl.protocols.powers import LOWEST
from mpcfl.protocols.powers128 import Range, power_bits, power_of_two
from mpcfl.protocols.scaling import BOUND, scaled, scaled_bits
from mpcfl.protocols.series import Waves, series_of
from mpcfl.protocols.truncation import trunc_pr
from mpcfl.protocols.windows import sides
from mpcfl.ring import Shape, Words
from mpcfl.share import Share

LOG_BITS = 60
"""Fractional bits of a logarithm that is multiplied by an exponent."""
UNDERFLOW = 128
"""Taken from the exponent where x = 0."""


# -------------------------------------------------------------------------------------------------------- power


def public_power_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: v; L, which is truncated; E, for the power and the comparison; the power, for its bit."""
    n = shapes[0][0]
    parts = scaled_bits(n, parties, zero=True) + word_bits(n, parties, 3)
    return parts + power_bits(n, parties) + planes_bits(n, parties, 128)


def secret_power_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: those of a public power, L and y."""
    return public_power_bits(shapes, parties) + word_bits(shapes[0][0], parties, 2)


def _log2(ctx: Context, x: Share) -> Protocol:
    """log2 x at 60 fractional bits and [x = 0]: twelve rounds."""
    top = yield from scaled(ctx, x, zero=True)
    log2 = yield from logarithm(ctx, top)
    words = ring.subtract(log2, ctx.first * ctx.fraction << SCALE)
    return (yield from trunc_pr(ctx, words, 1, SCALE - LOG_BITS)).words, top.zero


def _power(ctx: Context, exponent: Words, scale: int) -> Protocol:
    """2^exponent at the session's fraction, 0 where that is less than half a unit: five rounds."""
    e = Share(ring.add(exponent, ctx.first * ctx.fraction << scale))
    low, power = yield from together(
        msb(ctx, e.shift(ring.like(exponent, exponent.shape, 1 << scale), ctx.first)),
        power_of_two(ctx, e, scale, Range(LOWEST, ctx.bound)),
    )
    return ring.subtract(power, (yield from mux(ctx, low, Share(power))))


@rule("power", rounds=18, bits=secret_power_bits, messages=MESSAGES, correlations=POWER_CORRELATIONS)
def power(ctx: Context, x: Share, y: Share) -> Protocol:
    """x^y on vectors at the session's fraction, x >= 0, |y log2 x| < 2^(65 - f)."""
    scale = LOG_BITS + ctx.fraction
    log2, zero = yield from _log2(ctx, x)
    exponent = yield from mul(ctx, Share(log2), y)
    dropped = ring.multiply(zero.words, UNDERFLOW << scale)
    return (yield from _power(ctx, ring.subtract(exponent, dropped), scale))


@rule("public_power", rounds=17, bits=public_power_bits, messages=MESSAGES, correlations=POWER_CORRELATIONS)
def public_power(ctx: Context, x: Share, y: Words, bits: int) -> Protocol:
    """x^y on a vector at the session's fraction for public words y at `bits` fractional bits, |y| < 2^(58 - bits)."""
    scale = LOG_BITS + bits
    log2, zero = yield from _log2(ctx, x)
    dropped = ring.multiply(zero.words, UNDERFLOW << scale)
    return (yield from _power(ctx, ring.subtract(ring.multiply(log2, y), dropped), scale))


# ----------------------------------------------------------------------------------------------------- cube root


def cbrt_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: v, the power, its size and the sign."""
    n = shapes[0][0]
    return scaled_bits(n, parties, signed=True, zero=True) + word_bits(n, parties, 3) + power_bits(n, parties)


@rule("cbrt", rounds=14, bits=cbrt_bits, messages=MESSAGES, correlations=POWER_CORRELATIONS)
def cbrt(ctx: Context, x: Share) -> Protocol:
    """The real cube root on a vector at the session's fraction."""
    top = yield from scaled(ctx, x, signed=True, zero=True)
    third = ((1 << SCALE) + 1) // 3
    log = yield from logarithm(ctx, top, third)
    exponent = ring.add(log, ctx.first * 2 * ctx.fraction * third)
    span = Range(2 * ctx.fraction // 3 - 1, (BOUND + 2 * ctx.fraction) // 3 + 1)
    root = yield from power_of_two(ctx, Share(exponent), SCALE, span)
    return (yield from mul(ctx, Share(root), sign_of(ctx, top)))


# -------------------------------------------------------------------------------------------------------- length

FLAT = 26
"""log2(1 + 4^t) / 2 is 0 or t beyond."""
DROP = 40
"""Taken from the logarithm of a zero, which comes out as -5."""
HYPOT_RANGE = Range(-DROP - 6, BOUND)


def hypot_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: both v; t, which is compared twice, and the series; the power."""
    n = shapes[0][0]
    tops = 2 * scaled_bits(n, parties, signed=True, zero=True) + word_bits(n, parties, 2 + 2)
    return tops + 2 * planes_bits(n, parties, 128) + power_bits(n, parties)


@rule("hypot", rounds=17, bits=hypot_bits, messages=MESSAGES, correlations=(*POWER_CORRELATIONS, Waves))
def hypot(ctx: Context, x: Share, y: Share) -> Protocol:
    """sqrt(x^2 + y^2) on vectors at the session's fraction."""
    tops = yield from together(*(scaled(ctx, operand, signed=True, zero=True) for operand in (x, y)))
    logs = yield from together(*(logarithm(ctx, top) for top in tops))
    # [x < 1] counts negative numbers in
    log_x, log_y = (
        ring.subtract(log, ring.multiply(ring.subtract(top.zero.words, top.negative.words), DROP << SCALE))
        for log, top in zip(logs, tops, strict=True)
    )
    t = Share(ring.subtract(log_x, log_y))
    series = Share((yield from series_of(ctx, t, "hypot", SCALE)))
    _, (inside, high) = yield from together(masked(ctx, series), sides(ctx, t, FLAT << SCALE))
    bent = yield from mux(ctx, inside, series)
    straight = yield from mux(ctx, high, t)
    exponent = ring.add(ring.multiply(ring.add(log_y, straight), 1 << series128.SCALE - SCALE), bent)
    return (yield from power_of_two(ctx, Share(exponent), series128.SCALE, HYPOT_RANGE))

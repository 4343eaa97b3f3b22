"""Powers with any exponent, cube roots and lengths, as powers of two of logarithms. Dealer model.

Parties hold [x], x >= 0 at f fractional bits, and want [x^y] for a secret or a public y; or [cbrt x], [hypot(x, y)] for
any [x], [y].

    v, e of x (of both); [x = 0]                                             6 rounds (leading)
    [L] = log2 |x| at 56 fractional bits                                     1 round (normalisation)

    power      L / 2^30, with 26 fractional bits                             1 round
               [E] = [L] [y], or [L] y for a public y                        1 round, or none
               2^(E + f), 0 where it is less than half a unit: as exp        4 rounds
    cbrt       2^((L + 2 f) / 3), then the sign                              4 rounds and 1
    hypot      [t] = [L_x] - [L_y];  [E] = [L_y] + log2(1 + 4^t) / 2, a series for |t| < 12, 0 below and t above
                                                                             4 rounds
               2^E                                                           4 rounds

Where x = 0 a large number is taken from the logarithm, or the exponent, so that the power is 0.

Error       one unit, and relative: 2^-20.5 of cbrt and 2^-20.2 of hypot; of a power 2^-20.8 and |y| 2^-22.4, its
            logarithm's error, with a public y rounded to 31 bits.
Realises    the power up to that error, which is a function of x and y, of uniform public words and of public rounding
            coins. What is not representable, a negative x and 0^y for y <= 0 have results without meaning. Simulator:
            that of its parts.
Reference   leading; normalisation; powers; exponential; series.
"""

from __future__ import annotations

from collections.abc import Sequence

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.protocol import Context, rule, together
from mpcfl.protocols.beaver import Triple, masked, mul, mux
from mpcfl.protocols.comparison import planes_bits
from mpcfl.protocols.exponential import power_above, power_above_bits
from mpcfl.protocols.leading import CORRELATIONS as LEADING_CORRELATIONS
from mpcfl.protocols.leading import MESSAGES as LEADING_MESSAGES
from mpcfl.protocols.leading import leading, leading_bits
from mpcfl.protocols.normalisation import LIMIT, SCALE, LogHarmonics, logarithm, logarithm_bits
from mpcfl.protocols.powers import Powers, Range, power_bits, power_of_two
from mpcfl.protocols.series import Waves, series_of
from mpcfl.protocols.truncation import PRODUCT, TruncPair, trunc_pr
from mpcfl.protocols.windows import sides
from mpcfl.ring import Shape, Words
from mpcfl.share import Share

MESSAGES = (PRODUCT, *LEADING_MESSAGES)
CORRELATIONS = (*LEADING_CORRELATIONS, Triple, LogHarmonics, Powers, TruncPair)
LOG_BITS = 26
"""Fractional bits of a logarithm that is multiplied by an exponent."""
EXPONENT_BITS = SCALE - LOG_BITS
"""Bits of a public exponent below 1, the point included: then log2 x times it fits at 56."""
UNDERFLOW = 64
"""Taken from the exponent where x = 0."""


def _words(n: int, parties: int, words: int) -> int:
    return (parties - 1) * 64 * n * words


# -------------------------------------------------------------------------------------------------------- power


def public_power_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: L, which is truncated; the power."""
    n = shapes[0][0]
    parts = leading_bits(n, parties, zero=True) + logarithm_bits(n, parties)
    return parts + _words(n, parties, 1) + power_above_bits(n, parties)


def secret_power_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: those of a public power, L and y."""
    return public_power_bits(shapes, parties) + _words(shapes[0][0], parties, 2)


def _log2(ctx: Context, x: Share) -> Protocol:
    """log2 x at 26 fractional bits and [x = 0]: eight rounds."""
    top = yield from leading(ctx, x, zero=True)
    words = yield from logarithm(ctx, top, more=-ctx.fraction << SCALE, series="long")
    return (yield from trunc_pr(ctx, words, 1, SCALE - LOG_BITS)).words, top.zero


def _power(ctx: Context, exponent: Words, scale: int) -> Protocol:
    """2^exponent at the session's fraction, 0 where that is less than half a unit: four rounds."""
    e = Share(ring.add(exponent, ring.scalar(ctx.first * ctx.fraction << scale)))
    above = e.shift(ring.like(exponent, exponent.shape, 1 << scale), ctx.first)
    return (yield from power_above(ctx, e, above, scale))


@rule("power", rounds=13, bits=secret_power_bits, messages=MESSAGES, correlations=CORRELATIONS)
def power(ctx: Context, x: Share, y: Share) -> Protocol:
    """x^y on vectors at the session's fraction, x >= 0, |y log2 x| < 2^(36 - f)."""
    scale = LOG_BITS + ctx.fraction
    log2, zero = yield from _log2(ctx, x)
    exponent = yield from mul(ctx, Share(log2), y)
    dropped = ring.multiply(zero.words, ring.scalar(UNDERFLOW << scale))
    return (yield from _power(ctx, ring.subtract(exponent, dropped), scale))


@rule("public_power", rounds=12, bits=public_power_bits, messages=MESSAGES, correlations=CORRELATIONS)
def public_power(ctx: Context, x: Share, y: Words, bits: int) -> Protocol:
    """x^y on a vector at the session's fraction for public words y at `bits` fractional bits, |y| < 2^(30 - bits)."""
    scale = LOG_BITS + bits
    log2, zero = yield from _log2(ctx, x)
    dropped = ring.multiply(zero.words, ring.scalar(UNDERFLOW << scale))
    return (yield from _power(ctx, ring.subtract(ring.multiply(log2, y), dropped), scale))


# ----------------------------------------------------------------------------------------------------- cube root


ZONES = 3
"""Zones of a cube root."""


def cbrt_range(fraction: int) -> Range:
    """Whole exponents of (L + 2 f) / 3, x = 0 among them."""
    return Range(2 * fraction // 3 - UNDERFLOW // 2 - 2, (LIMIT + 2 * fraction) // 3 + 1, ZONES)


def cbrt_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: those of the power, which is opened for the sign."""
    n = shapes[0][0]
    tops = leading_bits(n, parties, signed=True, zero=True) + logarithm_bits(n, parties)
    return tops + power_bits(n, parties, ZONES) + _words(n, parties, 1)


@rule("cbrt", rounds=12, bits=cbrt_bits, messages=MESSAGES, correlations=CORRELATIONS)
def cbrt(ctx: Context, x: Share) -> Protocol:
    """The real cube root on a vector at the session's fraction."""
    top = yield from leading(ctx, x, signed=True, zero=True)
    third = ((1 << SCALE) + 1) // 3
    log = yield from logarithm(ctx, top, third, 2 * ctx.fraction * third)
    exponent = ring.subtract(log, ring.multiply(top.zero.words, ring.scalar(UNDERFLOW // 2 << SCALE)))
    root = yield from power_of_two(ctx, Share(exponent), SCALE, cbrt_range(ctx.fraction))
    part = yield from mux(ctx, top.negative, Share(root))
    return ring.subtract(root, ring.multiply(part, ring.scalar(2)))


# -------------------------------------------------------------------------------------------------------- length

FLAT = 12
"""log2(1 + 4^t) / 2 is 0 or t beyond."""
HYPOT_RANGE = Range(-UNDERFLOW - 1, LIMIT)


def hypot_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: t, which is compared twice, and the series; the power."""
    n = shapes[0][0]
    tops = 2 * (leading_bits(n, parties, zero=True, signed=True) + logarithm_bits(n, parties))
    return tops + _words(n, parties, 2) + 2 * planes_bits(n, parties) + power_bits(n, parties)


@rule("hypot", rounds=15, bits=hypot_bits, messages=MESSAGES, correlations=(*CORRELATIONS, Waves))
def hypot(ctx: Context, x: Share, y: Share) -> Protocol:
    """sqrt(x^2 + y^2) on vectors at the session's fraction."""
    scale = SCALE - 1
    tops = yield from together(*(leading(ctx, operand, signed=True, zero=True) for operand in (x, y)))
    logs = yield from together(*(logarithm(ctx, top, 1 << scale) for top in tops))
    drop = ring.scalar(UNDERFLOW - 4 << scale)
    log_x, log_y = (
        ring.subtract(log, ring.multiply(top.zero.words, drop)) for log, top in zip(logs, tops, strict=True)
    )
    t = Share(ring.subtract(log_x, log_y))
    series = Share((yield from series_of(ctx, t, "hypot", scale)))
    _, (inside, high) = yield from together(masked(ctx, series), sides(ctx, t, FLAT << scale))
    bent = yield from mux(ctx, inside, series)
    straight = yield from mux(ctx, high, t)
    two = ring.scalar(2)
    exponent = ring.add(ring.add(ring.multiply(log_y, two), bent), ring.multiply(straight, two))
    return (yield from power_of_two(ctx, Share(exponent), SCALE, HYPOT_RANGE))

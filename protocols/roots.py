"""Square roots and their reciprocals, as powers of two of half a logarithm. Dealer model.

Parties hold [x], 0 <= x at f fractional bits (a word X below 2^62), and want [sqrt x] or [1 / sqrt x].

    [L] = log2 X at 56 fractional bits, which is log2 X / 2 at 57        7 rounds (leading, normalisation)
    sqrt:  2^((L + f) / 2), with L less 32 where x = 0, so that it is 0  4 rounds
    rsqrt: 2^((3 f - L) / 2)                                             4 rounds

Error       relative 2^-21.2, and one unit: half of the logarithm's 2^-21.5 ln 2, and 2^-21.9 of the power.
Realises    x to the root + error, the error a function of x, of uniform public words and of a public rounding coin.
            rsqrt of 0, and both of a negative number, have no meaning. Simulator: that of its parts.
Reference   leading; normalisation; powers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.protocol import Context, rule
from mpcfl.protocols.leading import CORRELATIONS, MESSAGES, leading, leading_bits
from mpcfl.protocols.normalisation import AT_ZERO, LIMIT, SCALE, LogHarmonics, logarithm, logarithm_bits
from mpcfl.protocols.powers import LOWEST, ZONE, Powers, Range, power_bits, power_of_two
from mpcfl.protocols.truncation import PRODUCT, TruncPair
from mpcfl.ring import Shape
from mpcfl.share import Share

ZONES = 3
"""Zones of a root, at the fractions that a session may have."""
HALF_SCALE = SCALE + 1
"""log2 X at 56 fractional bits read at 57 is half of it."""
DROP = 32
"""Taken from log2 X where X = 0: 2^((AT_ZERO - 32 + f) / 2) is less than half a unit for every fraction."""


def sqrt_range(fraction: int) -> Range:
    """Whole exponents of (L + f) / 2, X = 0 among them."""
    return Range((math.floor(AT_ZERO) - DROP + fraction) // 2, (LIMIT + fraction) // 2 + 1, ZONES)


def rsqrt_range(fraction: int) -> Range:
    """Whole exponents of (3 f - L) / 2; beyond the fractions of sessions, for linear algebra, with one zone more."""
    highest = 3 * fraction // 2 + 1
    return Range((3 * fraction - LIMIT - 1) // 2, highest, ZONES + int(highest - LOWEST >= ZONE * ZONES))


def sqrt_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits of sqrt."""
    n = shapes[0][0]
    return leading_bits(n, parties, zero=True) + logarithm_bits(n, parties) + power_bits(n, parties, ZONES)


def rsqrt_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits of rsqrt."""
    n = shapes[0][0]
    return leading_bits(n, parties) + logarithm_bits(n, parties) + power_bits(n, parties, ZONES)


@rule(
    "sqrt",
    rounds=11,
    bits=sqrt_bits,
    messages=[PRODUCT, *MESSAGES],
    correlations=[*CORRELATIONS, LogHarmonics, Powers, TruncPair],
)
def sqrt(ctx: Context, x: Share) -> Protocol:
    """sqrt x on a vector at the session's fraction, x >= 0."""
    top = yield from leading(ctx, x, zero=True)
    log2 = yield from logarithm(ctx, top, more=ctx.fraction << SCALE)
    exponent = ring.subtract(log2, ring.multiply(top.zero.words, ring.scalar(DROP << SCALE)))
    return (yield from power_of_two(ctx, Share(exponent), HALF_SCALE, sqrt_range(ctx.fraction)))


@rule(
    "rsqrt",
    rounds=11,
    bits=rsqrt_bits,
    messages=[PRODUCT, *MESSAGES],
    correlations=[*CORRELATIONS, LogHarmonics, Powers, TruncPair],
)
def rsqrt(ctx: Context, x: Share) -> Protocol:
    """1 / sqrt x on a vector at the session's fraction, x > 0."""
    top = yield from leading(ctx, x)
    exponent = yield from logarithm(ctx, top, -1 << SCALE, 3 * ctx.fraction << SCALE)
    return (yield from power_of_two(ctx, Share(exponent), HALF_SCALE, rsqrt_range(ctx.fraction)))

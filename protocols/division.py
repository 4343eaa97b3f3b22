"""Quotients of secrets and reciprocals, as powers of two of a difference of logarithms. Dealer model.

Parties hold [x], [y], integers below 2^62 in magnitude, y not 0 (fixed-point numbers of one fraction: the quotient does
not see it), and want x / y at the session's fraction f, or 2^f / y where y itself has it.

    v, e and signs of x and y; [x = 0]                                      6 rounds (leading)
    [L] = log2 |x|, log2 |y| at 56 fractional bits (normalisation), beside
    s = (1 - 2 [x < 0] - [x = 0]) (1 - 2 [y < 0])                           1 round
    2^(L_x - L_y + f), for a reciprocal 2^(2 f - L_y)                       4 rounds (powers)
    times s                                                                 1 round

So a quotient has its own error, whatever the reciprocal of its divisor would lose: 10^6 / 10^9 is as exact as 1 / 1000.

Error       relative 2^-20.5 (two logarithms, 2^-20.7 together; times ln 2; and 2^-21.9 of the power), and one unit. A
            dividend of 0 gives 0 exactly.
Realises    the quotient up to that error, which is a function of x and y, of uniform public words and of public
            rounding coins. A divisor of 0, or a quotient that is not representable, has a result without meaning.
            Simulator: that of its parts.
Reference   Division by logarithms: Mitchell, IRE Trans. EC-11 (1962); normalisation: Catrina and Saxena, FC 2010; see
            normalisation and powers.
"""

from __future__ import annotations

from collections.abc import Sequence

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.protocol import Context, rule, together
from mpcfl.protocols.beaver import Triple, mul, mux
from mpcfl.protocols.leading import CORRELATIONS as LEADING_CORRELATIONS
from mpcfl.protocols.leading import MESSAGES as LEADING_MESSAGES
from mpcfl.protocols.leading import leading, leading_bits
from mpcfl.protocols.normalisation import LIMIT, SCALE, LogHarmonics, logarithm, logarithm_bits
from mpcfl.protocols.powers import Powers, Range, power_bits, power_of_two
from mpcfl.protocols.truncation import PRODUCT, TruncPair
from mpcfl.ring import Shape
from mpcfl.share import Share

MESSAGES = (PRODUCT, *LEADING_MESSAGES)
CORRELATIONS = (*LEADING_CORRELATIONS, Triple, LogHarmonics, Powers, TruncPair)


def quotient_range(fraction: int) -> Range:
    """Whole exponents of L_x - L_y + f from the smallest quotient, below 2^-62, to the largest representable."""
    return Range(fraction - LIMIT - 2, LIMIT)


def reciprocal_range(fraction: int) -> Range:
    """Whole exponents of 2 f - L_y."""
    return Range(2 * fraction - LIMIT - 2, 2 * fraction + 1)


def quotient_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits on fresh operands."""
    n = shapes[0][0]
    tops = leading_bits(n, parties, signed=True, zero=True) + leading_bits(n, parties, signed=True)
    words = 2 + 2  # both signs; the power and s
    return tops + 2 * logarithm_bits(n, parties) + power_bits(n, parties) + (parties - 1) * 64 * n * words


def reciprocal_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits on a fresh operand."""
    n = shapes[0][0]
    parts = leading_bits(n, parties, signed=True) + logarithm_bits(n, parties)
    return parts + power_bits(n, parties) + (parties - 1) * 64 * n


@rule("divide", rounds=12, bits=quotient_bits, messages=MESSAGES, correlations=CORRELATIONS)
def divide(ctx: Context, x: Share, y: Share) -> Protocol:
    """x / y on vectors at the session's fraction."""
    top_x, top_y = yield from together(leading(ctx, x, signed=True, zero=True), leading(ctx, y, signed=True))
    ones = ctx.constant(ring.like(x.words, x.shape, 1))
    two = ring.scalar(2)
    sign_y = Share(ring.subtract(ones, ring.multiply(top_y.negative.words, two)))
    sign_x = Share(ring.subtract(ring.subtract(ones, ring.multiply(top_x.negative.words, two)), top_x.zero.words))
    log_x, log_y, sign = yield from together(
        logarithm(ctx, top_x, more=ctx.fraction << SCALE), logarithm(ctx, top_y), mul(ctx, sign_x, sign_y)
    )
    exponent = ring.subtract(log_x, log_y)
    size = yield from power_of_two(ctx, Share(exponent), SCALE, quotient_range(ctx.fraction))
    return (yield from mul(ctx, Share(size), Share(sign)))


@rule("reciprocal", rounds=12, bits=reciprocal_bits, messages=MESSAGES, correlations=CORRELATIONS)
def reciprocal(ctx: Context, y: Share) -> Protocol:
    """1 / y on a vector at the session's fraction."""
    top = yield from leading(ctx, y, signed=True)
    exponent = yield from logarithm(ctx, top, -1 << SCALE, 2 * ctx.fraction << SCALE)
    inverse = yield from power_of_two(ctx, Share(exponent), SCALE, reciprocal_range(ctx.fraction))
    part = yield from mux(ctx, top.negative, Share(inverse))
    return ring.subtract(inverse, ring.multiply(part, ring.scalar(2)))

"""Quotients of secrets by normalisation and Newton's iteration. Dealer model.

Parties hold [x], [y] as integers with |x| <= y, 1 <= y < 2^62 (fixed-point numbers of one fraction: the quotient does
not see it), and want x / y at the session's fraction.

    [y < 2^j], j = 1 .. 61                   one opening of y, one merge of all 61 comparisons       4 rounds
    F = 1 + sum_j [y < 2^j] 2^(61-j), so that y F lies in [2^61, 2^62)                              local
    x' = x F / 2^34, y' = y F / 2^34: at 28 fractional bits y' lies in [1/2, 1), |x'| <= y'          2 rounds
    w <- w (2 - y' w), three times from w = 2.9142 - 2 y'                                            12 rounds
    x' w / 2^(56 - f)                                                                                2 rounds

Error       below 2^-24 + 2^-f: the start is off by at most 0.0858, which three steps square to below 2^-28.
Realises    the quotient up to the stated error and the public rounding coins of its truncations. Simulator: that of its
            parts.
Reference   Normalisation: Catrina and Saxena, FC 2010; the linear start: Goldschmidt's division as given there.
"""

from __future__ import annotations

from collections.abc import Sequence

from mpcfl import ring
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context, rule, together
from mpcfl.protocols.beaver import OPERAND, Mask, Triple, masked, mul
from mpcfl.protocols.comparison import CORRELATIONS, MESSAGES, Digits, planes_bits, sign_plane
from mpcfl.protocols.conversion import b2a
from mpcfl.protocols.truncation import PRODUCT, TruncPair, trunc_pr
from mpcfl.ring import Shape
from mpcfl.share import Share

LIMIT = 62
"""y stays below 2^62, the range of representable numbers."""
PRECISION = 28
"""Fractional bits of the iteration: products of numbers up to 2 stay below 2^58."""
START = round(2.9142 * (1 << PRECISION))
STEPS = 3


def quotient_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits on fresh operands."""
    n = shapes[0][0]
    # x, y, the factor, two truncations; then y' once, and a step opens w, its rest, and two values to truncate; at the
    # end x', w and one value to truncate
    words = 5 + 1 + 4 * STEPS + 3
    return (parties - 1) * 64 * n * words + planes_bits((LIMIT - 1) * n, parties)


@rule(
    "divide",
    rounds=4 + 2 + 4 * STEPS + 2,
    bits=quotient_bits,
    messages=[OPERAND, PRODUCT, *MESSAGES],
    correlations=[*CORRELATIONS, Mask, Triple, TruncPair],
)
def divide(ctx: Context, x: Share, y: Share) -> Protocol:
    """x / y on vectors at the session's fraction."""
    n = x.shape[0]
    factor = yield from normaliser(ctx, y)
    scaled_x, scaled_y = yield from together(mul(ctx, x, factor), mul(ctx, y, factor))
    down = LIMIT - PRECISION
    near_x, near_y = yield from together(trunc_pr(ctx, scaled_x, 1, down), trunc_pr(ctx, scaled_y, 1, down))
    divisor = Share(near_y)
    inverse = Share(ring.subtract(ctx.constant(ring.like(near_y, (n,), START)), ring.multiply(near_y, ring.scalar(2))))
    for _ in range(STEPS):
        product = yield from trunc_pr(ctx, (yield from mul(ctx, divisor, inverse)), 1, PRECISION)
        rest = Share(ring.subtract(ctx.constant(ring.like(product, (n,), 2 << PRECISION)), product))
        inverse = Share((yield from trunc_pr(ctx, (yield from mul(ctx, inverse, rest)), 1, PRECISION)))
    quotient = yield from mul(ctx, Share(near_x), inverse)
    return (yield from trunc_pr(ctx, quotient, 1, 2 * PRECISION - ctx.fraction))


def normaliser(ctx: Context, y: Share) -> Protocol:
    """A share of F = 2^(61 - floor(log2 y)) for each element of a vector, 1 <= y < 2^62: four rounds."""
    n = y.shape[0]
    (operand,) = yield from masked(ctx, y)
    dealt = yield Draw(Digits(operand.mask, True))
    powers = [ring.subtract(operand.d, ring.scalar(1 << j)) for j in range(1, LIMIT)]
    tables = ring.concatenate([dealt["tables"]] * (LIMIT - 1), axis=0)
    top = ring.pack(ring.concatenate([ring.unpack(dealt["top"], n)] * (LIMIT - 1), axis=0))
    plane = yield from sign_plane(ctx, ring.concatenate(powers, axis=0), tables, top)
    below = (yield from b2a(ctx, plane, (LIMIT - 1) * n)).words.reshape((LIMIT - 1, n))
    factor = ctx.constant(ring.like(below, (n,), 1))  # [y < 2^62] = 1 stands at 2^0
    for j in range(1, LIMIT):  # [y < 2^j] stands at 2^(62-j) - 2^(61-j); [y < 1] is never true
        factor = ring.add(factor, ring.multiply(ring.take(below, j - 1), ring.scalar(1 << (LIMIT - 1 - j))))
    return Share(factor)

"""Scaling to the highest bit in Z_2^128: a secret times a secret power of two, in two stages. Dealer model.

Parties hold [x], |x| < 2^126, and want v = |x| F in [2^125, 2^126) for the power of two F = 2^c, and c.

    [x < t] for 11 powers of two, 11 bits apart, their negatives and 0      one opening of x        4 rounds
    F_1 = s 2^(11 i), s the sign of x, and y = x F_1 in [2^115, 2^126)      opens F_1               1 round
    [y < t] for 10 powers of two                                            one opening of y        4 rounds
    F_2 = 2^j and v = y F_2                                                 opens F_2               1 round

Both F and c = 11 i + j are steps of what is compared: sums of the bits [x < t], each times a public jump. For every
power of two at once that would be 125 comparisons of 84 bytes from the dealer; here it is 21, or 33 with signs.

Realises    s, [x < 0], [x = 0], v and c exactly; v and c have no meaning for x = 0. Simulator: all openings uniform
            (see beaver, comparison, conversion).
Reference   Normalisation: Catrina and Saxena, FC 2010.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from mpcfl import ring
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context
from mpcfl.protocols.beaver import Mask, Triple, masked, mul
from mpcfl.protocols.comparison import CORRELATIONS as COMPARISON
from mpcfl.protocols.comparison import Digits, planes_bits, sign_plane
from mpcfl.protocols.conversion import b2a
from mpcfl.ring import Words
from mpcfl.share import Bit, Share

BOUND = 126
STRIDE = 11
COARSE = [BOUND - STRIDE * i for i in range(STRIDE, 0, -1)]
"""Exponents of the first stage, ascending: 5, 16, ..., 115."""
FINE = [*range(BOUND - STRIDE + 1, BOUND)]
"""Those of the second: 116 to 125."""
CORRELATIONS = (*COMPARISON, Mask, Triple)


@dataclass(frozen=True)
class Scaled:
    """A secret at its highest bit.

    Parameters
    ----------
    value : Share
        v = |x| 2^c in [2^125, 2^126), opened by whoever needs it.
    places : Words
        Share of c.
    negative, zero : Bit or None
        [x < 0] and [x < 1], where asked for.
    """

    value: Share
    places: Words
    negative: Bit | None
    zero: Bit | None


def below(ctx: Context, x: Share, limits: Sequence[int]) -> Protocol:
    """The bits [x < limit], one row a limit, as a `Bit` vector: four rounds, x is opened once."""
    n, count = x.shape[0], len(limits)
    (operand,) = yield from masked(ctx, x)
    dealt = yield Draw(Digits(operand.mask, True))
    moved = ring.concatenate([ring.subtract(operand.d, limit) for limit in limits], 0)
    tables = ring.concatenate([dealt["tables"]] * count, 1)
    top = ring.pack(ring.concatenate([ring.unpack(dealt["top"], n)] * count, 0))
    plane = yield from sign_plane(ctx, moved, tables, top)
    return (yield from b2a(ctx, plane, count * n))


def step(ctx: Context, bits: Words, values: Sequence[int]) -> Words:
    """Share of values[i] where x is below the first i limits and no more: rows [x < limit], the largest limit first."""
    out = ctx.constant(ring.like(bits, bits.shape[1:], values[0]))
    for i, (before, after) in enumerate(itertools.pairwise(values)):
        out = ring.add(out, ring.multiply(ring.take(bits, i), after - before))
    return out


def scaled(ctx: Context, x: Share, signed: bool = False, zero: bool = False) -> Protocol:
    """`Scaled` of a vector: ten rounds. Without `signed` x is not negative."""
    n = x.shape[0]
    # from the largest numbers to the smallest: each limit with the places of what lies below it
    limits = [(1 << exponent, 1, BOUND - exponent) for exponent in reversed(COARSE)]
    if zero:
        limits.append((1, 1, BOUND - COARSE[0]))
    if signed:  # |x| >= 2^t of a negative x is x < 1 - 2^t
        limits.append((0, -1, BOUND - COARSE[0]))
        limits += [(1 - (1 << exponent), -1, BOUND - exponent - STRIDE) for exponent in COARSE]
    bits = yield from below(ctx, x, [limit for limit, _, _ in limits])
    rows = ring.reshape(bits.words, (len(limits), n))
    signs_and_places = [(1, 0), *((sign, places) for _, sign, places in limits)]
    factor = step(ctx, rows, [sign << places for sign, places in signs_and_places])
    coarse = step(ctx, rows, [places for _, places in signs_and_places])
    y = Share((yield from mul(ctx, x, Share(factor))))

    more = yield from below(ctx, y, [1 << exponent for exponent in reversed(FINE)])
    rows = ring.reshape(more.words, (len(FINE), n))
    factor = step(ctx, rows, [1 << j for j in range(STRIDE)])
    places = ring.add(coarse, step(ctx, rows, [*range(STRIDE)]))
    value = Share((yield from mul(ctx, y, Share(factor))))

    def one(limit: int) -> Bit | None:
        at = next(place for place, (own, _, _) in enumerate(limits) if own == limit)
        return Share.of_bit(bits).take(slice(at * n, (at + 1) * n)).bit

    return Scaled(value, places, one(0) if signed else None, one(1) if zero else None)


def scaled_bits(n: int, parties: int, signed: bool = False, zero: bool = False) -> int:
    """Payload bits of `scaled` on a fresh operand: x, F_1, y, F_2 and two rows of comparisons."""
    first = len(COARSE) * (2 if signed else 1) + int(signed) + int(zero)
    words = (parties - 1) * 128 * n * 4
    return words + sum(planes_bits(count * n, parties, 128) for count in (first, len(FINE)))

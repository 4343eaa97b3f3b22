"""The exponential function, as a power of two. Dealer model.

Parties hold [x] at f fractional bits and want [exp x], or [2^x]: 2^(x log2 e) for x in [T, (62 - f) ln 2), and 0 below
T = -(f + 1) ln 2, where it is less than half a unit.

    E = x round(log2 e 2^(56 - f)) + f 2^56                                  local; x is opened, E is not
    2^E (powers), whose zones are held only where x >= T: digits of the one opening of x are merged beside it, and
    the last merge multiplies each zone's bit by [x >= T]                    4 rounds

Error       relative 2^-21.9 and one unit (powers), and that of the rounded log2 e: below 2^-26 of it.
Realises    x to exp(x) + error, the error a function of x, of the uniform public d and of public rounding coins.
            Simulator: all openings uniform (see beaver, comparison, powers).
Reference   powers; comparison.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import gmpy2

from mpcfl import ring
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context, Rule, rule
from mpcfl.protocols import precision
from mpcfl.protocols.beaver import Mask, masked
from mpcfl.protocols.comparison import CORRELATIONS as COMPARISON
from mpcfl.protocols.comparison import (
    GROUPS,
    MERGE_BOTH,
    MESSAGES,
    Digits,
    Polynomial,
    look_up,
    merge_groups,
    multiply_bits,
)
from mpcfl.protocols.powers import LOWEST, Powers, Range, power_bits, power_of_two
from mpcfl.protocols.precision import PRECISIONS
from mpcfl.protocols.truncation import PRODUCT
from mpcfl.ring import Shape, Words
from mpcfl.share import Share

SCALE = PRECISIONS[64].scale
"""Fractional bits of the exponents of `exp`."""
SPAN = Range(LOWEST, 62)


def _keep(zones: int) -> Polynomial:
    """Each zone's bit times [x >= T]: with the variables eq_3, eq_2, eq_1, lt_2, lt_1, lt_0 of the last merge, the part
    of [x >= T] that needs no merge, and the zones."""
    part, least = 6, [(6,), (0, 3), (0, 1, 4), (0, 1, 2, 5)]
    return Polynomial(*([(*product, part + 1 + k) for product in least] for k in range(zones)))


KEEP = _keep(SPAN.zones)


def power_above_bits(n: int, parties: int) -> int:
    """Payload bits of `power_above`: the power, whose exponent is opened for the comparison too, and its merges."""
    planes = GROUPS[64] * MERGE_BOTH.variables + KEEP.variables
    return power_bits(n, parties) + (parties - 1) * 64 * ring.packed(n) * planes


def exp_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits."""
    return power_above_bits(shapes[0][0], parties)


@functools.cache
def log2_of(base: str, bits: int) -> int:
    """log2 of a base times 2^bits, to the nearest integer; bases "e" and "2"."""
    with gmpy2.context(precision=160):
        value = gmpy2.mpfr(1) if base == "2" else 1 / gmpy2.const_log2()
        return int(gmpy2.rint(value * (1 << bits)))


def exponent_of(ctx: Context, x: Share, base: str) -> tuple[Share, Share]:
    """The exponent E of base^x, and x - T, which is negative where the power is 0: both under the mask of x."""
    scale = precision.precision(ctx).scale
    slope, one = log2_of(base, scale - ctx.fraction), 1 << scale
    least = -(ctx.fraction + 1) * one // slope + 1  # from here on E is above -2^56, in integers
    n = x.shape[0]
    exponent = x.scale(slope).shift(ring.like(x.words, (n,), ctx.fraction * one), ctx.first)
    return exponent, x.shift(ring.like(x.words, (n,), -least), ctx.first)


def power_above(ctx: Context, exponent: Share, above: Share, scale: int) -> Protocol:
    """2^E where a second number under the mask of E is not negative, else 0, on vectors: four rounds."""
    (operand,) = yield from masked(ctx, above)
    digits = yield Draw(Digits(operand.mask, True))

    def kept(zones: Words) -> Protocol:
        d = operand.d
        equal, less = yield from merge_groups(ctx, look_up(ring.without_top(d), digits["tables"]))
        # [x >= T] = 1 xor msb(d) xor msb(r) xor [d < r], of which the uppermost digits' part is linear
        linear = ring.take(less, GROUPS[64] - 1) ^ digits["top"]
        linear = linear ^ ~ring.top_bits(d) if ctx.first else linear
        factors = [ring.take(equal, [3, 2, 1]), ring.take(less, [2, 1, 0]), linear.reshape((1, linear.shape[0])), zones]
        return (yield from multiply_bits(ctx, KEEP, ring.concatenate(factors, axis=0)))

    return (yield from power_of_two(ctx, exponent, scale, SPAN, kept))


def _rule(name: str, base: str) -> Rule:
    @rule(
        name,
        rounds=4,
        bits=exp_bits,
        messages=[PRODUCT, *MESSAGES],
        correlations=[*COMPARISON, Mask, Powers],
    )
    def function(ctx: Context, x: Share) -> Any:
        """base^x on a vector at the session's fraction."""
        return (yield from power_above(ctx, *exponent_of(ctx, x, base), SCALE))

    return function


exp = _rule("exp", "e")
exp2 = _rule("exp2", "2")

"""Powers of two with a secret exponent in Z_2^128, and the exponential function there. Dealer model.

Parties hold [E], an exponent with s fractional bits, and want 2^E rounded to an integer, for lowest <= E <= highest, a
public range of whole numbers. With D = whole(d) - whole(r) for E = d - r,

    2^E = 2^D 2^frac(d) 2^-frac(r).

    offline    r = -a for the operand's mask a;  [h_j] = [whole(r) = j mod W] 2^-frac(r), j < W; truncation pairs
    online     d = open([E] - [a])                                                                   1 round
    local      [Z] = 2^frac(d) sum_j [h_j] 2^(D_j + t),  D_j = whole(d) - j mod W, over those j with D_j in a zone
    online     Z / 2^t for each zone with t > 0                                                      1 round

Both factors have 46 fractional bits, so Z holds 2^92 2^(E + t): a zone takes 33 exponents for which it is an integer
below 2^126; exponents from 92 on need no truncation, and below -1 the power rounds to 0. All zones but one are exactly
zero, and truncate to zero.

    exp(x) = 2^(x log2 e) as in `exponential`, and 0 below: beside [x < T]                           4 rounds
    2^E - [x < T] 2^E                                                                                1 round

Error       relative 2^-45.5, and one unit.
Realises    E to 2^E + error, x to exp(x) + error, the error a function of them, of the uniform public d and of public
            rounding coins. Simulator: all openings uniform; h depends on a alone and is shared uniformly.
Reference   exponential and powers, for Z_2^64.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.correlation import Correlation, Field, MaskView
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context, Rule, rule, together
from mpcfl.protocols import precision
from mpcfl.protocols.beaver import Mask, Triple, masked, mux
from mpcfl.protocols.comparison import CORRELATIONS, MESSAGES, msb, msb_bits
from mpcfl.protocols.exponential import exponent_of
from mpcfl.protocols.powers import LOWEST
from mpcfl.protocols.truncation import PRODUCT, TruncPair, trunc_pr
from mpcfl.ring import Shape, Words, shaped
from mpcfl.share import Share

FACTORS = 92
"""Fractional bits of the product of a power's two factors."""
ZONE = 33
"""Exponents of a zone; zone number z is truncated by z times that."""
TRUNCATIONS = 3
WIDTH = 128


@dataclass(frozen=True)
class WidePowers(Correlation):
    """For r = -a, a row of `window` words: 2^-frac(r), times 2^46, at the place whole(r) mod window, else zeros."""

    family = "wide_powers"
    mask: MaskView
    scale: int
    window: int

    def fields(self) -> tuple[Field, ...]:
        return (Field("rows", (*self.mask.shape, self.window), "wide", determined=True),)

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def elementwise(self) -> tuple[str, ...]:
        return ("mask",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        return {"rows": precision.power_rows(ring.negative(masks[0]), self.scale, self.window)}


@dataclass(frozen=True)
class Range:
    """The whole exponents D that can occur: `lowest` to `highest`."""

    lowest: int
    highest: int

    @property
    def window(self) -> int:
        """Places of a row: the smallest power of two that tells all exponents apart."""
        return 1 << (self.highest - self.lowest).bit_length()

    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Zone (or -1) and shift to the left, by D modulo the window."""
        zone, left = np.full(self.window, -1, np.int64), np.zeros(self.window, np.int64)
        for exponent in range(max(self.lowest, LOWEST), self.highest + 1):
            number = max(0, -(-(FACTORS - exponent) // ZONE))
            zone[exponent % self.window] = number
            left[exponent % self.window] = exponent - FACTORS + number * ZONE
        return zone, left


@shaped(lambda d, rows, scale, span: (1 + TRUNCATIONS, d.shape[0]))
def combine(d: Words, rows: Words, scale: int, span: Range) -> Words:
    """Shares of 2^(d - r) for each zone, the one without truncation first."""
    return precision.combine(d, rows, scale, *span.places(), 1 + TRUNCATIONS)


def power_of_two(ctx: Context, exponent: Share, scale: int, span: Range) -> Protocol:
    """2^E on a vector, rounded to an integer: two rounds, the first of which opens the exponent."""
    (operand,) = yield from masked(ctx, exponent)
    rows = (yield Draw(WidePowers(operand.mask, scale, span.window)))["rows"]
    zones = combine(operand.d, rows, scale, span)
    parts = yield from together(*(trunc_pr(ctx, ring.take(zones, z), 1, z * ZONE) for z in range(1, 1 + TRUNCATIONS)))
    return functools.reduce(ring.add, (part.words for part in parts), ring.take(zones, 0))


def power_bits(n: int, parties: int) -> int:
    """Payload bits of `power_of_two`: the exponent and one truncation a zone."""
    return (parties - 1) * WIDTH * n * (1 + TRUNCATIONS)


def exp_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: x is opened once, for the power and the comparison; the power for the product."""
    return msb_bits(shapes, parties, WIDTH) + power_bits(shapes[0][0], parties)


def _rule(name: str, base: str) -> Rule:
    @rule(
        name,
        rounds=5,
        bits=exp_bits,
        messages=[PRODUCT, *MESSAGES],
        correlations=[*CORRELATIONS, Mask, Triple, TruncPair, WidePowers],
    )
    def function(ctx: Context, x: Share) -> Protocol:
        """base^x on a vector at the session's fraction."""
        exponent, above = exponent_of(ctx, x, base)
        scale = precision.precision(ctx).scale
        low, power = yield from together(msb(ctx, above), power_of_two(ctx, exponent, scale, Range(LOWEST, ctx.bound)))
        lost = yield from mux(ctx, low, Share(power))
        return ring.subtract(power, lost)

    return function


exp = _rule("exp", "e")
exp2 = _rule("exp2", "2")

"""Powers of two with a secret exponent, and the exponential function. Dealer model.

Parties hold [E], an exponent with s fractional bits, 24 <= s <= 57, and want 2^E rounded to an integer, for
lowest <= E <= highest, a public range of fewer than 128 (s = 57) or 256 (s = 56) whole numbers.

Powers turn differences into products, so no carry is needed: for E = d - r, with D = whole(d) - whole(r),

    2^E = 2^D 2^frac(d) 2^-frac(r).

    offline    r = -a for the operand's mask a;  [h_j] = [whole(r) = j mod W] 2^-frac(r), j < W; truncation pairs
    online     d = open([E] - [a])                                                                   1 round
    local      [Z] = 2^frac(d) sum_j [h_j] 2^(D_j + t),  D_j = whole(d) - j mod W, over those j with D_j in a zone
    online     Z / 2^t for each zone with t > 0                                                      1 round

Both factors have 22 fractional bits, so Z holds 2^44 2^(E + t): a zone takes the 17 exponents D in [-t, 16 - t] + 44
for which it is an integer below 2^62; exponents from 44 on need no truncation, and below -1 the power rounds to 0. All
zones but one are exactly zero, and truncate to zero.

exp(x) = 2^(x log2 e) for x in [T, (62 - f) ln 2), and 0 below T = -(f + 1) ln 2, where it is less than half a unit: one
comparison of x, beside the rest, and a product with its bit.

    E = x round(log2 e 2^(56 - f)) + f 2^56                                  local; x is opened, E is not
    2^E beside [x < T]                                                       4 rounds
    2^E - [x < T] 2^E                                                        1 round

Error       relative 2^-21 (2^-22 and 2^-23 of rounded factors, 2^-24 of exponents cut to 24 bits), and one unit.
Realises    x to exp(x) + error, the error a function of x, of the uniform public d and of public rounding coins.
            Simulator: all openings uniform (see beaver, comparison, conversion, truncation); h depends on a alone and
            is shared uniformly.
Reference   One-time tables: Ishai et al., TCC 2013; exponentials of a masked argument by a dealt e^-r: Wagh et al.,
            PoPETs 2019 (SecureNN) and Kelkar et al., USENIX Security 2022, there with a carry.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.correlation import Correlation, Field, MaskView, group_of
from mpcfl.effects import Draw, Protocol
from mpcfl.kernels import powers
from mpcfl.protocol import Context, Rule, rule, together
from mpcfl.protocols import precision
from mpcfl.protocols.beaver import Mask, Triple, masked, mux
from mpcfl.protocols.comparison import CORRELATIONS, MESSAGES, msb, msb_bits
from mpcfl.protocols.precision import PRECISIONS
from mpcfl.protocols.truncation import PRODUCT, TruncPair, trunc_pr
from mpcfl.ring import Shape, Words, shaped
from mpcfl.share import Share

SCALE = PRECISIONS[64].scale
"""Fractional bits of the exponents of `exp` in Z_2^64."""
TRUNCATIONS = 3
LOWEST = -1
"""2^D below is less than half a unit."""


@functools.cache
def tables(sign: int) -> tuple[Words, Words]:
    """2^(sign i / 2^12) and 2^(sign i / 2^24) for i < 4096, times 2^31, correctly rounded."""

    def row(parts: int) -> Words:
        with gmpy2.context(precision=120):
            return np.array(
                [int(gmpy2.rint(gmpy2.exp2(gmpy2.mpfr(sign * i) / parts) * (1 << 31))) for i in range(1 << 12)],
                np.uint64,
            )

    return row(1 << 12), row(1 << 24)


@dataclass(frozen=True)
class Powers(Correlation):
    """For r = -a, a row of `window` words: 2^-frac(r), times 2^22, at the place whole(r) mod window, else zeros."""

    family = "powers"
    mask: MaskView
    scale: int
    window: int

    def fields(self) -> tuple[Field, ...]:
        return (Field("rows", (*self.mask.shape, self.window), group_of(self.mask), determined=True),)

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def elementwise(self) -> tuple[str, ...]:
        return ("mask",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        if group_of(self.mask) == "wide":
            return {"rows": precision.power_rows(ring.negative(masks[0]), self.scale, self.window)}
        out = np.empty((masks[0].shape[0], self.window), np.uint64)
        powers.rows(np.ascontiguousarray(ring.negative(masks[0])), self.scale, *tables(-1), out)
        return {"rows": out}


@dataclass(frozen=True)
class Range:
    """The whole exponents D that can occur: `lowest` to `highest`."""

    lowest: int
    highest: int

    @property
    def window(self) -> int:
        """Places of a row: the smallest power of two that tells all exponents apart."""
        return 1 << (self.highest - self.lowest).bit_length()

    def places(self, width: int = 64) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Zone (or -1) and shift to the left, by D modulo the window, in a ring."""
        factors, size = PRECISIONS[width].factors, PRECISIONS[width].zone
        zone, left = np.full(self.window, -1, np.int64), np.zeros(self.window, np.int64)
        for exponent in range(max(self.lowest, LOWEST), self.highest + 1):
            number = max(0, -(-(factors - exponent) // size))
            zone[exponent % self.window] = number
            left[exponent % self.window] = exponent - factors + number * size
        return zone, left


@shaped(lambda d, rows, scale, span: (1 + TRUNCATIONS, d.shape[0]))
def combine(d: Words, rows: Words, scale: int, span: Range) -> Words:
    """Shares of 2^(d - r) for each zone, the one without truncation first."""
    places = span.places(ring.width(d))
    if ring.width(d) == 128:
        return precision.combine(d, rows, scale, *places, 1 + TRUNCATIONS)
    out = np.empty((1 + TRUNCATIONS, d.shape[0]), np.uint64)
    powers.combine(np.ascontiguousarray(d), scale, *tables(1), np.ascontiguousarray(rows), *places, out)
    return out


def power_of_two(ctx: Context, exponent: Share, scale: int, span: Range) -> Protocol:
    """2^E on a vector, rounded to an integer: two rounds, the first of which opens the exponent."""
    (operand,) = yield from masked(ctx, exponent)
    rows = (yield Draw(Powers(operand.mask, scale, span.window)))["rows"]
    zones = combine(operand.d, rows, scale, span)
    size = precision.precision(ctx).zone
    parts = yield from together(*(trunc_pr(ctx, ring.take(zones, z), 1, z * size) for z in range(1, 1 + TRUNCATIONS)))
    return functools.reduce(ring.add, parts, ring.take(zones, 0))


def power_bits(n: int, parties: int, width: int = 64) -> int:
    """Payload bits of `power_of_two`: the exponent and one truncation a zone."""
    return (parties - 1) * width * n * (1 + TRUNCATIONS)


def exp_bits(shapes: Sequence[Shape], parties: int, width: int = 64) -> int:
    """Declared payload bits: x is opened once, for the power and the comparison; the power for the product."""
    n = shapes[0][0]
    return msb_bits(shapes, parties, width) + power_bits(n, parties, width)


@functools.cache
def log2_of(base: str, bits: int) -> int:
    """log2 of a base times 2^bits, to the nearest integer; bases "e" and "2"."""
    with gmpy2.context(precision=160):
        value = gmpy2.mpfr(1) if base == "2" else 1 / gmpy2.const_log2()
        return int(gmpy2.rint(value * (1 << bits)))


def exponential(ctx: Context, x: Share, base: str) -> Protocol:
    """base^x on a vector at the session's fraction."""
    scale = precision.precision(ctx).scale
    slope, one = log2_of(base, scale - ctx.fraction), 1 << scale
    least = -(ctx.fraction + 1) * one // slope + 1  # from here on E is above -2^56, in integers
    n = x.shape[0]
    exponent = x.scale(slope).shift(ring.like(x.words, (n,), ctx.fraction * one), ctx.first)
    low, power = yield from together(
        msb(ctx, x.shift(ring.like(x.words, (n,), -least), ctx.first)),
        power_of_two(ctx, exponent, scale, Range(LOWEST, ctx.bound)),
    )
    lost = yield from mux(ctx, low, Share(power))
    return ring.subtract(power, lost)


def _rule(name: str, base: str) -> Rule:
    @rule(
        name,
        rounds=5,
        bits=exp_bits,
        messages=[PRODUCT, *MESSAGES],
        correlations=[*CORRELATIONS, Mask, Triple, TruncPair, Powers],
    )
    def function(ctx: Context, x: Share) -> Any:
        return (yield from exponential(ctx, x, base))

    return function


exp = _rule("exp", "e")
exp2 = _rule("exp2", "2")

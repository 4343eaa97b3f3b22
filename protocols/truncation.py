"""Truncation that cannot fail in range: n parties, semi-honest, input-independent dealer.

Parties hold [x], x in [-2^62, 2^62) as a signed number, and want [y] with y = x M / 2^m, public M < 2^63 and m <= 62.
For M = 1 it is the truncation of a fixed-point product; other M multiply by a public number at 62 bits of precision,
over the whole range of x. In Z_2^128 all stands with 64 bits more: x in [-2^126, 2^126), M < 2^127, m <= 126.

    offline    r uniform in Z_2^64;  [r],  [rho] = [floor((r mod 2^63) M / 2^m)],  [mu] = [msb(r)]
    online     c = open([x] + 2^62 + [r])                                                            1 round
    local      c' = floor((c mod 2^63) M / 2^m)
               [y] = c' - [rho] + (msb(c) xor [mu]) 2^63 M / 2^m - 2^62 M / 2^m

Correct     x' = x + 2^62 lies in [0, 2^63). With r' = r mod 2^63 and w = [c mod 2^63 < r'], x' = (c mod 2^63) - r' +
            2^63 w, and w = msb(c) xor msb(r). Multiplied by M / 2^m only the two floors err, each in [0, 1) and with
            opposite signs, and 2^62 M / 2^m is exact for m <= 62: so |y - x M / 2^m| < 1, and for M = 1 y is floor(x /
            2^m) or that plus one.
Realises    the functionality that gives x M / 2^m rounded by a coin which depends on x mod 2^m and on c, c uniform and
            public: the coin of `trunc_pr` is public. Simulator: c uniform. `trunc_exact` has no coin.
Reference   Escudero et al., CRYPTO 2020 (edaBits), section 4; Dalskov, Escudero and Keller, PETS 2020 (probabilistic
            truncation in Z_2^k with one bit of slack); exact carry from the dealt msb(r) as in Damgard et al., IEEE S&P
            2019.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mpcfl import ring
from mpcfl.correlation import Correlation, Field
from mpcfl.effects import Draw, Open, Protocol
from mpcfl.message import Exposure, Message
from mpcfl.protocol import Context, rule
from mpcfl.protocols.comparison import CORRELATIONS, MESSAGES, msb, msb_bits
from mpcfl.ring import Shape, Words
from mpcfl.share import Share, Truncated

PRODUCT = Message(
    "truncation.product", "party", "party", "words", Exposure.MASKED, "a value to be truncated, under a uniform mask"
)


def trunc_bits(shapes: Sequence[Shape], parties: int, width: int = 64) -> int:
    """Declared payload bits of one truncation."""
    return width * (parties - 1) * math.prod(shapes[0])


def shifted(ctx: Context, x: Words, r: Words) -> Words:
    """What a truncation of x opens: x + 2^(k-2) + r."""
    masked = ring.add(x, r)
    return ring.add(masked, 1 << ctx.bound) if ctx.first else masked


@dataclass(frozen=True)
class TruncPair(Correlation):
    """r uniform, rho = floor((r mod 2^63) M / 2^m), mu = msb(r), on vectors of `size`."""

    family = "trunc_pair"
    size: int
    multiplier: int
    shift: int
    group: str = "words"

    def fields(self) -> tuple[Field, ...]:
        n = (self.size,)
        group = self.group
        return (Field("r", n, group), Field("rho", n, group, determined=True), Field("mu", n, group, determined=True))

    def elementwise(self) -> tuple[str, ...]:
        return ("size",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        r = uniform["r"]
        return {"rho": ring.scale_floor(r, self.multiplier, self.shift), "mu": ring.top_words(r)}


@rule(
    "trunc_pr",
    rounds=1,
    bits=trunc_bits,
    messages=[PRODUCT],
    correlations=[TruncPair],
)
def trunc_pr(ctx: Context, x: Words, multiplier: int, shift: int) -> Protocol:
    """x M / 2^m on a vector, within one unit; floor or floor + 1 for M = 1, which remains open (upper)."""
    pair = yield Draw(TruncPair(x.shape[0], multiplier, shift, ctx.group))
    c = yield Open(PRODUCT, shifted(ctx, x, pair["r"]))
    words = ring.truncate(c, pair["rho"], pair["mu"], multiplier, shift, ctx.first)
    if multiplier != 1 or not shift:
        return Share(words)
    return Share.of_truncation(words, Truncated(c, pair.leaf("r", low=shift), shift))


@rule(
    "trunc_exact",
    rounds=5,
    bits=lambda shapes, parties, width=64: trunc_bits(shapes, parties, width) + msb_bits(shapes, parties, width),
    messages=[PRODUCT, *MESSAGES],
    correlations=[TruncPair, *CORRELATIONS],
)
def trunc_exact(ctx: Context, x: Words, shift: int) -> Protocol:
    """floor(x / 2^m) on a vector, a function of x alone: one less than `trunc_pr` where that lies above x."""
    y = (yield from trunc_pr(ctx, x, 1, shift)).words
    above = yield from msb(ctx, Share(ring.subtract(x, ring.multiply(y, 1 << shift))))
    return ring.subtract(y, above.words)

"""Magnitudes: the sign, the highest bit and the binary logarithm of a secret. Dealer model.

Parties hold [y], an integer with 0 <= y < 2^62, and want its highest bit and log2 y.

    [y < 2^j], j = 1 .. 61                   one opening of y, one merge of all 61 comparisons       4 rounds
    e = 61 - sum_j [y < 2^j] = floor(log2 y)                                                         local
    F = 1 + sum_j [y < 2^j] 2^(61-j) = 2^(61-e), so that v = y F lies in [2^61, 2^62)                local
    v                                        a product, opens F                                      1 round

log2 of a number in [1/2, 1) is a trigonometric series with period 1 (v is in the upper half of the period; what the
series does in the lower half does not matter), and a series at v = d - r is local once v is opened, as in `fourier`:

    offline    r = -a for the mask a of v;  [U_k], [V_k] as in fourier
    online     d = open([v] - [a])                                                                   1 round
    local      [log2 y] = e + 1 + c + sum_k sin(k w d) [U_k] + cos(k w d) [V_k],    w = 2 pi / 2^62

Error       of log2 y below 2^-22: 2^-25.4 of the series, 2^-22.5 of angles cut to 24 bits, the rest of rounded tables.
Realises    |y|, [y < 0], [y = 0], F and e exactly, log2 y up to the stated error, a function of y and of the uniform
            public d. Simulator: all openings uniform (see beaver, comparison, conversion); U and V depend on a alone.
Reference   Normalisation: Catrina and Saxena, FC 2010. Sines of a masked angle: Zheng et al., ACSAC 2023. Fourier
            extension: Boyd, J. Comput. Phys. 178 (2002). Coefficients: near-minimax on [1/2, 1], rounded to 2^-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mpcfl import ring
from mpcfl.correlation import Correlation, Field, MaskView
from mpcfl.effects import Draw, Protocol
from mpcfl.kernels import fourier
from mpcfl.protocol import Context
from mpcfl.protocols.beaver import OPERAND, Mask, Triple, masked, mul, mux
from mpcfl.protocols.comparison import CORRELATIONS, MESSAGES, Digits, msb, planes_bits, sign_plane
from mpcfl.protocols.conversion import b2a
from mpcfl.protocols.fourier import PERIOD_BITS, angle, evaluate, tables
from mpcfl.ring import Words
from mpcfl.share import Bit, Share

LIMIT = 62
"""y stays below 2^62, the range of representable numbers."""
FRACTION = LIMIT - PERIOD_BITS
"""With so many fractional bits v has the period of fourier."""
SCALE = 56
"""Fractional bits of a logarithm: 30 of the public sines, 26 of the shared factors."""
SIN = (-38658774, 69896812, 3116917, -14400558, -328916, 1820326, 19556, -82556, -255)
COS = (161772033, 9569246, -32695639, -1048745, 5597113, 89488, -463578, -3045, 7793)
CONSTANT = -38339206283623024
"""log2 (v / 2^62) on [1/2, 1]: coefficients of sines and cosines times 2^28, the constant times 2^56."""
MAGNITUDE_MESSAGES = (OPERAND, *MESSAGES)
MAGNITUDE_CORRELATIONS = (*CORRELATIONS, Mask, Triple)


@dataclass(frozen=True)
class Highest:
    """Where the highest bit of y stands.

    Parameters
    ----------
    factor : Share
        F = 2^(61 - e).
    exponent : Words
        Share of e = floor(log2 y); 0 for y = 0.
    zero : Bit or None
        [y = 0], if it was asked for.
    """

    factor: Share
    exponent: Words
    zero: Bit | None


def highest(ctx: Context, y: Share, zero: bool = False) -> Protocol:
    """`Highest` of a vector, 0 <= y < 2^62: four rounds."""
    n = y.shape[0]
    lowest = 0 if zero else 1
    count = LIMIT - lowest
    (operand,) = yield from masked(ctx, y)
    dealt = yield Draw(Digits(operand.mask, True))
    powers = [ring.subtract(operand.d, ring.scalar(1 << j)) for j in range(lowest, LIMIT)]
    digits = ring.concatenate([dealt["tables"]] * count, axis=0)
    top = ring.pack(ring.concatenate([ring.unpack(dealt["top"], n)] * count, axis=0))
    plane = yield from sign_plane(ctx, ring.concatenate(powers, axis=0), digits, top)
    bits = yield from b2a(ctx, plane, count * n)
    below = bits.words.reshape((count, n))
    factor = ctx.constant(ring.like(below, (n,), 1))  # [y < 2^62] = 1 stands at 2^0
    exponent = ctx.constant(ring.like(below, (n,), LIMIT - 1))
    for j in range(1, LIMIT):  # [y < 2^j] stands at 2^(62-j) - 2^(61-j)
        row = ring.take(below, j - lowest)
        factor = ring.add(factor, ring.multiply(row, ring.scalar(1 << (LIMIT - 1 - j))))
        exponent = ring.subtract(exponent, row)
    return Highest(Share(factor), exponent, Share.of_bit(bits).take(slice(0, n)).bit if zero else None)


def highest_bits(n: int, parties: int, zero: bool = False) -> int:
    """Payload bits of `highest`."""
    return (parties - 1) * 64 * n + planes_bits((LIMIT - (0 if zero else 1)) * n, parties)


def magnitude(ctx: Context, y: Share) -> Protocol:
    """([y < 0], |y|) of a vector, as a `Bit` and a `Share`: four rounds, and what msb sends."""
    negative = yield from msb(ctx, y)
    part = yield from mux(ctx, negative, y)
    return negative, Share(ring.subtract(y.words, ring.multiply(part, ring.scalar(2))))


@dataclass(frozen=True)
class LogHarmonics(Correlation):
    """U_k and V_k of the series of `unit` log2(v / 2^62) for r = -a, times 2^26; `unit` is times 2^56."""

    family = "log_harmonics"
    mask: MaskView
    unit: int

    def fields(self) -> tuple[Field, ...]:
        shape = (len(SIN), *self.mask.shape)
        return (Field("u", shape, determined=True), Field("v", shape, determined=True))

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        r = angle(ring.negative(masks[0]), FRACTION)
        sin, cos = (np.empty((len(SIN), r.shape[0]), np.int64) for _ in range(2))
        fourier.harmonics(r, *tables(), sin, cos)
        a, b = (np.array([scaled(c, self.unit) for c in row], np.int64) for row in (SIN, COS))
        fourier.rotate(a, b, sin, cos)
        return {"u": cos.view(np.uint64), "v": sin.view(np.uint64)}


def scaled(coefficient: int, unit: int) -> int:
    """A coefficient times unit / 2^56, to the nearest integer."""
    return (coefficient * unit + (1 << (SCALE - 1))) >> SCALE


def logarithm(ctx: Context, y: Share, top: Highest, unit: int = 1 << SCALE) -> Protocol:
    """Share of `unit` log2 y on a vector, y > 0 as an integer, 0 <= unit <= 2^56: two rounds after `highest`."""
    v = Share((yield from mul(ctx, y, top.factor)))
    (operand,) = yield from masked(ctx, v)
    waves = yield Draw(LogHarmonics(operand.mask, unit))
    series = evaluate(operand.d, waves["u"], waves["v"], FRACTION)
    whole = ring.multiply(top.exponent, ring.scalar(unit))
    constant = ctx.first * (unit + scaled(CONSTANT, unit))
    return ring.add(ring.add(series, whole), ring.scalar(constant))


def logarithm_bits(n: int, parties: int) -> int:
    """Payload bits of `logarithm`: F and v."""
    return (parties - 1) * 64 * n * 2

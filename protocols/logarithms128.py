"""Logarithms, quotients and roots in Z_2^128, to about 45 significant bits. Dealer model.

Parties hold [x], an integer below 2^126 in magnitude, at the session's fraction f, and want a function of it.

    v, c, sign of x, [x = 0]                                                10 rounds (scaling)
    [log2 |x|] = 126 - c + log2 (v / 2^126), a series at the opened v       1 round
    log:         times log_b 2 within the series; truncated                 1 round
    divide:      2^(log2 |x| - log2 |y| + f), times the signs               3 rounds (powers128)
    reciprocal:  2^(2 f - log2 |y|), times the sign                         3 rounds
    sqrt:        2^((log2 x + f) / 2), set to 0 where x = 0                 3 rounds
    rsqrt:       2^((3 f - log2 x) / 2)                                     2 rounds

The series at v = d - r is local: sum_k sin(k w d) [U_k] + cos(k w d) [V_k], w = 2 pi / 2^126, with U and V of r = -a
from the dealer. A quotient has its own error, whatever the reciprocal of its divisor would lose.

Error       of log2 below 2^-50; of powers 2^-45.5, hence of quotients and roots 2^-45 relative; and one unit.
Realises    each function up to that error, which is a function of the operands, of uniform public words and of public
            rounding coins; without meaning where the function has none or its value is not representable. Simulator:
            that of its parts; d uniform, U and V depend on a alone and are shared uniformly.
Reference   Division by logarithms: Mitchell, IRE Trans. EC-11 (1962). Sines of a masked angle: Zheng et al., ACSAC
            2023. Fourier extension: Boyd, J. Comput. Phys. 178 (2002).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import gmpy2

from mpcfl import ring
from mpcfl.correlation import Correlation, Field, MaskView
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context, Rule, rule, together
from mpcfl.protocols import precision
from mpcfl.protocols.beaver import masked, mul, mux
from mpcfl.protocols.comparison import MESSAGES as COMPARISON_MESSAGES
from mpcfl.protocols.powers128 import Range, WidePowers, power_bits, power_of_two
from mpcfl.protocols.precision import LOG_CONSTANT, LOG_COS, LOG_SIN, PERIOD_BITS, PRECISIONS
from mpcfl.protocols.scaling import BOUND, CORRELATIONS, Scaled, scaled, scaled_bits
from mpcfl.protocols.truncation import PRODUCT, TruncPair, trunc_pr
from mpcfl.ring import Shape, Words
from mpcfl.share import Share

SCALE = PRECISIONS[128].scale
WIDTH = 128
MESSAGES = (PRODUCT, *COMPARISON_MESSAGES)


@dataclass(frozen=True)
class WideLogarithm(Correlation):
    """U_k and V_k of the series of `unit` log2(v / 2^126) for r = -a, times 2^52; `unit` is times 2^112."""

    family = "wide_logarithm"
    mask: MaskView
    unit: int

    def fields(self) -> tuple[Field, ...]:
        shape = (len(LOG_SIN), *self.mask.shape)
        return (Field("u", shape, "wide", determined=True), Field("v", shape, "wide", determined=True))

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def elementwise(self) -> tuple[str, ...]:
        return ("mask",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        sines, cosines = ([times(c, self.unit) for c in row] for row in (LOG_SIN, LOG_COS))
        return precision.rotated(ring.negative(masks[0]), sines, cosines, BOUND - PERIOD_BITS)


def times(coefficient: int, unit: int) -> int:
    """A coefficient times unit / 2^112, to the nearest integer."""
    return (coefficient * unit + (1 << (SCALE - 1))) >> SCALE


def logarithm(ctx: Context, x: Scaled, unit: int = 1 << SCALE) -> Protocol:
    """Share of `unit` log2 |x|, x not 0 as an integer, 0 <= unit <= 2^112: one round."""
    (operand,) = yield from masked(ctx, x.value)
    waves = yield Draw(WideLogarithm(operand.mask, unit))
    series = precision.evaluate(operand.d, waves["u"], waves["v"], BOUND - PERIOD_BITS)
    whole = ring.multiply(x.places, -unit)
    return ring.add(ring.add(series, whole), ctx.first * (BOUND * unit + times(LOG_CONSTANT, unit)))


LOGARITHM_CORRELATIONS = (*CORRELATIONS, WideLogarithm, TruncPair)
POWER_CORRELATIONS = (*LOGARITHM_CORRELATIONS, WidePowers)


@functools.cache
def unit_of(base: str) -> int:
    """log_b(2) times 2^112, to the nearest integer; bases "e", "2" and "10"."""
    with gmpy2.context(precision=250):
        two = gmpy2.const_log2()
        return int(gmpy2.rint({"e": two, "2": two / two, "10": two / gmpy2.log(10)}[base] * (1 << SCALE)))


def word_bits(n: int, parties: int, count: int) -> int:
    """Payload bits of so many words an element."""
    return (parties - 1) * WIDTH * n * count


def log_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: v, and one truncation."""
    n = shapes[0][0]
    return scaled_bits(n, parties) + word_bits(n, parties, 2)


def _logarithm_rule(name: str, base: str) -> Rule:
    @rule(name, rounds=12, bits=log_bits, messages=MESSAGES, correlations=LOGARITHM_CORRELATIONS)
    def function(ctx: Context, x: Share) -> Protocol:
        top = yield from scaled(ctx, x)
        unit = unit_of(base)
        words = yield from logarithm(ctx, top, unit)
        moved = ring.subtract(words, ctx.first * ctx.fraction * unit)
        return (yield from trunc_pr(ctx, moved, 1, SCALE - ctx.fraction))

    return function


log = _logarithm_rule("log", "e")
log2 = _logarithm_rule("log2", "2")
log10 = _logarithm_rule("log10", "10")


def sign_of(ctx: Context, top: Scaled) -> Share:
    """1, 0 or -1 as a number: [x < 1] and [x < 0] are both 0, the first alone 1, or both."""
    assert top.zero is not None
    assert top.negative is not None
    ones = ctx.constant(ring.like(top.places, top.places.shape, 1))
    return Share(ring.subtract(ring.subtract(ones, top.zero.words), top.negative.words))


def quotient_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: both operands scaled, both v, both signs, the power and s."""
    n = shapes[0][0]
    tops = scaled_bits(n, parties, signed=True, zero=True) + scaled_bits(n, parties, signed=True)
    return tops + word_bits(n, parties, 2 + 2 + 2) + power_bits(n, parties)


def reciprocal_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: v, the power, and its size for the product with the sign."""
    n = shapes[0][0]
    return scaled_bits(n, parties, signed=True) + word_bits(n, parties, 2) + power_bits(n, parties)


def root_bits(shapes: Sequence[Shape], parties: int, zero: bool) -> int:
    """Declared payload bits: v, the power, and for `zero` the product with [x = 0]."""
    n = shapes[0][0]
    return scaled_bits(n, parties, zero=zero) + word_bits(n, parties, 1 + int(zero)) + power_bits(n, parties)


@rule("divide", rounds=14, bits=quotient_bits, messages=MESSAGES, correlations=POWER_CORRELATIONS)
def divide(ctx: Context, x: Share, y: Share) -> Protocol:
    """x / y on vectors at the session's fraction."""
    top_x, top_y = yield from together(scaled(ctx, x, signed=True, zero=True), scaled(ctx, y, signed=True))
    sign_x = sign_of(ctx, top_x)
    ones = ctx.constant(ring.like(x.words, x.shape, 1))
    sign_y = Share(ring.subtract(ones, ring.multiply(top_y.negative.words, 2)))
    log_x, log_y, sign = yield from together(logarithm(ctx, top_x), logarithm(ctx, top_y), mul(ctx, sign_x, sign_y))
    exponent = ring.add(ring.subtract(log_x, log_y), ctx.first * ctx.fraction << SCALE)
    # from the smallest quotient, below 2^-126, to the largest representable
    span = Range(ctx.fraction - BOUND - 1, BOUND)
    size = yield from power_of_two(ctx, Share(exponent), SCALE, span)
    return (yield from mul(ctx, Share(size), Share(sign)))


@rule("reciprocal", rounds=14, bits=reciprocal_bits, messages=MESSAGES, correlations=POWER_CORRELATIONS)
def reciprocal(ctx: Context, y: Share) -> Protocol:
    """1 / y on a vector at the session's fraction."""
    top = yield from scaled(ctx, y, signed=True)
    log2 = yield from logarithm(ctx, top)
    exponent = ring.subtract(ctx.first * 2 * ctx.fraction << SCALE, log2)
    span = Range(2 * ctx.fraction - BOUND - 1, 2 * ctx.fraction)
    inverse = yield from power_of_two(ctx, Share(exponent), SCALE, span)
    part = yield from mux(ctx, top.negative, Share(inverse))
    return ring.subtract(inverse, ring.multiply(part, 2))


@rule(
    "sqrt",
    rounds=14,
    bits=functools.partial(root_bits, zero=True),
    messages=MESSAGES,
    correlations=POWER_CORRELATIONS,
)
def sqrt(ctx: Context, x: Share) -> Protocol:
    """sqrt x on a vector at the session's fraction, x >= 0."""
    top = yield from scaled(ctx, x, zero=True)
    log2 = yield from logarithm(ctx, top)
    exponent = ring.add(log2, ctx.first * ctx.fraction << SCALE)
    # read with one fractional bit more, a logarithm is half of itself
    span = Range((ctx.fraction - 1) // 2, (BOUND + ctx.fraction) // 2)
    root = yield from power_of_two(ctx, Share(exponent), SCALE + 1, span)
    lost = yield from mux(ctx, top.zero, Share(root))
    return ring.subtract(root, lost)


@rule(
    "rsqrt",
    rounds=13,
    bits=functools.partial(root_bits, zero=False),
    messages=MESSAGES,
    correlations=POWER_CORRELATIONS,
)
def rsqrt(ctx: Context, x: Share) -> Protocol:
    """1 / sqrt x on a vector at the session's fraction, x > 0."""
    top = yield from scaled(ctx, x)
    log2 = yield from logarithm(ctx, top)
    exponent = ring.subtract(ctx.first * 3 * ctx.fraction << SCALE, log2)
    span = Range((3 * ctx.fraction - BOUND - 1) // 2, 3 * ctx.fraction // 2)
    return (yield from power_of_two(ctx, Share(exponent), SCALE + 1, span))

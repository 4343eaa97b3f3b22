"""Sine and cosine in two rounds. Dealer model.

Parties hold [x], any representable number at f fractional bits, and want [sin x] or [cos x].

    local      t = x C, C = 2^64 / (2 pi 2^f) to the nearest integer: a turn is the whole ring, so t wraps as it should
    offline    r = -a C for the operand's mask a;  [sin r], [cos r], a truncation pair
    online     d = open([x] - [a])                                         1 round, none if x was opened before
    local      [S] = sin(d C) [cos r] - cos(d C) [sin r], the same for cos
    online     S / 2^(56 - f)                                              1 round

Error       absolute, below 2^-25 + |x| 2^(f - 62) and one unit: sines and factors rounded, and C.
Realises    x to sin x + error, the error a function of x, of the uniform public d and of a public rounding coin.
            Simulator: d uniform; the dealt sines depend on a alone and are shared uniformly.
Reference   Sines of a masked angle: Zheng et al., ACSAC 2023.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import gmpy2

from mpcfl import ring
from mpcfl.correlation import Correlation, Field, MaskView, group_of
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context, Rule, rule
from mpcfl.protocols import precision
from mpcfl.protocols.beaver import OPERAND, Mask, masked
from mpcfl.protocols.series import A_TURN, COEFFICIENT_BITS, evaluate, rotated
from mpcfl.protocols.truncation import PRODUCT, TruncPair, trunc_pr
from mpcfl.ring import Shape, Words
from mpcfl.share import Share


@functools.cache
def turn(fraction: int, width: int = 64) -> int:
    """Ring words of a turn that one unit of x makes: 2^64 / (2 pi 2^fraction), to the nearest integer."""
    with gmpy2.context(precision=250):
        return int(gmpy2.rint((1 << (width - 1 - fraction)) / gmpy2.const_pi()))


@dataclass(frozen=True)
class Sines(Correlation):
    """(cos r, -sin r), or with `cosine` (sin r, cos r), for r = -a, times 2^26: the factors of sin d and cos d.

    In Z_2^128 times 2^52.
    """

    family = "sines"
    mask: MaskView
    cosine: bool

    def fields(self) -> tuple[Field, ...]:
        shape, group = (1, *self.mask.shape), group_of(self.mask)
        return (Field("u", shape, group, determined=True), Field("v", shape, group, determined=True))

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def elementwise(self) -> tuple[str, ...]:
        return ("mask",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        wide = group_of(self.mask) == "wide"
        one = 1 << (precision.COEFFICIENT_BITS if wide else COEFFICIENT_BITS)
        sine, cosine = ((), (one,)) if self.cosine else ((one,), ())
        if wide:
            return precision.rotated(ring.negative(masks[0]), sine, cosine, A_TURN)
        return rotated(masks[0], sine, cosine, 1)


def sine_bits(shapes: Sequence[Shape], parties: int, width: int = 64) -> int:
    """Declared payload bits: x, and one truncation."""
    return (parties - 1) * width * 2 * math.prod(shapes[0])


def sine(ctx: Context, x: Share, cosine: bool) -> Protocol:
    """sin x or cos x on a vector at the session's fraction."""
    (operand,) = yield from masked(ctx, x.scale(turn(ctx.fraction, ctx.width)))
    waves = yield Draw(Sines(operand.mask, cosine))
    words = evaluate(operand.d, waves["u"], waves["v"], 1, operand.d)
    return (yield from trunc_pr(ctx, words, 1, precision.precision(ctx).scale - ctx.fraction))


def _rule(name: str, cosine: bool) -> Rule:
    @rule(
        name,
        rounds=2,
        bits=sine_bits,
        messages=[OPERAND, PRODUCT],
        correlations=[Mask, Sines, TruncPair],
    )
    def function(ctx: Context, x: Share) -> Protocol:
        return (yield from sine(ctx, x, cosine))

    return function


sin = _rule("sin", False)
cos = _rule("cos", True)

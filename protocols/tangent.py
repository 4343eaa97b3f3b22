"""Tangents, as quotients of sines that are not rounded first. Dealer model.

Parties hold [x], any representable number at f fractional bits, and want [tan x].

    local      t = x C, C = 2^64 / (2 pi 2^f) to the nearest integer: a turn is the whole ring (trigonometry)
    offline    r = -a C for the operand's mask a;  U and V of sin and of cos (series)
    online     d = open([x] - [a])                                         1 round, none if x was opened before
    local      [sin x], [cos x] at 59 fractional bits, in Z_2^128 at 116
    online     their quotient, which does not see the scale               12 rounds (division), or 14 (logarithms128)

Error       relative 2^-20.3, and 2^-27 |tan x + 1 / tan x| of the sines; absolute (1 + tan^2 x) |x| 2^(f - 62) of C. In
            Z_2^128 2^-45, 2^-54 |tan x + 1 / tan x| and 2^(f - 126).
Realises    x to tan x + error, the error a function of x, of uniform public words and of public rounding coins.
            Simulator: that of its parts.
Reference   trigonometry; series; division; logarithms128.
"""

from __future__ import annotations

from collections.abc import Sequence

from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context, rule
from mpcfl.protocols import logarithms128 as wide
from mpcfl.protocols.beaver import masked, operand_bits
from mpcfl.protocols.division import CORRELATIONS, MESSAGES, divide, quotient_bits
from mpcfl.protocols.series import Waves, evaluate
from mpcfl.protocols.trigonometry import turn
from mpcfl.ring import Shape
from mpcfl.share import Share


def tan_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: x, and a quotient."""
    return operand_bits(shapes, parties) + quotient_bits([shapes[0], shapes[0]], parties)


def wide_tan_bits(shapes: Sequence[Shape], parties: int) -> int:
    """The same in Z_2^128."""
    return operand_bits(shapes, parties, 128) + wide.quotient_bits([shapes[0], shapes[0]], parties)


def sine_and_cosine(ctx: Context, x: Share) -> Protocol:
    """Shares of sin x and cos x at one scale: one round."""
    (operand,) = yield from masked(ctx, x.scale(turn(ctx.fraction, ctx.width)))
    sine, cosine = (yield Draw(Waves(operand.mask, "sin"))), (yield Draw(Waves(operand.mask, "cos")))
    return [Share(evaluate(operand.d, waves["u"], waves["v"], 1, x.words)) for waves in (sine, cosine)]


@rule("tan", rounds=13, bits=tan_bits, messages=MESSAGES, correlations=(*CORRELATIONS, Waves))
def tan(ctx: Context, x: Share) -> Protocol:
    """tan x on a vector at the session's fraction."""
    return (yield from divide(ctx, *(yield from sine_and_cosine(ctx, x))))


@rule("tan", rounds=15, bits=wide_tan_bits, messages=wide.MESSAGES, correlations=(*wide.POWER_CORRELATIONS, Waves))
def wide_tan(ctx: Context, x: Share) -> Protocol:
    """tan x on a vector at the session's fraction, in Z_2^128."""
    return (yield from wide.divide(ctx, *(yield from sine_and_cosine(ctx, x))))

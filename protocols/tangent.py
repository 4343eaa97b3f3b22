"""Tangents, as quotients of sines that are not rounded first. Dealer model.

Parties hold [x], any representable number at f fractional bits, and want [tan x].

    local      t = x C, C = 2^64 / (2 pi 2^f) to the nearest integer: a turn is the whole ring (trigonometry)
    offline    r = -a C for the operand's mask a;  U and V of sin and of cos (series)
    online     d = open([x] - [a])                                         1 round, none if x was opened before
    local      [sin x], [cos x] at 59 fractional bits
    online     their quotient, which does not see the scale               12 rounds (division)

Error       relative 2^-20.3, and 2^-27 |tan x + 1 / tan x| of the sines; absolute (1 + tan^2 x) |x| 2^(f - 62) of C.
Realises    x to tan x + error, the error a function of x, of uniform public words and of public rounding coins.
            Simulator: that of its parts.
Reference   trigonometry; series; division.
"""

from __future__ import annotations

from collections.abc import Sequence

from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context, rule
from mpcfl.protocols.beaver import masked, operand_bits
from mpcfl.protocols.division import CORRELATIONS, MESSAGES, divide, quotient_bits
from mpcfl.protocols.series import Waves, evaluate
from mpcfl.protocols.trigonometry import turn
from mpcfl.ring import Shape
from mpcfl.share import Share


def tan_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits: x, and a quotient."""
    return operand_bits(shapes, parties) + quotient_bits([shapes[0], shapes[0]], parties)


@rule("tan", rounds=13, bits=tan_bits, messages=MESSAGES, correlations=(*CORRELATIONS, Waves))
def tan(ctx: Context, x: Share) -> Protocol:
    """tan x on a vector at the session's fraction."""
    (operand,) = yield from masked(ctx, x.scale(turn(ctx.fraction)))
    sine, cosine = (yield Draw(Waves(operand.mask, "sin"))), (yield Draw(Waves(operand.mask, "cos")))
    parts = [Share(evaluate(operand.d, waves["u"], waves["v"], 1, x.words)) for waves in (sine, cosine)]
    return (yield from divide(ctx, *parts))

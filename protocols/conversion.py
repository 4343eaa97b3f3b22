"""Conversion of exclusive-or shared bits to additive shares by daBits: n parties, semi-honest, with a dealer.

Parties hold <b> (exclusive or) and want [b] (sum mod 2^k).

    offline    beta a uniform bit;  <beta>, [beta]
    online     t = open(<b> xor <beta>)                                1 round, one bit
    local      [b] = t + (1 - 2t) [beta]

The pair (t, beta) stays with the bit: a later mux with it opens nothing of the bit. The lowest bits of a sum's shares
share its lowest bit so: a whole number that is known to be 0 or 1 gets this form for one opened bit.

Realises    the bit-conversion functionality against any n - 1 semi-honest parties; dealer apart. Simulator: t uniform.
Reference   Rotaru and Wood, INDOCRYPT 2019 (daBits).
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
from mpcfl.ring import Shape, Words
from mpcfl.share import Bit, Share

BIT = Message("conversion.bit", "party", "party", "bits", Exposure.MASKED, "a bit under a uniform bit")


@dataclass(frozen=True)
class DaBit(Correlation):
    """`size` uniform bits, shared by exclusive or (packed) and by sums."""

    family = "dabit"
    size: int
    group: str = "words"

    def fields(self) -> tuple[Field, ...]:
        return (
            Field("bits", (ring.packed(self.size),), group="bits"),
            Field("beta", (self.size,), self.group, determined=True),
        )

    def elementwise(self) -> tuple[str, ...]:
        return ("size",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        bits = ring.unpack(uniform["bits"], self.size)
        return {"beta": ring.words(bits, 128) if self.group == "wide" else bits}


def b2a(ctx: Context, plane: Words, size: int) -> Protocol:
    """The bits of a packed plane as a `Bit` vector of `size`."""
    dealt = yield Draw(DaBit(size, ctx.group))
    opened = yield Open(BIT, plane ^ dealt["bits"])
    t, beta = ring.unpack(opened, size), dealt["beta"]
    return Bit(lambda: ring.flipped(t, beta, ctx.first), t, beta, dealt.leaf("bits", bits=size))


def parity_bits(shapes: Sequence[Shape], parties: int, width: int = 64) -> int:
    """Payload bits that a party sends for the lowest bits of a vector, in either ring."""
    return (parties - 1) * 64 * ring.packed(math.prod(shapes[0]))


@rule("parity", rounds=1, bits=parity_bits, messages=[BIT], correlations=[DaBit])
def parity(ctx: Context, x: Share) -> Protocol:
    """The lowest bit of each element of a vector, as a `Bit`."""
    plane = ring.odd_bits(x.words)
    return (yield from b2a(ctx, plane, x.shape[0]))

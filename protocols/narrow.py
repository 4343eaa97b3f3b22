"""Equality to zero of whole numbers from 0 to 63 by one table: n parties, semi-honest, input-independent dealer.

Parties hold [x], 0 <= x < 64, as a count of bits is, and want [x = 0]. The operand is opened as d = x - a (beaver);
with r = -a it is x = d - r, below 64, so x = 0 exactly if the six lowest bits of d are those of r.

    offline    <e>, the one-hot vector of r mod 64: 64 bits
    online     d = open([x] - [a])                                        1 round, none if x was opened before
    local      <e_(d mod 64)>                                             (public index: linear)
    online     conversion of the bit to an additive share (conversion)    1 round

Where comparison compares all digits and merges what it finds, this looks once.

Realises    equality to zero, exactly, for 0 <= x < 64; for any other x whether 64 divides it. Against any n - 1
            semi-honest parties; dealer apart. Simulator: d and beta uniform; the table depends on a alone and is shared
            with uniform shares.
Reference   One-time truth tables: Ishai et al., TCC 2013.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mpcfl import ring
from mpcfl.correlation import Correlation, Field, MaskView
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context, rule
from mpcfl.protocols.beaver import OPERAND, Mask, masked, operand_bits
from mpcfl.protocols.conversion import BIT, DaBit, b2a, parity_bits
from mpcfl.ring import Shape, Words, shaped
from mpcfl.share import Share

LIMIT = 64
"""What x is below: a table is a word."""

ONE, LAST = np.uint64(1), np.uint64(LIMIT - 1)


@dataclass(frozen=True)
class LowTable(Correlation):
    """The one-hot vector of r mod 64, r = -a, in a word for each element of a mask a."""

    family = "low_table"
    mask: MaskView

    def fields(self) -> tuple[Field, ...]:
        return (Field("table", self.mask.shape, group="bits", determined=True),)

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def elementwise(self) -> tuple[str, ...]:
        return ("mask",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        (low, *_) = ring.limbs(ring.negative(masks[0]))
        return {"table": ONE << (low & LAST)}


@shaped(lambda d, table: (ring.packed(d.shape[0]),), bits=True)
def _entry(d: Words, table: Words) -> Words:
    """The bit of each table that d mod 64 numbers, as one plane."""
    (low, *_) = ring.limbs(d)
    return ring.top_bits(table << (LAST - (low & LAST)))


def narrow_bits(shapes: Sequence[Shape], parties: int, width: int = 64) -> int:
    """Declared payload bits on a fresh operand."""
    return operand_bits(shapes, parties, width) + parity_bits([(math.prod(shapes[0]),)], parties, width)


@rule("narrow_eqz", rounds=2, bits=narrow_bits, messages=[OPERAND, BIT], correlations=[Mask, LowTable, DaBit])
def narrow_eqz(ctx: Context, x: Share) -> Protocol:
    """Whether each element of a vector of numbers from 0 to 63 is zero, as a `Bit`."""
    (operand,) = yield from masked(ctx, x)
    table = (yield Draw(LowTable(operand.mask)))["table"]
    return (yield from b2a(ctx, _entry(operand.d, table), x.shape[0]))

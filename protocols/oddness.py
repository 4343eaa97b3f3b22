"""Which elements of a product are odd: of a matrix that one party knows by whole numbers.

Rank o holds x in the clear, all parties hold [y], and they want the lowest bits of [x o y] as bits that are converted.
Modulo 2 sums are exclusive ors: with x', y', a', b' the lowest bits of x, y and of their masks (onesided),

    offline    <c'>,  c' = a' o (b' less the share of b' at o) mod 2;   beta a uniform bit, <beta>, [beta]
    online     o tells d = x - a;   e = open([y] - [b])                  1 round, less what was opened before
    local      at o  x' o (e' + b'_o) + c'_o;  elsewhere  d' o b'_i + c'_i;   all modulo 2: <z>
    online     t = open(<z> xor <beta>)                                   1 round, one bit
    local      [z] = t + (1 - 2t) [beta]

Where a product in the ring takes a word and a multiplication, this takes a bit and an eighth of a look-up, at the
parties and at the dealer.

Realises    the lowest bits of [x o y] against any n - 1 semi-honest parties; dealer apart. Simulator: d, e as in
            onesided, t uniform. <c'> is a function of masks alone and is shared with uniform shares, whatever else was
            dealt from the same masks.
Reference   onesided, conversion; Beaver, CRYPTO 1991, over GF(2).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mpcfl import ring, rows
from mpcfl.correlation import ODD, Correlation, Field, MaskView, Signs
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context, rule
from mpcfl.protocols import onesided
from mpcfl.protocols.beaver import OPERAND, Mask, Triple, opened, operand_bits
from mpcfl.protocols.conversion import BIT, DaBit, b2a, parity_bits
from mpcfl.protocols.folded import Folded, matmul
from mpcfl.protocols.onesided import Blocks, OneSided, owner_of
from mpcfl.ring import Shape, Words
from mpcfl.rows import Rows
from mpcfl.share import Base, Share
from mpcfl.view import View


@dataclass(frozen=True)
class OneSidedBits(Correlation):
    """c' = a' o (b' less its owner's share) modulo 2, packed row after row, for masks of words that have names."""

    family = "one_sided_bits"
    left: MaskView
    right: MaskView
    owner: int
    parties: int

    def __post_init__(self) -> None:
        if not 0 <= self.owner < self.parties:
            raise ValueError("the owner of a private operand is one of the parties")
        if not _of_rows(self.left):
            raise ValueError("the lowest bits of a mask are those of rows of a matrix")

    def fields(self) -> tuple[Field, ...]:
        size = math.prod(ring.matmul_shape(self.left.shape, self.right.shape))
        return (Field("c", (ring.packed(size),), group="bits", determined=True),)

    def masks(self) -> tuple[MaskView, ...]:
        return (self.left, self.right)

    def forms(self) -> tuple[tuple[MaskView, Signs], ...]:
        others = tuple(int(rank != self.owner) for rank in range(self.parties))
        return ((self.left, ODD), (self.right, others))

    def sample(self, uniform: Mapping[str, Words], *masks: Any) -> Mapping[str, Words]:
        a, b = masks
        return {"c": ring.plus_odd(ring.zeros(self.tensors[0].shape), a, b)}


def matmul_bits(shapes: Sequence[Shape], parties: int, width: int = 64) -> int:
    """Payload bits that a party sends for the lowest bits of a product of fresh shared operands."""
    size = math.prod(ring.matmul_shape(*shapes))
    return operand_bits(shapes, parties, width) + parity_bits([(size,)], parties, width)


@rule(
    "matmul_parity",
    rounds=2,
    bits=matmul_bits,
    messages=[OPERAND, BIT],
    correlations=[Mask, Triple, Folded, OneSided, OneSidedBits, DaBit],
)
def matmul_parity(ctx: Context, x: Share, y: Share) -> Protocol:
    """The lowest bit of each element of a matrix product, as a `Bit` vector."""
    size = math.prod(ring.matmul_shape(x.shape, y.shape))
    known = onesided.blocks(x)
    if known is None or len(y.shape) > 2 or not _serves(known):
        words = yield from matmul.function(ctx, x, y)
        plane = ring.odd_bits(ring.reshape(words, (size,)))
    else:
        yield from opened(ctx, x, y)
        plane = yield from _plane(ctx, known[1], y)
    return (yield from b2a(ctx, plane, size))


def _serves(known: Blocks) -> bool:
    """Whether all blocks stand side by side, and each is rows of a matrix that one party knows."""
    axis, parts = known
    return (axis == 1 or len(parts) == 1) and all(_of_rows(part) and owner_of(part) is not None for part in parts)


def _of_rows(one: View[Any]) -> bool:
    """Whether a view is a matrix as it was drawn, or some of its rows."""
    while one.operation == "take" and ring.is_rows(one.argument):
        (one,) = one.sources
    return one.operation == "leaf" and len(one.shape) == 2


def _plane(ctx: Context, parts: Sequence[View[Base]], y: Share) -> Protocol:
    """<z>, packed row after row."""
    planes: list[Words] = []
    start = 0
    for part in parts:
        own = y if len(parts) == 1 else y.take(slice(start, start + part.shape[1]))
        start += part.shape[1]
        owner = owner_of(part)
        assert owner is not None
        right = own.masked
        c = (yield Draw(OneSidedBits(Share.of_view(part).mask, right.mask, owner, ctx.parties)))["c"]
        w = ring.add(right.d, right.a) if ctx.rank == owner else right.a
        bits = part.apply(functools.partial(_odd, known=ctx.rank == owner), "odd")
        planes.append(ring.plus_odd(c, bits, w))
    return functools.reduce(ring.exclusive_or, planes)


def _odd(base: Base, known: bool) -> Words:
    """The lowest bits of what this party multiplies by, packed by rows: the words at their owner, elsewhere d."""
    if base.odd is None:
        assert base.masked is not None
        base.odd = rows.odd(base.rows if known else Rows.held(base.masked.d))
    return base.odd

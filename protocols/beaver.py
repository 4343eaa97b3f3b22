"""Beaver multiplication over Z_2^k: n parties, semi-honest, input-independent dealer.

Parties hold [x] and [y] and want [x o y], where o is any bilinear map.

    offline    [a], [b], [c]     a, b uniform,  c = a o b
    online     d = open([x] - [a]),  e = open([y] - [b])              1 round
    local      [z] = [c] + d o [b] + [a] o e + d o e

An operand keeps its difference d and the name of its mask a: later products with it, its slices or its transpose open
nothing of it again. An operand that one party knows has a mask that this party knows, and is opened by it alone, one
way. Matrix products take half the work where one local product serves (folded). An operand of more than 64 MiB is
opened piece by piece, a round each.

Realises    the bilinear-map functionality against any n - 1 semi-honest parties; dealer apart. Simulator: d, e uniform,
            since a, b are uniform, unknown to the n - 1 and used for this operand alone; output share from the ideal
            call. Further products with the same operand add triples that depend on a and b alone, whose shares are
            uniform.
Reference   Beaver, CRYPTO 1991; matrix form in Mohassel and Zhang, IEEE S&P 2017; masked values that live on as in
            Patra et al. (ABY2.0), USENIX Security 2021.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mpcfl import ring, runs, view
from mpcfl.buffers import empty
from mpcfl.correlation import Correlation, Dealt, Field, MaskView, group_of
from mpcfl.effects import Draw, Effect, Open, Protocol, Round
from mpcfl.message import Exposure, Message
from mpcfl.protocol import Context, rule
from mpcfl.protocols import upper
from mpcfl.protocols.upper import TruncMux
from mpcfl.ring import Shape, Words
from mpcfl.rows import step_of
from mpcfl.share import Base, Bit, Masked, Remade, Share

OPERAND = Message(
    "beaver.operand", "party", "party", "words", Exposure.MASKED, "difference of an operand and its uniform mask"
)


@dataclass(frozen=True)
class Mask(Correlation):
    """A uniform mask of a shape; `owner` knows it in full where the operand is private to that rank."""

    family = "mask"
    shape: Shape
    owner: int | None = None
    group: str = "words"

    def fields(self) -> tuple[Field, ...]:
        return (Field("a", self.shape, self.group, owner=self.owner),)


@dataclass(frozen=True)
class Triple(Correlation):
    """c = a o b for masks that have names; o is "mul" (elementwise, on vectors) or "matmul"."""

    family = "triple"
    operation: str
    left: MaskView
    right: MaskView

    def fields(self) -> tuple[Field, ...]:
        left, right = self.left, self.right
        shape = ring.matmul_shape(left.shape, right.shape) if self.operation == "matmul" else left.shape
        return (Field("c", shape, group_of(left, right), determined=True),)

    def masks(self) -> tuple[MaskView, ...]:
        return (self.left, self.right)

    def elementwise(self) -> tuple[str, ...]:
        return ("left", "right") if self.operation == "mul" else ()

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        a, b = masks
        return {"c": ring.matmul(a, b) if self.operation == "matmul" else ring.multiply(a, b)}


def masked(ctx: Context, *operands: Share) -> Generator[Effect, Any, list[Masked]]:
    """The masked form x = d + a of each operand, opened where it was not before: one round or none."""
    yield from opened(ctx, *operands)
    return [operand.masked for operand in operands]


def opened(ctx: Context, *operands: Share) -> Generator[Effect, Any, None]:
    """Open those bases of the operands that were not opened before: one round or none.

    What is larger than `PIECE` goes in pieces, a round each: neither side then holds it a second time on its way.
    """
    fresh = []
    waits = []
    for operand in operands:
        for base in operand.bases():
            if base.masked is None and base.claimed:
                waits.append(base)  # a protocol that runs beside this one opens it in these very rounds
            elif base.masked is None:
                base.claimed = True
                fresh.append(_Opening(ctx, base, (yield Draw(Mask(base.shape, base.owner, ctx.group)))))
    while fresh or any(base.masked is None for base in waits):
        differences = yield Round(tuple(Open(OPERAND, one.payload(), one.base.owner) for one in fresh))
        for one, d in zip(fresh, differences, strict=True):
            one.take(d)
        fresh = [one for one in fresh if one.base.masked is None]


PIECE = 1 << 23
"""Words of an operand that are opened in one round, at most, where a row does not have more (64 MiB)."""


class _Opening:
    """The opening of a base, piece by piece along its first axis."""

    def __init__(self, ctx: Context, base: Base, dealt: Dealt) -> None:
        self.base = base
        self._dealt = dealt
        self._mask = dealt.rows("a")
        self._sends = base.owner in (None, ctx.rank)
        self._keeps = base.ones is None
        self._step = step_of(base.shape, PIECE)
        self._start = 0
        self._d: Words | None = None

    @property
    def _whole(self) -> bool:
        return not self.base.shape or self.base.shape[0] <= self._step

    @property
    def _stop(self) -> int:
        return min(self._start + self._step, self.base.shape[0])

    def payload(self) -> Words:
        """[x] - [a]; where an operand is another party's own, any words of the shape, since they are not sent."""
        if self._whole:
            x = self.base.words
            return ring.subtract(x, self._dealt["a"]) if self._sends else x
        x = self.base.rows.some(self._start, self._stop)
        return ring.subtract(x, self._mask.some(self._start, self._stop)) if self._sends else x

    def take(self, d: Words) -> None:
        """Take what was opened; after the last piece the base is open."""
        if self._whole:
            self._end(d)
            return
        if ring.is_spec(d):
            self._d = ring.like(d, self.base.shape)
        elif self._keeps:
            self._d = empty(self.base.shape, d.dtype) if self._d is None else self._d
            self._d[self._start : self._stop] = d
        self._start = self._stop
        if self._start == self.base.shape[0]:
            self._end(self._d)

    def _end(self, d: Words | None) -> None:
        name = self._dealt.leaf("a")
        if d is None or not self._keeps:
            self.base.masked = Remade(self.base.rows, self._mask, name)
        else:
            self.base.masked = Masked(d, self._dealt["a"], name)


def operand_bits(shapes: Sequence[Shape], parties: int, width: int = 64) -> int:
    """Payload bits that a party sends to open fresh operands of these shapes."""
    return width * (parties - 1) * sum(math.prod(shape) for shape in shapes)


@rule("mul", rounds=1, bits=operand_bits, messages=[OPERAND], correlations=[Mask, Triple])
def mul(ctx: Context, x: Share, y: Share) -> Protocol:
    """Elementwise product of vectors in the ring."""
    left, right = yield from masked(ctx, x, y)
    (d, a), (e, b) = (left.d, left.a), (right.d, right.a)
    c = (yield Draw(Triple("mul", left.mask, right.mask)))["c"]
    return ring.beaver(c, a, b, d, e, ctx.first)


@rule("matmul", rounds=1, bits=operand_bits, messages=[OPERAND], correlations=[Mask, Triple])
def matmul(ctx: Context, x: Share, y: Share) -> Protocol:
    """Matrix product, with NumPy's rules for vectors and stacks."""
    left, right = yield from masked(ctx, x, y)
    (d, a), (e, b) = (left.d, left.a), (right.d, right.a)
    c = (yield Draw(Triple("matmul", left.mask, right.mask)))["c"]
    # d o b + d o e is one product at the party that adds the public term
    return ring.add(ring.add(c, ring.matmul(d, ring.add(b, e) if ctx.first else b)), ring.matmul(a, e))


@rule("square", rounds=1, bits=operand_bits, messages=[OPERAND], correlations=[Mask, Triple])
def square(ctx: Context, x: Share) -> Protocol:
    """Elementwise square of a vector: one operand opened, the triple dealt as a square pair (c = a a)."""
    (operand,) = yield from masked(ctx, x)
    d, a = operand.d, operand.a
    c = (yield Draw(Triple("mul", operand.mask, operand.mask)))["c"]
    return ring.square(c, a, d, ctx.first)


@rule(
    "mux",
    rounds=1,
    bits=lambda shapes, parties, width=64: operand_bits(shapes[1:], parties, width),
    messages=[OPERAND],
    correlations=[Mask, Triple, TruncMux],
)
def mux(ctx: Context, bit: Bit, value: Share | Bit) -> Protocol:
    """b v for a bit in the form b = t + (1 - 2t) beta: only v is opened, and nothing if v was compared before.

    b v = t v + (1 - 2t) (d [beta] + [beta a]),  v = d + a;  the dealer gives the one product [beta a]. A v that was
    truncated is open as it is (upper). In Z_2^64 the value may be such a bit itself, d = t', a = (1 - 2t') beta', and
    open: that takes no round.
    """
    if isinstance(value, Bit):
        product = (yield Draw(Triple("mul", bit.mask, value.mask)))["c"]
        rho, both = (ring.flipped(value.t, part, 0) for part in (value.beta, product))
        return ring.select(bit.t, bit.beta, value.t, rho, both, ctx.first)
    truncated = value.truncated if any(base.masked is None for base in value.bases()) else None
    if truncated is not None:
        return (yield from upper.chosen(ctx, bit, value, truncated))
    (operand,) = yield from masked(ctx, value)
    product = (yield Draw(Triple("mul", bit.mask, operand.mask)))["c"]
    return runs.select(*bit.given, *operand.given, product, ctx.first)


def flat(mask: MaskView) -> MaskView:
    """A mask as a vector."""
    return view.reshape(mask, (math.prod(mask.shape),))

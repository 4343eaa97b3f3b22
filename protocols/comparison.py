"""Sign and equality to zero by one-time tables: n parties, semi-honest, input-independent dealer, 4 rounds.

Parties hold [x], x in Z_2^64 or Z_2^128, and want the bit msb(x), or [x = 0].

The operand is opened as d = x - a (beaver); with r = -a that is x = d - r for public d and a number r that the dealer
knows. So msb(x) = msb(d) xor msb(r) xor [d mod 2^63 < r mod 2^63], and x = 0 exactly if d = r. Both are questions on
the 4-bit digits of d and r:

    offline    for each digit r_i the one-hot vector e_i of 16 bits, <e_i> shared by exclusive or;  <msb(r)>
    online     d = open([x] - [a])                                            1 round, none if x was opened before
    local      <lt_i> = xor of <e_i[k]> over k > d_i,   <eq_i> = <e_i[d_i]>   (public indices: linear)
    online     merge four digits into one, twice (128 bits: four, then eight) 2 rounds
               lt = lt_3 + eq_3 lt_2 + eq_3 eq_2 lt_1 + eq_3 eq_2 eq_1 lt_0,  eq = eq_3 eq_2 eq_1 eq_0
    online     conversion of the bit to an additive share (conversion)        1 round

A merge opens each factor under a uniform bit and expands the products: the dealer gives the shares of all products of
mask bits (Beaver's trick for more than two factors). lt_3 is linear and needs no opening. 64 + 28 + 6 + 1 bits an
element for msb, 128 + 56 + 14 + 1 in Z_2^128, where 367 bits of products for the last merge spare a round.

What a truncation by m bits made is open (upper): 2^m x = d - r, r without its lowest m bits. That spares the first
round and its word, and the digits of these bits: with m = 18 there are 12 in three groups, and 21 + 4 + 1 bits remain.

Realises    msb and equality to zero, exactly, for every x in Z_2^64 (for a truncated number and a public one together,
            as integers), against any n - 1 semi-honest parties; dealer apart. Simulator: all openings uniform: a, the
            merge masks and beta are fresh and uniform. The tables depend on a alone and are shared with uniform shares;
            several tables for one a are shared independently. Where a public number lies beyond all that was truncated
            it decides alone, in public.
Reference   One-time truth tables: Ishai et al., TCC 2013; Damgard et al., CRYPTO 2017 (TinyTable). Digit tree: Garay,
            Schoenmakers and Villegas, PKC 2007; Rathee et al., CCS 2020 (CrypTFlow2), section 3.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl import ring, threads
from mpcfl.buffers import empty
from mpcfl.correlation import Correlation, Dealt, Field, MaskView, group_of
from mpcfl.effects import Draw, Effect, Open, Protocol
from mpcfl.kernels import bits, digits
from mpcfl.message import Exposure, Message
from mpcfl.protocol import Context, rule
from mpcfl.protocols.beaver import OPERAND, Mask, masked, operand_bits
from mpcfl.protocols.conversion import BIT, DaBit, b2a
from mpcfl.ring import Words, shaped
from mpcfl.share import Share

MERGE = Message(
    "comparison.merge", "party", "party", "bits", Exposure.MASKED, "factors of a digit merge under uniform bits"
)

DIGITS_OF_WORD = 16


class Polynomial:
    """A sum (exclusive or) of products of bits, for several targets at once.

    Parameters
    ----------
    *targets : sequence of products
        A product is a tuple of variable numbers, two or more.
    """

    def __init__(self, *targets: Sequence[tuple[int, ...]]) -> None:
        products = [(target, product) for target, sums in enumerate(targets) for product in sums]
        self.targets = len(targets)
        self.variables = 1 + max(variable for _, product in products for variable in product)
        self.subsets = sorted({s for _, product in products for s in _subsets(product) if s.bit_count() > 1})
        place = {0: -1, **{1 << v: v for v in range(self.variables)}}
        place |= {subset: self.variables + i for i, subset in enumerate(self.subsets)}
        # product of (p_j xor m_j) = exclusive or over S of (product of p_j, j not in S) m_S
        terms = [(t, _mask(product) ^ s, place[s]) for t, product in products for s in _subsets(product)]
        self.terms: NDArray[np.int64] = np.array(terms, np.int64)

    def evaluate(self, opened: Words, shares: Words, first: int) -> Words:
        """Shares of the targets, one plane each, from the opened factors and the shares of masks and their products."""
        return _multilinear(opened, shares, self.terms, self.targets, first)


def _mask(product: tuple[int, ...]) -> int:
    return sum(1 << variable for variable in product)


def _subsets(product: tuple[int, ...]) -> list[int]:
    return [_mask(s) for size in range(len(product) + 1) for s in itertools.combinations(product, size)]


@shaped(lambda opened, shares, terms, targets, first: (targets, opened.shape[1]))
def _multilinear(opened: Words, shares: Words, terms: NDArray[np.int64], targets: int, first: int) -> Words:
    out = empty((targets, opened.shape[1]))
    bits.multilinear(opened, shares, terms, first, out)
    return out


def _less(k: int) -> list[tuple[int, ...]]:
    """The sum for lt of k digits, but for lt_(k-1), in the variables eq_(k-1), ..., eq_1, lt_(k-2), ..., lt_0."""
    return [(*range(i + 1), k - 1 + i) for i in range(k - 1)]


FOUR = 4
"""Digits of a group."""
GROUPS = {64: 4, 128: 8}
"""Groups in the numbers of a ring, the most there are."""
MERGE_BOTH = Polynomial(_less(FOUR), [(0, 1, 2, 6)])  # eq_0 is the last variable
MERGE_LESS = Polynomial(_less(FOUR))
MERGE_EQUAL = Polynomial([tuple(range(FOUR))])
LAST_LESS = {groups: Polynomial(_less(groups)) for groups in range(2, 9)}
LAST_EQUAL = {groups: Polynomial([tuple(range(groups))]) for groups in range(2, 9)}
"""What merges all groups, by their number."""


@dataclass(frozen=True)
class Digits(Correlation):
    """One-hot tables of the 4-bit digits of r = -a, and msb(r), for a mask a of n elements.

    With `signed` the digits are those of r mod 2^(k-1) (for msb), else those of r (for equality), in both cases without
    the lowest bits that are known to be zero. The tables have the shape (n, G), four digits a word; in Z_2^128 (2, n,
    G), those of the lower half of the digits first.
    """

    family = "digits"
    mask: MaskView
    signed: bool

    @property
    def low(self) -> int:
        """How many of the lowest bits of r are zeros."""
        return min((leaf.low for leaf in self.mask.leaves()), default=0)

    def fields(self) -> tuple[Field, ...]:
        (n,) = self.mask.shape
        shape = (2, n, self._words) if self._limbs == 2 else (n, self._words)
        tables = Field("tables", shape, group="bits", determined=True)
        return (tables, Field("top", (ring.packed(n),), group="bits", determined=True)) if self.signed else (tables,)

    @property
    def _limbs(self) -> int:
        return 2 if group_of(self.mask) == "wide" else 1

    @property
    def _words(self) -> int:
        """Words of tables that a limb has: a merge takes two groups of digits at least."""
        limbs = self._limbs
        return max(-(-(64 * limbs - self.low - self.signed) // (16 * limbs)), 2 // limbs)

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def elementwise(self) -> tuple[str, ...]:
        return ("mask",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        r = ring.negative(masks[0])
        number = ring.without_top(r) if self.signed else r
        if self.low:
            number = ring.right(number, self.low)
        limbs = ring.limbs(number, 16 * self._words)
        tables = empty((len(limbs), r.shape[0], self._words))
        for limb, part in zip(limbs, tables, strict=True):
            digits.onehot(limb, part)
        return {"tables": tables if len(limbs) > 1 else tables[0], "top": ring.top_bits(r)}


@dataclass(frozen=True)
class BitProducts(Correlation):
    """`variables` planes of uniform bits of `width` words, and the products of the given subsets of them (bit sets)."""

    family = "bit_products"
    variables: int
    subsets: tuple[int, ...]
    width: int

    def fields(self) -> tuple[Field, ...]:
        return (
            Field("bits", (self.variables, self.width), group="bits"),
            Field("products", (len(self.subsets), self.width), group="bits", determined=True),
        )

    def elementwise(self) -> tuple[str, ...]:
        return ("width",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        out = empty((len(self.subsets), self.width))
        bits.products(uniform["bits"], np.array(self.subsets, np.int64), out)
        return {"products": out}


MESSAGES = (OPERAND, MERGE, BIT)
CORRELATIONS = (Mask, Digits, BitProducts, DaBit)


@shaped(lambda d, tables: (8 * math.prod(tables.shape[:-2]) * tables.shape[-1], ring.packed(d.shape[0])), bits=True)
def look_up(d: Words, tables: Words) -> Words:
    """Planes of <lt_i> (the first half of the rows) and <eq_i> (the second), least significant digit first."""
    found = empty((d.shape[0],), np.uint32)
    given = tables if tables.ndim == 3 else [tables]
    own = FOUR * tables.shape[-1]
    parts = []
    for limb, table in zip(ring.limbs(d, FOUR * own), given, strict=True):
        _look_up(limb, table, found)
        planes = empty((2, DIGITS_OF_WORD, ring.packed(d.shape[0])))
        bits.to_planes(found, planes.reshape(2 * DIGITS_OF_WORD, -1))
        parts.append(planes if own == DIGITS_OF_WORD else planes[:, :own])
    joined = parts[0] if len(parts) == 1 else ring.concatenate(parts, axis=1)
    return joined.reshape(2 * own * len(parts), -1)


def _look_up(limb: Words, tables: Words, found: NDArray[np.uint32]) -> None:
    threads.across(found.size, lambda i, j: digits.lookup(limb[i:j], tables[i:j], found[i:j]))


def multiply_bits(ctx: Context, polynomial: Polynomial, factors: Words) -> Protocol:
    """Shares of the polynomial's targets on planes of <factors>: one round."""
    variables, width = factors.shape
    dealt = yield Draw(BitProducts(variables, tuple(polynomial.subsets), width))
    opened = yield Open(MERGE, ring.exclusive_or(factors, dealt["bits"]))
    shares = ring.concatenate([dealt["bits"], dealt["products"]], axis=0)
    return polynomial.evaluate(opened, shares, ctx.first)


def _side_by_side(planes: Words, rows: Sequence[int], width: int) -> Words:
    """Rows i, i + 4, i + 8, ... of a half of `planes`, one after the other in one plane, for each start row i."""
    groups = planes.shape[0] // 8
    return ring.take(planes, _places(tuple(rows), groups)).reshape((len(rows), groups * width))


@functools.cache
def _places(rows: tuple[int, ...], groups: int) -> NDArray[np.int64]:
    return (np.array(rows)[:, None] + 4 * np.arange(groups)).reshape(-1)


def merge_groups(ctx: Context, planes: Words) -> Protocol:
    """<eq> and <lt> of groups of four digits, a row a group, from the planes of `look_up`: one round."""
    width, eq = planes.shape[1], planes.shape[0] // 2  # the row of eq_0
    groups = eq // FOUR
    factors = _side_by_side(planes, [eq + 3, eq + 2, eq + 1, 2, 1, 0, eq], width)
    merged = yield from multiply_bits(ctx, MERGE_BOTH, factors)
    top = _side_by_side(planes, [3], width).reshape((groups * width,))
    less = (ring.take(merged, 0) ^ top).reshape((groups, width))
    return ring.take(merged, 1).reshape((groups, width)), less


def less_digits(ctx: Context, planes: Words) -> Protocol:
    """<[d < r]> as one plane, from the planes of `look_up`: two rounds."""
    equal, less = yield from merge_groups(ctx, planes)
    groups = less.shape[0]
    downwards = [*range(groups - 1, 0, -1)]
    factors = ring.concatenate([ring.take(equal, downwards), ring.take(less, [i - 1 for i in downwards])], axis=0)
    merged = yield from multiply_bits(ctx, LAST_LESS[groups], factors)
    return ring.take(merged, 0) ^ ring.take(less, groups - 1)


def equal_digits(ctx: Context, planes: Words) -> Protocol:
    """<[d = r]> as one plane, from the planes of `look_up`: two rounds."""
    width, eq = planes.shape[1], planes.shape[0] // 2
    groups = eq // FOUR
    factors = _side_by_side(planes, [*range(eq, eq + FOUR)], width)
    merged = yield from multiply_bits(ctx, MERGE_EQUAL, factors)
    factors = ring.take(merged, 0).reshape((groups, width))
    merged = yield from multiply_bits(ctx, LAST_EQUAL[groups], factors)
    return ring.take(merged, 0)


def sign_plane(ctx: Context, d: Words, tables: Words, top: Words, low: int = 0) -> Protocol:
    """<msb(d - r)> as one plane, for public d: two rounds. The tables begin above the `low` lowest bits of r, zeros."""
    upper = ring.scale_floor(d, 1, low) if low else ring.without_top(d)
    less = yield from less_digits(ctx, look_up(upper, tables))
    plane = less ^ top
    return plane ^ ring.top_bits(d) if ctx.first else plane


@dataclass(frozen=True, eq=False)
class Operand:
    """A vector x as it is compared: 2^low (x - offset) = d - r for r = -a, a the mask of that name.

    Only what was truncated has a `low` above zero, and then an offset, public, if any.
    """

    d: Words
    mask: MaskView
    low: int = 0
    offset: Words | None = None

    def less(self, limit: int) -> Operand:
        """x - limit."""
        if not self.low:
            return replace(self, d=ring.subtract(self.d, ring.scalar(limit)))
        moved = ring.like(self.d, self.d.shape, -limit)
        return replace(self, offset=moved if self.offset is None else ring.add(self.offset, moved))

    @property
    def moved(self) -> Words:
        """d, offset included."""
        return self.d if self.offset is None else ring.add(self.d, ring.multiply(self.offset, 1 << self.low))

    def decided(self, ctx: Context, plane: Words, size: int, answer: Words) -> Words:
        """The plane of a question, with a public answer where the offset is not in [-2^size, 2^size): it alone decides.

        Together with what was truncated it could leave the range of 2^low x there.
        """
        if self.offset is None or ring.is_spec(self.offset):
            return plane
        far = ring.beyond(self.offset, size)
        if not far.any():
            return plane
        kept: Words = plane & ~far
        return kept ^ (answer & far) if ctx.first else kept


def comparable(ctx: Context, x: Share) -> Generator[Effect, Any, Operand]:
    """`Operand` of a vector: as truncations left it, else opened unless that is done."""
    truncated = x.truncated
    if truncated is not None:
        return Operand(truncated.d, truncated.mask, truncated.shift, x.offset)
    (operand,) = yield from masked(ctx, x)
    return Operand(operand.d, operand.mask)


def sign(ctx: Context, x: Operand, dealt: Dealt) -> Protocol:
    """<[x < 0]> as one plane, with signed `Digits` of its mask: two rounds."""
    plane = yield from sign_plane(ctx, x.moved, dealt["tables"], dealt["top"], x.low)
    # |x| <= 2^bound with bound + low = k - 2, so 2^low (x + offset) is in the ring's range for these offsets
    return plane if x.offset is None else x.decided(ctx, plane, ctx.bound - x.low, ring.top_bits(x.offset))


def planes_bits(n: int, parties: int, width: int = 64) -> int:
    """Payload bits to merge the digits of n comparisons and convert the results."""
    groups = GROUPS[width]
    factors = groups * MERGE_BOTH.variables + LAST_LESS[groups].variables
    return (parties - 1) * 64 * ring.packed(n) * (factors + 1)


def msb_bits(shapes: Sequence[ring.Shape], parties: int, width: int = 64) -> int:
    """Declared payload bits of msb on a fresh operand."""
    return operand_bits(shapes, parties, width) + planes_bits(math.prod(shapes[0]), parties, width)


def eqz_bits(shapes: Sequence[ring.Shape], parties: int, width: int = 64) -> int:
    """Declared payload bits of eqz on a fresh operand."""
    groups = GROUPS[width]
    planes = 64 * ring.packed(math.prod(shapes[0])) * (groups * FOUR + groups + 1)
    return operand_bits(shapes, parties, width) + planes * (parties - 1)


@rule("msb", rounds=4, bits=msb_bits, messages=MESSAGES, correlations=CORRELATIONS)
def msb(ctx: Context, x: Share) -> Protocol:
    """The most significant bit of each element of a vector, as a `Bit`: 1 where x is negative."""
    operand = yield from comparable(ctx, x)
    dealt = yield Draw(Digits(operand.mask, True))
    plane = yield from sign(ctx, operand, dealt)
    return (yield from b2a(ctx, plane, x.shape[0]))


@rule("eqz", rounds=4, bits=eqz_bits, messages=MESSAGES, correlations=CORRELATIONS)
def eqz(ctx: Context, x: Share) -> Protocol:
    """Whether each element of a vector is zero, as a `Bit`."""
    operand = yield from comparable(ctx, x)
    dealt = yield Draw(Digits(operand.mask, False))
    d, low = operand.moved, operand.low
    plane = yield from equal_digits(ctx, look_up(ring.right(d, low) if low else d, dealt["tables"]))
    if operand.offset is not None:  # 2^low (x + offset) is not a multiple of 2^k but zero for twice the offsets
        plane = operand.decided(ctx, plane, ctx.bound - low + 1, ring.like(plane, plane.shape))
    return (yield from b2a(ctx, plane, x.shape[0]))

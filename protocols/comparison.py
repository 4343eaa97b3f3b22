"""Sign and equality to zero by one-time tables: n parties, semi-honest, input-independent dealer, 4 rounds.

Parties hold [x], x in Z_2^64, and want the bit msb(x), or [x = 0].

The operand is opened as d = x - a (beaver); with r = -a that is x = d - r for public d and a number r that the dealer
knows. So msb(x) = msb(d) xor msb(r) xor [d mod 2^63 < r mod 2^63], and x = 0 exactly if d = r. Both are questions on
the 4-bit digits of d and r:

    offline    for each digit r_i the one-hot vector e_i of 16 bits, <e_i> shared by exclusive or;  <msb(r)>
    online     d = open([x] - [a])                                            1 round, none if x was opened before
    local      <lt_i> = xor of <e_i[k]> over k > d_i,   <eq_i> = <e_i[d_i]>   (public indices: linear)
    online     merge four digits into one, twice                              2 rounds
               lt = lt_3 + eq_3 lt_2 + eq_3 eq_2 lt_1 + eq_3 eq_2 eq_1 lt_0,  eq = eq_3 eq_2 eq_1 eq_0
    online     conversion of the bit to an additive share (conversion)        1 round

A merge opens each factor under a uniform bit and expands the products: the dealer gives the shares of all products of
mask bits (Beaver's trick for more than two factors). lt_3 is linear and needs no opening. 64 + 28 + 6 + 1 bits an
element for msb.

Realises    msb and equality to zero, exactly, for every x in Z_2^64, against any n - 1 semi-honest parties; dealer
            apart. Simulator: all openings uniform: a, the merge masks and beta are fresh and uniform. The tables depend
            on a alone and are shared with uniform shares; several tables for one a are shared independently.
Reference   One-time truth tables: Ishai et al., TCC 2013; Damgard et al., CRYPTO 2017 (TinyTable). Digit tree: Garay,
            Schoenmakers and Villegas, PKC 2007; Rathee et al., CCS 2020 (CrypTFlow2), section 3.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.correlation import Correlation, Field, MaskView
from mpcfl.effects import Draw, Open, Protocol
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

DIGITS = 16
LOW_63 = np.uint64((1 << 63) - 1)
TOP = np.uint64(63)


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
    out = np.empty((targets, opened.shape[1]), np.uint64)
    bits.multilinear(opened, shares, terms, first, out)
    return out


# variables of a merge: eq_3, eq_2, eq_1, lt_2, lt_1, lt_0, eq_0
_LESS = [(0, 3), (0, 1, 4), (0, 1, 2, 5)]
MERGE_BOTH = Polynomial(_LESS, [(0, 1, 2, 6)])
MERGE_LESS = Polynomial(_LESS)
MERGE_EQUAL = Polynomial([(0, 1, 2, 3)])


@dataclass(frozen=True)
class Digits(Correlation):
    """One-hot tables of the 16 digits of r = -a, and msb(r), for a mask a of n elements.

    With `signed` the digits are those of r mod 2^63 (for msb), else those of r (for equality).
    """

    family = "digits"
    mask: MaskView
    signed: bool

    def fields(self) -> tuple[Field, ...]:
        (n,) = self.mask.shape
        tables = Field("tables", (n, 4), group="bits", determined=True)
        return (tables, Field("top", (ring.packed(n),), group="bits", determined=True)) if self.signed else (tables,)

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        r = ring.negative(masks[0])
        tables = np.empty((r.shape[0], 4), np.uint64)
        digits.onehot(r & LOW_63 if self.signed else r, tables)
        return {"tables": tables, "top": top_bits(r)}


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

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        out = np.empty((len(self.subsets), self.width), np.uint64)
        bits.products(uniform["bits"], np.array(self.subsets, np.int64), out)
        return {"products": out}


MESSAGES = (OPERAND, MERGE, BIT)
CORRELATIONS = (Mask, Digits, BitProducts, DaBit)


@shaped(lambda d, tables: (32, ring.packed(d.shape[0])))
def look_up(d: Words, tables: Words) -> Words:
    """Planes of <lt_i> (rows 0 to 15) and <eq_i> (rows 16 to 31), least significant digit first."""
    found = np.empty(d.shape[0], np.uint32)
    digits.lookup(np.ascontiguousarray(d), tables, found)
    planes = np.empty((32, ring.packed(d.shape[0])), np.uint64)
    bits.to_planes(found, planes)
    return planes


@shaped(lambda d: d.shape)
def low_63(d: Words) -> Words:
    """d mod 2^63."""
    return np.asarray(d & LOW_63)


@shaped(lambda x: (ring.packed(x.shape[0]),))
def top_bits(x: Words) -> Words:
    """The most significant bits of a vector, packed."""
    return ring.pack(x >> TOP)


def multiply_bits(ctx: Context, polynomial: Polynomial, factors: Words) -> Protocol:
    """Shares of the polynomial's targets on planes of <factors>: one round."""
    variables, width = factors.shape
    dealt = yield Draw(BitProducts(variables, tuple(polynomial.subsets), width))
    opened = yield Open(MERGE, factors ^ dealt["bits"])
    shares = ring.concatenate([dealt["bits"], dealt["products"]], axis=0)
    return polynomial.evaluate(opened, shares, ctx.first)


def _side_by_side(planes: Words, rows: Sequence[Any], width: int) -> Words:
    """Rows i, i + 4, i + 8, i + 12 of `planes`, one after the other in one plane, for each start row."""
    return ring.concatenate(
        [ring.take(planes, slice(row, row + 13, 4)).reshape((1, 4 * width)) for row in rows], axis=0
    )


def less_digits(ctx: Context, planes: Words) -> Protocol:
    """<[d < r]> as one plane, from the planes of `look_up`: two rounds."""
    width = planes.shape[1]
    # level 1: four groups of four digits; eq rows start at 16
    factors = _side_by_side(planes, [19, 18, 17, 2, 1, 0, 16], width)
    merged = yield from multiply_bits(ctx, MERGE_BOTH, factors)
    less = (ring.take(merged, 0) ^ _side_by_side(planes, [3], width).reshape((4 * width,))).reshape((4, width))
    equal = ring.take(merged, 1).reshape((4, width))
    # level 2: one group
    factors = ring.concatenate([ring.take(equal, [3, 2, 1]), ring.take(less, [2, 1, 0])], axis=0)
    merged = yield from multiply_bits(ctx, MERGE_LESS, factors)
    return ring.take(merged, 0) ^ ring.take(less, 3)


def equal_digits(ctx: Context, planes: Words) -> Protocol:
    """<[d = r]> as one plane, from the planes of `look_up`: two rounds."""
    width = planes.shape[1]
    merged = yield from multiply_bits(ctx, MERGE_EQUAL, _side_by_side(planes, [19, 18, 17, 16], width))
    factors = ring.take(merged, 0).reshape((4, width))
    merged = yield from multiply_bits(ctx, MERGE_EQUAL, factors)
    return ring.take(merged, 0)


def sign_plane(ctx: Context, d: Words, tables: Words, top: Words) -> Protocol:
    """<msb(d - r)> as one plane, for public d: two rounds."""
    less = yield from less_digits(ctx, look_up(low_63(d), tables))
    plane = less ^ top
    return plane ^ top_bits(d) if ctx.first else plane


def planes_bits(n: int, parties: int) -> int:
    """Payload bits to merge the digits of n comparisons and convert the results."""
    return (parties - 1) * 64 * ring.packed(n) * (4 * MERGE_BOTH.variables + MERGE_LESS.variables + 1)


def msb_bits(shapes: Sequence[ring.Shape], parties: int) -> int:
    """Declared payload bits of msb on a fresh operand."""
    return operand_bits(shapes, parties) + planes_bits(math.prod(shapes[0]), parties)


def eqz_bits(shapes: Sequence[ring.Shape], parties: int) -> int:
    """Declared payload bits of eqz on a fresh operand."""
    planes = 64 * ring.packed(math.prod(shapes[0])) * (5 * MERGE_EQUAL.variables + 1)
    return operand_bits(shapes, parties) + planes * (parties - 1)


@rule("msb", rounds=4, bits=msb_bits, messages=MESSAGES, correlations=CORRELATIONS)
def msb(ctx: Context, x: Share) -> Protocol:
    """The most significant bit of each element of a vector, as a `Bit`: 1 where x is negative."""
    (operand,) = yield from masked(ctx, x)
    dealt = yield Draw(Digits(operand.mask, True))
    plane = yield from sign_plane(ctx, operand.d, dealt["tables"], dealt["top"])
    return (yield from b2a(ctx, plane, x.shape[0]))


@rule("eqz", rounds=4, bits=eqz_bits, messages=MESSAGES, correlations=CORRELATIONS)
def eqz(ctx: Context, x: Share) -> Protocol:
    """Whether each element of a vector is zero, as a `Bit`."""
    (operand,) = yield from masked(ctx, x)
    dealt = yield Draw(Digits(operand.mask, False))
    plane = yield from equal_digits(ctx, look_up(operand.d, dealt["tables"]))
    return (yield from b2a(ctx, plane, x.shape[0]))

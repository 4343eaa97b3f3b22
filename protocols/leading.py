"""The magnitude of a secret, up to a factor of eight, in four rounds. Dealer model.

Parties hold [x], |x| < 2^62, and want where its leading bits stand: one of 32 positions p with

    |x| in [2^(2p-1), 2^(2p+2)], p < 31;  [2^61, 2^62) for p = 31;  so that v = |x| F_p lies in [3 2^59, 3 2^62] for
    F_p = 3 2^(60-2p), F_31 = 3.

The operand is opened as d = x - a (beaver), so x = d - r modulo 2^63 with r = -a. Above bit j the public D = d >> j and
R = r >> j give x >> j = D - R or one less: the carry from below is a matter of one unit, and is left open. So

    Z_j = [D - R is -1, 0 or 1]      means |x| <= 2^(j+1), its contrary |x| >= 2^j;        j = 1, 3, ..., 61

no prefix of carries is needed, and p is the number of j for which Z_j does not hold. With i the digit of bit j,

    Z_j = [upper digits of r are those of d] [those of digit i above bit j differ by at most 1]
          xor [upper digits of r are the neighbour of those of d] [digit i differs by 1 across a wrap]

where the neighbour of a number is that plus or minus one, the sign public: that of the half where digit i of d stands.

    offline    one-hot digits of r (comparison);  rho uniform in 5 bits;  [M_k] = [rho = k] and [M_k a], k < 32
    online     d = open([x] - [a])                                            1 round, none if x was opened before
    local      of each digit: <equal>, <neighbour>;  of each j: <near>, <across>      (public entries: linear)
    online     products within groups of four digits, then over groups               2 rounds
    local      <p>, since a bit of p is the exclusive or of some Z_j
    online     t = open(<p> xor <rho>), 5 bits                                1 round
    local      [v] = sum_k F_(t xor k) ([M_k] d + [M_k a]),  [e] = sum_k e_(t xor k) [M_k],  e = log2(3 2^62 / F)

`signed`: <[x < 0]> is found beside the products (comparison), and is a sixth bit of p, so that F has the sign of x.

Realises    p, v and e exactly, and [x < 0], [x = 0] where asked for; p and the Z_j are functions of x and of the
            uniform public d, and are not opened. Simulator: all openings uniform: a, the factors' masks, rho and
            beta are fresh. The rows depend on rho and a alone and are shared with uniform shares.
Reference   One-time tables: Ishai et al., TCC 2013, and Damgard et al., CRYPTO 2017. Normalisation: Catrina and Saxena,
            FC 2010.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.correlation import Correlation, Field, MaskView
from mpcfl.effects import Draw, Open, Protocol
from mpcfl.kernels import bits
from mpcfl.kernels import leading as kernel
from mpcfl.protocol import Context, together
from mpcfl.protocols.beaver import OPERAND, Mask, masked
from mpcfl.protocols.comparison import (
    MERGE,
    MERGE_BOTH,
    MERGE_LESS,
    BitProducts,
    Digits,
    Polynomial,
    sign_plane,
)
from mpcfl.protocols.conversion import BIT, DaBit, b2a
from mpcfl.ring import Words
from mpcfl.share import Bit, Share

PLACES = kernel.PLACES
PLACE_BITS = 5
TESTS = PLACES - 1
"""Test t is Z_(2 t + 1)."""
FACTORS = tuple(3 << max(60 - 2 * p, 0) for p in range(PLACES))
LEVELS = (*range(2, 2 * PLACES, 2), 62)
"""F and e by position."""
GROUPS = 4
MESSAGES = (OPERAND, MERGE, BIT)


@dataclass(frozen=True)
class Positions(Correlation):
    """A uniform position (and a sign, if `signed`) with its one-hot row, and that row times the mask."""

    family = "positions"
    mask: MaskView
    signed: bool

    def fields(self) -> tuple[Field, ...]:
        (n,) = self.mask.shape
        sign = (Field("sign", (ring.packed(n),), group="bits"),) if self.signed else ()
        shape = (n, PLACES << int(self.signed))
        return (
            Field("place", (PLACE_BITS, ring.packed(n)), group="bits"),
            *sign,
            Field("row", shape, determined=True),
            Field("product", shape, determined=True),
        )

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def elementwise(self) -> tuple[str, ...]:
        return ("mask",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        a = np.ascontiguousarray(masks[0])
        planes = [*uniform["place"], *([uniform["sign"]] if self.signed else [])]
        row, product = (np.empty((a.shape[0], PLACES << int(self.signed)), np.uint64) for _ in range(2))
        kernel.rows(number(planes, a.shape[0]), a, row, product)
        return {"row": row, "product": product}


class Choice(Polynomial):
    """A sum (exclusive or) of products of secret bits, each where some public bits hold.

    Parameters
    ----------
    variables : int
        How many secret bits there are; public ones are numbered after them.
    *targets : sequence of products
        A product is a pair of tuples: numbers of secret bits, numbers of public bits.
    """

    def __init__(self, variables: int, *targets: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
        products = [(t, secret, public) for t, sums in enumerate(targets) for secret, public in sums]
        self.targets = len(targets)
        self.variables = variables
        found = {part for _, secret, _ in products for part in _parts(secret)}
        self.subsets = sorted(part for part in found if part.bit_count() > 1)
        place = {0: -1, **{1 << v: v for v in range(variables)}}
        place |= {subset: variables + i for i, subset in enumerate(self.subsets)}
        terms = [
            (t, _set(secret) ^ part | _set(public), place[part])
            for t, secret, public in products
            for part in _parts(secret)
        ]
        self.terms: NDArray[np.int64] = np.array(terms, np.int64)


def _set(numbers: Sequence[int]) -> int:
    return sum(1 << number for number in numbers)


def _parts(numbers: Sequence[int]) -> list[int]:
    return [_set(part) for size in range(len(numbers) + 1) for part in itertools.combinations(numbers, size)]


def _within() -> Choice:
    """In a group of digits: secret equal 0-3, neighbour 4-7; public wrap 8-10 and no wrap 11-13 of digits 0-2.

    Targets: the equality of the digits above digit 1, above digit 0 and of all; the same of the neighbour.
    """

    def neighbour(digit: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        if digit == 3:
            return [((7,), ())]
        above = tuple(range(digit + 1, 4))
        wrapped = [((4 + digit, *secret), (8 + digit, *public)) for secret, public in neighbour(digit + 1)]
        return [*wrapped, ((4 + digit, *above), (11 + digit,))]

    equal = [[(tuple(range(digit, 4)), ())] for digit in (2, 1, 0)]
    return Choice(8, *equal, *(neighbour(digit) for digit in (2, 1, 0)))


def _tests(above: int) -> int:
    """How many tests stand in a group; the last one of the uppermost is linear."""
    return 8 if above else 6


def _over(above: int, zero: bool) -> Choice:
    """The tests of a group with so many groups above it.

    Secret: equality and neighbour of each group above, nearest first; of the digits above digits 0-2 in the group; near
    and across of each test; with `zero`, equality of the group itself, for a last target, the equality of all digits.
    Public: for each digit, where the neighbour reaches into no, one, ... groups above (for digit 3 at least one).
    """
    count = _tests(above)
    equal, beside = tuple(range(above)), tuple(range(above, 2 * above))
    inner = 2 * above
    near, across = inner + 6, inner + 6 + count
    variables = across + count + int(zero)
    targets: list[list[tuple[tuple[int, ...], tuple[int, ...]]]] = []
    for test in range(count):
        digit = test // 2
        own, next_to = ((inner + digit,), (inner + 3 + digit,)) if digit < 3 else ((), ())
        products: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((*equal, *own, near + test), ())]
        for reach in range(int(digit == 3), above + 1):
            public = (variables + digit * (above + 1) + reach - int(digit == 3),) if above else ()
            products.append(((*beside[:reach], *equal[reach:], *next_to, across + test), public))
        targets.append(products)
    if zero:
        targets.append([((*equal, variables - 1), ())])
    return Choice(variables, *targets)


WITHIN, OVER_ALL, WITH_ZERO = "within", GROUPS - 1, "zero"
CHOICES: dict[str, Choice] = {
    WITHIN: _within(),
    **{f"over{above}": _over(above, False) for above in range(GROUPS)},
    WITH_ZERO: _over(OVER_ALL, True),
}
"""The polynomials by name; a group that finds <x = 0> as well stands under all others."""


def _name(above: int, zero: bool) -> str:
    """The polynomial of a group with so many groups above it."""
    return WITH_ZERO if zero and above == OVER_ALL else f"over{above}"


@dataclass(frozen=True)
class DigitProducts(Correlation):
    """Planes of uniform bits of `width` words, and the products of them that a polynomial of `CHOICES` needs."""

    family = "digit_products"
    choice: str
    width: int

    def fields(self) -> tuple[Field, ...]:
        choice = CHOICES[self.choice]
        return (
            Field("bits", (choice.variables, self.width), group="bits"),
            Field("products", (len(choice.subsets), self.width), group="bits", determined=True),
        )

    def elementwise(self) -> tuple[str, ...]:
        return ("width",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        subsets = np.array(CHOICES[self.choice].subsets, np.int64)
        out = np.empty((subsets.size, self.width), np.uint64)
        bits.products(uniform["bits"], subsets, out)
        return {"products": out}


def number(planes: Sequence[Words], n: int) -> Words:
    """The numbers whose bits are the planes, lowest first."""
    total = ring.unpack(planes[0], n)
    for bit, plane in enumerate(planes[1:], 1):
        total = ring.add(total, ring.multiply(ring.unpack(plane, n), ring.scalar(1 << bit)))
    return total


@ring.shaped(lambda d, tables: (4, 32, ring.packed(d.shape[0])))
def look_up(d: Words, tables: Words) -> Words:
    """Planes of `mpcfl.kernels.leading.look_up`: equal and neighbour, near, across, wraps."""
    found = np.empty((4, d.shape[0]), np.uint32)
    kernel.look_up(np.ascontiguousarray(d), tables, *found)
    planes = np.empty((4, 32, ring.packed(d.shape[0])), np.uint64)
    for half_words, out in zip(found, planes, strict=True):
        bits.to_planes(half_words, out)
    return planes


def _choose(ctx: Context, name: str, factors: Words, public: Words) -> Protocol:
    """Shares of the targets of a polynomial: one round."""
    dealt = yield Draw(DigitProducts(name, factors.shape[1]))
    opened = yield Open(MERGE, factors ^ dealt["bits"])
    shares = ring.concatenate([dealt["bits"], dealt["products"]], axis=0)
    return CHOICES[name].evaluate(ring.concatenate([opened, public], axis=0), shares, ctx.first)


def _one(planes: Words, row: int) -> Words:
    return ring.take(planes, slice(row, row + 1))


def _both(planes: Words, *rows: int) -> Words:
    """Planes where all the given rows hold, as one row."""
    held = _one(planes, rows[0])
    for row in rows[1:]:
        held = held & _one(planes, row)
    return held


def small(ctx: Context, d: Words, tables: Words, zero: bool) -> Protocol:
    """<Z_j> in ascending order of j, 31 planes, and <x = 0> if it is asked for as one more: two rounds."""
    planes = look_up(ring.without_top(d), tables)
    digits, near, across, wraps = (ring.take(planes, row) for row in range(4))
    width = digits.shape[1]

    def side_by_side(source: Words, first: int, count: int) -> Words:
        """Row i: that of digit i of each group."""
        parts = [ring.take(source, slice(first + i, first + 13 + i, 4)).reshape((1, 4 * width)) for i in range(count)]
        return ring.concatenate(parts, axis=0)

    factors = ring.concatenate([side_by_side(digits, 0, 4), side_by_side(digits, 16, 4)], axis=0)
    carried = side_by_side(wraps, 0, 3)
    inner = yield from _choose(ctx, WITHIN, factors, ring.concatenate([carried, ~carried], axis=0))
    # rows: equality above digits 1, 0 and of all; neighbour above digits 1, 0 and of all; each for four groups
    merged = inner.reshape((6, GROUPS, width))

    def group(g: int) -> Protocol:
        above = range(g + 1, GROUPS)
        count = _tests(len(above))
        top = 4 * g + 3
        secret = [
            *(ring.take(merged, (2, slice(h, h + 1))) for h in above),
            *(ring.take(merged, (5, slice(h, h + 1))) for h in above),
            *(ring.take(merged, (row, slice(g, g + 1))) for row in (1, 0)),
            _one(digits, top),
            *(ring.take(merged, (row, slice(g, g + 1))) for row in (4, 3)),
            _one(digits, 16 + top),
            ring.take(near, slice(8 * g, 8 * g + count)),
            ring.take(across, slice(8 * g, 8 * g + count)),
        ]
        if zero and g == 0:
            secret.append(ring.take(merged, (2, slice(0, 1))))
        public = _reaches(wraps, g) if above else ring.take(wraps, slice(0, 0))
        return (yield from _choose(ctx, _name(len(above), zero), ring.concatenate(secret, axis=0), public))

    found = yield from together(*(group(g) for g in range(GROUPS)))
    tests = [ring.take(part, slice(0, 8)) for part in found]
    last = [ring.take(found[0], slice(8, 9))] if zero else []
    return ring.concatenate([*tests, _one(near, TESTS - 1), *last], axis=0)


def _reaches(wraps: Words, g: int) -> Words:
    """For each digit of a group: where the neighbour above it reaches into no (for digit 3 never), one, ... groups."""
    whole = [_both(wraps, *range(4 * h, 4 * h + 4)) for h in range(g + 1, GROUPS)]
    everywhere = ~(whole[0] ^ whole[0])
    rows = []
    for digit in range(4):
        reach = _both(wraps, *range(4 * g + digit + 1, 4 * g + 4)) if digit < 3 else everywhere
        if digit < 3:
            rows.append(~reach)
        for wrapped in whole[:-1]:
            rows.append(reach & ~wrapped)
            reach = reach & wrapped
        rows.append(reach)
    return ring.concatenate(rows, axis=0)


@dataclass(frozen=True)
class Leading:
    """The normalised secret.

    Parameters
    ----------
    value : Share
        v, unsigned, from 3 2^59 to 3 2^62; 0 for x = 0.
    level : Words
        Share of e: log2 |x| = e + log2(v / (3 2^62)).
    negative, zero : Bit or None
        [x < 0], [x = 0], where asked for.
    planes : Words
        <Z_j> in ascending order of j, 31 planes, and one more for <x = 0> where asked for: to be converted.
    """

    value: Share
    level: Words
    negative: Bit | None
    zero: Bit | None
    planes: Words


@ring.shaped(lambda opened, d, row, product: (2, *d.shape))
def place(opened: Words, d: Words, row: Words, product: Words) -> Words:
    """Shares of v and e."""
    factors = [*FACTORS, *(-factor for factor in FACTORS)][: row.shape[1]]
    levels = [*LEVELS, *LEVELS][: row.shape[1]]
    out = np.empty((2, *d.shape), np.uint64)
    contiguous = np.ascontiguousarray
    kernel.place(contiguous(opened), contiguous(d), row, product, _words(factors), _words(levels), out[0], out[1])
    return out


def _words(values: Sequence[int]) -> Words:
    return np.array([value % ring.MODULUS for value in values], np.uint64)


def leading(ctx: Context, x: Share, signed: bool = False, zero: bool = False) -> Protocol:
    """`Leading` of a vector, |x| < 2^62: four rounds. Without `signed` x is not negative."""
    n = x.shape[0]
    (operand,) = yield from masked(ctx, x)
    d = operand.d
    dealt = yield Draw(Digits(operand.mask, True))
    tests, *signs = yield from together(
        small(ctx, d, dealt["tables"], zero),
        *([sign_plane(ctx, d, dealt["tables"], dealt["top"])] if signed else []),
    )
    # test t fails for all t below p: bit b of p counts the failures among t + 1 = 2^b, 2 2^b, ...
    planes = []
    for bit in range(PLACE_BITS):
        counted = range((1 << bit) - 1, TESTS, 1 << bit)
        total = _one(tests, counted[0])
        for t in counted[1:]:
            total = total ^ _one(tests, t)
        planes.append(~total if ctx.first and len(counted) % 2 else total)
    planes += [sign.reshape((1, sign.shape[0])) for sign in signs]
    found, *at_zero = yield from together(
        _placed(ctx, operand.mask, d, ring.concatenate(planes, axis=0), signed),
        *([b2a(ctx, ring.take(tests, TESTS), n)] if zero else []),
    )
    value, level, negative = found
    return Leading(Share(value), level, negative, at_zero[0] if zero else None, tests)


def _placed(ctx: Context, mask: MaskView, d: Words, planes: Words, signed: bool) -> Protocol:
    """v, e and [x < 0] from the shared position: one round."""
    n = d.shape[0]
    dealt = yield Draw(Positions(mask, signed))
    rho = dealt["place"]
    if signed:
        sign = dealt["sign"]
        rho = ring.concatenate([rho, sign.reshape((1, sign.shape[0]))], axis=0)
    opened = yield Open(BIT, planes ^ rho)
    rows = [ring.take(opened, row) for row in range(PLACE_BITS + int(signed))]
    both = place(number(rows, n), d, dealt["row"], dealt["product"])
    value, level = ring.take(both, 0), ring.take(both, 1)
    if not signed:
        return value, level, None
    t = ring.unpack(rows[-1], n)
    beta = ring.total(ring.take(dealt["row"], (slice(None), slice(PLACES, None))), 1)
    words = ring.add(beta, ring.multiply(t, ctx.first - ring.multiply(beta, ring.scalar(2))))
    return value, level, Bit(words, t, beta, dealt.leaf("sign", bits=n))


def leading_bits(n: int, parties: int, signed: bool = False, zero: bool = False) -> int:
    """Payload bits of `leading` on a fresh operand."""
    over = sum(CHOICES[_name(above, zero)].variables for above in range(GROUPS))
    planes = 4 * CHOICES[WITHIN].variables + over + PLACE_BITS + int(zero)
    if signed:
        planes += 4 * MERGE_BOTH.variables + MERGE_LESS.variables + 1
    return (parties - 1) * 64 * (n + ring.packed(n) * planes)


CORRELATIONS = (Mask, Digits, DigitProducts, BitProducts, DaBit, Positions)

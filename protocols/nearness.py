"""Which powers of two a secret's magnitude reaches, all of them in three rounds. Dealer model.

Parties hold [x], |x| < 2^62, opened as d = x - a (beaver), so x = d - r modulo 2^63 with r = -a, and want for j = 1, 3,
..., 61 a bit Z_j that is 1 only if |x| <= 2^(j+1), and 0 only if |x| >= 2^j.

Above bit j the public D = d >> j and R = r >> j give x >> j = D - R or one less: the carry from below is a matter of
one unit, and is left open. So Z_j = [D - R is -1, 0 or 1], and no prefix of carries is needed. With i the digit of bit
j,

    Z_j = [upper digits of r are those of d] [those of digit i above bit j differ by at most 1]
          xor [upper digits of r are the neighbour of those of d] [digit i differs by 1 across a wrap]

where the neighbour of a number is that plus or minus one, the sign public: that of the half where digit i of d stands.
At bit 3 of a digit the second factor is 1.

    offline    one-hot digits of r (comparison);  bits and their products (`DigitProducts`)
    local      of each digit <equal>, <neighbour>, <near> and <across> at bit 1, <across> at bit 3: parities of
               tables under public sets
    online     products within groups of four digits; of groups, from the top; for each j with what stands above
                                                                               3 rounds

Realises    bits Z_j as above, a function of x and of the uniform public d; they are not opened. Simulator: all openings
            uniform. The tables depend on a alone and are shared with uniform shares.
Reference   One-time tables: Ishai et al., TCC 2013, and Damgard et al., CRYPTO 2017.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.buffers import empty
from mpcfl.correlation import Correlation, Field
from mpcfl.effects import Draw, Open, Protocol
from mpcfl.kernels import bits
from mpcfl.kernels import leading as kernel
from mpcfl.protocol import Context, together
from mpcfl.protocols.comparison import MERGE, Polynomial
from mpcfl.ring import Words

TESTS = 31
"""Test t is Z_(2 t + 1)."""
GROUPS = 4
Product = tuple[tuple[int, ...], tuple[int, ...]]
"""Numbers of secret bits, numbers of public bits."""


class Choice(Polynomial):
    """A sum (exclusive or) of products of secret bits, each where some public bits hold.

    Parameters
    ----------
    variables : int
        How many secret bits there are; public ones are numbered after them.
    *targets : sequence of products
        A product is a pair of tuples: numbers of secret bits, numbers of public bits.
    """

    def __init__(self, variables: int, *targets: Sequence[Product]) -> None:
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

    def neighbour(digit: int) -> list[Product]:
        if digit == 3:
            return [((7,), ())]
        above = tuple(range(digit + 1, 4))
        wrapped = [((4 + digit, *secret), (8 + digit, *public)) for secret, public in neighbour(digit + 1)]
        return [*wrapped, ((4 + digit, *above), (11 + digit,))]

    equal = [[(tuple(range(digit, 4)), ())] for digit in (2, 1, 0)]
    return Choice(8, *equal, *(neighbour(digit) for digit in (2, 1, 0)))


def _above(zero: bool) -> Choice:
    """Over groups: secret equal 0-2 and neighbour 3-5 of groups 1-3, with `zero` equality 6 of group 0; public wrap and
    no wrap of group 1, then of group 2.

    Targets: equality of the groups above group 0, above group 1; the neighbour above group 0, above group 1; with
    `zero` equality of all.
    """
    variables = 7 if zero else 6
    wrap_1, stay_1, wrap_2, stay_2 = range(variables, variables + 4)
    targets: list[list[Product]] = [
        [((0, 1, 2), ())],
        [((1, 2), ())],
        [((3, 4, 5), (wrap_1, wrap_2)), ((3, 4, 2), (wrap_1, stay_2)), ((3, 1, 2), (stay_1,))],
        [((4, 5), (wrap_2,)), ((4, 2), (stay_2,))],
    ]
    return Choice(variables, *targets, *([[((0, 1, 2, 6), ())]] if zero else []))


def _tests() -> Choice:
    """The eight tests of a group with groups above it.

    Secret: 0 equality and 1 neighbour above the group; 2-4 the same above digits 0-2 within it, 5-7; near at bit 1 of
    digits 0-3 8-11, across 12-15, across at bit 3 16-19. Public, of digits 0-2: 20-22 the neighbour above reaches
    beyond the group, 23-25 it does not.
    """
    targets: list[list[Product]] = []
    for digit in range(4):
        for near, across in (((8 + digit,), 12 + digit), ((), 16 + digit)):
            if digit == 3:
                targets.append([((0, *near), ()), ((1, across), ())])
            else:
                beside = [((1, 5 + digit, across), (20 + digit,)), ((0, 5 + digit, across), (23 + digit,))]
                targets.append([((0, 2 + digit, *near), ()), *beside])
    return Choice(20, *targets)


def _top_tests() -> Choice:
    """The first six tests of the uppermost group: equality above digits 0-2 0-2, neighbour 3-5; near 6-8, across 9-11,
    across at bit 3 12-14 of these digits."""
    targets: list[list[Product]] = []
    for digit in range(3):
        for near, across in (((6 + digit,), 9 + digit), ((), 12 + digit)):
            targets.append([((digit, *near), ()), ((3 + digit, across), ())])
    return Choice(15, *targets)


CHOICES: dict[str, Choice] = {
    "within": _within(),
    "above": _above(False),
    "above_zero": _above(True),
    "tests": _tests(),
    "top_tests": _top_tests(),
}
"""The polynomials by name."""


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
        out = empty((subsets.size, self.width))
        bits.products(uniform["bits"], subsets, out)
        return {"products": out}


@ring.shaped(lambda d, tables: (3, 32, ring.packed(d.shape[0])))
def look_up(d: Words, tables: Words) -> Words:
    """Planes of `mpcfl.kernels.leading.look_up`."""
    found = empty((3, d.shape[0]), np.uint32)
    kernel.look_up(np.ascontiguousarray(d), tables, *found)
    planes = empty((3, 32, ring.packed(d.shape[0])))
    for half_words, out in zip(found, planes, strict=True):
        bits.to_planes(half_words, out)
    return planes


def _choose(ctx: Context, name: str, factors: Words, public: Words) -> Protocol:
    """Shares of the targets of a polynomial: one round."""
    dealt = yield Draw(DigitProducts(name, factors.shape[1]))
    opened = yield Open(MERGE, factors ^ dealt["bits"])
    shares = ring.concatenate([dealt["bits"], dealt["products"]], axis=0)
    return CHOICES[name].evaluate(ring.concatenate([opened, public], axis=0), shares, ctx.first)


def small(ctx: Context, d: Words, tables: Words, zero: bool) -> Protocol:
    """<Z_j> in ascending order of j, 31 planes, and <x = 0> if it is asked for as one more: three rounds."""
    found = look_up(ring.without_top(d), tables)
    width = found.shape[2]
    # rows by kind and digit, and beside each other by group
    equal, beside, near, across, half, wraps = (
        ring.take(found, (source, slice(first, first + 16))).reshape((GROUPS, 4, width))
        for source in range(3)
        for first in (0, 16)
    )

    def rows(kind: Words, digits: slice, groups: slice = slice(None)) -> Words:
        """Of each digit, the planes of the groups one after the other."""
        chosen = ring.transpose(ring.take(kind, (groups, digits)), (1, 0, 2))
        return chosen.reshape((chosen.shape[0], chosen.shape[1] * width))

    lower, upper, last = slice(0, 3), slice(0, 3), slice(3, 4)  # digits, groups
    carried = rows(wraps, lower)
    factors = ring.concatenate([rows(equal, slice(None)), rows(beside, slice(None))], axis=0)
    inner = yield from _choose(ctx, "within", factors, ring.concatenate([carried, ~carried], axis=0))
    inner = inner.reshape((6, GROUPS, width))  # above digits 1, 0, and of all: equality, then neighbour

    def above(place: int, own: Words, groups: slice) -> Words:
        """Above digits 0, 1, 2 within their group, those of the groups one after the other."""
        part = ring.take(inner, ([place + 1, place], groups))
        return ring.concatenate([part.reshape((2, part.shape[1] * width)), rows(own, last, groups)], axis=0)

    whole = ring.take(wraps, (slice(1, 3), 0))
    for digit in (1, 2, 3):
        whole = whole & ring.take(wraps, (slice(1, 3), digit))
    reach = [ring.take(whole, slice(0, 1)), ring.take(whole, slice(1, 2))]
    secret = [ring.take(inner, (2, slice(1, 4))), ring.take(inner, (5, slice(1, 4)))]
    if zero:
        secret.append(ring.take(inner, (2, slice(0, 1))))
    public = ring.concatenate([reach[0], ~reach[0], reach[1], ~reach[1]], axis=0)
    over = yield from _choose(ctx, "above_zero" if zero else "above", ring.concatenate(secret, axis=0), public)

    beyond = ring.take(wraps, (upper, 3))  # of digits 0, 1, 2: all digits above them in the group carry
    reaches = [beyond]
    for digit in (2, 1):
        beyond = beyond & ring.take(wraps, (upper, digit))
        reaches.insert(0, beyond)
    leaves = ring.concatenate([plane.reshape((1, 3 * width)) for plane in reaches], axis=0)

    def outer(place: int, kind: int) -> Words:
        """Above groups 0, 1, 2."""
        highest = ring.take(inner, (kind, slice(3, 4)))
        return ring.concatenate([ring.take(over, slice(place, place + 2)), highest], axis=0).reshape((1, 3 * width))

    every = slice(None)
    tests, top = yield from together(
        _choose(
            ctx,
            "tests",
            ring.concatenate(
                [
                    *(outer(0, 2), outer(2, 5), above(0, equal, upper), above(3, beside, upper)),
                    *(rows(near, every, upper), rows(across, every, upper), rows(half, every, upper)),
                ],
                axis=0,
            ),
            ring.concatenate([leaves, ~leaves], axis=0),
        ),
        _choose(
            ctx,
            "top_tests",
            ring.concatenate(
                [
                    *(above(0, equal, last), above(3, beside, last)),
                    *(rows(near, lower, last), rows(across, lower, last), rows(half, lower, last)),
                ],
                axis=0,
            ),
            ring.take(leaves, (slice(0, 0), slice(0, width))),
        ),
    )
    in_order = ring.transpose(tests.reshape((8, 3, width)), (1, 0, 2)).reshape((24, width))
    found_zero = [ring.take(over, slice(4, 5))] if zero else []
    return ring.concatenate([in_order, top, ring.take(near, (3, last)), *found_zero], axis=0)


def small_planes(zero: bool) -> int:
    """Bits an element that `small` opens."""
    over = CHOICES["above_zero" if zero else "above"].variables
    tests = 3 * CHOICES["tests"].variables + CHOICES["top_tests"].variables
    return GROUPS * CHOICES["within"].variables + over + tests

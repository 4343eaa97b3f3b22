"""Positions of leading bits: within their factor of eight for every number, its sign and whether it is zero exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import cost, play, signed, words

from mpcfl.protocol import together
from mpcfl.protocols.conversion import b2a
from mpcfl.protocols.leading import leading, leading_bits
from mpcfl.protocols.nearness import TESTS

LARGEST = (1 << 62) - 1
POWERS = sorted({v for j in range(62) for v in ((1 << j) - 1, 1 << j, (1 << j) + 1) if 1 <= v <= LARGEST} | {LARGEST})
ANY = st.integers(0, 61).flatmap(lambda j: st.integers(1 << j, (2 << j) - 1))
WANTED = (0, 3, 7, 15, 29, 30)


def parts(values, seed, sign, parties=2):
    """v, e, [x = 0], the wanted Z_j, and with `sign` [x < 0]."""

    def protocol(ctx, x):
        top = yield from leading(ctx, x, sign, zero=True)
        small = yield from together(*(b2a(ctx, top.planes[t], x.shape[0]) for t in WANTED))
        found = [top.value.words, top.level, top.zero.words, *(bit.words for bit in small)]
        return np.stack([*found, *([top.negative.words] if sign else [])])

    return play(protocol, words(*values), seed=seed, parties=parties).words


def check(values, seed, sign, parties=2):
    v, e, zero, *rest = parts(values, seed, sign, parties)
    for i, x in enumerate(values):
        size = abs(x)
        assert zero[i] == (x == 0)
        if size:
            assert 3 << 59 <= int(v[i]) <= 3 << 62
            assert Fraction(int(v[i]), 3 << 62) * 2 ** int(e[i]) == size
        else:
            assert (v[i], e[i]) == (0, 2)
        for t, bit in zip(WANTED, rest, strict=False):
            assert size <= 2 << 2 * t + 1 if bit[i] else size >= 1 << 2 * t + 1
    if sign:
        assert rest[-1].tolist() == [x < 0 for x in values]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("parties", [2, 3])
def test_every_power_of_two_and_its_neighbours(seed, parties):
    check([0, *POWERS], seed, False, parties)
    check([0, *POWERS, *(-v for v in POWERS)], seed, True, parties)


@given(st.lists(st.just(0) | ANY, min_size=1, max_size=70), st.booleans(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_anywhere(values, sign, seed):
    check([-v if sign and v & 1 else v for v in values], seed, sign)


def test_masks_next_to_the_secret_wrap_right():
    """Many masks of one secret: long runs of equal digits and carries among them come up by chance alone."""
    for x in (1, 15, 16, 255, 4096, (1 << 40) - 1):
        check([x] * 3000, x, False)
        check([-x] * 3000, x, True)


@pytest.mark.parametrize("sign", [False, True])
@pytest.mark.parametrize("zero", [False, True])
def test_six_rounds_and_the_declared_bytes(sign, zero):
    foreseen = cost(lambda ctx, x: leading(ctx, x, sign, zero), (640,))
    assert foreseen.rounds == 6
    assert 8 * foreseen.bytes_sent[0] == leading_bits(640, 2, sign, zero)
    assert foreseen.bytes_sent[0] / 640 < 45


def test_a_test_for_every_place_but_the_last():
    assert TESTS == 31
    assert signed(parts([LARGEST], 0, False)[1]) == [62]

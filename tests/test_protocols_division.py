"""Quotients and reciprocals: within the stated error for every divisor but 0, at both ends of the range."""

from __future__ import annotations

import gmpy2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import cost, play, signed, words

from mpcfl.protocols.division import divide, reciprocal
from mpcfl.protocols.leading import leading
from mpcfl.protocols.normalisation import AT_ZERO, logarithm

LARGEST = (1 << 62) - 1


def misses(pairs, results, fraction):
    """Pairs whose quotient is off by more than 1.1 units and 2^-20.3 of it."""
    exact = [(a << fraction) / b for a, b in pairs]
    return [
        (pair, got, want)
        for pair, got, want in zip(pairs, results, exact, strict=True)
        if abs(got - want) > 1.1 + max(0, fraction - 20) + 2**-20.3 * abs(want)
    ]


def quotients(pairs, fraction=18, parties=2, seed=0):
    x, y = (words(*side) for side in zip(*pairs, strict=True))
    return signed(play(divide, x, y, parties=parties, fraction=fraction, seed=seed).words)


NOT_ZERO = st.integers(0, 61).flatmap(lambda j: st.integers(1 << j, (2 << j) - 1))
SIGN = st.sampled_from([-1, 1])


@st.composite
def ratios(draw):
    """Integers of all magnitudes and signs, |x / y| < 2^43."""
    y = draw(NOT_ZERO)
    x = draw(st.just(0) | NOT_ZERO)
    return draw(SIGN) * min(x, y << 43), draw(SIGN) * y


@pytest.mark.parametrize("parties", [2, 3])
@given(st.lists(ratios(), min_size=1, max_size=6), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_within_the_stated_error(parties, pairs, seed):
    assert not misses(pairs, quotients(pairs, parties=parties, seed=seed), 18)


POWERS = sorted({v for j in range(62) for v in ((1 << j) - 1, 1 << j, (1 << j) + 1) if 1 <= v <= LARGEST} | {LARGEST})


def test_every_power_of_two_and_its_neighbours():
    pairs = [pair for v in POWERS for pair in ((v, v), (-v, v), (v, -v), (v // 3, v), (v, 1 << 18), (1, v))]
    assert not misses(pairs, quotients(pairs), 18)


def test_a_zero_dividend_gives_zero():
    assert quotients([(0, v) for v in POWERS] + [(0, -v) for v in POWERS]) == [0] * 2 * len(POWERS)


def test_a_quotient_is_not_a_product_with_a_rounded_reciprocal():
    """1 / y rounds to nothing, x / y has all its digits."""
    x, y = 3 << 50, 1 << 60
    assert reciprocals([y], 18)[0] in (0, 1)
    assert not misses([(x, y)], quotients([(x, y)]), 18)


@pytest.mark.parametrize("fraction", [8, 13, 20, 24])
def test_at_other_fractions(fraction):
    pairs = [(a, b) for b in POWERS for a in (b, -b // 3, b // 1000 + 1) if abs(a) << fraction < b << 62]
    assert not misses(pairs, quotients(pairs, fraction=fraction), fraction)


def reciprocals(y, fraction):
    return signed(play(reciprocal, words(*y), fraction=fraction).words)


@pytest.mark.parametrize("fraction", [8, 13, 16, 18, 20, 24])
def test_reciprocals(fraction):
    y = POWERS + [-v for v in POWERS]
    pairs = [(1 << fraction, v) for v in y]
    assert not misses(pairs, reciprocals(y, fraction), fraction)


@given(st.lists(NOT_ZERO, min_size=1, max_size=50), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_binary_logarithms(values, seed):
    def protocol(ctx, x):
        top = yield from leading(ctx, x)
        return (yield from logarithm(ctx, top))

    got = signed(play(protocol, words(*values), seed=seed).words)
    with gmpy2.context(precision=100):
        assert all(abs(v / gmpy2.mpfr(2) ** 56 - gmpy2.log2(y)) < 2.0**-21.5 for v, y in zip(got, values, strict=True))


@pytest.mark.parametrize(("series", "bits"), [("short", 21.5), ("long", 23)])
def test_logarithms_of_many_numbers(series, bits):
    def protocol(ctx, x):
        top = yield from leading(ctx, x)
        return (yield from logarithm(ctx, top, series=series))

    values = np.geomspace(1, LARGEST, 200_000).astype(np.int64)
    got = play(protocol, values.view(np.uint64), seed=1).words.view(np.int64)
    assert np.all(np.abs(got / 2.0**56 - np.log2(values)) < 2.0**-bits)


def test_the_logarithm_of_zero_is_a_known_small_number():
    def protocol(ctx, x):
        top = yield from leading(ctx, x)
        return (yield from logarithm(ctx, top))

    for got in signed(play(protocol, words(*[0] * 100)).words):
        assert abs(got / 2.0**56 - AT_ZERO) < 2.0**-22


def test_twelve_rounds():
    assert cost(divide, (3,), (3,)).rounds == cost(reciprocal, (3,)).rounds == 12

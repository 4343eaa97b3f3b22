"""Quotients: within the stated error for every divisor from 1 to 2^62, exact range ends included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import cost, play, signed, words

from mpcfl.protocols.division import divide, normaliser

LARGEST = (1 << 62) - 1


def error(pairs, fraction=18, parties=2, seed=0):
    x, y = (words(*side) for side in zip(*pairs, strict=True))
    results = signed(play(divide, x, y, parties=parties, fraction=fraction, seed=seed).words)
    return max(abs(r / 2**fraction - a / b) for r, (a, b) in zip(results, pairs, strict=True))


@st.composite
def ratios(draw):
    y = draw(st.sampled_from([1, 2, 3, LARGEST, LARGEST - 1]) | st.integers(1, 62).flatmap(below_power))
    return draw(st.sampled_from([0, y, -y]) | st.integers(-y, y)), y


def below_power(j):
    return st.integers(1 << (j - 1), (1 << j) - 1)


@pytest.mark.parametrize("parties", [2, 3])
@given(st.lists(ratios(), min_size=1, max_size=6), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_within_the_stated_error(parties, pairs, seed):
    assert error(pairs, parties=parties, seed=seed) <= 2.0**-24 + 2.0**-18


def test_every_power_of_two_and_its_neighbours():
    y = sorted({v for j in range(62) for v in ((1 << j) - 1, 1 << j, (1 << j) + 1) if 1 <= v <= LARGEST} | {LARGEST})
    assert error([(v, v) for v in y] + [(-v, v) for v in y] + [(v // 3, v) for v in y]) <= 2.0**-24 + 2.0**-18


@pytest.mark.parametrize("fraction", [8, 13, 24])
def test_at_other_fractions(fraction):
    rng = np.random.default_rng(fraction)
    y = [int(v) for v in 2 ** rng.uniform(0, 61.9, 200)]
    pairs = [(int(v * rng.uniform(-1, 1)), v) for v in y]
    assert error(pairs, fraction=fraction) <= 2.0**-24 + 2.0**-fraction


def test_the_normaliser_brings_the_highest_bit_to_one_place():
    y = words(*(1 << j for j in range(62)), *((2 << j) - 1 for j in range(62)))

    def factor(ctx, x):
        return (yield from normaliser(ctx, x))

    factors = play(factor, y).words.tolist()
    assert factors == [1 << 61 - j for j in range(62)] * 2


def test_twenty_rounds():
    assert cost(divide, (3,), (3,)).rounds == 20

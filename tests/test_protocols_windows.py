"""Sigmoid and softplus: within their stated error on every representable number, in four rounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import cost, play, words

from mpcfl import ring
from mpcfl.protocols.beaver import OPERAND, mul
from mpcfl.protocols.comparison import msb
from mpcfl.protocols.windows import sigmoid, softplus

LARGEST = (1 << 62) - 1
FUNCTIONS = {
    "sigmoid": (sigmoid, lambda v: 0.5 + 0.5 * np.tanh(0.5 * v), 2.05e-4),
    "softplus": (softplus, lambda v: np.logaddexp(0, v), 1.35e-4),
}
ANYWHERE = st.floats(-(2.0**43.9), 2.0**43.9) | st.floats(-20, 20)
NAMES = pytest.mark.parametrize("name", FUNCTIONS)


def error(name, values, fraction=18, parties=2, seed=0):
    rule, function, _ = FUNCTIONS[name]
    encoded = ring.encode(np.asarray(values), fraction)
    result = ring.decode(play(rule, encoded, parties=parties, fraction=fraction, seed=seed).words, fraction)
    return np.abs(result - function(ring.decode(encoded, fraction)))


@NAMES
@pytest.mark.parametrize("parties", [2, 3])
def test_within_the_stated_error(name, parties):
    values = np.concatenate(
        [
            np.linspace(-40, 40, 80_001),
            np.linspace(-9.01, -8.5, 2001),
            np.linspace(8.5, 9.01, 2001),
            *(sign * np.geomspace(2.0**-18, 2.0**43.9, 5000) for sign in (-1, 1)),
            [0, 1e6, -1e6],
        ]
    )
    assert error(name, values, parties=parties).max() <= FUNCTIONS[name][2]


@NAMES
@given(st.lists(ANYWHERE, min_size=1, max_size=20), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_within_the_stated_error_anywhere(name, values, seed):
    assert error(name, values, seed=seed).max() <= FUNCTIONS[name][2]


@pytest.mark.parametrize("seed", range(5))
def test_the_ends_of_the_range_are_exact(seed):
    ends = words(LARGEST, LARGEST - 1, -LARGEST, -(1 << 62), 10 << 18, -(10 << 18), 1 << 61, -(1 << 61))
    positive = ends.view(np.int64) > 0
    np.testing.assert_array_equal(play(sigmoid, ends, seed=seed).words, np.where(positive, 1 << 18, 0))
    np.testing.assert_array_equal(play(softplus, ends, seed=seed).words, np.where(positive, ends, 0))


@NAMES
@pytest.mark.parametrize("fraction", [13, 16, 20])
def test_at_other_fractions(name, fraction):
    values = np.concatenate([np.linspace(-20, 20, 20_001), [1e6, -1e6]])
    assert error(name, values, fraction).max() <= FUNCTIONS[name][2] + 2.0**-fraction


@NAMES
def test_four_rounds_and_about_25_bytes(name):
    foreseen = cost(FUNCTIONS[name][0], (6400,))
    assert foreseen.rounds == 4
    assert foreseen.bytes_sent[0] / 6400 < 25


@NAMES
def test_what_was_opened_before_is_not_opened_again(name):
    """A product, a comparison and a series on one operand open it once."""
    rule = FUNCTIONS[name][0]

    def all_three(ctx, x):
        yield from mul(ctx, x, x)
        yield from msb(ctx, x)
        return (yield from rule(ctx, x))

    x = ring.encode(np.linspace(-20, 20, 640), 18)
    played = play(all_three, x)
    assert sum(said.words.size for said in played.opened if said.message is OPERAND) == x.size

"""Truncation: floor or floor plus one over the whole range, and never anything else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import cost, play, signed, words

from mpcfl.protocol import Context
from mpcfl.protocols.truncation import trunc_exact, trunc_pr

LIMIT = 1 << 62
SHIFTS = (13, 16, 18, 20)
VALUE = st.sampled_from([0, 1, -1, LIMIT - 1, -LIMIT, LIMIT - 2, 1 - LIMIT]) | st.integers(-LIMIT, LIMIT - 1)


def by(rule, *parameters):
    def protocol(ctx: Context, x):
        return (yield from rule(ctx, x.words, *parameters))

    return protocol


def whole_range(rng: np.random.Generator, n: int, shift: int) -> np.ndarray:
    """n numbers: the ends, the steps around multiples of 2^shift, and all magnitudes."""
    x = rng.integers(-LIMIT, LIMIT, n)
    small = n // 2
    x[:small] >>= rng.integers(0, 62, small)
    near = rng.integers(-(LIMIT >> shift), LIMIT >> shift, n // 8) << shift
    x[: n // 8] = np.clip(near + rng.integers(-1, 2, n // 8), -LIMIT, LIMIT - 1)
    x[-4:] = -LIMIT, LIMIT - 1, 1 - LIMIT, LIMIT - 2
    return x


def truncates(n: int, parties: int, shift: int, seed: int) -> None:
    x = whole_range(np.random.default_rng(seed), n, shift)
    y = play(by(trunc_pr, 1, shift), x.view(np.uint64), parties=parties, seed=seed).words.view(np.int64)
    above = y - (x >> shift)
    assert ((above == 0) | (above == 1)).all()
    # the ends, too, come out either way, and what is a whole number is not moved
    assert above.any()
    assert not above[x & ((1 << shift) - 1) == 0].any()


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("shift", SHIFTS)
def test_floor_or_one_more(parties, shift):
    truncates(12_500, parties, shift, seed=shift)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("shift", SHIFTS)
def test_floor_or_one_more_in_1e8_truncations(parties, shift):
    """13 blocks of 10^6 for each of the eight settings: 1.04e8 in all."""
    for block in range(13):
        truncates(1_000_000, parties, shift, seed=1000 * shift + block)


@pytest.mark.parametrize("parties", [2, 3])
@given(
    st.lists(VALUE, min_size=1, max_size=8), st.integers(0, 2 * LIMIT - 1), st.integers(0, 62), st.integers(0, 2**32)
)
@settings(max_examples=60, deadline=None)
def test_times_any_multiplier_within_one_unit(parties, values, multiplier, shift, seed):
    y = signed(play(by(trunc_pr, multiplier, shift), words(*values), parties=parties, seed=seed).words)
    for value, result in zip(values, y, strict=True):
        floor, rest = divmod(value * multiplier, 1 << shift)
        assert (result - floor) % (1 << 64) in ({0, 1} if rest else {0})


@pytest.mark.parametrize("parties", [2, 3])
@given(st.lists(VALUE, min_size=1, max_size=8), st.integers(1, 61), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_exact_truncation_has_no_coin(parties, values, shift, seed):
    y = play(by(trunc_exact, shift), words(*values), parties=parties, seed=seed).words
    assert signed(y) == [value >> shift for value in values]


def test_the_coin_follows_the_remainder():
    """Rounded up as often as the remainder says: here in 3 cases of 4."""
    x = np.full(10_000, 3 << 16, np.uint64)
    up = play(by(trunc_pr, 1, 18), x, seed=5).words.astype(np.float64).mean()
    assert 0.73 < up < 0.77


def test_one_round_and_eight_bytes_an_element():
    foreseen = cost(by(trunc_pr, 1, 18), (1000,))
    assert (foreseen.rounds, foreseen.bytes_sent, foreseen.offline_bytes) == (1, [8000, 8000], 16000)

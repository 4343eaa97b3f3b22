"""Secret orders: uniform, one for all columns, and known to nobody where each party draws one."""

from __future__ import annotations

import functools
import itertools
from collections import Counter

import numpy as np
import pytest
from checks import check_no_word_repeats, check_uniform
from hypothesis import given
from hypothesis import strategies as st
from simulation import cost, play, random_words

import mpcfl
from mpcfl import ordering
from mpcfl.message import Exposure
from mpcfl.protocols import semi2k
from mpcfl.protocols.beaver import mul
from mpcfl.protocols.permutation import Permutation, order, permute
from mpcfl.share import Share

SUITE = semi2k.suite.derive("shuffling", [permute])
ROWS = [(0,), (1,), (2,), (65,), (7, 3), (0, 3), (5, 2, 2)]


def by(owner):
    return lambda ctx, x: permute(ctx, x, owner)


@pytest.mark.parametrize("shape", ROWS)
@pytest.mark.parametrize(("parties", "owner"), [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)])
def test_the_rows_of_the_order_that_the_owner_knows(shape, parties, owner):
    x = random_words(np.random.default_rng(1), shape)
    played = play(by(owner), x, parties=parties)
    assert played.words.shape == shape
    flat = x.reshape(shape[0], -1) if x.size else x
    assert sorted(map(bytes, flat)) == sorted(map(bytes, played.words.reshape(flat.shape)))
    foreseen = cost(by(owner), shape, parties=parties)
    assert played.world.bytes_sent == foreseen.bytes_sent == [8 * x.size * (parties - 1)] * parties
    assert played.world.rounds == foreseen.rounds == permute.rounds * (x.size > 0)
    assert foreseen.offline_bytes == played.world.offline_bytes
    assert {type(draw) for draw in played.draws} == set(permute.correlations)
    assert permute.bits([shape], parties) == 64 * x.size * (parties - 1)


def test_an_operand_that_was_opened_costs_nothing_more():
    def twice(ctx, x):
        yield from mul(ctx, x, x)
        return (yield from permute(ctx, x, 0))

    x = random_words(np.random.default_rng(0), (9,))
    played = play(twice, x)
    assert played.world.rounds == 1
    assert played.world.bytes_sent == [72, 72]
    assert sorted(played.words.tolist()) == sorted(x.tolist())


@pytest.mark.parametrize("owner", [0, 1])
def test_shares_are_fresh_and_what_is_opened_is_uniform(owner):
    def shares(ctx, x):
        return Share((yield from permute(ctx, x, owner)))

    played = play(shares, np.zeros(1 << 14, np.uint64), trivial=True)
    assert not played.words.any()
    said = [opened.words for opened in played.opened if opened.message.exposure is Exposure.MASKED]
    for words in (said, [played.results[0].words], [played.results[1].words]):
        check_uniform(words)
        check_no_word_repeats(words)


@pytest.mark.parametrize("distinct", [1, 2, 50, 1 << 64])
@given(n=st.integers(0, 200), seed=st.integers(0, 99))
def test_an_order_is_that_of_numbers_of_128_bits(distinct, n, seed):
    low, high = random_words(np.random.default_rng(seed), (2, n))
    numbers = np.stack([low, high % np.uint64(distinct) if distinct < 1 << 64 else high])
    whole = [int(upper) << 64 | int(lower) for lower, upper in zip(*numbers, strict=True)]
    np.testing.assert_array_equal(order(numbers), sorted(range(n), key=whole.__getitem__))


def test_every_order_is_as_likely():
    """Chi-square over the 24 orders of four rows, by one draw of each of many sequences."""
    n, trials = 4, 4800
    counts: Counter[tuple[int, ...]] = Counter()
    rng = np.random.default_rng(0)
    played = play(by(0), np.arange(n, dtype=np.uint64))
    (draw,) = [one for one in played.draws if isinstance(one, Permutation)]
    for _ in range(trials):
        moved = draw.sample({"numbers": random_words(rng, (2, n))}, np.arange(n, dtype=np.uint64))["moved"]
        counts[tuple(moved.tolist())] += 1
    assert counts.keys() == set(itertools.permutations(range(n)))
    expected = trials / 24
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 23 + 5 * np.sqrt(46)


class TestShuffle:
    @staticmethod
    def shuffled(*columns, parties=2, seed=0):
        def program(session):
            arrays = [session.share(x, 0, x.shape, x.dtype) for x in columns]
            return [array.reveal() for array in ordering.shuffle(*arrays)]

        return mpcfl.simulate(program, parties, seed=seed, suite=SUITE)

    @pytest.mark.parametrize("parties", [2, 3])
    @pytest.mark.parametrize("n", [0, 1, 2, 31])
    def test_rows_move_together(self, n, parties):
        columns = [np.arange(n), np.arange(3 * n).reshape(n, 3) / 4, np.arange(n) % 2 == 0]
        run = self.shuffled(*columns, parties=parties)
        order = run.results[0][0]
        assert sorted(order) == list(range(n))
        for got, column in zip(run.results[0], columns, strict=True):
            np.testing.assert_array_equal(got, column[order])
            assert got.dtype == column.dtype

    def test_orders_differ(self):
        orders = {tuple(self.shuffled(np.arange(31), seed=seed).results[0][0]) for seed in range(20)}
        assert len(orders) == 20

    @pytest.mark.parametrize("parties", [2, 3])
    def test_cost(self, parties):
        """A round and a word an element to each other party, for each party."""
        found = mpcfl.forecast(lambda session: ordering.shuffle(session.share(None, 0, (100, 2))), parties, suite=SUITE)
        assert found.rounds == parties
        assert found.bytes_sent == [8 * 200 * (parties - 1) * parties] * parties

    def test_what_is_refused(self):
        with pytest.raises(TypeError, match="secret"):
            ordering.shuffle(np.arange(3))
        with pytest.raises(ValueError, match="rows"):
            self.shuffled(np.arange(3), np.arange(4))

    def test_the_order_is_not_that_of_one_owner(self):
        n = 31

        def composed(ctx, x, owners):
            for owner in owners:
                x = Share((yield from permute(ctx, x, owner)))
            return x

        x = np.arange(n, dtype=np.uint64)
        both = play(functools.partial(composed, owners=(0, 1)), x).words
        first = play(functools.partial(composed, owners=(0,)), x).words
        assert not np.array_equal(both, first)
        assert sorted(both.tolist()) == sorted(first.tolist()) == x.tolist()

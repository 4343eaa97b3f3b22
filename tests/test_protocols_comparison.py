"""Comparison: exact for every word, in four rounds and about 13 bytes an element."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import cost, play, random_words, signed, words

from mpcfl import ring
from mpcfl.kernels import bits
from mpcfl.protocol import Context
from mpcfl.protocols.beaver import OPERAND
from mpcfl.protocols.comparison import LAST_EQUAL, LAST_LESS, MERGE_BOTH, Polynomial, eqz, msb
from mpcfl.share import Share

TOP = 1 << 63
EDGES = words(
    *(0, 1, -1, 2, -2, 15, 16, -16, 1 << 61, -(1 << 61), (1 << 62) - 1, -(1 << 62), 1 << 62),
    *(TOP - 1, TOP, TOP + 1, 0x0FFFFFFFFFFFFFFF, 0x1111111111111111, 0x8888888888888888, 0xF0F0F0F0F0F0F0F0),
    *(1 << k for k in range(64)),
)
WORD = st.sampled_from(EDGES.tolist()) | st.integers(0, (1 << 64) - 1)


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_signs_and_zeros_at_the_edges(parties, seed):
    """Eight worlds, so that every edge meets other masks."""
    np.testing.assert_array_equal(play(msb, EDGES, parties=parties, seed=seed).words, EDGES >> np.uint64(63))
    np.testing.assert_array_equal(play(eqz, EDGES, parties=parties, seed=seed).words, EDGES == 0)


def test_only_zero_is_zero():
    """2^63 differs from zero in the highest bit alone."""
    assert play(eqz, words(TOP)).words.tolist() == [0]
    alone = words(*(1 << k for k in range(64)))
    for seed in range(20):
        assert not play(eqz, alone, seed=seed).words.any()
        assert play(eqz, np.zeros(64, np.uint64), seed=seed).words.all()


@pytest.mark.parametrize("parties", [2, 3])
def test_signs_and_zeros_of_many_random_words(parties):
    x = random_words(np.random.default_rng(parties), (20_000,))
    x[::3] = 0
    np.testing.assert_array_equal(play(msb, x, parties=parties).words, x >> np.uint64(63))
    np.testing.assert_array_equal(play(eqz, x, parties=parties).words, x == 0)


@given(st.lists(WORD, min_size=1, max_size=10), st.lists(WORD, min_size=1, max_size=10), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_comparison_of_representable_numbers(left, right, seed):
    n = min(len(left), len(right))
    x, y = (np.array(side[:n], np.uint64).view(np.int64) >> 2 for side in (left, right))

    def less(ctx: Context, a: Share, b: Share):
        return (yield from msb(ctx, Share(a.words - b.words)))

    def same(ctx: Context, a: Share, b: Share):
        return (yield from eqz(ctx, Share(a.words - b.words)))

    x_words, y_words = x.view(np.uint64), y.view(np.uint64)
    assert play(less, x_words, y_words, seed=seed).words.tolist() == (x < y).tolist()
    assert play(same, x_words, y_words, seed=seed).words.tolist() == (x == y).tolist()


def test_masks_that_share_digits_with_the_value():
    """Every pair of equal, lower and higher digits in the top and the lowest place, by choosing d through the mask."""
    for seed in range(30):
        mask = play(msb, np.zeros(64, np.uint64), seed=seed, trivial=True).opened[0].words  # d = -a, the mask itself
        for step in (0, 1, 15, 16, TOP, TOP - 1, TOP + 1, 1 << 60, -1, -16):
            x = -mask + words(step)  # opened as d = x - a = step - 2 a
            np.testing.assert_array_equal(play(msb, x, seed=seed, trivial=True).words, x >> np.uint64(63))
            np.testing.assert_array_equal(play(eqz, x, seed=seed, trivial=True).words, x == 0)


def test_the_bit_keeps_its_public_form():
    x = random_words(np.random.default_rng(0), (65,))
    played = play(msb, x)
    t = played.results[0].t
    assert all(np.array_equal(bit.t, t) for bit in played.results)
    beta = np.add.reduce([bit.beta for bit in played.results])
    np.testing.assert_array_equal(t ^ beta, x >> np.uint64(63))


def test_comparisons_with_constants_share_one_opening():
    limits = (-5, 0, 7)

    def three(ctx: Context, x: Share):
        found = []
        for limit in limits:
            moved = x.shift(ring.like(x.words, x.shape, -limit), ctx.first)
            found.append((yield from msb(ctx, moved)).words)
        return np.concatenate(found)

    x = words(*range(-10, 10))
    played = play(three, x)
    assert played.words.reshape(3, -1).tolist() == [[int(v < limit) for v in signed(x)] for limit in limits]
    assert sum(said.words.size for said in played.opened if said.message is OPERAND) == x.size
    one = cost(msb, x.shape).bytes_sent[0]
    assert played.world.bytes_sent[0] == 3 * one - 2 * x.nbytes


def test_four_rounds_and_twelve_bytes_and_three_eighths():
    foreseen = cost(msb, (6400,))
    assert foreseen.rounds == 4
    assert foreseen.bytes_sent[0] / 6400 == 8 + 35 / 8
    assert foreseen.offline_bytes / 6400 < 54
    assert cost(eqz, (6400,)).rounds == 4


@pytest.mark.parametrize(
    "polynomial", [MERGE_BOTH, *LAST_LESS.values(), *LAST_EQUAL.values(), Polynomial([(0, 1), (1, 2, 3)], [(0, 3)])]
)
def test_a_polynomial_on_masked_factors(polynomial):
    rng = np.random.default_rng(0)
    factors, masks = (random_words(rng, (polynomial.variables, 3)) for _ in range(2))
    products = np.empty((len(polynomial.subsets), 3), np.uint64)
    bits.products(masks, np.array(polynomial.subsets, np.int64), products)
    clear = np.concatenate([masks, products])
    first = random_words(rng, clear.shape)
    found = polynomial.evaluate(factors ^ masks, first, 1) ^ polynomial.evaluate(factors ^ masks, first ^ clear, 0)
    np.testing.assert_array_equal(found, polynomial_of(polynomial, factors))


def polynomial_of(polynomial: Polynomial, factors: np.ndarray) -> np.ndarray:
    """The targets on clear factors: the terms with public coefficient one are the products themselves."""
    out = np.zeros((polynomial.targets, factors.shape[1]), np.uint64)
    for target, subset, index in polynomial.terms.tolist():
        if index == -1:
            out[target] ^= np.bitwise_and.reduce([factors[v] for v in range(polynomial.variables) if subset >> v & 1])
    return out


def test_the_merge_is_the_comparison_of_two_bits_per_digit():
    """lt = lt_3 + eq_3 lt_2 + eq_3 eq_2 lt_1 + eq_3 eq_2 eq_1 lt_0 (the first term is added outside)."""
    eq3, eq2, eq1, lt2, lt1, lt0, eq0 = (random_words(np.random.default_rng(i), (4,)) for i in range(7))
    less, equal = polynomial_of(MERGE_BOTH, np.array([eq3, eq2, eq1, lt2, lt1, lt0, eq0]))
    np.testing.assert_array_equal(less, eq3 & lt2 ^ eq3 & eq2 & lt1 ^ eq3 & eq2 & eq1 & lt0)
    np.testing.assert_array_equal(equal, eq3 & eq2 & eq1 & eq0)

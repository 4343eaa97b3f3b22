"""Products: exact in the ring, and an operand is opened once in its life, under one mask, by whoever knows it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import Played, play, random_words

from mpcfl.protocol import Context
from mpcfl.protocols.beaver import OPERAND, matmul, mul, mux, square
from mpcfl.protocols.comparison import msb
from mpcfl.share import Share

RNG = np.random.default_rng(0)
X, Y = random_words(RNG, (6, 4)), random_words(RNG, (4, 3))


def opened_words(played: Played) -> int:
    """Elements of all operands that were opened."""
    return sum(said.words.size for said in played.opened if said.message is OPERAND)


@pytest.mark.parametrize("parties", [2, 3, 4])
@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(1, 8), st.integers(1, 8))
@settings(max_examples=15, deadline=None)
def test_products_are_exact(parties, seed, n, k, m):
    rng = np.random.default_rng(seed)
    x, y = random_words(rng, (n, k)), random_words(rng, (k, m))
    np.testing.assert_array_equal(play(matmul, x, y, parties=parties, seed=seed).words, x @ y)
    v, w = random_words(rng, (n,)), random_words(rng, (n,))
    np.testing.assert_array_equal(play(mul, v, w, parties=parties, seed=seed).words, v * w)
    np.testing.assert_array_equal(play(square, v, parties=parties, seed=seed).words, v * v)


LATER = {
    "the same": (lambda x: x, lambda v: v),
    "a slice": (lambda x: x.take(slice(1, 5)), lambda v: v[1:5]),
    "a gather": (lambda x: x.take([5, 0, 0, 2]), lambda v: v[[5, 0, 0, 2]]),
    "a gather of a gather": (lambda x: x.take([5, 0, 3]).take([2, 1]), lambda v: v[[5, 0, 3]][[2, 1]]),
    "the transpose of the transpose": (lambda x: x.transpose((1, 0)).transpose((1, 0)), lambda v: v),
    "reshaped": (lambda x: x.reshape((3, 2, 4)), lambda v: v.reshape(3, 2, 4)),
    "broadcast": (lambda x: x.broadcast((2, 6, 4)), lambda v: np.broadcast_to(v, (2, 6, 4))),
    "concatenated": (lambda x: Share.concatenate([x, x.take(slice(0, 2))], 0), lambda v: np.concatenate([v, v[:2]])),
    "scaled": (lambda x: x.scale(-7), lambda v: v * np.uint64(2**64 - 7)),
}


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("what", LATER)
def test_a_later_product_opens_nothing_of_an_operand(what, parties):
    move, clear = LATER[what]

    def protocol(ctx: Context, x: Share, y: Share):
        yield from matmul(ctx, x, y)
        return (yield from matmul(ctx, move(x), y))

    played = play(protocol, X, Y, parties=parties)
    np.testing.assert_array_equal(played.words, clear(X) @ Y)
    assert opened_words(played) == X.size + Y.size
    assert played.world.rounds == 1
    assert played.world.bytes_sent == [8 * (parties - 1) * (X.size + Y.size)] * parties


def test_a_shifted_operand_keeps_its_mask():
    constant = random_words(RNG, X.shape)

    def protocol(ctx: Context, x: Share, y: Share):
        yield from matmul(ctx, x, y)
        return (yield from matmul(ctx, x.shift(constant, ctx.first).take(slice(2, 4)).scale(3), y))

    played = play(protocol, X, Y)
    np.testing.assert_array_equal(played.words, np.uint64(3) * (X + constant)[2:4] @ Y)
    assert opened_words(played) == X.size + Y.size


def test_x_times_its_own_transpose_opens_x_alone():
    def protocol(ctx: Context, x: Share):
        return (yield from matmul(ctx, x, x.transpose((1, 0))))

    played = play(protocol, X)
    np.testing.assert_array_equal(played.words, X @ X.T)
    assert opened_words(played) == X.size


def test_a_vector_times_a_gather_of_itself():
    v, order = random_words(RNG, (5,)), [4, 4, 0, 1, 2]

    def protocol(ctx: Context, x: Share):
        return (yield from mul(ctx, x, x.take(order)))

    played = play(protocol, v)
    np.testing.assert_array_equal(played.words, v * v[order])
    assert opened_words(played) == v.size


def test_a_sum_of_opened_operands_is_opened_anew():
    """x + y under the masks a + b would tell nothing, but a later triple would need a name for it: it has none."""

    def protocol(ctx: Context, x: Share, y: Share):
        yield from mul(ctx, x, y)
        return (yield from square(ctx, Share(x.words + y.words)))

    v, w = random_words(RNG, (5,)), random_words(RNG, (5,))
    played = play(protocol, v, w)
    np.testing.assert_array_equal(played.words, (v + w) * (v + w))
    assert opened_words(played) == 3 * v.size


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("owner", [0, 1])
def test_a_private_operand_is_opened_by_its_owner_alone(parties, owner):
    played = play(matmul, X, Y, parties=parties, owners=[owner, None])
    np.testing.assert_array_equal(played.words, X @ Y)
    for rank, sent in enumerate(played.world.bytes_sent):
        assert sent == 8 * (parties - 1) * (Y.size + (X.size if rank == owner else 0))


def test_private_operands_of_two_owners_stand_side_by_side():
    """Columns of two owners in one matrix: each opens its own."""

    def protocol(ctx: Context, a: Share, b: Share, w: Share):
        return (yield from matmul(ctx, Share.concatenate([a, b], 1), w))

    a, b, w = random_words(RNG, (6, 1)), random_words(RNG, (6, 3)), random_words(RNG, (4,))
    played = play(protocol, a, b, w, owners=[0, 1, None])
    np.testing.assert_array_equal(played.words, np.concatenate([a, b], axis=1) @ w)
    assert played.world.bytes_sent == [8 * (w.size + a.size), 8 * (w.size + b.size)]


def test_two_private_operands_of_one_owner_are_multiplied():
    played = play(mul, X[:, 0], X[:, 1], owners=[1, 1])
    np.testing.assert_array_equal(played.words, X[:, 0] * X[:, 1])
    assert played.world.bytes_sent == [0, 16 * len(X)]


@pytest.mark.parametrize("parties", [2, 3])
def test_a_choice_by_a_comparison_of_the_same_value_opens_nothing_more(parties):
    v = random_words(RNG, (100,))

    def negative_part(ctx: Context, x: Share):
        bit = yield from msb(ctx, x)
        return (yield from mux(ctx, bit, x))

    alone, chosen = play(msb, v, parties=parties), play(negative_part, v, parties=parties)
    np.testing.assert_array_equal(chosen.words, np.where(v >> np.uint64(63), v, 0))
    assert chosen.world.bytes_sent == alone.world.bytes_sent
    assert chosen.world.rounds == alone.world.rounds == 4


def test_a_flipped_bit_chooses_the_others():
    v = random_words(RNG, (100,))

    def positive_part(ctx: Context, x: Share):
        bit = yield from msb(ctx, x)
        return (yield from mux(ctx, bit.flipped(ctx.first), x))

    np.testing.assert_array_equal(play(positive_part, v).words, np.where(v >> np.uint64(63), 0, v))

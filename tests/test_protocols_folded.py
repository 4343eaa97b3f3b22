"""Matrix products by one product at each party: exact, of any number of parties, and what was opened is opened once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import Played, play, random_words

import mpcfl
from mpcfl import ring
from mpcfl.protocol import Context
from mpcfl.protocols.beaver import OPERAND, mul
from mpcfl.protocols.folded import double_matmul, matmul, one_product, signs
from mpcfl.share import Share

RNG = np.random.default_rng(0)
X, Y = random_words(RNG, (6, 4)), random_words(RNG, (4, 3))
TWO = np.uint64(2)


def families(played: Played) -> list[str]:
    return [draw.family for draw in played.draws if draw.family != "mask"]


@pytest.mark.parametrize("parties", range(2, 9))
def test_the_signs_add_up_to_the_factor(parties):
    own = signs(parties)
    assert len(own) == parties
    assert own[0] == 1
    assert set(own) <= {-1, 1}
    assert sum(own) == 2 - parties % 2


@pytest.mark.parametrize("parties", [2, 3, 4, 5])
@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(1, 8), st.integers(1, 8))
@settings(max_examples=15, deadline=None)
def test_products_are_exact(parties, seed, n, k, m):
    rng = np.random.default_rng(seed)
    x, y = random_words(rng, (n, k)), random_words(rng, (k, m))
    factor = np.uint64(2 - parties % 2)
    np.testing.assert_array_equal(play(one_product, x, y, parties=parties, seed=seed).words, factor * (x @ y))
    np.testing.assert_array_equal(play(matmul, x, y, parties=parties, seed=seed).words, x @ y)
    np.testing.assert_array_equal(play(double_matmul, x, y, parties=parties, seed=seed).words, TWO * (x @ y))


@pytest.mark.parametrize("parties", [2, 3, 4])
@pytest.mark.parametrize("owners", [(0, None), (None, 1), (1, 0), (1, 1)])
def test_private_operands(parties, owners):
    for rule, factor in ((one_product, 2 - parties % 2), (double_matmul, 2)):
        played = play(rule, X, Y, parties=parties, owners=owners)
        np.testing.assert_array_equal(played.words, np.uint64(factor) * (X @ Y))


@pytest.mark.parametrize("parties", [2, 3])
def test_ring_128(parties):
    x, y = random_words(RNG, (6, 4), 128), random_words(RNG, (4, 3), 128)
    played = play(double_matmul, x, y, parties=parties)
    np.testing.assert_array_equal(played.words, ring.multiply(ring.matmul(x, y), 2))


def test_who_makes_one_product():
    """Two parties where a truncation follows, three always; with more the dealer would do most of the work."""
    made = {(rule, n): families(play(rule, X, Y, parties=n)) for rule in (matmul, double_matmul) for n in (2, 3, 4, 5)}
    one = {key for key, drawn in made.items() if drawn == ["folded"]}
    assert one == {(double_matmul, 2), (double_matmul, 3), (matmul, 3)}
    assert all(made[key] == ["triple"] for key in made.keys() - one)


LATER = {
    "the same": (lambda x: x, lambda v: v),
    "a slice": (lambda x: x.take(slice(1, 5)), lambda v: v[1:5]),
    "a gather": (lambda x: x.take(np.array([5, 0, 0, 2])), lambda v: v[[5, 0, 0, 2]]),
    "transposed twice": (lambda x: x.transpose((1, 0)).transpose((1, 0)), lambda v: v),
    "broadcast": (lambda x: x.broadcast((2, 6, 4)), lambda v: np.broadcast_to(v, (2, 6, 4))),
    "scaled": (lambda x: x.scale(-7), lambda v: v * np.uint64(2**64 - 7)),
    "concatenated": (lambda x: Share.concatenate([x, x.take(slice(0, 2))], 0), lambda v: np.concatenate([v, v[:2]])),
}


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("what", LATER)
def test_a_later_product_opens_nothing_of_an_operand(what, parties):
    """Whether a product of elements or of matrices was the first."""
    move, clear = LATER[what]

    def protocol(ctx: Context, x: Share, y: Share):
        flat = x.reshape((x.words.size,))
        yield from mul(ctx, flat, flat)
        first = yield from one_product(ctx, x, y)
        return first, (yield from one_product(ctx, move(x), y))

    def later(ctx: Context, x: Share, y: Share):
        return (yield from protocol(ctx, x, y))[1]

    played = play(later, X, Y, parties=parties)
    np.testing.assert_array_equal(played.words, np.uint64(2 - parties % 2) * (clear(X) @ Y))
    assert sum(said.words.size for said in played.opened if said.message is OPERAND) == X.size + Y.size


@pytest.mark.parametrize("parties", [2, 3])
def test_a_shifted_operand_keeps_its_mask(parties):
    constant = random_words(RNG, X.shape)

    def protocol(ctx: Context, x: Share, y: Share):
        yield from one_product(ctx, x, y)
        return (yield from one_product(ctx, x.shift(constant, ctx.first).take(slice(2, 4)).scale(3), y))

    played = play(protocol, X, Y, parties=parties)
    expected = np.uint64(3) * (X + constant)[2:4] @ Y
    np.testing.assert_array_equal(played.words, np.uint64(2 - parties % 2) * expected)


@pytest.mark.parametrize("parties", [2, 3])
def test_x_times_its_own_transpose_opens_x_alone(parties):
    played = play(lambda ctx, x: (yield from one_product(ctx, x, x.transpose((1, 0)))), X, parties=parties)
    np.testing.assert_array_equal(played.words, np.uint64(2 - parties % 2) * (X @ X.T))
    assert sum(said.words.size for said in played.opened) == X.size


@pytest.mark.parametrize("parties", [2, 3, 4])
def test_integers_are_exact_over_their_whole_range(parties):
    x, y = X.view(np.int64), Y.view(np.int64)

    def program(session):
        return (session.share(x, 0, x.shape, np.int64) @ session.share(y, 1, y.shape, np.int64)).reveal()

    limit = 1 << 62
    x, y = x % limit, y % limit
    for result in mpcfl.simulate(program, parties=parties).results:
        np.testing.assert_array_equal(result, x @ y)


@pytest.mark.parametrize("parties", [2, 3, 4])
def test_a_public_factor_is_a_part_of_the_truncation(parties):
    x, y = RNG.normal(size=(5, 7)), RNG.normal(size=(7, 3))

    def program(session):
        return (session.share(x, 0, x.shape) @ session.share(y, 1, y.shape) * (1 / 3)).reveal()

    run = mpcfl.simulate(program, parties=parties)
    np.testing.assert_allclose(run.results[0], x @ y / 3, atol=1e-4)
    assert run.rounds == 3

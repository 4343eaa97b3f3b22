"""Products with an operand that one party knows: exact, one round, blocks of several owners."""

from __future__ import annotations

import numpy as np
import pytest
from simulation import play, random_words, sum_of

import mpcfl
from mpcfl import view
from mpcfl.protocols.folded import matmul
from mpcfl.protocols.onesided import OneSided
from mpcfl.share import Share

RNG = np.random.default_rng(0)


def columns(ctx, x, z, y):
    """Two operands side by side, times a third."""
    return matmul(ctx, Share.concatenate([x, z], 1), y)


def rows_below(ctx, x, z, y):
    """One below the other, transposed: the blocks stand side by side again."""
    return matmul(ctx, Share.concatenate([x, z], 0).transpose((1, 0)), y)


@pytest.mark.parametrize("parties", [2, 3, 4])
@pytest.mark.parametrize("owners", [(0, 1), (1, 0), (1, 1), (0, None), (None, 1)])
@pytest.mark.parametrize("width", [64, 128])
@pytest.mark.parametrize("program", [columns, rows_below])
def test_the_product_of_blocks(program, width, owners, parties):
    shape = (5, 3) if program is columns else (3, 5)
    x, z = (random_words(RNG, shape, width) for _ in range(2))
    y = random_words(RNG, (6, 2), width)
    played = play(program, x, z, y, parties=parties, owners=[*owners, None])
    whole = np.concatenate([x, z], axis=1) if program is columns else np.concatenate([x, z]).T
    exact = matmul_of(whole, y)
    assert (played.words == exact).all()
    assert played.world.rounds == 1
    kinds = [type(drawn).__name__ for drawn in played.draws]
    assert kinds.count("OneSided") == sum(owner is not None for owner in owners)


def matmul_of(x, y):
    played = play(matmul, x, y)
    return played.words


@pytest.mark.parametrize("parties", [2, 3])
def test_a_matrix_above_another_and_a_vector(parties):
    def stacked(ctx, x, z, y):
        return matmul(ctx, Share.concatenate([x, z], 0), y)

    x, z, y = random_words(RNG, (4, 3)), random_words(RNG, (2, 3)), random_words(RNG, (3,))
    played = play(stacked, x, z, y, parties=parties, owners=[0, 1, None])
    assert (sum_of(played.results) == np.concatenate([x, z]) @ y).all()


def test_both_operands_private_to_one_party():
    x, y = random_words(RNG, (4, 3)), random_words(RNG, (3, 2))
    assert (play(matmul, x, y, owners=[1, 1]).words == x @ y).all()
    assert (play(matmul, x, y, owners=[1, 0]).words == x @ y).all()


def test_few_ones_are_summed_and_the_messages_are_those_of_any_matrix():
    hot = np.eye(32, dtype=bool)[RNG.integers(0, 32, 50)]
    y = RNG.normal(size=(50, 3)).round(3)

    def program(own):
        def run(session):
            x = session.private(own, 0, own.shape, np.bool_)
            w = session.share(y, 1, y.shape)
            return (x.T @ w).reveal(), (x @ (x.T @ w)).reveal()

        done, foreseen = mpcfl.simulate(run, seed=4), mpcfl.forecast(run)
        assert (done.rounds, done.bytes_sent[0]) == (foreseen.rounds, foreseen.bytes_sent[0])
        return done

    sparse, dense = program(hot), program(~hot)
    for run, own in ((sparse, hot), (dense, ~hot)):
        np.testing.assert_allclose(run.results[0][0], own.T @ y, atol=1e-3)
        np.testing.assert_allclose(run.results[1][1], own @ (own.T @ y), atol=1e-1)
    said = [[(e.message, e.round, e.shape) for e in run.ledgers[0].entries] for run in (sparse, dense)]
    assert said[0] == said[1]


def test_an_owner_that_is_no_party_is_refused():
    mask = view.View.leaf(object(), (2, 2))
    with pytest.raises(ValueError, match="one of the parties"):
        OneSided(mask, mask, 2, 2)

"""Which elements of a product are odd: exact for every operand, for bits alone where one party knows the matrix."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from simulation import play, random_words, sum_of

import mpcfl
from mpcfl import ordering, ring, view
from mpcfl.correlation import Leaf
from mpcfl.protocols.oddness import OneSidedBits, matmul_parity
from mpcfl.share import Share
from mpcfl.view import View

RNG = np.random.default_rng(0)


def side_by_side(ctx, x, z, y):
    return matmul_parity(ctx, Share.concatenate([x, z], 1), y)


def some_rows(ctx, x, z, y):
    """Of a concatenation some rows, in another order."""
    return matmul_parity(ctx, Share.concatenate([x, z], 1).take(np.array([4, 0, 0, 2])), y)


def below(ctx, x, z, y):
    """Blocks that stand one below the other are no rows of one matrix side by side."""
    return matmul_parity(ctx, Share.concatenate([x.transpose((1, 0)), z.transpose((1, 0))], 0), y)


@pytest.mark.parametrize("parties", [2, 3, 4])
@pytest.mark.parametrize("owners", [(0, 1), (1, 0), (1, 1), (0, None), (None, None)])
@pytest.mark.parametrize("width", [64, 128])
@pytest.mark.parametrize("program", [side_by_side, some_rows, below])
def test_the_parity_of_products(program, width, owners, parties):
    x, z = (random_words(RNG, (5, 70), width) for _ in range(2))
    y = random_words(RNG, (140 if program is not below else 5, 3), width)
    played = play(program, x, z, y, parties=parties, owners=[*owners, None])
    low = [ring.limbs(one)[0].reshape(one.shape) for one in (x, z, y)]
    left = np.concatenate(low[:2], axis=1) if program is not below else np.concatenate([low[0].T, low[1].T])
    left = left[[4, 0, 0, 2]] if program is some_rows else left
    assert ring.integers(played.words) == (left @ low[2] % 2).reshape(-1).tolist()
    assert played.world.rounds == 2
    kinds = Counter(type(drawn).__name__ for drawn in played.draws)
    assert kinds["OneSidedBits"] == (2 if None not in owners and program is not below else 0)


@pytest.mark.parametrize("columns", [1, 2, 63, 64, 65, 130])
@pytest.mark.parametrize("inner", [1, 63, 64, 65])
def test_sizes_that_do_not_fill_words(inner, columns):
    x, y = random_words(RNG, (9, inner)), random_words(RNG, (inner, columns))
    played = play(matmul_parity, x, y, owners=[0, None])
    assert (played.words == (x @ y % 2).reshape(-1)).all()


def test_a_vector():
    x, y = random_words(RNG, (9, 5)), random_words(RNG, (5,))
    assert (play(matmul_parity, x, y, owners=[1, None]).words == x @ y % 2).all()


def draws_of(program):
    """By family, of a whole program on shapes; and its result on two parties."""
    return Counter(mpcfl.cost(program).draws), mpcfl.simulate(program, seed=2).results[0]


HOT = np.eye(64, dtype=bool)[RNG.integers(0, 64, 100)]
LEFT = RNG.integers(0, 2, (64, 4))


def test_a_product_that_only_its_parity_needs_is_not_made():
    def program(session):
        x, y = session.private(HOT, 0, HOT.shape, np.bool_), session.share(LEFT, 1, LEFT.shape, np.int64)
        return ordering.odd(x @ y).reveal()

    draws, found = draws_of(program)
    assert (found == (HOT @ LEFT % 2 == 1)).all()
    assert draws["one_sided_bits"] == 1
    assert draws["one_sided"] == 0


@pytest.mark.parametrize("first", [True, False])
def test_a_product_that_is_needed_besides_is_made(first):
    def program(session):
        x, y = session.private(HOT, 0, HOT.shape, np.bool_), session.share(LEFT, 1, LEFT.shape, np.int64)
        product = x @ y
        doubled = 2 * product if first else None
        odd = ordering.odd(product)
        doubled = 2 * product if doubled is None else doubled
        return odd.reveal(), doubled.reveal()

    draws, (odd, doubled) = draws_of(program)
    assert (odd == (HOT @ LEFT % 2 == 1)).all()
    assert (doubled == 2 * (HOT @ LEFT)).all()
    assert draws["one_sided"] == 1


def test_what_is_no_matrix_of_rows_is_refused():
    mask = View.leaf(Leaf(0, 0, (2, 2)), (2, 2))
    for left, owner in ((view.transpose(mask, (1, 0)), 0), (view.reshape(mask, (4,)), 0), (mask, 2)):
        with pytest.raises(ValueError, match=r"rows of a matrix|one of the parties"):
            OneSidedBits(left, mask, owner, 2)


def test_the_sum_of_the_shares_is_the_bit():
    x, y = random_words(RNG, (3, 4)), random_words(RNG, (4, 2))
    played = play(matmul_parity, x, y, parties=3, owners=[2, None])
    assert (sum_of(played.results) == (x @ y % 2).reshape(-1)).all()
    assert all((one.t == played.results[0].t).all() for one in played.results)

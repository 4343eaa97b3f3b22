"""Rows of a view made without the rest are the rows of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulation import random_words

import mpcfl
from mpcfl import ring, runs
from mpcfl.runs import Made, held
from mpcfl.share import Share


def parted(x, axis):
    """Two that add up to x, side by side."""
    part = x.scale(3)
    return Share.concatenate([part, x.less(part)], axis)


MOVES = [
    lambda x: x.transpose(tuple(range(len(x.shape)))[::-1]),
    lambda x: x.transpose((0, *range(1, len(x.shape))[::-1])) if x.shape else x,
    lambda x: x.reshape((int(np.prod(x.shape)),)),
    lambda x: x.reshape((*x.shape, 1)),
    lambda x: x.reshape((-(-x.shape[0] // 2), x.words.size // -(-x.shape[0] // 2))) if x.shape else x,
    lambda x: x.broadcast((2, *x.shape)),
    lambda x: x.reshape((*x.shape, 1)).broadcast((*x.shape, 2)),
    lambda x: x.scale(-3),
    lambda x: x.less(x.scale(7)),
    lambda x: Share.concatenate([x, x.scale(2), x], 0) if x.shape else x,
    lambda x: Share.concatenate([x, x.less(x.scale(5))], len(x.shape) - 1) if x.shape else x,
    lambda x: parted(x, 1) if len(x.shape) > 1 else x,
    lambda x: parted(x, len(x.shape) - 1) if x.shape else x,
]
INDICES = [0, slice(1, None), slice(1, -1), (slice(1, None), 0), (..., 0), (..., slice(None, None, -1)), None]
INDICES += [slice(None, None, -1), np.array([1, 0]), (slice(None), None)]


@st.composite
def views(draw):
    """What up to five maps make of a matrix; those that do not suit it, or leave nothing of it, are passed over."""
    x = Share(random_words(np.random.default_rng(0), (4, 3)))
    indices = st.sampled_from(INDICES).map(lambda index: lambda x: x.take(index))
    for move in draw(st.lists(st.sampled_from(MOVES) | indices, max_size=5)):
        try:
            moved = move(x)
            useful = moved.words.size and moved.words.ndim
        except (IndexError, ValueError):
            continue
        x = moved if useful else x
    return x.origin


@given(views(), st.data(), st.booleans())
def test_a_run_is_so_many_rows_of_the_whole(source, data, by_leaf):
    whole = source.apply(lambda base: base.words)
    stop = data.draw(st.integers(1, source.shape[0]))
    start = data.draw(st.integers(0, stop - 1))
    read = Made(source, lambda base: base.words, run=(lambda base: held(base.words)) if by_leaf else None).run()
    found = read(start, stop)
    assert found.shape == (stop - start, *source.shape[1:])
    np.testing.assert_array_equal(found, whole[start:stop])


def test_a_run_reads_no_more_of_a_leaf_than_its_rows_lead_to():
    read = []

    def run(base):
        def rows(start, stop):
            read.append((start, stop))
            return base.words[start:stop]

        return rows

    x = Share(random_words(np.random.default_rng(0), (100, 4)))
    left = x.take((slice(10, None), slice(0, 2)))
    view = Share.concatenate([left, left.scale(-1)], 1).reshape((360,)).origin
    Made(view, lambda base: pytest.fail("the whole leaf was asked for"), run=run).run()(8, 16)
    assert read == [(12, 14)] * 2


def test_a_view_that_was_made_is_read():
    x = Share(random_words(np.random.default_rng(0), (6,)))
    view = x.less(x.scale(7)).origin
    whole = view.apply(lambda base: base.words, "name")
    run = Made(view, lambda base: pytest.fail("it is made already"), "name").run()
    assert np.shares_memory(run(2, 5), whole)


@given(st.integers(1, 70), st.integers(0, 1), st.integers(0, 2**32))
def test_a_choice_in_steps_is_the_choice_at_once(size, first, seed):
    rng = np.random.default_rng(seed)
    t, beta, a, product = (random_words(rng, (size,)) for _ in range(4))
    d = random_words(rng, (size,))
    at_once = ring.select(t, beta, d, a, product, first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "STEP", 8)
        in_steps = runs.select(t, beta, d, a, product, first)
    np.testing.assert_array_equal(in_steps, at_once)


@given(st.integers(1, 30), st.integers(1, 4), st.booleans(), st.integers(0, 2**32))
def test_bits_that_are_repeated_are_read_once(size, times, alike, seed):
    rng = np.random.default_rng(seed)
    bits = [Share(random_words(rng, (size, 1))) for _ in range(2)]
    spread = [bit.broadcast((size, times)).reshape((size * times,)) for bit in bits]
    d, a, product = (random_words(rng, (size * times,)) for _ in range(3))
    read = [0, 0]

    def made(place):
        def run(base):
            def rows(start, stop):
                read[place] += stop - start
                return base.words[start:stop]

            return rows

        return Made(spread[place].origin, lambda base: base.words, run=run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "STEP", 7)
        t, beta = made(0), made(1) if alike else spread[1].words
        found = runs.select(t, beta, d, a, product, 1)
    np.testing.assert_array_equal(found, ring.select(*(bit.words for bit in spread), d, a, product, 1))
    if alike and size * times > 7:
        assert read == [size, size]


@pytest.mark.parametrize("parties", [2, 3])
def test_a_choice_of_views_is_made_in_steps(parties, monkeypatch):
    monkeypatch.setattr(runs, "STEP", 16)
    rng = np.random.default_rng(3)
    x, y = rng.integers(-50, 50, (40, 3)), rng.integers(-50, 50, (40, 3))

    def program(session):
        a, b = session.share(x, owner=0), session.share(y, owner=1)
        less = a < b
        both = np.concatenate([a, b - a], 1)
        right = np.concatenate([less, less], 1)
        return np.where(right, both, 0).reveal(), np.where(less[1:, ::-1], a[1:, ::-1], b[:-1]).reveal()

    chosen, moved = mpcfl.simulate(program, parties, seed=4).results[0]
    less = x < y
    np.testing.assert_array_equal(chosen, np.where(np.concatenate([less] * 2, 1), np.concatenate([x, y - x], 1), 0))
    np.testing.assert_array_equal(moved, np.where(less[1:, ::-1], x[1:, ::-1], y[:-1]))

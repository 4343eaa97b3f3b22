"""Views: whatever public linear map an operand goes through, its mask goes through the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from simulation import random_words

from mpcfl import ring, view
from mpcfl.share import Base, Share
from mpcfl.view import View

INDICES = [0, -1, slice(None, None, -1), slice(0, 1), ..., None, [0, 0], np.array([[0], [0]])]


@st.composite
def moves(draw):
    """Up to five maps, each a function of a share; all keep the array small and not empty."""
    chosen = []
    for _ in range(draw(st.integers(0, 5))):
        chosen.append(
            draw(
                st.sampled_from(
                    [
                        lambda x: x.transpose(tuple(range(len(x.shape)))[::-1]),
                        lambda x: x.reshape((int(np.prod(x.shape)),)),
                        lambda x: x.broadcast((2, *x.shape)),
                        lambda x: x.scale(-3),
                        lambda x: x.scale(1 << 40),
                        lambda x: x.shift(np.full(x.shape, 5, np.uint64), 1),
                        lambda x: Share.concatenate([x, x.scale(2), x], 0) if x.shape else x,
                    ]
                )
                | st.sampled_from(INDICES).map(lambda index: lambda x: x.take(index) if x.shape else x)
            )
        )
    return chosen


@given(moves())
def test_the_words_of_a_view_are_the_view_of_the_words(chosen):
    x = Share(random_words(np.random.default_rng(0), (2, 3)))
    for move in chosen:
        x = move(x)
        seen = x.origin.apply(lambda base: base.words)
        if x.offset is not None:
            seen = ring.add(seen, x.offset)
        assert x.origin.shape == x.words.shape == seen.shape
        np.testing.assert_array_equal(seen, x.words)


def test_map_keeps_the_expression_and_changes_the_leaves():
    first, second = View.leaf("first", (2, 3)), View.leaf("second", (2, 3))
    joined = view.take(view.concatenate([first, view.scale(second, 2)], 0), slice(1, 3))
    renamed = joined.map(lambda name: View.leaf(name.upper(), (2, 3)))
    assert list(joined.leaves()) == ["first", "second"]
    assert list(renamed.leaves()) == ["FIRST", "SECOND"]
    values = {"FIRST": np.arange(6, dtype=np.uint64).reshape(2, 3), "SECOND": np.ones((2, 3), np.uint64)}
    np.testing.assert_array_equal(renamed.apply(values.__getitem__), [[3, 4, 5], [2, 2, 2]])


def test_a_sum_of_two_secrets_is_a_base_of_its_own():
    x, y = Share(np.ones(3, np.uint64)), Share(np.ones(3, np.uint64))
    total = Share(ring.add(x.words, y.words))
    assert not {id(base) for base in total.bases()} & {id(base) for base in (*x.bases(), *y.bases())}


def test_maps_that_change_nothing_are_no_new_view():
    leaf = View.leaf(Base(np.zeros(3, np.uint64)), (3,))
    assert view.reshape(leaf, (3,)) is leaf
    assert view.broadcast(leaf, (3,)) is leaf

"""Views: whatever public linear map an operand goes through, its mask goes through the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulation import random_words

import mpcfl
from mpcfl import requests, ring, view
from mpcfl.correlation import Leaf
from mpcfl.protocols.beaver import Triple
from mpcfl.share import Base, Bit, Share
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
                        lambda x: x.less(x.scale(7)),
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


ROWS = np.array([3, 1, 1])


def gathered():
    """Rows of two arrays side by side, and the arrays by name."""
    parts = [View.leaf("left", (4, 2)), View.leaf("right", (4, 1))]
    values = {"left": np.arange(8, dtype=np.uint64).reshape(4, 2), "right": np.full((4, 1), 9, np.uint64)}
    return view.take(view.concatenate(parts, 1), ROWS), values


def test_what_was_gathered_under_a_name_is_gathered_once():
    rows, values = gathered()
    expected = np.hstack([values["left"], values["right"]])[ROWS]
    first = rows.apply(values.__getitem__, "d")
    np.testing.assert_array_equal(first, expected)
    assert view.transpose(rows, (1, 0)).apply(values.__getitem__, "d").base is first
    other = {name: words + np.uint64(1) for name, words in values.items()}
    np.testing.assert_array_equal(rows.apply(other.__getitem__, "a"), expected + np.uint64(1))
    np.testing.assert_array_equal(rows.apply(other.__getitem__), expected + np.uint64(1))
    assert not any("d" in source.memo for source in rows.sources)


def test_what_is_large_is_not_kept(monkeypatch):
    monkeypatch.setattr(view, "KEPT_BYTES", 8)
    rows, values = gathered()
    assert rows.apply(values.__getitem__, "d") is not rows.apply(values.__getitem__, "d")


def test_a_view_is_renamed_once_under_a_name():
    rows, _ = gathered()
    first = rows.map(lambda name: View.leaf(name, (4, 2)), "named")
    assert view.transpose(rows, (1, 0)).map(lambda name: View.leaf(name, (4, 2)), "named").sources[0] is first


def test_a_dealer_knows_the_gathers_that_were_named_lately():
    recent = requests.Recent()
    masks = [View.leaf(Leaf(draw, 0, (4, 2)), (4, 2)) for draw in range(3)]

    def decoded(mask):
        triple = Triple("matmul", view.transpose(mask, (1, 0)), mask)
        return requests.decode(requests.encode(triple), {"triple": Triple}, recent)

    first, again = decoded(view.take(masks[0], ROWS)), decoded(view.take(masks[0], ROWS))
    assert first.right is again.right is first.left.sources[0]
    assert decoded(view.take(masks[1], ROWS)).right is not first.right
    assert decoded(view.take(masks[0], ROWS[::-1])).right is not first.right
    for draw in range(requests.RECENT_VIEWS):
        decoded(view.take(masks[2], np.array([draw % 4, draw // 4])))
    assert decoded(view.take(masks[0], ROWS)).right is not first.right


def opened_bytes(program: Callable[[Any], Any]) -> int:
    """Of operands under their masks, at one party."""
    run = mpcfl.simulate(program, seed=1)
    return sum(e.payload_bytes for e in run.ledgers[0].entries if (e.message, e.direction) == ("beaver.operand", "out"))


@pytest.mark.parametrize("ring", [64, 128])
def test_differences_of_all_pairs_are_opened_with_what_they_are_of(ring: int) -> None:
    x, y = np.linspace(-2, 2, 9), np.linspace(-1, 3, 5)

    def program(session: Any) -> Any:
        a, b = session.share(x, 0, x.shape), session.share(y, 1, y.shape)
        less, near = a[:, None] < b, (a[:, None] - b) * (b + a[:, None])
        return less.reveal(), near.reveal()

    run = mpcfl.simulate(program, seed=1, ring=ring)
    less, near = run.results[0]
    assert (less == (x[:, None] < y)).all()
    assert near == pytest.approx(np.subtract.outer(x * x, y * y), abs=1e-4)
    if ring == 64:
        assert opened_bytes(program) == 8 * (9 + 5)


def test_sums_upon_sums_do_not_grow() -> None:
    """A view of a sum is not added to: however often that is done, there is nothing to unwind."""
    x = np.arange(3.0)

    def program(session: Any) -> Any:
        a = session.share(x, 0, x.shape)
        total = a[:, None] + a
        for _ in range(2000):
            total = total + a[:, None]
        return (total > 3000).reveal()

    assert (mpcfl.simulate(program, seed=1).results[0] == (x[:, None] * 2001 + x > 3000)).all()


def test_the_sum_of_two_bits_is_no_bit() -> None:
    t, beta = np.array([1, 1], np.uint64), np.array([0, 0], np.uint64)
    bit = Share.of_bit(Bit(t, t, beta, View.leaf(Leaf(0, 0, (2,), bits=2), (2,))))
    assert bit.bit is not None
    assert bit.plus(bit).bit is None

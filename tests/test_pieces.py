"""Large correlations go in pieces: the same words as in one piece, whatever the pieces are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_dealing import N, Trusted, every_correlation, every_wide_correlation

from mpcfl import pieces, view
from mpcfl.correlation import Leaf
from mpcfl.dealing import Dealer
from mpcfl.pieces import UNIT, Cut, Stripes, collect
from mpcfl.prg import Stream
from mpcfl.protocols.beaver import Mask, Triple
from mpcfl.protocols.comparison import BitProducts, Digits
from mpcfl.protocols.conversion import DaBit
from mpcfl.protocols.permutation import Permutation
from mpcfl.protocols.truncation import TruncPair
from mpcfl.view import View

FAMILIES = [
    correlation
    for every in (every_correlation, every_wide_correlation)
    for correlation, _ in every(Trusted(2))
    if correlation.elementwise()
]


def longer(correlation, elements):
    """The same correlation of so many elements; its masks are one leaf each."""

    def parameter(name, number):
        value = getattr(correlation, name)
        if not isinstance(value, View):
            return elements
        (leaf,) = value.leaves()
        if leaf.bits is not None:
            shape, bits = (-(-elements // 64),), elements
        else:
            shape, bits = (elements,), None
        return View.leaf(Leaf(number, 0, shape, leaf.group, None, bits), (elements,))

    return replace(
        correlation, **{name: parameter(name, number) for number, name in enumerate(correlation.elementwise())}
    )


def dealer(parties=2, cache_bytes=0):
    made = Dealer([Stream(bytes([i]) * 32) for i in range(parties)], cache_bytes)
    for _ in range(2):  # the leaves of `longer`
        made.deal(Mask((1,)))
    return made


def joined(cut, dealt):
    """What the last party makes of the pieces."""
    words = np.concatenate([one.reshape(-1).view(np.uint64) for piece in dealt for one in piece])
    place = 0

    def whole(size):
        nonlocal place
        place += size
        return words[place - size : place]

    def some(size):
        return whole(min(size, 501 - place % 501))  # as if a frame had 501 words

    determined = [stripes for field, stripes in zip(cut.fields, cut.stripes, strict=True) if field.determined]
    fields = collect(determined, whole, some)
    assert place == words.size
    return fields


@pytest.mark.parametrize("correlation", FAMILIES, ids=lambda one: f"{one.family}-{one.fields()[-1].group}")
@given(elements=st.integers(1, 5 * UNIT + 3), parts=st.integers(1, 6), parties=st.sampled_from([2, 3]))
def test_pieces_are_the_whole(correlation, elements, parts, parties):
    one = longer(correlation, elements)
    piece_bytes = max(1, one.correction_bytes // parts)
    cut = Cut(one, piece_bytes)
    dealt = list(dealer(parties).pieces(one, piece_bytes))
    assert len(dealt) == cut.pieces
    assert sum(words.nbytes for piece in dealt for words in piece) == one.correction_bytes
    for words, whole in zip(joined(cut, dealt), dealer(parties).deal(one), strict=True):
        np.testing.assert_array_equal(words, whole.reshape(-1).view(np.uint64))


def test_a_large_correlation_has_pieces_of_the_size_asked_for():
    for correlation in FAMILIES:
        one = longer(correlation, 1 << 20)
        cut = Cut(one)
        least = Cut(longer(correlation, UNIT), 0).part(0).correction_bytes
        for piece in (0, cut.pieces - 1):
            assert cut.part(piece).correction_bytes <= max(pieces.PIECE_BYTES, least)
        if cut.pieces == 1:  # bits, of which a million are no more
            assert one.correction_bytes <= pieces.PIECE_BYTES
            continue
        assert cut.part(0).correction_bytes > pieces.PIECE_BYTES / 2 or cut.run(0)[1] == UNIT
        assert cut.run(cut.pieces - 1)[1] == 1 << 20


def test_what_is_not_dealt_by_elements_is_one_piece():
    named = View.leaf(Leaf(0, 0, (N, N)), (N, N))
    for correlation in (Triple("matmul", named, named), Permutation(view.reshape(named, (N * N,)), 0)):
        assert correlation.elementwise() == ()
        assert Cut(correlation, 1).pieces == 1
    assert Cut(Triple("mul", named, named), 1).pieces == 1  # no vectors
    assert Cut(Triple("mul", view.reshape(named, (N * N,)), view.reshape(named, (N * N,))), 1).pieces > 1


VIEWS = {
    "slice": lambda leaf: view.take(leaf, slice(3, 1003)),
    "step": lambda leaf: view.take(leaf, slice(0, 2000, 2)),
    "rows": lambda leaf: view.reshape(view.take(view.reshape(leaf, (20, 100)), slice(5, 15)), (1000,)),
    "gather": lambda leaf: view.take(leaf, np.arange(999, -1, -1)),
    "column": lambda leaf: view.take(view.reshape(leaf, (1000, 2)), (slice(None), 1)),
    "transpose": lambda leaf: view.take(
        view.reshape(view.transpose(view.reshape(leaf, (20, 100)), (1, 0)), (2000,)), slice(0, 1000)
    ),
    "scale": lambda leaf: view.scale(view.take(leaf, slice(7, 1007)), -5),
    "repeat": lambda leaf: view.reshape(view.broadcast(view.take(leaf, slice(0, 10)), (100, 10)), (1000,)),
    "axis": lambda leaf: view.reshape(
        view.broadcast(view.reshape(view.take(leaf, slice(0, 1000)), (10, 100)), (1, 10, 100)), (1000,)
    ),
    "join": lambda leaf: view.concatenate([view.take(leaf, slice(0, 400)), view.take(leaf, slice(1000, 1600))], 0),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("bits", [False, True])
def test_a_mask_is_read_in_pieces_through_its_view(name, bits):
    bit = View.leaf(Leaf(0, 0, (32,), "bits", None, 2000), (2000,))
    leaf = bit if bits else View.leaf(Leaf(0, 0, (2000,)), (2000,))
    mask = VIEWS[name](leaf)
    one = Triple("mul", mask, View.leaf(Leaf(1, 0, (1000,)), (1000,)))
    (whole,) = dealer().deal(one)
    parts = [words for (words,) in dealer().pieces(one, 8 * UNIT)]
    assert len(parts) == 8
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_mask_that_is_kept_serves_pieces():
    one = Digits(View.leaf(Leaf(0, 0, (1000,)), (1000,)), True)
    keeping, forgetful = dealer(cache_bytes=1 << 20), dealer()
    for _ in range(2):  # asked for twice, it is kept
        keeping.deal(one)
        forgetful.deal(one)
    got = joined(Cut(one, 1000), list(keeping.pieces(one, 1000)))
    for words, whole in zip(got, forgetful.deal(one), strict=True):
        np.testing.assert_array_equal(words, whole.reshape(-1))


def test_draws_are_claimed_before_their_pieces_are_made():
    one, other = dealer(), dealer()
    early, late = one.pieces(TruncPair(1000, 1, 18), 1000), one.pieces(DaBit(1000), 1000)
    expected = [other.deal(TruncPair(1000, 1, 18)), other.deal(DaBit(1000))]
    got = [joined(Cut(DaBit(1000), 1000), late), joined(Cut(TruncPair(1000, 1, 18), 1000), early)]
    for words, whole in zip(got[1] + got[0], expected[0] + expected[1], strict=True):
        np.testing.assert_array_equal(words, whole)


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5)), min_size=1, max_size=3),
    st.integers(1, 4),
    st.integers(1, 9),
)
def test_collected_fields_are_those_that_were_cut(fields, count, frame):
    whole = [np.arange(rows * step * count, dtype=np.uint64).reshape(rows, -1) for rows, step in fields]
    stripes = [Stripes(rows, step * count, step) for rows, step in fields]
    parts = [words[:, s.part(piece)] for piece in range(count) for words, s in zip(whole, stripes, strict=True)]
    flat = np.concatenate([part.reshape(-1) for part in parts])
    place = 0

    def take(size):
        nonlocal place
        place += size
        return flat[place - size : place]

    def some(size):
        return take(min(size, frame - place % frame))

    for got, words in zip(collect(stripes, take, some), whole, strict=True):
        np.testing.assert_array_equal(got, words.reshape(-1))
    assert place == flat.size


def test_products_of_bits_lie_where_blocks_of_the_key_stream_end_anywhere():
    one = BitProducts(3, (3, 5, 7), 2 * UNIT + 1)
    whole = dealer(3).deal(one)
    got = joined(Cut(one, 1), list(dealer(3).pieces(one, 1)))
    np.testing.assert_array_equal(got[0], whole[0].reshape(-1))

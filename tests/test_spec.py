"""Shapes without elements are those that NumPy gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

from mpcfl.spec import Spec, indexed_shape

SHAPES = hn.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
PARTS = st.one_of(
    st.none(),
    st.just(Ellipsis),
    st.integers(-5, 4),
    st.booleans(),
    st.builds(slice, *[st.one_of(st.none(), st.integers(-5, 5))] * 2, st.sampled_from([None, 1, 2, -1])),
    hn.arrays(np.int64, hn.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3), elements=st.integers(-4, 3)),
    hn.arrays(np.bool_, hn.array_shapes(min_dims=1, max_dims=2, max_side=4)),
)


def outcome(call: Any) -> Any:
    try:
        return call()
    except IndexError:
        return IndexError


@given(SHAPES, st.lists(PARTS, max_size=5))
def test_what_an_index_gives(shape: tuple[int, ...], parts: list[Any]) -> None:
    index = tuple(parts) if len(parts) != 1 else parts[0]
    expected = outcome(lambda: np.zeros(shape)[index].shape)
    assert outcome(lambda: indexed_shape(shape, index)) == expected
    assert outcome(lambda: Spec(shape)[index].shape) == expected


def test_an_index_of_many_places_gathers_nothing() -> None:
    places = np.zeros(1 << 16, np.int64)
    assert indexed_shape((1 << 40, 1 << 30), (places, slice(None))) == (1 << 16, 1 << 30)
